#include "conf/shown.h"

#include <inttypes.h>

#include "conf/address.h"
#include "conf/sections.h"
#include "conf/url.h"
#include "protocol/collection.h"
#include "protocol/number.h"
#include "protocol/verb.h"

// Begins a further item of a list, whose text began at `start`.
static void begin_item(struct bytes *out, size_t start) {
    if (out->len > start)
        bytes_append_literal(out, ",");
}

static void append_choice(struct bytes *out, const char *choices, int64_t index) {
    for (; index > 0; index--)
        choices = strchr(choices, '|') + 1;
    bytes_append(out, choices, strcspn(choices, "|"));
}

static void append_listens(struct bytes *out, const struct addresses *listens) {
    size_t start = out->len;
    for (size_t i = 0; i < listens->count; i++) {
        begin_item(out, start);
        address_append(out, &listens->items[i]);
    }
}

static void append_includes(struct bytes *out, const struct daemon_conf *conf) {
    size_t start = out->len;
    for (size_t i = 0; i < conf->include_count; i++) {
        begin_item(out, start);
        bytes_append_slice(out, slice_of(conf->includes[i].pattern));
    }
}

static void append_collections(struct bytes *out, uint64_t collections) {
    size_t start = out->len;
    for (int i = COLLECTION_FIRST; i < COLLECTION_END; i++) {
        if (!(collections & UINT64_C(1) << i))
            continue;
        begin_item(out, start);
        bytes_append_slice(out, slice_of(collection_name((enum collection)i)));
    }
}

static void append_verbs(struct bytes *out, const struct verb_set *set,
                         const struct verb_table *verbs) {
    const struct verb_entry *entry;
    size_t start = out->len;
    for (size_t i = 0; (entry = verb_at(verbs, i)); i++) {
        if (!verb_set_has(set, entry))
            continue;
        begin_item(out, start);
        bytes_append_slice(out, entry->name);
    }
}

static void append_names(struct bytes *out, const struct names *names) {
    size_t start = out->len;
    for (size_t i = 0; i < names->count; i++) {
        begin_item(out, start);
        bytes_append_slice(out, slice_of(names->items[i]));
    }
}

static void append_namespaces(struct bytes *out, const struct names *namespaces) {
    if (namespaces->has_all)
        bytes_append_literal(out, "*");
    else
        append_names(out, namespaces);
}

static void append_selects(struct bytes *out, const struct listener_conf *listener) {
    size_t start = out->len;
    for (size_t i = 0; i < listener->select_count; i++) {
        begin_item(out, start);
        bytes_printf(out, "%" PRId64 ":%s", listener->selects[i].number, listener->selects[i].name);
    }
}

// Appends a number as its kind is written. A negative one stands for no user or group.
static void append_number(struct bytes *out, const struct option_row *row, int64_t number) {
    switch (row->type) {
    case TYPE_DURATION: number_append_duration(out, number); return;
    case TYPE_SIZE: number_append_size(out, number); return;
    case TYPE_PERCENT: bytes_printf(out, "%" PRId64 "%%", number); return;
    case TYPE_MODE: bytes_printf(out, "%04" PRIo64, (uint64_t)number); return;
    case TYPE_CHOICE: append_choice(out, row->choices, number); return;
    default:
        if (number >= 0)
            bytes_printf(out, "%" PRId64, number);
    }
}

void shown_append_value(struct bytes *out, const struct option_row *row, const void *target,
                        const struct verb_table *verbs) {
    const void *field = (const char *)target + row->offset;
    const struct user_conf *user = target; // of the types that only a [user] has
    switch (row->type) {
    case TYPE_BOOL: bytes_append_slice(out, slice_of(*(const bool *)field ? "yes" : "no")); return;
    case TYPE_TEXT:
    case TYPE_NAME:
        bytes_append_slice(out, slice_of(*(char *const *)field ? *(char *const *)field : ""));
        return;
    case TYPE_URL: url_append_shown(out, field); return;
    case TYPE_LISTENS: append_listens(out, field); return;
    case TYPE_INCLUDES: append_includes(out, target); return;
    case TYPE_COLLECTIONS: append_collections(out, *(const uint64_t *)field); return;
    case TYPE_VERBS: append_verbs(out, field, verbs); return;
    case TYPE_NAMES: append_namespaces(out, field); return;
    case TYPE_SELECTS: append_selects(out, target); return;
    case TYPE_HOSTS:
    case TYPE_TLS_NAMES: append_names(out, field); return;
    case TYPE_TOKEN: bytes_append_slice(out, slice_of(user->has_token ? "hidden" : "")); return;
    case TYPE_SEEDS: return;
    default: append_number(out, row, *(const int64_t *)field);
    }
}
