// Import: stores the lines of an export (export.h) in a namespace.
#pragma once

#include <stddef.h>

#include "client/exit_code.h"
#include "client/job.h"

// Returns EXIT_ANSWERED; or EXIT_USAGE, which it tells, where standard input is a terminal.
enum exit_code import_check(char **words, size_t count);

// Runs `import N`: reads lines from standard input, and replaces what their keys hold, with the
// ttls that the lines say, as far as the namespace's policy lets them. Requests that the daemon
// refuses are told with their line's number, and counted. Returns the exit code: the gravest of the
// refusals' codes, or EXIT_USAGE for a line that is none of an export's, which ends it unless
// options->goes_on.
enum exit_code import_run(const struct job *job);
