// Descriptors: the limit of open files, and how many clients it leaves room for.
#pragma once

#include <uv.h>

#include "conf/settings.h"
#include "daemon/loop/log.h"

// Raises the soft limit of open files so that max_clients fit beside the files that the daemon
// itself needs. Returns how many clients the limit leaves room for: max_clients, or fewer, which is
// logged.
uint64_t descriptors_fit_clients(const struct settings *settings, const struct log *log);

// Returns whether so few descriptors are left that backends and reloads may lack them. `accepted`
// must be the stream that was opened last.
bool descriptors_are_few(const uv_stream_t *accepted);
