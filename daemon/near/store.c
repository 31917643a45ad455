#include "daemon/near/store.h"

#include <assert.h>

#include "daemon/near/shared.h"
#include "protocol/hash.h"
#include "protocol/mem.h"

enum {
    FIRST_SLOTS = 16 * 1024, // enough that few hot keys share counters with what is written
    BYTES_A_SLOT = 256,      // of memory: about the size of a small entry
    MALLOC_OVERHEAD = 16,    // of an entry: malloc's header and rounding
    SMALL_SHARE = 10,        // the small queue is a tenth of the entries' bytes, as in the paper
    LARGEST_SHARE = 8,       // an eighth of the memory bounds an entry, and all held questions
    MOST_ASKED = 3,          // how often an entry was asked for counts up to this
    MOST_SPARED = 32,        // in a row: a bound for the time that one entry's room may take
    MOST_EVICTED = 4096,     // for one entry: likewise; an entry that needs more is not kept
};

// The members that a look-up reads lie side by side, next to the bytes: they share cache lines.
struct entry {
    struct entry *newer, *older; // in its queue
    uint64_t key_hash;
    uint64_t until_ms;
    struct entry *next; // in its slot
    uint64_t hash;
    uint64_t deadline_ms;
    uint64_t epoch;
    uint32_t version, shared;
    uint32_t asked_len, reply_len;
    uint8_t asked; // how often it was found since it came, or was last spared
    bool is_main;  // it is in the main queue, else in the small one
    uint32_t refs; // loans of its reply, and one more while it is in the store
    char data[];   // the question, then the reply
};

struct slot {
    struct entry *first;
    uint32_t version; // of the keys whose hash is here
    uint32_t ghost;   // the upper half of the hash that left the small queue last
};

struct queue {
    struct entry *newest, *oldest;
    size_t bytes;
};

struct near_store {
    uint64_t seed;
    struct near_shared *shared; // NULL: there is only one worker
    uint64_t era;               // of a single worker; with several, shared->era counts
    size_t memory;
    size_t held;        // bytes of the memory taken by questions
    struct slot *slots; // entries and ghosts by their own hash, versions by the key's
    size_t most_slots;  // a power of two; 0: nothing is kept
    size_t room;        // the most slots that the memory allows
    size_t half;        // a power of two: so many slots have been, or are being, split in two …
    size_t split;       // … and so many of these are done
    uint32_t first_version; // of new slots; larger than any version in an earlier table
    struct queue small, main;
    struct near_counters counters;
};

// --- tables -----------------------------------------------------------------------------------

static void make_slots(struct near_store *s, size_t memory) {
    s->memory = memory;
    s->most_slots = s->half = s->split = 0;
    if (memory >= NEAR_LEAST)
        for (s->most_slots = 1; s->most_slots * 2 <= memory / BYTES_A_SLOT;)
            s->most_slots *= 2;
    s->half = memory >= NEAR_LEAST ? FIRST_SLOTS : 0;
    while (s->half > s->most_slots)
        s->half /= 2;
    s->room = s->half;
    s->slots = mem_new(s->room * sizeof(*s->slots));
    for (size_t i = 0; i < s->half; i++)
        s->slots[i].version = s->first_version;
    s->counters.bytes = s->room * sizeof(*s->slots) + s->held;
}

struct near_store *near_store_new(size_t memory, uint64_t seed) {
    struct near_store *s = mem_new(sizeof(*s));
    s->seed = seed;
    make_slots(s, memory);
    return s;
}

void near_store_share(struct near_store *s, struct near_shared *shared) {
    assert(s->counters.kept == 0);
    s->shared = shared;
    s->seed = shared->seed;
}

bool near_store_is_shared(const struct near_store *s) { return s->shared; }

// Linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980):
// the table grows by a slot at a time, so that it is as small as its entries allow, stays in the
// processor's caches while they are few, and never has to be rebuilt as a whole.
static struct slot *slot_of(const struct near_store *s, uint64_t hash) {
    size_t at = hash & (s->half - 1);
    return &s->slots[at < s->split ? hash & (2 * s->half - 1) : at];
}

// Splits the next slot: half of its entries go to a new slot, and both slots have its counter.
static void grow(struct near_store *s) {
    if (s->half + s->split == s->room) {
        s->slots = mem_resize(s->slots, 2 * s->room * sizeof(*s->slots));
        memset(s->slots + s->room, 0, s->room * sizeof(*s->slots));
        s->counters.bytes += s->room * sizeof(*s->slots);
        s->room *= 2;
    }
    struct slot *old = &s->slots[s->split], *new = &s->slots[s->split + s->half];
    struct entry *e = old->first;
    new->version = old->version;
    new->ghost = old->ghost;
    old->first = NULL;
    if (++s->split == s->half) {
        s->half *= 2;
        s->split = 0;
    }
    while (e) {
        struct entry *next = e->next;
        struct slot *slot = slot_of(s, e->hash);
        e->next = slot->first;
        slot->first = e;
        e = next;
    }
}

static uint32_t fingerprint(uint64_t hash) { return (uint32_t)(hash >> 32); }

// --- queues -----------------------------------------------------------------------------------

static size_t entry_bytes(const struct entry *e) {
    return sizeof(*e) + e->asked_len + e->reply_len + MALLOC_OVERHEAD;
}

static struct queue *queue_of(struct near_store *s, const struct entry *e) {
    return e->is_main ? &s->main : &s->small;
}

static void push(struct near_store *s, struct entry *e) {
    struct queue *queue = queue_of(s, e);
    e->newer = NULL;
    e->older = queue->newest;
    if (queue->newest)
        queue->newest->newer = e;
    else
        queue->oldest = e;
    queue->newest = e;
    queue->bytes += entry_bytes(e);
}

static void leave_queue(struct near_store *s, struct entry *e) {
    struct queue *queue = queue_of(s, e);
    if (e->newer)
        e->newer->older = e->older;
    else
        queue->newest = e->older;
    if (e->older)
        e->older->newer = e->newer;
    else
        queue->oldest = e->newer;
    queue->bytes -= entry_bytes(e);
}

static void unref(struct entry *e) {
    if (--e->refs == 0)
        mem_free(e);
}

static void remove_entry(struct near_store *s, struct entry *e) {
    struct entry **at = &slot_of(s, e->hash)->first;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    leave_queue(s, e);
    s->counters.entries--;
    s->counters.bytes -= entry_bytes(e);
    unref(e);
}

// --- eviction ---------------------------------------------------------------------------------

static uint32_t shared_version(const struct near_store *s, uint64_t key_hash, uint64_t hash) {
    return s->shared ? near_shared_version(s->shared, key_hash, hash) : 0;
}

static bool is_of_now(const struct near_store *s, const struct entry *e) {
    return e->version == slot_of(s, e->key_hash)->version &&
           (!s->shared || e->shared == near_shared_version(s->shared, e->key_hash, e->hash));
}

static bool is_void(const struct near_store *s, const struct entry *e, uint64_t now_ms) {
    return !is_of_now(s, e) || now_ms >= e->until_ms;
}

static void evict(struct near_store *s, struct entry *e, uint64_t now_ms) {
    if (!is_void(s, e, now_ms)) {
        s->counters.evicted++;
        if (!e->is_main)
            slot_of(s, e->hash)->ghost = fingerprint(e->hash);
    }
    remove_entry(s, e);
}

// Looks at the entry whose turn has come: the entry leaves, or is spared and goes to the front of
// the main queue.
static void make_some_room(struct near_store *s, bool may_spare, uint64_t now_ms) {
    bool is_small_turn =
        !s->main.oldest || s->small.bytes * SMALL_SHARE > s->small.bytes + s->main.bytes;
    struct entry *e = is_small_turn && s->small.oldest ? s->small.oldest : s->main.oldest;
    if (!may_spare || e->asked == 0 || is_void(s, e, now_ms)) {
        evict(s, e, now_ms);
        return;
    }
    leave_queue(s, e);
    e->asked = e->is_main ? e->asked - 1 : 0;
    e->is_main = true;
    push(s, e);
}

// Returns false when too many entries would have to leave.
static bool make_room(struct near_store *s, size_t bytes, uint64_t now_ms) {
    for (int looked_at = 0; s->counters.bytes + bytes > s->memory; looked_at++) {
        if (looked_at == MOST_EVICTED || s->counters.entries == 0)
            return false;
        make_some_room(s, looked_at < MOST_SPARED, now_ms);
    }
    return true;
}

static void drop_all(struct near_store *s) {
    while (s->small.oldest)
        remove_entry(s, s->small.oldest);
    while (s->main.oldest)
        remove_entry(s, s->main.oldest);
}

static void free_slots(struct near_store *s) {
    drop_all(s);
    mem_free(s->slots);
}

void near_store_free(struct near_store *s) {
    free_slots(s);
    mem_free(s);
}

// An answer that is under way while the table changes must not be kept: the new table cannot tell
// whether its key was forgotten after the question. So new slots begin with a version never used.
static uint32_t unused_version(const struct near_store *s) {
    uint32_t most = s->first_version;
    for (size_t i = 0; i < s->half + s->split; i++)
        if (s->slots[i].version > most)
            most = s->slots[i].version;
    return most + 1;
}

void near_store_resize(struct near_store *s, size_t memory) {
    if (memory == s->memory)
        return;
    s->first_version = unused_version(s);
    free_slots(s);
    make_slots(s, memory);
}

// --- questions --------------------------------------------------------------------------------

uint64_t near_store_hash(const struct near_store *s, struct slice key, uint64_t salt) {
    return hash_slice(key, s->seed ^ salt);
}

uint64_t near_store_era(const struct near_store *s) {
    return s->shared ? atomic_load_explicit(&s->shared->era, memory_order_acquire) : s->era;
}

struct near_moment near_store_moment(const struct near_store *s, const struct near_question *q,
                                     uint64_t epoch) {
    uint32_t version = s->most_slots > 0 ? slot_of(s, q->key_hash)->version : s->first_version;
    return (struct near_moment){epoch, version, shared_version(s, q->key_hash, q->hash)};
}

void near_store_forget(struct near_store *s, uint64_t key_hash) {
    if (s->most_slots > 0)
        slot_of(s, key_hash)->version++;
}

void near_store_forget_everywhere(struct near_store *s, uint64_t key_hash) {
    if (s->shared)
        near_shared_raise(s->shared, key_hash);
    else
        near_store_forget(s, key_hash);
}

void near_store_forget_all(struct near_store *s) {
    if (s->shared)
        atomic_fetch_add(&s->shared->era, 1);
    else
        s->era++;
}

bool near_store_hold(struct near_store *s, size_t bytes, uint64_t now_ms) {
    if (s->held + bytes > s->memory / LARGEST_SHARE || !make_room(s, bytes, now_ms))
        return false;
    s->held += bytes;
    s->counters.bytes += bytes;
    return true;
}

void near_store_release(struct near_store *s, size_t bytes) {
    s->held -= bytes;
    s->counters.bytes -= bytes;
}

static struct entry *look_up(const struct near_store *s, const struct near_question *q) {
    if (s->most_slots == 0)
        return NULL;
    for (struct entry *e = slot_of(s, q->hash)->first; e; e = e->next)
        if (e->hash == q->hash && slice_equal((struct slice){e->data, e->asked_len}, q->asked))
            return e;
    return NULL;
}

static struct slice reply_of(const struct entry *e) {
    return (struct slice){e->data + e->asked_len, e->reply_len};
}

static bool is_current(const struct near_store *s, const struct entry *e, uint64_t epoch) {
    return e->epoch == epoch && is_of_now(s, e);
}

struct slice near_store_find(struct near_store *s, const struct near_question *q, uint64_t epoch,
                             uint64_t now_ms) {
    struct entry *e = look_up(s, q);
    if (!e || !is_current(s, e, epoch) || now_ms >= e->deadline_ms) {
        s->counters.misses++;
        return (struct slice){0};
    }
    s->counters.hits++;
    e->asked += e->asked < MOST_ASKED;
    return reply_of(e);
}

struct slice near_store_find_late(struct near_store *s, const struct near_question *q,
                                  uint64_t epoch, uint64_t now_ms) {
    struct entry *e = look_up(s, q);
    return e && is_current(s, e, epoch) && now_ms < e->until_ms ? reply_of(e) : (struct slice){0};
}

// --- loans ------------------------------------------------------------------------------------

void *near_store_lend(const struct near_question *q, struct slice reply) {
    struct entry *e = CONTAINER_OF(reply.data - q->asked.len, struct entry, data);
    assert(e->hash == q->hash && e->reply_len == reply.len);
    e->refs++;
    return e;
}

void near_store_return(void *loan) { unref(loan); }

// --- answers ----------------------------------------------------------------------------------

static void insert(struct near_store *s, struct entry *e) {
    if (2 * s->counters.entries >= s->half + s->split && s->half + s->split < s->most_slots)
        grow(s);
    struct slot *slot = slot_of(s, e->hash);
    e->next = slot->first;
    slot->first = e;
    push(s, e);
    s->counters.entries++;
    s->counters.bytes += entry_bytes(e);
    s->counters.kept++;
}

bool near_store_is_known(const struct near_store *s, const struct near_question *q,
                         struct slice answer) {
    return near_shared_is_known(s->shared, q->hash, answer);
}

void near_store_see(struct near_store *s, const struct near_question *q, struct slice answer,
                    struct near_moment *asked_at) {
    if (near_shared_is_known(s->shared, q->hash, answer))
        return;
    bool is_one_slot = near_shared_slot(q->hash) == near_shared_slot(q->key_hash);
    near_shared_tell(s->shared, q->hash, answer);
    asked_at->shared += is_one_slot ? 2 : 1; // one slot counts in both parts of the sum
}

static struct entry *new_entry(const struct near_question *q, const struct near_moment *asked_at,
                               struct slice reply) {
    struct entry *e = mem_new(sizeof(*e) + q->asked.len + reply.len);
    e->refs = 1;
    e->hash = q->hash;
    e->key_hash = q->key_hash;
    e->epoch = asked_at->epoch;
    e->version = asked_at->version;
    e->shared = asked_at->shared;
    e->asked_len = (uint32_t)q->asked.len;
    e->reply_len = (uint32_t)reply.len;
    memcpy(e->data, q->asked.data, q->asked.len);
    memcpy(e->data + q->asked.len, reply.data, reply.len);
    return e;
}

void near_store_keep(struct near_store *s, const struct near_question *q,
                     const struct near_moment *asked_at, struct slice reply, uint64_t deadline_ms,
                     uint64_t until_ms, uint64_t now_ms) {
    size_t bytes = sizeof(struct entry) + q->asked.len + reply.len + MALLOC_OVERHEAD;
    struct near_moment now = near_store_moment(s, q, asked_at->epoch);
    struct entry *old = look_up(s, q);
    bool is_main = old ? old->is_main : false;
    uint8_t asked =
        old ? old->asked : 0; // the new one takes the place of the old one in the queues
    if (old)
        remove_entry(s, old);
    else if (s->most_slots > 0)
        is_main = slot_of(s, q->hash)->ghost == fingerprint(q->hash);
    if (s->most_slots == 0 || bytes > s->memory / LARGEST_SHARE) {
        s->counters.large++;
    } else if (asked_at->version != now.version || asked_at->shared != now.shared ||
               now_ms >= until_ms) {
        s->counters.late++;
    } else if (!make_room(s, bytes, now_ms)) {
        s->counters.large++;
    } else {
        struct entry *e = new_entry(q, asked_at, reply);
        e->deadline_ms = deadline_ms;
        e->until_ms = until_ms;
        e->is_main = is_main;
        e->asked = asked;
        insert(s, e);
    }
}

const struct near_counters *near_store_counters(const struct near_store *s) { return &s->counters; }
