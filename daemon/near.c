#include "near.h"

#include "backend.h"

// What an answer depends on beside the key. The arguments behind the key follow.
struct tail {
    uint16_t verb;
    uint8_t is_descending;
    uint8_t has_limit;
};

bool near_is_on(const struct space *space, uint64_t now_ms) {
    const struct tracker *tracker = space->backend->tracker;
    return space->conf->is_near && tracker && tracker_is_live(tracker, now_ms);
}

static char *put(char *to, const void *data, size_t len) {
    memcpy(to, data, len);
    return to + len;
}

static char *put_slice(char *to, struct slice s) { return s.len > 0 ? put(to, s.data, s.len) : to; }

static uint64_t hash_key(const struct near_store *store, const struct space *space,
                         struct slice key) {
    return near_store_hash(store, key, space->backend->tracker->salt);
}

// The arguments behind the key, each with its length, so that no two lists of them look the same.
static size_t arguments_size(const struct call *call) {
    size_t size = 0;
    for (size_t i = 1; i < call->argc; i++)
        size += sizeof(uint32_t) + call->args[i].len;
    return size;
}

static char *put_arguments(char *to, const struct call *call) {
    for (size_t i = 1; i < call->argc; i++) {
        uint32_t len = (uint32_t)call->args[i].len;
        to = put_slice(put(to, &len, sizeof(len)), call->args[i]);
    }
    return to;
}

struct near_question near_ask(const struct near_store *store, const struct space *space,
                              const struct verb_entry *entry, const struct call *call,
                              struct bytes *scratch) {
    size_t key_len = call->prefix.len + call->args[0].len;
    struct tail tail = {(uint16_t)entry->id, call->is_descending,
                        call->options >> OPTION_LIMIT & 1};
    scratch->len = 0;
    char *start =
        bytes_reserve(scratch, key_len + sizeof(tail) + sizeof(call->limit) + arguments_size(call));
    char *to = put_slice(put_slice(start, call->prefix), call->args[0]);
    struct near_question q = {.key_hash = hash_key(store, space, (struct slice){start, key_len})};
    to = put(to, &tail, sizeof(tail));
    if (tail.has_limit)
        to = put(to, &call->limit, sizeof(call->limit));
    to = put_arguments(to, call);
    q.asked = (struct slice){start, (size_t)(to - start)};
    // What asks for nothing but the key lies where the key's counter does: one cache line for both.
    q.hash = call->argc == 1
                 ? q.key_hash ^ (uint64_t)entry->id << 48
                 : hash_slice((struct slice){start + key_len, q.asked.len - key_len}, q.key_hash);
    return q;
}

struct slice near_find(struct near_store *store, const struct space *space,
                       const struct near_question *q, uint64_t now_ms) {
    return near_store_find(store, q, space->backend->tracker->epoch, now_ms);
}

struct slice near_find_late(struct near_store *store, const struct space *space,
                            const struct near_question *q, uint64_t now_ms) {
    const struct tracker *tracker = space->backend->tracker;
    if (!tracker)
        return (struct slice){0};
    return near_store_find_late(store, q, tracker->epoch, now_ms);
}

void near_note_question(struct near_note *note, const struct near_store *store,
                        const struct space *space, const struct near_question *q, uint64_t now_ms) {
    bytes_append_slice(&note->asked, q->asked);
    note->is_kept = true;
    note->key_hash = q->key_hash;
    note->hash = q->hash;
    note->moment = (struct near_moment){space->backend->tracker->epoch,
                                        near_store_version(store, q->key_hash)};
    note->asked_ms = now_ms;
}

void near_keep(struct near_store *store, const struct space *space, struct near_note *note,
               const struct answer *answer, struct slice reply, uint64_t now_ms) {
    int64_t ttl_ms = space->conf->near_ttl_ms;
    if (answer->ttl_ms >= 0 && answer->ttl_ms < ttl_ms) // -1: it never expires; -2: there is no key
        ttl_ms = answer->ttl_ms;
    if (!answer->is_failed && answer->ttl_ms != ANSWER_NO_TTL) {
        struct near_question q = {bytes_slice(&note->asked), note->key_hash, note->hash};
        uint64_t deadline_ms = note->asked_ms + (uint64_t)ttl_ms;
        uint64_t until_ms = deadline_ms + (uint64_t)answer->stale_ms; // memo.get's alone
        near_store_keep(store, &q, &note->moment, reply, deadline_ms, until_ms, now_ms);
    }
    note->is_kept = false;
}

void near_forget(struct near_store *store, const struct space *space,
                 const struct verb_entry *entry, const struct call *call, struct bytes *scratch) {
    size_t keys = signature_repeats_key(&entry->signature) ? call->argc : 1;
    if (!space->backend->tracker)
        return;
    for (size_t i = 0; i < keys; i++) {
        scratch->len = 0;
        bytes_append_slice(scratch, call->prefix);
        bytes_append_slice(scratch, call->args[i]);
        near_store_forget(store, hash_key(store, space, bytes_slice(scratch)));
    }
}
