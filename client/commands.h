// Commands: what `caches` can be told to do beside a single request.
#pragma once

#include <stddef.h>

#include "client/exit_code.h"
#include "client/job.h"

struct commands_row {
    const char *name, *syntax, *summary; // the syntax without the name
    enum exit_code (*run)(const struct job *job);
};

extern const struct commands_row commands[];
extern const size_t command_count;

// Does what the job's words say: runs a command, or sends the words as a request. Without words it
// runs a script, or a prompt on a terminal.
enum exit_code commands_run(const struct job *job);
