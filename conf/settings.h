// Settings: a whole configuration as one immutable snapshot, shared by counting references.
//
// Settings are plain data: no sockets, no clock. The daemon's policy.h ties them to living
// backends.
#pragma once

#include <stdatomic.h>

#include "conf/address.h"
#include "conf/origins.h"
#include "conf/sections.h"
#include "protocol/bytes.h"
#include "protocol/name_table.h"

struct settings {
    atomic_uint refs; // of all threads
    char *file;
    struct origins origins; // the files that all this was made of
    struct daemon_conf daemon;
    struct http_conf http;
    struct backend_conf *backends;
    size_t backend_count;
    struct listener_conf *listeners;
    size_t listener_count;
    struct namespace_conf *namespaces;
    size_t namespace_count;
    struct user_conf *users;
    size_t user_count;
    struct name_table namespace_numbers; // by name
};

// Adds a backend with the defaults, while the settings are being read, and returns it until another
// is added. `line` 0: the backend is not in the file.
struct backend_conf *settings_add_backend(struct settings *settings, struct slice name, int line);

enum { NEAR_MEMORY_LEAST = 64 * 1024 }; // bytes for each worker

// Returns whether there is memory for near caches; without it, `near = yes` has no effect.
bool settings_has_near_memory(const struct settings *settings);

// Returns how many lists of addresses for clients there are, and one of them: that of [cachesd] is
// the first, those of the listeners follow in their order. Whoever may change the settings may
// change the list.
size_t settings_listens_count(const struct settings *settings);
struct addresses *settings_listens(const struct settings *settings, size_t number);

// Returns the listener of that list; NULL for that of [cachesd].
const struct listener_conf *settings_listener(const struct settings *settings, size_t number);

// Returns whether any listener speaks Redis's dialect.
bool settings_speak_redis(const struct settings *settings);

// Returns whether any user may authenticate with a token.
bool settings_has_tokens(const struct settings *settings);

// Returns whether any user may be known by the certificate that the client shows.
bool settings_has_tls_names(const struct settings *settings);

struct settings *settings_ref(struct settings *settings);
void settings_unref(struct settings *settings);

// Returns the namespace of that name; NULL when there is none.
const struct namespace_conf *settings_namespace(const struct settings *settings, struct slice name);
