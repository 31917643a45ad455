// A load generator for servers that speak Redis's replies: `caches bench`.
#pragma once

#include "client/exit_code.h"
#include "client/job.h"

// Runs `bench [OPTIONS] WORD...` against the server of the job's connection. Ends the process with
// 1 when the server fails; else returns an exit code.
enum exit_code load_run(const struct job *job);
