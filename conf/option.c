#include "conf/option.h"

#include <assert.h>
#include <grp.h>
#include <pwd.h>

#include "conf/address.h"
#include "conf/hosts.h"
#include "conf/problems.h"
#include "conf/sections.h"
#include "conf/selects.h"
#include "conf/url.h"
#include "protocol/collection.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

// Names of users, groups, backends and namespaces look alike; a secret does not look like them.
static bool looks_like_a_name(struct slice text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == ':' || text.data[i] == '/')
            return false;
    return text.len < 32; // a token is longer
}

// Appends "NAME: 'VALUE'", but no value that might hold a secret.
static void append_value(struct bytes *error, const struct option_row *row, struct slice text) {
    bool is_id = row->type == TYPE_UID || row->type == TYPE_GID;
    bool is_name = is_id || row->type == TYPE_NAME || row->type == TYPE_NAMES;
    if (problems_may_show(text) && (!is_name || looks_like_a_name(text)))
        bytes_printf(error, "%s: '%.*s'", row->name, (int)text.len, text.data);
    else
        bytes_printf(error, "%s: this value", row->name);
}

static void append_refusal(struct bytes *error, const struct option_row *row, struct slice text,
                           const char *fault) {
    append_value(error, row, text);
    bytes_printf(error, " is %s: use ", fault);
}

static bool refuse(struct bytes *error, const struct option_row *row, struct slice text,
                   const char *right) {
    append_refusal(error, row, text, "wrong");
    bytes_append_slice(error, slice_of(right));
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
    append_refusal(error, row, text, "out of range");
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
    append_refusal(error, row, text, "out of range");
    number_append_size(error, row->least);
    bytes_append_literal(error, " to ");
    number_append_size(error, row->most);
    return false;
}

static bool read_count(const struct option_row *row, struct slice text, int64_t *count,
                       struct bytes *error) {
    if (number_parse_int(text, count) && *count >= row->least && *count <= row->most)
        return true;
    append_refusal(error, row, text, "wrong");
    bytes_printf(error, "a whole number from %lld to %lld", (long long)row->least,
                 (long long)row->most);
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

// Cuts the next item off a list separated by `mark`, without the blanks around it. Returns false at
// the end of the list.
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
    if (text.len > 0 && !section_is_name(text))
        return refuse(error, row, text, "1 to 64 of A-Z a-z 0-9 _ . -");
    mem_free(*name);
    *name = mem_text_of(text.data, text.len);
    return true;
}

static bool read_text(struct slice text, char **to) {
    mem_free(*to);
    *to = mem_text_of(text.data, text.len);
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

static bool read_seeds(const struct option_row *row, struct slice text, struct backend_conf *conf,
                       struct bytes *error) {
    struct url_host host;
    struct slice item;
    while (next_item(&text, ',', &item)) {
        const char *problem = url_read_host(item, &host);
        if (problem) {
            append_value(error, row, item);
            bytes_printf(error, " is wrong: %s", problem);
            return false;
        }
        conf->seeds = mem_grow(conf->seeds, conf->seed_count, sizeof(*conf->seeds));
        conf->seeds[conf->seed_count++] = host;
    }
    return true;
}

static bool read_listens(const struct option_row *row, struct slice text, struct addresses *list,
                         struct bytes *error) {
    struct address address;
    struct slice item;
    if (text.len == 0)
        return (row->fallback && !*row->fallback) ||
               refuse(error, row, text, "unix:/PATH, tcp:HOST:PORT or systemd");
    while (next_item(&text, ',', &item)) {
        const char *problem = address_parse(item, &address);
        if (problem) {
            append_value(error, row, item);
            bytes_printf(error, " is wrong: %s", problem);
            return false;
        }
        list->items = mem_grow(list->items, list->count, sizeof(*list->items));
        list->items[list->count++] = address;
    }
    return true;
}

static bool read_includes(const struct option_row *row, struct slice text,
                          struct daemon_conf *conf) {
    struct slice item;
    (void)row;
    while (next_item(&text, ',', &item)) {
        conf->includes = mem_grow(conf->includes, conf->include_count, sizeof(*conf->includes));
        conf->includes[conf->include_count++] =
            (struct include){.pattern = mem_text_of(item.data, item.len)};
    }
    return true;
}

static bool read_collections(const struct option_row *row, struct slice text, uint64_t *mask,
                             struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        enum collection found = collection_find(item);
        if (found == COLLECTION_NONE) {
            append_refusal(error, row, item, "wrong");
            collection_append_names(error, " or ");
            return false;
        }
        *mask |= UINT64_C(1) << found;
    }
    return true;
}

static bool read_verbs(const struct option_row *row, struct slice text, struct verb_set *set,
                       const struct verb_table *verbs, struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        const struct verb_entry *entry = verb_find(verbs, item);
        if (!entry || entry->collection == COLLECTION_NONE) {
            const struct verb *nearest = verb_nearest(verbs, item);
            bytes_printf(error, "%s: no verb '%.*s' that a namespace has%s%s%s", row->name,
                         problems_may_show(item) ? (int)item.len : 0, item.data,
                         nearest ? ": did you mean " : ": caches-protocol(7) has all there are",
                         nearest ? nearest->name : "", nearest ? "?" : "");
            return false;
        }
        verb_set_add(set, entry);
    }
    return true;
}

static bool read_names(const struct option_row *row, struct slice text, struct names *names,
                       struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        if (slice_equal(item, SLICE("*"))) {
            names->has_all = true;
            continue;
        }
        if (!section_is_name(item))
            return refuse(error, row, item, "names of namespaces, or *");
        names->items = mem_grow(names->items, names->count, sizeof(*names->items));
        names->items[names->count++] = mem_text_of(item.data, item.len);
    }
    return true;
}

static bool read_selects(const struct option_row *row, struct slice text,
                         struct listener_conf *conf, struct bytes *error) {
    struct slice item;
    while (next_item(&text, ',', &item)) {
        const char *right = selects_add(conf, item);
        if (right)
            return refuse(error, row, item, right);
    }
    return true;
}

static bool read_tls_names(const struct option_row *row, struct slice text, struct names *names,
                           struct bytes *error) {
    struct slice item;
    if (text.len == 0)
        return refuse(error, row, text, "names in certificates, as web.internal");
    while (next_item(&text, ',', &item)) {
        names->items = mem_grow(names->items, names->count, sizeof(*names->items));
        names->items[names->count++] = mem_text_of(item.data, item.len);
    }
    return true;
}

static bool read_hosts(const struct option_row *row, struct slice text, struct names *hosts,
                       struct bytes *error) {
    struct slice item;
    const char *problem = NULL;
    while (!problem && next_item(&text, ',', &item)) {
        problem = hosts_add(hosts, item);
        if (problem) {
            append_value(error, row, item);
            bytes_printf(error, " is wrong: %s", problem);
        }
    }
    return !problem;
}

static bool read_id(const struct option_row *row, struct slice text, int64_t *id,
                    struct bytes *error) {
    char name[64] = "";
    if (number_parse_int(text, id) && *id >= 0 && *id <= UINT32_MAX)
        return true;
    *id = -1;
    if (text.len == 0 && row->fallback) // no user or group in particular
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

// No error shows the text: somebody may have written the token itself there.
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

// Quotes and # are refused, because no value needs them, and the parser does not remove them: a
// person who writes them does not mean these bytes as a part of the value.
static bool is_plain(const struct option_row *row, struct slice text, struct bytes *error) {
    const char *why = NULL;
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] == '#' && (i == 0 || text.data[i - 1] == ' ' || text.data[i - 1] == '\t'))
            why = "a # begins no comment behind a value: write ; with a blank before it";
    if (text.len > 1 && (*text.data == '"' || *text.data == '\'') &&
        text.data[text.len - 1] == *text.data)
        why = "quotes would be part of the value: write it without them";
    if (why)
        bytes_printf(error, "%s: %s", row->name, why);
    return !why;
}

// Reads a number. Returns false with an empty *error when the row's type is not a number.
static bool read_number(const struct option_row *row, struct slice text, int64_t *number,
                        struct bytes *error) {
    switch (row->type) {
    case TYPE_DURATION: return read_duration(row, text, number, error);
    case TYPE_SIZE: return read_size(row, text, number, error);
    case TYPE_COUNT: return read_count(row, text, number, error);
    case TYPE_PERCENT: return read_percent(row, text, number, error);
    case TYPE_MODE: return read_mode(row, text, number, error);
    case TYPE_CHOICE: return read_choice(row, text, number, error);
    case TYPE_UID:
    case TYPE_GID: return read_id(row, text, number, error);
    default: return false;
    }
}

bool option_read(const struct option_row *row, struct slice text, void *target,
                 const struct verb_table *verbs, struct bytes *error) {
    void *field = (char *)target + row->offset;
    int64_t number;
    if (!is_plain(row, text, error))
        return false;
    if (read_number(row, text, &number, error)) {
        *(int64_t *)field = number; // a wrong number leaves the default, which fits other options
        return true;
    }
    switch (row->type) {
    case TYPE_BOOL: return read_bool(row, text, field, error);
    case TYPE_NAME: return read_name(row, text, field, error);
    case TYPE_URL: return read_url(row, text, field, error);
    case TYPE_SEEDS: return read_seeds(row, text, target, error);
    case TYPE_LISTENS: return read_listens(row, text, field, error);
    case TYPE_INCLUDES: return read_includes(row, text, target);
    case TYPE_COLLECTIONS: return read_collections(row, text, field, error);
    case TYPE_VERBS: return read_verbs(row, text, field, verbs, error);
    case TYPE_NAMES: return read_names(row, text, field, error);
    case TYPE_SELECTS: return read_selects(row, text, target, error);
    case TYPE_TOKEN: return read_token(row, text, target, error);
    case TYPE_TLS_NAMES: return read_tls_names(row, text, field, error);
    case TYPE_HOSTS: return read_hosts(row, text, field, error);
    case TYPE_TEXT: return read_text(text, field);
    default: return false; // no number either
    }
}

bool option_is_list(const struct option_row *row) {
    return row->type == TYPE_LISTENS || row->type == TYPE_INCLUDES || row->type == TYPE_SEEDS ||
           row->type == TYPE_COLLECTIONS || row->type == TYPE_VERBS || row->type == TYPE_NAMES ||
           row->type == TYPE_SELECTS || row->type == TYPE_TLS_NAMES || row->type == TYPE_HOSTS;
}

bool option_may_repeat(const struct option_row *row) {
    return row->type == TYPE_LISTENS || row->type == TYPE_INCLUDES;
}

static bool is_same_list(const struct addresses *a, const struct addresses *b) {
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = address_is_same(&a->items[i], &b->items[i]);
    return is_same;
}

static bool is_same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool has_same_seeds(const struct backend_conf *a, const struct backend_conf *b) {
    bool is_same = a->seed_count == b->seed_count;
    for (size_t i = 0; is_same && i < a->seed_count; i++)
        is_same = url_is_same_host(&a->seeds[i], &b->seeds[i]);
    return is_same;
}

bool option_is_same(const struct option_row *row, const void *left, const void *right) {
    const void *a = (const char *)left + row->offset, *b = (const char *)right + row->offset;
    switch (row->type) {
    case TYPE_TEXT:
    case TYPE_NAME: return is_same_text(*(char *const *)a, *(char *const *)b);
    case TYPE_URL: return url_is_same(a, b);
    case TYPE_SEEDS: return has_same_seeds(left, right);
    case TYPE_LISTENS: return is_same_list(a, b);
    case TYPE_HOSTS: return hosts_are_same(a, b);
    case TYPE_BOOL: return *(const bool *)a == *(const bool *)b;
    case TYPE_VERBS: return memcmp(a, b, sizeof(struct verb_set)) == 0;
    case TYPE_NAMES: return names_are_same(a, b);
    case TYPE_SELECTS: return selects_are_same(left, right);
    case TYPE_INCLUDES:
    case TYPE_TLS_NAMES:
    case TYPE_TOKEN: return false; // no caller compares these
    default: return *(const int64_t *)a == *(const int64_t *)b;
    }
}

void option_free(const struct option_row *row, void *target) {
    void *field = (char *)target + row->offset;
    struct daemon_conf *conf = target;
    struct backend_conf *backend = target;
    if (row->type == TYPE_TEXT || row->type == TYPE_NAME)
        mem_free(*(char **)field);
    if (row->type == TYPE_URL)
        url_deinit(field);
    if (row->type == TYPE_LISTENS)
        addresses_deinit(field);
    for (size_t i = 0; row->type == TYPE_SEEDS && i < backend->seed_count; i++)
        mem_free(backend->seeds[i].host);
    if (row->type == TYPE_SEEDS)
        mem_free(backend->seeds);
    for (size_t i = 0; row->type == TYPE_INCLUDES && i < conf->include_count; i++)
        mem_free(conf->includes[i].pattern);
    if (row->type == TYPE_INCLUDES)
        mem_free(conf->includes);
    if (row->type == TYPE_NAMES || row->type == TYPE_TLS_NAMES || row->type == TYPE_HOSTS)
        names_free(field);
    if (row->type == TYPE_SELECTS)
        selects_free(target);
}

void option_set_default(const struct option_row *row, void *target) {
    struct bytes error = {0};
    bool is_read = option_read(row, slice_of(row->fallback), target, NULL, &error);
    assert(is_read);
    (void)is_read;
}

void option_set_defaults(void *target, enum section section) {
    for (size_t i = 0; i < schema_count; i++)
        if (schema[i].section == section && schema[i].fallback && !option_is_list(&schema[i]))
            option_set_default(&schema[i], target);
}
