// Watch job: the command line of `caches watch`.
#pragma once

#include "client/exit_code.h"

struct job;

// Runs `watch [--once] [--interval TIME] [N]`.
enum exit_code watch_job(const struct job *job);
