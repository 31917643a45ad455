#include "schema.h"

#include <grp.h>
#include <pwd.h>
#include <stddef.h>

#include "mem.h"
#include "number.h"
#include "word.h"

#define MS_S 1000
#define MS_D (INT64_C(24) * 3600 * 1000)
#define MB   (INT64_C(1) << 20)
#define GB   (INT64_C(1) << 30)

#define DAEMON(field)  .section = SECTION_CACHESD, .offset = offsetof(struct daemon_conf, field)
#define BACKEND(field) .section = SECTION_BACKEND, .offset = offsetof(struct backend_conf, field)
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
     .help = "where clients connect; may repeat. unix:PATH | tcp:HOST:PORT | tcp:[V6]:PORT | "
             "systemd. Default: unix:$XDG_RUNTIME_DIR/cachesd.sock (else "
             "/tmp/cachesd-UID/cachesd.sock) and tcp:127.0.0.1:7379"},
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
     NUMBER(1, 64),
     .fallback = "1",
     .help = "threads that serve clients, each with backend connections and near cache of its own; "
             "can't change by a reload"},
    {.name = "log_level",
     DAEMON(log_level),
     CHOICE("error|warning|info|debug"),
     .fallback = "info",
     .help = "what is logged to standard error"},
    {.name = "log_timestamps",
     DAEMON(log_timestamps),
     CHOICE("auto|yes|no"),
     .fallback = "auto",
     .help = "begins each line of the log with the time in UTC; auto: unless the log goes to "
             "systemd's journal, which has its own"},

    {.name = "url",
     BACKEND(url),
     .type = TYPE_URL,
     .help = "redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], unix:PATH[?db=N] or "
             "embedded:[?maxmemory=SIZE&policy=NAME]; needed"},
    {.name = "password_file",
     BACKEND(password_file),
     .type = TYPE_TEXT,
     .fallback = "",
     .help = "a file that holds the password; a relative path is looked for in "
             "$CREDENTIALS_DIRECTORY, then beside this file"},
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
     .help = "the only collections allowed, of key, dict, set, sorted, counter, memo. Default: "
             "all"},
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
     .help = "memo: how long one caller may compute"},
    {.name = "null_ttl",
     NAMESPACE(null_ttl_ms),
     DURATION(1, DURATION_MAX_MS),
     .fallback = "30s",
     .help = "memo: ttl of a cached \"nothing\""},
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
    {.name = "namespaces",
     USER(namespaces),
     .type = TYPE_NAMES,
     .help = "the namespaces it may use, or *; needed"},
    {.name = "access",
     USER(access),
     CHOICE("read|write|admin"),
     .fallback = "read",
     .help = "read; write reads and writes; admin may also reload and purge"},
};
const size_t schema_count = sizeof(schema) / sizeof(*schema);

const char *section_name(enum section section) {
    static const char *const names[] = {"cachesd", "backend", "namespace", "user"};
    return names[section];
}

const struct option_row *schema_find(enum section section, struct slice name,
                                     const char **nearest) {
    size_t least = 4;
    *nearest = NULL;
    for (size_t i = 0; i < schema_count; i++) {
        if (schema[i].section != section)
            continue;
        struct slice known = slice_of(schema[i].name);
        if (slice_equal(known, name))
            return &schema[i];
        size_t distance = word_distance(known, name);
        if (distance < least) {
            least = distance;
            *nearest = schema[i].name;
        }
    }
    return NULL;
}

bool schema_is_list(const struct option_row *row) {
    return row->type == TYPE_LISTENS || row->type == TYPE_COLLECTIONS || row->type == TYPE_VERBS ||
           row->type == TYPE_NAMES;
}

// --- values -----------------------------------------------------------------------------------

static bool refuse(struct bytes *error, const struct option_row *row, struct slice text,
                   const char *right) {
    bytes_printf(error, "%s: '%.*s' is wrong: use %s", row->name, (int)text.len, text.data, right);
    return false;
}

static bool read_duration(const struct option_row *row, struct slice text, int64_t *ms,
                          struct bytes *error) {
    if (!number_parse_duration(text, ms))
        return refuse(error, row, text, "a duration, as 90, 1500ms, 2h (36500d at most)");
    if (*ms == 0 && row->zero_is_forever)
        *ms = DURATION_FOREVER;
    if (*ms == DURATION_FOREVER && row->zero_is_forever)
        return true;
    if (*ms >= row->least && *ms <= row->most)
        return true;
    bytes_printf(error, "%s: '%.*s' is out of range: use ", row->name, (int)text.len, text.data);
    number_append_duration(error, row->least);
    bytes_append_literal(error, " to ");
    number_append_duration(error, row->most);
    return false;
}

static bool read_size(const struct option_row *row, struct slice text, int64_t *size,
                      struct bytes *error) {
    if (!number_parse_size(text, size))
        return refuse(error, row, text, "a size, as 4096, 16kb, 64mb, 1gb");
    if (*size >= row->least && *size <= row->most)
        return true;
    bytes_printf(error, "%s: '%.*s' is out of range: use ", row->name, (int)text.len, text.data);
    number_append_size(error, row->least);
    bytes_append_literal(error, " to ");
    number_append_size(error, row->most);
    return false;
}

static bool read_count(const struct option_row *row, struct slice text, int64_t *count,
                       struct bytes *error) {
    if (number_parse_int(text, count) && *count >= row->least && *count <= row->most)
        return true;
    bytes_printf(error, "%s: '%.*s' is wrong: use a whole number from %lld to %lld", row->name,
                 (int)text.len, text.data, (long long)row->least, (long long)row->most);
    return false;
}

static bool read_percent(const struct option_row *row, struct slice text, int64_t *percent,
                         struct bytes *error) {
    struct slice number = text;
    if (text.len > 0 && text.data[text.len - 1] == '%')
        number.len--;
    return (number_parse_int(number, percent) && *percent >= 0 && *percent <= 100) ||
           refuse(error, row, text, "0% to 100%");
}

static bool read_mode(const struct option_row *row, struct slice text, int64_t *mode,
                      struct bytes *error) {
    *mode = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '7' || text.len > 4)
            return refuse(error, row, text, "an octal file mode, as 0660");
        *mode = *mode * 8 + (text.data[i] - '0');
    }
    return (text.len > 0 && *mode <= 0777) ||
           refuse(error, row, text, "an octal file mode, as 0660");
}

static bool read_bool(const struct option_row *row, struct slice text, bool *value,
                      struct bytes *error) {
    *value = slice_equal_nocase(text, SLICE("yes"));
    return *value || slice_equal_nocase(text, SLICE("no")) || refuse(error, row, text, "yes or no");
}

// Cuts the next item of a list separated by `mark`; false at its end. Blanks around it go.
static bool next_item(struct slice *list, char mark, struct slice *item) {
    while (list->len > 0) {
        const char *end = memchr(list->data, mark, list->len);
        *item = (struct slice){list->data, end ? (size_t)(end - list->data) : list->len};
        size_t used = item->len + (end ? 1 : 0);
        *list = (struct slice){list->data + used, list->len - used};
        while (item->len > 0 && (*item->data == ' ' || *item->data == '\t'))
            *item = (struct slice){item->data + 1, item->len - 1};
        while (item->len > 0 &&
               (item->data[item->len - 1] == ' ' || item->data[item->len - 1] == '\t'))
            item->len--;
        if (item->len > 0)
            return true;
    }
    return false;
}

static bool read_choice(const struct option_row *row, struct slice text, int64_t *value,
                        struct bytes *error) {
    struct slice list = slice_of(row->choices), item;
    for (*value = 0; next_item(&list, '|', &item); ++*value)
        if (slice_equal(item, text))
            return true;
    return refuse(error, row, text, row->choices);
}

static bool read_name(const struct option_row *row, struct slice text, char **name,
                      struct bytes *error) {
    if (text.len > 0 && !settings_is_name(text))
        return refuse(error, row, text, "1 to 64 of A-Z a-z 0-9 _ . -");
    mem_free(*name);
    *name = mem_text_of(text.data, text.len);
    return true;
}

static bool read_url(const struct option_row *row, struct slice text, struct url *url,
                     struct bytes *error) {
    const char *problem = url_parse(text, url);
    if (!problem && url->fragment) {
        url_deinit(url);
        problem = "a #name belongs to CACHES_DSN only";
    }
    if (problem)
        bytes_printf(error, "%s: %s", row->name, problem);
    return !problem;
}

static bool read_listens(const struct option_row *row, struct slice text, struct daemon_conf *conf,
                         struct bytes *error) {
    struct address address;
    struct slice item;
    if (text.len == 0)
        return refuse(error, row, text, "unix:/PATH, tcp:HOST:PORT or systemd");
    while (next_item(&text, ',', &item)) {
        const char *problem = address_parse(item, &address);
        if (problem) {
            bytes_printf(error, "%s: '%.*s' is wrong: %s", row->name, (int)item.len, item.data,
                         problem);
            return false;
        }
        conf->listens =
            mem_resize(conf->listens, (conf->listen_count + 1) * sizeof(*conf->listens));
        conf->listens[conf->listen_count++] = address;
    }
    return true;
}

static bool read_collections(const struct option_row *row, struct slice text, uint64_t *mask,
                             struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        int found = 0;
        for (int i = COLLECTION_KEY; i <= COLLECTION_MEMO; i++)
            if (slice_equal(item, slice_of(collection_name((enum collection)i))))
                found = i;
        if (!found)
            return refuse(error, row, item, "key, dict, set, sorted, counter or memo");
        *mask |= UINT64_C(1) << found;
    }
    return true;
}

static bool read_verbs(const struct option_row *row, struct slice text, struct verb_set *set,
                       const struct verb_table *verbs, struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        const struct verb_entry *entry = verb_find(verbs, item);
        if (!entry || entry->verb->collection == COLLECTION_NONE) {
            const char *nearest = verb_nearest(verbs, item);
            bytes_printf(error, "%s: no verb '%.*s' that a namespace has%s%s%s", row->name,
                         (int)item.len, item.data, nearest ? ": did you mean " : "",
                         nearest ? nearest : "", nearest ? "?" : "");
            return false;
        }
        verb_set_add(set, entry);
    }
    return true;
}

static bool read_names(const struct option_row *row, struct slice text, struct user_conf *user,
                       struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        if (slice_equal(item, SLICE("*"))) {
            user->is_for_all = true;
            continue;
        }
        if (!settings_is_name(item))
            return refuse(error, row, item, "names of namespaces, or *");
        struct names *names = &user->namespaces;
        names->items = mem_resize(names->items, (names->count + 1) * sizeof(*names->items));
        names->items[names->count++] = mem_text_of(item.data, item.len);
    }
    return true;
}

static bool read_id(const struct option_row *row, struct slice text, int64_t *id,
                    struct bytes *error) {
    char name[64] = "";
    if (number_parse_int(text, id) && *id >= 0 && *id <= UINT32_MAX)
        return true;
    *id = -1;
    if (text.len == 0 && row->fallback) // nobody in particular
        return true;
    if (text.len < sizeof(name))
        memcpy(name, text.data, text.len);
    struct passwd *user = row->type == TYPE_UID ? getpwnam(name) : NULL;
    struct group *group = row->type == TYPE_GID ? getgrnam(name) : NULL;
    if (!user && !group)
        return refuse(error, row, text,
                      row->type == TYPE_UID ? "a number, or the name of a user of this machine"
                                            : "a number, or the name of a group of this machine");
    *id = user ? (int64_t)user->pw_uid : (int64_t)group->gr_gid;
    return true;
}

// Never shows the text: somebody may have written the token itself there.
static bool read_token(const struct option_row *row, struct slice text, struct user_conf *user,
                       struct bytes *error) {
    bool is_right =
        slice_begins(text, SLICE("sha256:")) && text.len == strlen("sha256:") + 2 * TOKEN_HASH_SIZE;
    const char *hex = text.data + strlen("sha256:");
    for (size_t i = 0; is_right && i < TOKEN_HASH_SIZE; i++) {
        int high = number_hex_digit(hex[2 * i]), low = number_hex_digit(hex[2 * i + 1]);
        is_right = high >= 0 && low >= 0;
        if (is_right)
            user->token[i] = (unsigned char)(high << 4 | low);
    }
    user->has_token = is_right;
    if (!is_right)
        bytes_printf(error,
                     "%s: use sha256: and 64 hexadecimal digits, as printed by "
                     "printf %%s TOKEN | sha256sum",
                     row->name);
    return is_right;
}

bool schema_read(const struct option_row *row, struct slice text, void *target,
                 const struct verb_table *verbs, struct bytes *error) {
    void *field = (char *)target + row->offset;
    switch (row->type) {
    case TYPE_DURATION: return read_duration(row, text, field, error);
    case TYPE_SIZE: return read_size(row, text, field, error);
    case TYPE_COUNT: return read_count(row, text, field, error);
    case TYPE_PERCENT: return read_percent(row, text, field, error);
    case TYPE_MODE: return read_mode(row, text, field, error);
    case TYPE_BOOL: return read_bool(row, text, field, error);
    case TYPE_CHOICE: return read_choice(row, text, field, error);
    case TYPE_NAME: return read_name(row, text, field, error);
    case TYPE_URL: return read_url(row, text, field, error);
    case TYPE_LISTENS: return read_listens(row, text, target, error);
    case TYPE_COLLECTIONS: return read_collections(row, text, field, error);
    case TYPE_VERBS: return read_verbs(row, text, field, verbs, error);
    case TYPE_NAMES: return read_names(row, text, target, error);
    case TYPE_UID:
    case TYPE_GID: return read_id(row, text, field, error);
    case TYPE_TOKEN: return read_token(row, text, target, error);
    case TYPE_TEXT: break;
    }
    char **to = field;
    mem_free(*to);
    *to = mem_text_of(text.data, text.len);
    return true;
}

void schema_free(const struct option_row *row, void *target) {
    void *field = (char *)target + row->offset;
    if (row->type == TYPE_TEXT || row->type == TYPE_NAME)
        mem_free(*(char **)field);
    if (row->type == TYPE_URL)
        url_deinit(field);
    if (row->type == TYPE_LISTENS) {
        struct daemon_conf *conf = target;
        for (size_t i = 0; i < conf->listen_count; i++)
            address_deinit(&conf->listens[i]);
        mem_free(conf->listens);
    }
    if (row->type == TYPE_NAMES) {
        struct user_conf *user = target;
        for (size_t i = 0; i < user->namespaces.count; i++)
            mem_free(user->namespaces.items[i]);
        mem_free(user->namespaces.items);
    }
}
