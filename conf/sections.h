// Sections: the sections of a configuration as plain structs, one for each kind. The rows of
// schema.h point into them.
#pragma once

#include "conf/address.h"
#include "conf/tls_context.h"
#include "conf/url.h"
#include "protocol/bytes.h"
#include "protocol/verb_table.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_timestamps { LOG_TIMESTAMPS_AUTO, LOG_TIMESTAMPS_YES, LOG_TIMESTAMPS_NO };
enum over_ttl { OVER_TTL_CLAMP, OVER_TTL_REJECT };
enum ttl_mode { TTL_MODE_SLIDING, TTL_MODE_FIXED };
enum value_kind { VALUE_BYTES, VALUE_INT, VALUE_JSON };
enum on_error { ON_ERROR_ERROR, ON_ERROR_MISS, ON_ERROR_STALE };
enum sentinel_tls { SENTINEL_TLS_AUTO, SENTINEL_TLS_YES, SENTINEL_TLS_NO };
enum slow_keys { SLOW_KEYS_LARGE, SLOW_KEYS_ALL };
enum speak { SPEAK_REDIS, SPEAK_CACHESD };
enum flush { FLUSH_NO, FLUSH_YES, FLUSH_WRITE }; // the last means the same as FLUSH_YES
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_ADMIN };

enum { TOKEN_HASH_SIZE = 32 };

#define NO_BACKEND   SIZE_MAX
#define NO_NAMESPACE SIZE_MAX

struct verb_set {
    uint64_t bits[VERBS_MOST / 64]; // by verb_entry.id
};

_Static_assert(VERBS_MOST % 64 == 0, "a set of verbs has a bit for each of them");

static inline bool verb_set_has(const struct verb_set *set, const struct verb_entry *entry) {
    return set->bits[entry->id / 64] >> entry->id % 64 & 1;
}

static inline void verb_set_add(struct verb_set *set, const struct verb_entry *entry) {
    set->bits[entry->id / 64] |= UINT64_C(1) << entry->id % 64;
}

struct names {
    char **items;
    size_t count;
    bool has_all; // "*" is among them, which is no item
};

enum { WORKERS_MOST = 64 };

enum { OPTIONS_MOST = 24 }; // of one kind of section

// The beginning of every section's struct. Lines are as problems.h counts them.
struct section_conf {
    int line;                // where the section began; 0: not in a file
    int lines[OPTIONS_MOST]; // of its options, in the order of the schema; 0: not given
};

struct include {
    char *pattern; // of files, as for glob(3); relative to the file that names it
    int line;
};

// Times are in milliseconds, DURATION_FOREVER for never; sizes in bytes.
struct daemon_conf { // [cachesd]
    struct section_conf common;
    struct addresses listens; // empty: the built-in default, for which listeners.c fills them in
    struct include *includes;
    size_t include_count;
    int64_t socket_mode;
    int64_t socket_gid; // -1: the daemon's own
    int64_t max_clients;
    int64_t max_request;
    int64_t client_output;
    int64_t client_stall_ms;
    int64_t client_idle_ms;
    int64_t drain_ms;
    int64_t near_memory;
    int64_t workers;
    bool uses_io_uring;
    int64_t slow_ms;   // DURATION_FOREVER: no request is slow
    int64_t large;     // bytes of a request or a reply
    int64_t slow_keys; // enum slow_keys
    bool has_verb_metrics;
    int64_t log_level;      // enum log_level
    int64_t log_format;     // enum log_format
    int64_t log_timestamps; // enum log_timestamps
    char *tls_cert;
    char *tls_key;
    char *tls_client_ca;
    int64_t tls_client;     // enum tls_ask
    struct tls_server *tls; // made of these; NULL: no client comes over TLS
};

// SELECT of a number binds a client of a listener to a namespace.
struct select_conf {
    int64_t number; // 1 to SELECT_MOST
    char *name;
    size_t namespace; // index in settings.namespaces; NO_NAMESPACE while it is not known
};

enum { SELECT_MOST = 9999 };

// Further addresses for clients. Behind `flush` stands what the names before it mean.
struct listener_conf { // [listener NAME]
    struct section_conf common;
    char *name;
    struct addresses listens;
    int64_t speak;           // enum speak; what follows is of SPEAK_REDIS alone
    struct names namespaces; // whose prefixes keys begin with
    char *namespace_name;    // that all keys are in; "": prefixes tell
    char *rest_name;         // that keys with no such prefix are in; "": none
    struct select_conf *selects;
    size_t select_count;
    int64_t flush;  // enum flush: whether who may write may FLUSHDB; otherwise who may purge
    size_t bound;   // index in settings.namespaces of `namespace_name`; NO_NAMESPACE: prefixes tell
    size_t rest;    // likewise of `rest_name`; NO_NAMESPACE: none
    size_t *mapped; // likewise of `namespaces`, in the order of their prefixes
    size_t mapped_count;
};

struct http_conf { // [http]
    struct section_conf common;
    struct addresses listens; // empty: no HTTP
    struct names hosts;       // further hosts that the Host of a request may name
};

struct backend_conf { // [backend NAME]
    struct section_conf common;
    char *name;
    char *file; // that the section stands in; NULL: in none
    struct url url;
    struct url_host *seeds; // until fit.c has added them to the hosts of a URL that has some
    size_t seed_count;
    char *password_file;
    char *sentinel_user;
    char *sentinel_password_file;
    char *sentinel_password; // what that file holds; NULL: none
    int64_t sentinel_tls;    // enum sentinel_tls
    int64_t connect_timeout_ms;
    int64_t timeout_ms;
    int64_t max_pending;
    char *tls_ca;
    char *tls_cert;
    char *tls_key;
    int64_t tls_verify; // enum tls_verify
    char *tls_server_name;
    int64_t tls_min; // enum tls_version
    char *tls_ciphers;
    struct tls_client *tls; // made of these; NULL: no server is reached over TLS
    bool asks_eviction;     // clients want to know what a server does when its memory is full
};

struct namespace_conf { // [namespace NAME]
    struct section_conf common;
    char *name;
    size_t name_len;
    char *backend_name;
    size_t backend; // index in settings.backends; NO_BACKEND while it is not known
    char *prefix;
    size_t prefix_len;
    int64_t ttl_ms;
    int64_t max_ttl_ms;
    int64_t over_ttl; // enum over_ttl
    int64_t ttl_mode; // enum ttl_mode
    int64_t jitter_percent;
    uint64_t collections; // bit per enum collection
    struct verb_set deny;
    bool is_readonly;
    int64_t value; // enum value_kind
    int64_t max_key;
    int64_t max_value;
    bool is_near;
    int64_t near_ttl_ms;
    int64_t stale_ms;
    int64_t lease_ms;
    int64_t null_ttl_ms;
    int64_t early_percent; // beta of XFetch
    int64_t on_error;      // enum on_error
    bool has_scripts;      // EVAL and the like are allowed
};

struct user_conf { // [user NAME]
    struct section_conf common;
    char *name;
    int64_t uid, gid; // -1: any
    bool has_token;
    unsigned char token[TOKEN_HASH_SIZE]; // the SHA-256 of the token
    struct names tls_names;               // of certificates
    struct names namespaces;
    bool *allowed;    // by index in settings.namespaces
    int64_t access;   // enum access
    char *redis_name; // that AUTH binds a client of a listener with SPEAK_REDIS to; "": to none
    size_t redis;     // its index in settings.namespaces; NO_NAMESPACE: none
};

// Returns whether both lists have the same names in the same order.
bool names_are_same(const struct names *a, const struct names *b);

// Frees the names and their list.
void names_free(struct names *names);

// Returns whether the name has 1 to 64 characters, all of A-Z a-z 0-9 _ . -
bool section_is_name(struct slice name);
