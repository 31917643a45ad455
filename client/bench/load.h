// A load generator for servers that speak Redis's replies: `caches bench`.
#pragma once

#include <stddef.h>

#include "client/exit_code.h"
#include "client/job.h"

// Reads the words of `bench [OPTIONS] WORD...`. Returns EXIT_ANSWERED; or another code when
// something is wrong, which was told.
enum exit_code load_check(char **words, size_t count);

// Runs `bench [OPTIONS] WORD...` against the server of the job's connection. Ends the process with
// 1 when the server fails; else returns an exit code.
enum exit_code load_run(const struct job *job);
