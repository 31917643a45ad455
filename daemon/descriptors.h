// Descriptors: how many open files the process may have, and the clients that fit in.
#pragma once

#include <uv.h>

#include "conf/settings.h"
#include "daemon/loop/log.h"

// Raises the soft limit of open files for the settings' max_clients, beside those that the daemon
// itself needs. Returns how many clients the limit leaves room for: max_clients, or fewer, and then
// the log says so.
uint64_t descriptors_fit_clients(const struct settings *settings, const struct log *log);

// Whether so few are left that backends and reloads may want for them: `accepted` has just been
// opened.
bool descriptors_are_few(const uv_stream_t *accepted);
