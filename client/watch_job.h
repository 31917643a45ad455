// Watch job: the command line of `caches watch`.
#pragma once

#include <stddef.h>

#include "client/exit_code.h"

struct job;

extern const char watch_usage[]; // what help prints

// Reads the words of `watch`. Returns EXIT_ANSWERED; or EXIT_USAGE when something is wrong, which
// was told.
enum exit_code watch_check(char **words, size_t count);

// Runs `watch [--once] [--interval TIME] [N]`.
enum exit_code watch_job(const struct job *job);
