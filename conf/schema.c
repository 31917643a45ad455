#include "conf/schema.h"

#include <assert.h>
#include <stddef.h>

#include "protocol/number.h"
#include "protocol/spelling.h"

#define MS_S 1000
#define MS_D (INT64_C(24) * 3600 * 1000)
#define MB   (INT64_C(1) << 20)
#define GB   (INT64_C(1) << 30)

#define DAEMON(field)   .section = SECTION_CACHESD, .offset = offsetof(struct daemon_conf, field)
#define HTTP(field)     .section = SECTION_HTTP, .offset = offsetof(struct http_conf, field)
#define LISTENER(field) .section = SECTION_LISTENER, .offset = offsetof(struct listener_conf, field)
#define BACKEND(field)  .section = SECTION_BACKEND, .offset = offsetof(struct backend_conf, field)
#define NAMESPACE(field)                                                                           \
    .section = SECTION_NAMESPACE, .offset = offsetof(struct namespace_conf, field)
#define USER(field)         .section = SECTION_USER, .offset = offsetof(struct user_conf, field)
#define DURATION(low, high) .type = TYPE_DURATION, .least = (low), .most = (high)
#define SIZE(low, high)     .type = TYPE_SIZE, .least = (low), .most = (high)
#define NUMBER(low, high)   .type = TYPE_COUNT, .least = (low), .most = (high)
#define CHOICE(names)       .type = TYPE_CHOICE, .choices = (names)
#define OR_FOREVER          .zero_is_forever = true

const struct option_row schema[] = {
    {.name = "listen",
     DAEMON(listens),
     .type = TYPE_LISTENS,
     .fallback = "unix:/run/cachesd/cachesd.sock",
     .help = "where clients connect; may repeat. unix:PATH | tcp:HOST:PORT | tcp:[V6]:PORT | "
             "tls:HOST:PORT | systemd"},
    {.name = "include",
     DAEMON(includes),
     .type = TYPE_INCLUDES,
     .fallback = "",
     .help = "further files, as conf.d/*.ini, with sections but [cachesd]; may repeat; a relative "
             "path begins in the folder of this file"},
    {.name = "socket_mode",
     DAEMON(socket_mode),
     .type = TYPE_MODE,
     .fallback = "0660",
     .help = "file mode of the Unix sockets"},
    {.name = "socket_group",
     DAEMON(socket_gid),
     .type = TYPE_GID,
     .fallback = "",
     .help = "group of the Unix sockets, by name or number; empty: the daemon's own"},
    {.name = "max_clients",
     DAEMON(max_clients),
     NUMBER(1, 1000000),
     .fallback = "10000",
     .help = "connections at once; checked against the open-files limit"},
    {.name = "max_request",
     DAEMON(max_request),
     SIZE(64 * 1024, 512 * MB - 1),
     .fallback = "16mb",
     .help = "bytes of one request with its blocks"},
    {.name = "client_output",
     DAEMON(client_output),
     SIZE(64 * 1024, 1024 * GB),
     .fallback = "64mb",
     .help = "unread replies of one client: past it the client is no longer read"},
    {.name = "client_stall",
     DAEMON(client_stall_ms),
     DURATION(100, MS_D),
     .fallback = "30s",
     .help = "a client that reads nothing for so long while past client_output is closed"},
    {.name = "client_idle",
     DAEMON(client_idle_ms),
     DURATION(1, DURATION_MAX_MS),
     OR_FOREVER,
     .fallback = "0",
     .help = "closes a client that asks nothing for so long; 0: never"},
    {.name = "drain",
     DAEMON(drain_ms),
     DURATION(0, MS_D),
     .fallback = "10s",
     .help = "on SIGTERM: the longest wait for requests in flight"},
    {.name = "near_memory",
     DAEMON(near_memory),
     SIZE(0, 1024 * GB),
     .fallback = "64mb",
     .help = "memory of the near cache; less than 64kb: there is none"},
    {.name = "workers",
     DAEMON(workers),
     NUMBER(1, WORKERS_MOST),
     .needs_restart = true,
     .fallback = "1",
     .help = "threads that serve clients, each with backend connections and near cache of its own; "
             "can't change by a reload"},
    {.name = "io_uring",
     DAEMON(uses_io_uring),
     .type = TYPE_BOOL,
     .fallback = "yes",
     .help = "many clients are read and answered by one call, where the kernel allows it"},
    {.name = "slow",
     DAEMON(slow_ms),
     DURATION(1, MS_D),
     OR_FOREVER,
     .fallback = "10ms",
     .help = "a request that takes as long, from waiting for room at its backend to the answer, "
             "comes into slowlog; forever or 0: none does"},
    {.name = "large",
     DAEMON(large),
     SIZE(1, 1024 * GB),
     .fallback = "1mb",
     .help = "a request or a reply of as many bytes comes into slowlog, too"},
    {.name = "slow_keys",
     DAEMON(slow_keys),
     CHOICE("large|all"),
     .fallback = "large",
     .help = "the requests of which slowlog shows the key. large: of verbs that take longer for a "
             "key that holds more; all: costs each request some time"},
    {.name = "metrics_by_verb",
     DAEMON(has_verb_metrics),
     .type = TYPE_BOOL,
     .fallback = "yes",
     .help = "whether metrics count requests by verb; no is for hundreds of namespaces"},
    {.name = "log_level",
     DAEMON(log_level),
     CHOICE("error|warning|info|debug"),
     .fallback = "info",
     .help = "what is logged to standard error"},
    {.name = "log_format",
     DAEMON(log_format),
     CHOICE("text|logfmt|json"),
     .fallback = "text",
     .help = "how an event is written: as a line for people, as name=value, or as an object of "
             "JSON; EVENTS.md lists events and names"},
    {.name = "log_timestamps",
     DAEMON(log_timestamps),
     CHOICE("auto|yes|no"),
     .fallback = "auto",
     .help = "begins each line of the log with the time in UTC; auto: unless the log goes to "
             "systemd's journal, which has its own"},
    {.name = "tls_cert",
     DAEMON(tls_cert),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "for listen = tls:HOST:PORT, a file (PEM) with the daemon's certificate and those "
             "between it and its CA's; found as password_file is"},
    {.name = "tls_key",
     DAEMON(tls_key),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "a file (PEM) with the private key of that certificate"},
    {.name = "tls_client_ca",
     DAEMON(tls_client_ca),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "a file (PEM) with the CAs, or OpenSSL's folder of them, that clients' certificates "
             "must be signed by"},
    {.name = "tls_client",
     DAEMON(tls_client),
     CHOICE("no|optional|required"),
     .fallback = "no",
     .help = "whether clients over TLS show a certificate; then tls_name says which user that is"},

    {.name = "listen",
     HTTP(listens),
     .type = TYPE_LISTENS,
     .fallback = "",
     .help = "where metrics, health, status and the page are served over HTTP; may repeat. "
             "tcp:HOST:PORT | tcp:[V6]:PORT | unix:PATH; empty: nowhere"},
    {.name = "hosts",
     HTTP(hosts),
     .type = TYPE_HOSTS,
     .fallback = "",
     .help = "names by which browsers and scrapers may call it beside localhost and the address "
             "itself"},

    {.name = "listen",
     LISTENER(listens),
     .type = TYPE_LISTENS,
     .help = "where clients of this listener connect, as in [cachesd]; may repeat; needed"},
    {.name = "speak",
     LISTENER(speak),
     CHOICE("redis|cachesd"),
     .fallback = "cachesd",
     .help =
         "cachesd: its own verbs; redis: Redis's commands, for Redis's own clients; the options "
         "below are for these"},
    {.name = "namespaces",
     LISTENER(namespaces),
     .type = TYPE_NAMES,
     .fallback = "*",
     .help = "the namespaces whose keys clients name with their prefixes, or *: all but rest"},
    {.name = "rest",
     LISTENER(rest_name),
     .type = TYPE_NAME,
     .fallback = "",
     .help =
         "the namespace of keys with none of these prefixes; its own prefix is added, and taken "
         "off again; empty: such keys are refused"},
    {.name = "namespace",
     LISTENER(namespace_name),
     .type = TYPE_NAME,
     .fallback = "",
     .help = "in place of both: the namespace of all keys; its prefix is added, and taken off "
             "again"},
    {.name = "select",
     LISTENER(selects),
     .type = TYPE_SELECTS,
     .fallback = "",
     .help = "namespaces to which SELECT binds a client, by number, as 1: carts, 2: misc"},
    {.name = "flush",
     LISTENER(flush),
     CHOICE("no|yes|write"),
     .fallback = "no",
     .help = "whether who may write may FLUSHDB, which purges; no: it needs admin, as purge does; "
             "write is another word for yes"},

    {.name = "url",
     BACKEND(url),
     .type = TYPE_URL,
     .help = "redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], redis+cluster://HOST[:PORT],..., "
             "redis+sentinel://HOST[:PORT],.../MASTER[?db=N], rediss: in place of redis: for TLS, "
             "unix:PATH[?db=N] or embedded:[?maxmemory=SIZE&policy=NAME]; needed"},
    {.name = "seeds",
     BACKEND(seeds),
     .type = TYPE_SEEDS,
     .fallback = "",
     .help = "further hosts of a cluster or of sentinels, as HOST:PORT, HOST:PORT"},
    {.name = "password_file",
     BACKEND(password_file),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "a file that holds the password; a relative path is looked for in "
             "$CREDENTIALS_DIRECTORY, then beside this file"},
    {.name = "sentinel_user",
     BACKEND(sentinel_user),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "the user at the sentinels, whose accounts are not those of the servers"},
    {.name = "sentinel_password_file",
     BACKEND(sentinel_password_file),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "a file that holds the password for the sentinels; found as password_file is"},
    {.name = "sentinel_tls",
     BACKEND(sentinel_tls),
     CHOICE("auto|yes|no"),
     .fallback = "auto",
     .help = "whether the sentinels are asked over TLS; auto: as the url says"},
    {.name = "connect_timeout",
     BACKEND(connect_timeout_ms),
     DURATION(1, 3600 * MS_S),
     .fallback = "1s",
     .help = "to connect and greet the backend"},
    {.name = "timeout",
     BACKEND(timeout_ms),
     DURATION(1, 3600 * MS_S),
     .fallback = "1s",
     .help = "from sending a request to its answer"},
    {.name = "max_pending",
     BACKEND(max_pending),
     NUMBER(1, 10000000),
     .fallback = "10000",
     .help = "requests at the backend at once; more wait, `timeout` at most"},
    {.name = "tls_ca",
     BACKEND(tls_ca),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "of a rediss:// url: a file (PEM) with the CAs, or OpenSSL's folder of them, that the "
             "server's certificate must be signed by; empty: the system's"},
    {.name = "tls_cert",
     BACKEND(tls_cert),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "for servers that want one: a file (PEM) with this daemon's certificate and those "
             "between it and its CA's; found as password_file is"},
    {.name = "tls_key",
     BACKEND(tls_key),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "a file (PEM) with the private key of that certificate"},
    {.name = "tls_verify",
     BACKEND(tls_verify),
     CHOICE("full|ca|no"),
     .fallback = "full",
     .help = "how the server's certificate is checked. full: signatures and name; ca: signatures "
             "alone; no: not at all"},
    {.name = "tls_server_name",
     BACKEND(tls_server_name),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "the name in the server's certificate, when it is not the host's"},
    {.name = "tls_min",
     BACKEND(tls_min),
     CHOICE("1.2|1.3"),
     .fallback = "1.2",
     .help = "the oldest version of TLS to be used"},
    {.name = "tls_ciphers",
     BACKEND(tls_ciphers),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "of TLS 1.2, as OpenSSL writes them (openssl ciphers); empty: its own choice"},

    {.name = "backend",
     NAMESPACE(backend_name),
     .type = TYPE_NAME,
     .fallback = "",
     .help = "name of its backend; may be left out when there is one"},
    {.name = "prefix",
     NAMESPACE(prefix),
     .type = TYPE_TEXT,
     .help = "stands before every key in Redis; change it to invalidate everything. Default: "
             "NAME:"},
    {.name = "ttl",
     NAMESPACE(ttl_ms),
     DURATION(1, DURATION_MAX_MS),
     OR_FOREVER,
     .fallback = "2h",
     .help = "of a key that is written without ttl=; forever or 0: never expires"},
    {.name = "max_ttl",
     NAMESPACE(max_ttl_ms),
     DURATION(1, DURATION_MAX_MS),
     OR_FOREVER,
     .help = "the longest ttl= that a client may ask for. Default: ttl"},
    {.name = "over_ttl",
     NAMESPACE(over_ttl),
     CHOICE("clamp|reject"),
     .fallback = "clamp",
     .help = "what becomes of a longer one: clamp shortens it, reject refuses the request"},
    {.name = "ttl_mode",
     NAMESPACE(ttl_mode),
     CHOICE("sliding|fixed"),
     .fallback = "sliding",
     .help = "sliding: each write restarts the ttl; fixed: it is counted from the first write"},
    {.name = "jitter",
     NAMESPACE(jitter_percent),
     .type = TYPE_PERCENT,
     .fallback = "0%",
     .help = "shortens each ttl by a random share up to this"},
    {.name = "collections",
     NAMESPACE(collections),
     .type = TYPE_COLLECTIONS,
     .help = "the only collections allowed, of key, dict, set, sorted, list, counter, memo. "
             "Default: all"},
    {.name = "deny",
     NAMESPACE(deny),
     .type = TYPE_VERBS,
     .fallback = "",
     .help = "verbs that are refused, as dict.popitem, touch"},
    {.name = "readonly",
     NAMESPACE(is_readonly),
     .type = TYPE_BOOL,
     .fallback = "no",
     .help = "refuses every write"},
    {.name = "value",
     NAMESPACE(value),
     CHOICE("bytes|int|json"),
     .fallback = "bytes",
     .help = "what a value must be"},
    {.name = "max_key",
     NAMESPACE(max_key),
     SIZE(1, 64 * 1024),
     .fallback = "1kb",
     .help = "bytes of a key, with the prefix"},
    {.name = "max_value",
     NAMESPACE(max_value),
     SIZE(1, 512 * MB - 1),
     .fallback = "1mb",
     .help = "bytes of a value, member or field"},
    {.name = "near",
     NAMESPACE(is_near),
     .type = TYPE_BOOL,
     .fallback = "no",
     .help = "serve reads from this daemon's memory, invalidated by Redis"},
    {.name = "near_ttl",
     NAMESPACE(near_ttl_ms),
     DURATION(1, MS_D),
     .fallback = "60s",
     .help = "the longest time that such a read may be old"},
    {.name = "stale",
     NAMESPACE(stale_ms),
     DURATION(0, DURATION_MAX_MS),
     .fallback = "0",
     .help = "memo: how long an expired value may still be served"},
    {.name = "lease",
     NAMESPACE(lease_ms),
     DURATION(1, MS_D),
     .fallback = "10s",
     .help = "memo: how long one caller may compute; max_ttl at most"},
    {.name = "null_ttl",
     NAMESPACE(null_ttl_ms),
     DURATION(1, DURATION_MAX_MS),
     .fallback = "30s",
     .help = "memo: ttl of a cached \"nothing\"; max_ttl at most"},
    {.name = "early",
     NAMESPACE(early_percent),
     NUMBER(0, 1000),
     .fallback = "0",
     .help = "memo: how eagerly a value is computed again before it expires, in percent of what "
             "XFetch advises; 0: never"},
    {.name = "on_error",
     NAMESPACE(on_error),
     CHOICE("error|miss|stale"),
     .fallback = "error",
     .help = "what reads answer while the backend is down: the error, as if nothing were there, or "
             "(memo.get, with near = yes) what was kept, for `stale` past its ttl"},
    {.name = "scripts",
     NAMESPACE(has_scripts),
     .type = TYPE_BOOL,
     .fallback = "yes",
     .help = "whether clients of a listener with speak = redis may run scripts (EVAL)"},

    {.name = "uid",
     USER(uid),
     .type = TYPE_UID,
     .help = "the peer of the Unix socket, by name or number"},
    {.name = "gid",
     USER(gid),
     .type = TYPE_GID,
     .help = "its group, likewise; with uid both must match"},
    {.name = "token",
     USER(token),
     .type = TYPE_TOKEN,
     .help = "sha256:HEX, the hash of the token that `auth` takes"},
    {.name = "tls_name",
     USER(tls_names),
     .type = TYPE_TLS_NAMES,
     .help = "a DNS name, a URI or the common name in the certificate that the client shows; "
             "several, any of them"},
    {.name = "namespaces",
     USER(namespaces),
     .type = TYPE_NAMES,
     .help = "the namespaces it may use, or *; needed"},
    {.name = "access",
     USER(access),
     CHOICE("read|write|admin"),
     .fallback = "read",
     .help = "read; write reads and writes; admin may also reload and purge"},
    {.name = "redis",
     USER(redis_name),
     .type = TYPE_NAME,
     .fallback = "",
     .help = "one of its namespaces, that AUTH binds a client of a listener with speak = redis to: "
             "all its keys are there; empty: the listener says where"},
};
const size_t schema_count = sizeof(schema) / sizeof(*schema);

const char *section_name(enum section section) {
    static const char *const names[] = {"cachesd", "http",      "listener",
                                        "backend", "namespace", "user"};
    return names[section];
}

const struct option_row *schema_find(enum section section, struct slice name) {
    for (size_t i = 0; i < schema_count; i++)
        if (schema[i].section == section && slice_equal(slice_of(schema[i].name), name))
            return &schema[i];
    return NULL;
}

// As "password" of "password_file".
static bool is_begin_of(struct slice name, const char *option) {
    return name.len >= 4 && slice_begins(slice_of(option), name) && option[name.len] == '_';
}

const char *schema_nearest(enum section section, struct slice name) {
    const char *nearest = NULL;
    // Wider than where somebody types: the options of a section are few.
    size_t least = (name.len < 6 ? name.len / 2 : 3) + 1;
    for (size_t i = 0; i < schema_count; i++) {
        const char *option = schema[i].name;
        if (schema[i].section != section)
            continue;
        size_t distance = is_begin_of(name, option) ? 1 : spelling_distance(slice_of(option), name);
        if (distance < least) {
            least = distance;
            nearest = option;
        }
    }
    return nearest;
}

int *schema_place(struct section_conf *common, const struct option_row *row) {
    const struct option_row *first = row;
    while (first > schema && first[-1].section == row->section)
        first--;
    assert(row - first < OPTIONS_MOST);
    return &common->lines[row - first];
}

static int line_given(const struct section_conf *common, enum section section, const char *name) {
    const struct option_row *row = schema_find(section, slice_of(name));
    assert(row);
    return *schema_place((struct section_conf *)common, row);
}

bool schema_is_given(const struct section_conf *common, enum section section, const char *name) {
    return line_given(common, section, name) > 0;
}

int schema_line(const struct section_conf *common, enum section section, const char *name) {
    int line = line_given(common, section, name);
    return line > 0 ? line : common->line;
}
