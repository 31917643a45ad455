#include "daemon/near/near.h"

#include <assert.h>

#include "protocol/hash.h"
#include "protocol/memo.h"
#include "protocol/question.h"
#include "protocol/reply.h"
#include "protocol/syntax.h"

// The parts of a question behind the key. The values of the options follow, then the arguments.
struct tail {
    uint16_t verb;
    uint16_t options; // as in struct question
};

// Returns the epoch of all answers kept from this source. Both parts of the sum only rise.
static uint64_t epoch_of(const struct near_store *store, const struct near_source *source) {
    return source->epoch + near_store_era(store);
}

static char *put(char *to, const void *data, size_t len) {
    memcpy(to, data, len);
    return to + len;
}

static char *put_slice(char *to, struct slice s) { return s.len > 0 ? put(to, s.data, s.len) : to; }

static uint64_t hash_key(const struct near_store *store, const struct near_source *source,
                         struct slice key) {
    return near_store_hash(store, key, source->salt);
}

// The size of the arguments after the key. Each is written with its length, so that no two lists of
// arguments look the same.
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

struct near_question near_ask(const struct near_store *store, const struct near_source *source,
                              const struct verb_entry *entry, const struct call *call,
                              struct bytes *scratch) {
    size_t key_len = call->prefix.len + call->args[0].len;
    struct question asked;
    question_read(&asked, call);
    struct tail tail = {(uint16_t)entry->id, asked.options};
    size_t values_size = asked.count * sizeof(*asked.values);
    size_t size = key_len + sizeof(tail) + values_size + arguments_size(call);
    bool is_too_long = size > NEAR_LONGEST_QUESTION;
    scratch->len = 0;
    char *start = bytes_reserve(scratch, is_too_long ? key_len : size);
    char *to = put_slice(put_slice(start, call->prefix), call->args[0]);
    struct near_question q = {.key_hash = hash_key(store, source, (struct slice){start, key_len})};
    // A question that is only a key lies in the slot of the key's counter: one cache line for both.
    q.hash = q.key_hash ^ (uint64_t)entry->id << 48;
    if (is_too_long)
        return q;
    to = put(to, &tail, sizeof(tail));
    if (values_size > 0)
        to = put(to, asked.values, values_size);
    to = put_arguments(to, call);
    q.asked = (struct slice){start, (size_t)(to - start)};
    if (call->argc > 1)
        q.hash = hash_slice((struct slice){start + key_len, q.asked.len - key_len}, q.key_hash);
    return q;
}

struct slice near_find(struct near_store *store, const struct near_source *source,
                       const struct near_question *q, uint64_t now_ms) {
    return near_store_find(store, q, epoch_of(store, source), now_ms);
}

// --- requests at the backend ------------------------------------------------------------------

static struct near_question question_of(const struct near_note *note) {
    assert(near_note_is_read(note));
    return (struct near_question){bytes_slice(&note->asked), note->key_hash, note->hash};
}

struct slice near_find_late(struct near_store *store, const struct near_source *source,
                            const struct near_note *note, uint64_t now_ms) {
    struct near_question q = question_of(note);
    if (!source)
        return (struct slice){0};
    return near_store_find_late(store, &q, epoch_of(store, source), now_ms);
}

void near_note_read(struct near_note *note, struct near_store *store,
                    const struct near_source *source, const struct near_question *q,
                    enum near_duty duty, bool may_be_late, uint64_t now_ms) {
    assert(note->asked.len == 0);
    bool has_room = (duty == NEAR_KEEP || may_be_late) && q->asked.len > 0 &&
                    near_store_hold(store, q->asked.len, now_ms);
    if (has_room)
        bytes_append_slice(&note->asked, q->asked);
    note->duty = has_room ? duty : NEAR_SEE;
    note->key_hash = q->key_hash;
    note->hash = q->hash;
    note->moment = near_store_moment(store, q, epoch_of(store, source));
    note->asked_ms = now_ms;
    note->has_all_keys = source->has_all_keys;
}

void near_note_write(struct near_note *note, struct near_store *store,
                     const struct near_source *source, const struct signature *signature,
                     const struct call *call, struct bytes *scratch) {
    size_t number = 0;
    assert(note->duty == NEAR_FORGET);
    if (!source)
        return;
    for (size_t i = call->key_at; i < call->argc; i = syntax_next_key(signature, call, i + 1)) {
        scratch->len = 0;
        bytes_append_slice(scratch, call_prefix(call, number++));
        bytes_append_slice(scratch, call->args[i]);
        uint64_t hash = hash_key(store, source, bytes_slice(scratch));
        near_store_forget_everywhere(store, hash);
        if (near_store_is_shared(store))
            bytes_append(&note->written, &hash, sizeof(hash));
    }
}

void near_written(struct near_store *store, const struct near_note *note) {
    assert(note->duty == NEAR_FORGET);
    for (size_t at = 0; at < note->written.len; at += sizeof(uint64_t)) {
        uint64_t hash;
        memcpy(&hash, note->written.data + at, sizeof(hash));
        near_store_forget_everywhere(store, hash);
    }
}

void near_note_end(struct near_note *note, struct near_store *store) {
    assert(near_note_is_read(note));
    near_store_release(store, note->asked.len);
    bytes_empty(&note->asked);
    note->duty = NEAR_NOTHING;
}

// --- answers ----------------------------------------------------------------------------------

// Returns the part of a reply that says what the key holds: a lease is not part of it.
static struct slice gist_of(struct slice reply, bool is_memo, bool has_lease) {
    return is_memo ? memo_value_part(reply, has_lease) : reply;
}

// Returns whether nobody can have seen another answer to the question since this one was kept.
static bool is_known(struct near_store *store, const struct near_source *source,
                     const struct near_note *note, struct slice gist, bool is_memo,
                     uint64_t now_ms) {
    struct near_question q = question_of(note);
    if (near_store_is_shared(store))
        return near_store_is_known(store, &q, gist);
    struct slice kept = near_find_late(store, source, note, now_ms);
    return kept.data && slice_equal(gist_of(kept, is_memo, false), gist);
}

static void keep(struct near_store *store, const struct namespace_conf *conf,
                 const struct near_note *note, const struct answer *answer, struct slice reply,
                 uint64_t now_ms) {
    struct near_question q = question_of(note);
    int64_t ttl_ms = conf->near_ttl_ms;
    if (answer->ttl_ms >= 0 && answer->ttl_ms < ttl_ms) // -1: the key never expires; -2: no key
        ttl_ms = answer->ttl_ms;
    uint64_t deadline_ms = note->asked_ms + (uint64_t)ttl_ms;
    uint64_t until_ms = deadline_ms + (uint64_t)answer->stale_ms; // memo.get's alone
    near_store_keep(store, &q, &note->moment, reply, deadline_ms, until_ms, now_ms);
}

// Returns whether changes of the answer will be heard of. A key that is missing at one server of
// several (its ttl is -2) may be created at another.
static bool may_be_kept(const struct near_note *note, const struct answer *answer) {
    bool is_missing = answer->ttl_ms == -2;
    return !answer->is_failed && !answer->is_redirected && answer->ttl_ms != ANSWER_NO_TTL &&
           (!is_missing || note->has_all_keys);
}

void near_answered(struct near_store *store, const struct near_source *source,
                   const struct namespace_conf *conf, struct near_note *note,
                   const struct answer *answer, struct slice reply, uint64_t now_ms) {
    struct near_question q = question_of(note);
    bool is_memo = answer->memo_state != MEMO_NONE;
    if (answer->is_failed && answer->code != REPLY_WRONGTYPE)
        return; // nothing was seen
    struct slice gist = gist_of(reply, is_memo && !answer->is_failed, answer->has_lease);
    bool is_kept = note->duty == NEAR_KEEP && may_be_kept(note, answer);
    if (!is_kept && !is_known(store, source, note, gist, is_memo, now_ms))
        near_store_forget_everywhere(store, q.key_hash);
    if (near_store_is_shared(store))
        near_store_see(store, &q, gist, &note->moment);
    if (is_kept)
        keep(store, conf, note, answer, reply, now_ms);
}
