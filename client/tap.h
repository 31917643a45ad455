// Tap: shows the requests of all clients as they pass.
#pragma once

#include "client/exit_code.h"
#include "client/job.h"

// Runs `tap [OPTION=...]` until the daemon ends it, or a signal this program. Returns the exit
// code.
enum exit_code tap_run(const struct job *job);
