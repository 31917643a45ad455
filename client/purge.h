// Purge: removes all keys of a namespace, and shows how many are gone.
#pragma once

#include "client/exit_code.h"
#include "client/job.h"

// Runs `purge N`. Where standard error is a terminal, the daemon is asked meanwhile, over a
// connection of its own, how many keys it has removed. Returns the exit code.
enum exit_code purge_run(const struct job *job);
