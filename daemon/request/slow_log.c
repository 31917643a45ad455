#include "daemon/request/slow_log.h"

#include <stdio.h>
#include <time.h>

#include "conf/sections.h"
#include "protocol/mem.h"
#include "protocol/number.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

void slow_log_configure(struct slow_log *log, const struct daemon_conf *conf) {
    bool is_never = conf->slow_ms == DURATION_FOREVER;
    log->slow_us = is_never ? UINT64_MAX : (uint64_t)conf->slow_ms * 1000;
    log->large = (size_t)conf->large;
    log->keeps = conf->slow_keys == SLOW_KEYS_ALL ? VERB_READ | VERB_WRITE : VERB_LONG;
}

void slow_log_deinit(struct slow_log *log) { mem_free(log->entries); }

// --- keys -------------------------------------------------------------------------------------

static bool has_key(const struct verb_entry *entry) {
    return signature_kind(&entry->signature, 0) == ARG_KEY;
}

// Verbs with further steps keep their key anyway. One byte more is kept than is shown, which tells
// that the key is longer.
void slow_log_keep_key(struct bytes *kept, const struct verb_entry *entry,
                       const struct call *call) {
    size_t most = SLOW_KEY_MOST + 1;
    if (entry->verb->flags & VERB_TWO_STEPS || !has_key(entry))
        return;
    bytes_append(kept, call->args[0].data, call->args[0].len < most ? call->args[0].len : most);
}

static void note_key(struct slow_entry *e, const struct stay *stay) {
    bool has_prefix = stay->entry->verb->flags & VERB_TWO_STEPS;
    size_t skip = has_prefix ? stay->namespace->prefix_len : 0;
    if (!has_key(stay->entry) || stay->kept.len <= skip)
        return;
    size_t len = stay->kept.len - skip;
    e->key_len = (uint8_t)(len < sizeof(e->key) ? len : sizeof(e->key));
    memcpy(e->key, stay->kept.data + skip, e->key_len);
}

// --- entries ----------------------------------------------------------------------------------

static struct slow_entry *next_of(struct slow_log *log) {
    if (!log->entries)
        log->entries = mem_new(SLOW_LOG_SIZE * sizeof(*log->entries));
    struct slow_entry *entry = &log->entries[log->next];
    log->next = (log->next + 1) % SLOW_LOG_SIZE;
    log->count += log->count < SLOW_LOG_SIZE;
    return entry;
}

struct slow_entry *slow_log_note(struct slow_log *log, const struct stay *stay) {
    struct slow_entry *e = next_of(log);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *e = (struct slow_entry){.at_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
                             .verb = stay->entry->verb->name,
                             .is_slow = stay->backend_us + stay->waited_us >= log->slow_us,
                             .is_large = stay->request_bytes >= log->large ||
                                         stay->reply_bytes >= log->large,
                             .is_error = stay->code != NULL,
                             .code = stay->code ? *stay->code : (enum reply_code)0,
                             .words = stay->argc + 2, // and the verb, and the namespace
                             .request_bytes = stay->request_bytes,
                             .reply_bytes = stay->reply_bytes,
                             .waited_us = stay->waited_us,
                             .backend_us = stay->backend_us,
                             .client = stay->client,
                             .count = 1};
    snprintf(e->namespace, sizeof(e->namespace), "%s", stay->namespace->name);
    note_key(e, stay);
    return e;
}

// The memory stays, because a run of answers may still write its count there.
void slow_log_reset(struct slow_log *log) { log->next = log->count = 0; }
