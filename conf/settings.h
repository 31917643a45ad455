// Settings: a whole configuration as one immutable snapshot, shared by counting references.
//
// It is plain data: no sockets, no clock. policy.h of the daemon ties it to living backends.
#pragma once

#include <stdatomic.h>

#include "conf/sections.h"
#include "protocol/bytes.h"
#include "protocol/name_table.h"

struct settings {
    atomic_uint refs; // of all threads
    char *file;
    struct daemon_conf daemon;
    struct backend_conf *backends;
    size_t backend_count;
    struct namespace_conf *namespaces;
    size_t namespace_count;
    struct user_conf *users;
    size_t user_count;
    struct name_table namespace_numbers; // by name
};

// Another backend, with the defaults, while the settings are being read. `line` 0: not in the file.
struct backend_conf *settings_add_backend(struct settings *settings, struct slice name, int line);

enum { NEAR_MEMORY_LEAST = 64 * 1024 }; // bytes of each worker

// Whether there is memory for near caches; without, `near = yes` does nothing.
bool settings_has_near_memory(const struct settings *settings);

// Whether any user may authenticate with a token.
bool settings_has_tokens(const struct settings *settings);

struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);

// NULL: no such namespace.
const struct namespace_conf *settings_namespace(const struct settings *settings, struct slice name);
