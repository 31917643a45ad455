// Script: requests from standard input, sent many at a time.
#pragma once

#include "client/exit_code.h"
#include "client/job.h"

// Sends the requests that come from standard input, in either form of the protocol, and shows their
// replies in order. Empty lines, and lines that begin with '#', are passed over. Stops at the first
// error, unless options->goes_on. Returns the exit code: that of the first error, or with goes_on
// the gravest.
enum exit_code script_run(const struct job *job);
