// Commands: what `caches` can be told to do beside a single request.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/exit_code.h"
#include "client/job.h"

struct commands_row {
    const char *name, *syntax, *summary; // the syntax without the name
    size_t least, most;                  // how many words stand behind the name
    // Looks at the words, the name among them, before a daemon is looked for. Returns
    // EXIT_ANSWERED; or another code when something is wrong, which was told. NULL: any will do.
    enum exit_code (*check)(char **words, size_t count);
    enum exit_code (*run)(const struct job *job);
    const char *usage; // what help prints; NULL: it is made of the syntax and the summary
};

extern const struct commands_row commands[];
extern const size_t command_count;

// Reads what can be told of the words without a daemon. Returns whether one is needed; or sets
// *code to the exit code when not: help was asked for and printed, or the words are no command as
// it should be, which was told.
bool commands_need_daemon(char **words, size_t count, enum exit_code *code);

// Does what the job's words say: runs a command, or sends the words as a request. Without words it
// runs a script, or a prompt on a terminal.
enum exit_code commands_run(const struct job *job);
