// Exit code: what a script can tell from the end of `caches`.
#pragma once

enum exit_code {
    EXIT_ANSWERED = 0,
    EXIT_REFUSED = 1, // an error reply; the request was not applied
    EXIT_USAGE = 2,   // a wrong command line, or a script that cannot be read
    EXIT_NO_DAEMON = 3,
    EXIT_PERHAPS = 4, // the request was perhaps applied, or its reply could not be written
    EXIT_NIL = 5,     // nothing was there, and -x asks for something
};
