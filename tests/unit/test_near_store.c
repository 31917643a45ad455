// Near store: what is an answer, what leaves, and how much memory it takes. Time is handed in.
#include <inttypes.h>
#include <malloc.h>
#include <math.h>

#include "daemon/near/store.h"
#include "helpers.h"

enum { MB = 1024 * 1024, SALT = 7, EPOCH = 3, SOON = 1000 };

static struct near_store *store;

static void begin(void) { store = near_store_new(MB, 42); }
static void end(void) { near_store_free(store); }

// The question "key?"; `text` must stay where it is.
static struct near_question question_of(const char *key) {
    struct slice asked = slice_of(key);
    uint64_t key_hash = near_store_hash(store, asked, SALT);
    return (struct near_question){asked, key_hash, key_hash};
}

static struct near_moment moment_of(const struct near_question *q) {
    return near_store_moment(store, q, EPOCH);
}

static void keep_until(const char *key, const char *reply, uint64_t deadline_ms,
                       uint64_t until_ms) {
    struct near_question q = question_of(key);
    struct near_moment moment = moment_of(&q);
    near_store_keep(store, &q, &moment, slice_of(reply), deadline_ms, until_ms, 0);
}

static void keep(const char *key, const char *reply) { keep_until(key, reply, SOON, SOON); }

static struct slice find_at(const char *key, uint64_t now_ms) {
    struct near_question q = question_of(key);
    return near_store_find(store, &q, EPOCH, now_ms);
}

static void check_kept(const char *key, const char *reply) {
    check_same(key, find_at(key, 0), slice_of(reply));
}

static void check_none(const char *key) { ck_assert_ptr_null(find_at(key, 0).data); }

START_TEST(store_answers_what_was_kept_and_nothing_else) {
    check_none("a");
    keep("a", "$1\r\n1\r\n");
    keep("ab", "$1\r\n2\r\n");
    check_kept("a", "$1\r\n1\r\n");
    check_kept("ab", "$1\r\n2\r\n");
    check_none("b");
    keep("a", "$-1\r\n");
    check_kept("a", "$-1\r\n");
    ck_assert_uint_eq(near_store_counters(store)->entries, 2);
}
END_TEST

START_TEST(store_answers_until_the_deadline) {
    keep_until("a", "x", 10, 20);
    ck_assert_ptr_nonnull(find_at("a", 9).data);
    ck_assert_ptr_null(find_at("a", 10).data);
}
END_TEST

START_TEST(store_gives_a_late_answer_only_when_asked_for_one) {
    struct near_question q = question_of("a");
    keep_until("a", "x", 10, 20);
    check_same("late", near_store_find_late(store, &q, EPOCH, 19), SLICE("x"));
    ck_assert_ptr_null(near_store_find_late(store, &q, EPOCH, 20).data);
    ck_assert_ptr_null(near_store_find_late(store, &q, EPOCH + 1, 19).data);
    near_store_forget(store, q.key_hash);
    ck_assert_ptr_null(near_store_find_late(store, &q, EPOCH, 19).data);
}
END_TEST

START_TEST(store_gives_nothing_of_another_epoch) {
    struct near_question q = question_of("a");
    keep("a", "x");
    ck_assert_ptr_null(near_store_find(store, &q, EPOCH + 1, 0).data);
    ck_assert_ptr_nonnull(near_store_find(store, &q, EPOCH, 0).data);
}
END_TEST

START_TEST(store_forgets_a_key) {
    struct near_question q = question_of("a");
    keep("a", "x");
    near_store_forget(store, q.key_hash);
    check_none("a");
    keep("a", "y");
    check_kept("a", "y");
}
END_TEST

// The reply was read before the key changed, and comes behind the news of it.
START_TEST(store_keeps_nothing_that_was_asked_before_the_key_was_forgotten) {
    struct near_question q = question_of("a");
    struct near_moment moment = moment_of(&q);
    near_store_forget(store, q.key_hash);
    near_store_keep(store, &q, &moment, SLICE("old"), SOON, SOON, 0);
    check_none("a");
    ck_assert_uint_eq(near_store_counters(store)->late, 1);
}
END_TEST

// A table of another size counts on from where no counter of the old one has been.
START_TEST(store_keeps_nothing_that_was_forgotten_before_its_bound_changed) {
    for (int forgotten = 1; forgotten < 5; forgotten++) {
        struct near_question q = question_of("a");
        struct near_moment moment = moment_of(&q);
        near_store_forget(store, q.key_hash);
        near_store_resize(store, forgotten % 2 ? 2 * MB : MB);
        near_store_keep(store, &q, &moment, SLICE("old"), SOON, SOON, 0);
        check_none("a");
        for (int i = 0; i < forgotten; i++) {
            near_store_forget(store, q.key_hash);
            near_store_keep(store, &q, &moment, SLICE("old"), SOON, SOON, 0);
            check_none("a");
        }
    }
}
END_TEST

START_TEST(store_keeps_nothing_past_its_deadline) {
    struct near_question q = question_of("a");
    struct near_moment moment = moment_of(&q);
    near_store_keep(store, &q, &moment, SLICE("x"), 10, 10, 10);
    ck_assert_uint_eq(near_store_counters(store)->entries, 0);
    ck_assert_uint_eq(near_store_counters(store)->late, 1);
}
END_TEST

// The hash only leads to the place: the bytes decide.
START_TEST(store_tells_questions_of_one_hash_apart) {
    struct near_question a = question_of("a"), b = {SLICE("b"), a.key_hash, a.hash};
    struct near_moment moment = moment_of(&a);
    near_store_keep(store, &a, &moment, SLICE("of a"), SOON, SOON, 0);
    ck_assert_ptr_null(near_store_find(store, &b, EPOCH, 0).data);
    near_store_keep(store, &b, &moment, SLICE("of b"), SOON, SOON, 0);
    check_same("a", near_store_find(store, &a, EPOCH, 0), SLICE("of a"));
    check_same("b", near_store_find(store, &b, EPOCH, 0), SLICE("of b"));
}
END_TEST

// Several questions of one key: all are forgotten with it, those of other keys are not.
START_TEST(store_forgets_all_questions_of_a_key) {
    struct near_question one = question_of("key, field 1"), two = question_of("key, field 2");
    one.key_hash = two.key_hash = near_store_hash(store, SLICE("key"), SALT);
    struct near_moment moment = moment_of(&one);
    keep("other", "x");
    near_store_keep(store, &one, &moment, SLICE("1"), SOON, SOON, 0);
    near_store_keep(store, &two, &moment, SLICE("2"), SOON, SOON, 0);
    check_same("one", near_store_find(store, &one, EPOCH, 0), SLICE("1"));
    check_same("two", near_store_find(store, &two, EPOCH, 0), SLICE("2"));
    near_store_forget(store, one.key_hash);
    ck_assert_ptr_null(near_store_find(store, &one, EPOCH, 0).data);
    ck_assert_ptr_null(near_store_find(store, &two, EPOCH, 0).data);
    check_kept("other", "x");
}
END_TEST

START_TEST(store_tells_trackers_apart_by_their_salt) {
    ck_assert_uint_ne(near_store_hash(store, SLICE("a"), 1), near_store_hash(store, SLICE("a"), 2));
    ck_assert_uint_eq(near_store_hash(store, SLICE("a"), 1), near_store_hash(store, SLICE("a"), 1));
}
END_TEST

START_TEST(store_counts_what_happens) {
    const struct near_counters *n = near_store_counters(store);
    size_t empty = n->bytes;
    keep("a", "x");
    keep("a", "y");
    check_kept("a", "y");
    check_none("b");
    ck_assert_uint_eq(n->kept, 2);
    ck_assert_uint_eq(n->hits, 1);
    ck_assert_uint_eq(n->misses, 1);
    ck_assert_uint_eq(n->entries, 1);
    ck_assert_uint_gt(n->bytes, empty);
    ck_assert_uint_eq(n->late + n->large + n->evicted, 0);
}
END_TEST

START_TEST(store_of_too_little_memory_keeps_nothing) {
    static const size_t sizes[] = {0, 1, NEAR_LEAST - 1};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        near_store_resize(store, sizes[i]);
        keep("a", "x");
        check_none("a");
        near_store_forget(store, question_of("a").key_hash);
        ck_assert_uint_eq(near_store_counters(store)->bytes, 0);
    }
}
END_TEST

START_TEST(store_drops_what_it_has_when_its_bound_changes) {
    keep("a", "x");
    near_store_resize(store, MB);
    check_kept("a", "x");
    near_store_resize(store, 2 * MB);
    check_none("a");
    ck_assert_uint_eq(near_store_counters(store)->entries, 0);
}
END_TEST

static bool keeps_bytes(size_t len) {
    char *reply = calloc(1, len);
    struct near_question q = question_of("large");
    struct near_moment moment = moment_of(&q);
    uint64_t kept = near_store_counters(store)->kept;
    near_store_keep(store, &q, &moment, (struct slice){reply, len}, SOON, SOON, 0);
    free(reply);
    return near_store_counters(store)->kept > kept;
}

START_TEST(store_refuses_what_is_too_large) {
    size_t least = MB / 8 - 256, most = MB / 8; // what an entry takes beside its reply
    ck_assert(keeps_bytes(least));
    ck_assert(!keeps_bytes(most));
    while (most - least > 1) {
        size_t half = (least + most) / 2;
        *(keeps_bytes(half) ? &least : &most) = half;
    }
    ck_assert(keeps_bytes(least));
    ck_assert_uint_gt(find_at("large", 0).len, MB / 8 - 256);
    uint64_t large = near_store_counters(store)->large;
    ck_assert(!keeps_bytes(most));
    ck_assert_uint_eq(near_store_counters(store)->large, large + 1);
    ck_assert_uint_le(near_store_counters(store)->bytes, MB);
}
END_TEST

// A small generator: the same in every run.
static uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u; // Numerical Recipes' linear congruential generator
    return *state >> 8;
}

static void keep_numbered(uint32_t number, size_t reply_len, uint64_t now_ms) {
    char key[16];
    char *reply = calloc(1, reply_len);
    snprintf(key, sizeof(key), "k%u", number);
    struct near_question q = question_of(key);
    struct near_moment moment = moment_of(&q);
    near_store_keep(store, &q, &moment, (struct slice){reply, reply_len}, now_ms + SOON,
                    now_ms + SOON, now_ms);
    free(reply);
}

START_TEST(store_never_takes_more_memory_than_it_may) {
    uint32_t state = 1;
    for (int i = 0; i < 30000; i++) {
        keep_numbered(next_random(&state) % 5000, next_random(&state) % 3000 + 1, 0);
        ck_assert_uint_le(near_store_counters(store)->bytes, MB);
    }
    ck_assert_uint_gt(near_store_counters(store)->evicted, 1000);
    ck_assert_uint_gt(near_store_counters(store)->bytes, MB * 9 / 10);
}
END_TEST

static size_t random_size(uint32_t *state) {
    static const size_t sizes[] = {0, NEAR_LEAST - 1, NEAR_LEAST, 100000, MB, 4 * MB};
    return sizes[next_random(state) % COUNT(sizes)];
}

// The time that one answer's room takes is bounded: it is not kept where thousands would have to
// go.
START_TEST(store_drops_no_more_than_some_thousands_for_one) {
    enum { LARGE = 16 * MB };
    char key[16];
    near_store_resize(store, 8 * LARGE);
    uint64_t evicted;
    for (int i = 0; near_store_counters(store)->evicted == 0; i++) {
        snprintf(key, sizeof(key), "%d", i);
        keep(key, "x");
    }
    evicted = near_store_counters(store)->evicted;
    ck_assert(!keeps_bytes(LARGE - 1024));
    ck_assert_uint_le(near_store_counters(store)->evicted, evicted + 5000);
    ck_assert_uint_eq(near_store_counters(store)->large, 1);
}
END_TEST

// Also of answers that are void, late, or too large, and when the bound changes.
START_TEST(store_keeps_to_each_bound) {
    uint32_t state = 3;
    uint64_t now_ms = 0;
    size_t memory = MB;
    for (int i = 0; i < 100000; i++) {
        if (i % 5000 == 0)
            near_store_resize(store, memory = random_size(&state));
        uint32_t number = next_random(&state) % 3000, spread = next_random(&state) % 16;
        keep_numbered(number, 1 + next_random(&state) % (1 << spread), now_ms += 1);
        if (spread == 0)
            near_store_forget(store, next_random(&state));
        const struct near_counters *n = near_store_counters(store);
        ck_assert_uint_le(n->bytes, memory);
        ck_assert(memory >= NEAR_LEAST || n->entries + n->bytes == 0);
    }
    near_store_resize(store, 0);
    ck_assert_uint_eq(near_store_counters(store)->entries, 0);
    ck_assert_uint_eq(near_store_counters(store)->bytes, 0);
}
END_TEST

static size_t allocated(void) { // what the C library has given out; 0 under a sanitizer
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// The C library rounds each block up to 16 bytes: an entry may take 7 more than it is counted for.
// It also holds a few freed blocks back, of 64 kB at most here.
START_TEST(store_takes_what_it_says_and_no_more) {
    static const size_t lens[] = {1, 5, 30, 200, 3000};
    const struct near_counters *n = near_store_counters(store);
    near_store_resize(store, 0);
    size_t before = allocated();
    for (size_t i = 0; i < COUNT(lens); i++) {
        near_store_resize(store, (4 + i) * MB);
        uint64_t evicted = n->evicted;
        for (uint32_t number = 0; n->evicted == evicted; number++)
            keep_numbered(number, lens[i], 0);
        size_t taken = allocated() - before;
        ck_assert_msg(taken <= n->bytes + 7 * n->entries + 65536,
                      "replies of %zu: %zu, counted %" PRIu64, lens[i], taken, n->bytes);
    }
}
END_TEST

// What a queue of so many entries would do: who comes in pushes the oldest out.
struct fifo {
    uint32_t *numbers;
    size_t size, next;
    uint8_t *is_there; // by number
};

static bool fifo_read(struct fifo *f, uint32_t number) {
    if (f->is_there[number])
        return true;
    f->is_there[f->numbers[f->next]] = false;
    f->numbers[f->next] = number;
    f->is_there[number] = true;
    f->next = (f->next + 1) % f->size;
    return false;
}

// Number 0 marks an empty place and is never read.
enum { HOT = 500, READS = 200000, REPLY = 300 };

static bool read_numbered(uint32_t number) {
    char key[16];
    snprintf(key, sizeof(key), "k%u", number);
    if (find_at(key, 0).data)
        return true;
    keep_numbered(number, REPLY, 0);
    return false;
}

static size_t entries_that_fit(void) {
    uint32_t number = READS * 2;
    while (near_store_counters(store)->evicted == 0)
        keep_numbered(number++, REPLY, 0);
    return near_store_counters(store)->entries;
}

// `next_number` chooses what is read; returns the store's and the queue's hits among those that it
// calls hot, of 1000.
static void compare(uint32_t (*next_number)(uint32_t *state, bool *is_hot), size_t rates[2]) {
    size_t fit = entries_that_fit(), reads = 0, hits[2] = {0};
    struct fifo fifo = {calloc(fit, sizeof(uint32_t)), fit, 0, calloc(READS * 2, 1)};
    uint32_t state = 1;
    for (int i = 0; i < READS; i++) {
        bool is_hot;
        uint32_t number = next_number(&state, &is_hot);
        bool is_hit[2] = {read_numbered(number), fifo_read(&fifo, number)};
        reads += is_hot;
        hits[0] += is_hot && is_hit[0];
        hits[1] += is_hot && is_hit[1];
    }
    rates[0] = hits[0] * 1000 / reads;
    rates[1] = hits[1] * 1000 / reads;
    printf("hits of 1000: store %zu, plain queue %zu, with %zu entries\n", rates[0], rates[1], fit);
    free(fifo.numbers);
    free(fifo.is_there);
}

// A hot read, then nine of keys that come once.
static uint32_t hot_and_scan(uint32_t *state, bool *is_hot) {
    static uint32_t scanned = HOT;
    *is_hot = next_random(state) % 10 == 0;
    return *is_hot ? 1 + next_random(state) % HOT : ++scanned;
}

START_TEST(store_keeps_what_is_hot_while_a_scan_passes_by) {
    size_t rates[2];
    compare(hot_and_scan, rates);
    ck_assert_uint_gt(rates[0], 900);
    ck_assert_uint_lt(rates[1], 500);
}
END_TEST

// Some keys are read far more often than others: number n about 1/n as often as the first (Zipf's
// law, by inversion of 1/x).
static uint32_t skewed(uint32_t *state, bool *is_hot) {
    double share = next_random(state) / (double)(1 << 24);
    *is_hot = true;
    return (uint32_t)pow(READS, share);
}

START_TEST(store_hits_more_than_a_plain_queue_where_some_keys_are_read_more) {
    size_t rates[2];
    compare(skewed, rates);
    ck_assert_uint_gt(rates[0], rates[1] + 15);
}
END_TEST

// An answer that is read anew, since its key has changed, need not prove itself again.
START_TEST(store_gives_a_new_answer_the_old_ones_place) {
    char key[16];
    int hits = 0;
    for (uint32_t number = 0; number < 2 * HOT; number++) // read twice, they reach the main queue
        read_numbered(1 + number / 2);
    for (uint32_t number = 0; number < 5000; number++)
        read_numbered(10000 + number);
    for (uint32_t number = 1; number <= HOT; number++) {
        snprintf(key, sizeof(key), "k%u", number);
        near_store_forget(store, question_of(key).key_hash);
    }
    for (uint32_t number = 1; number <= HOT; number++)
        keep_numbered(number, REPLY, 0);
    for (uint32_t number = 0; number < 5000; number++)
        read_numbered(20000 + number);
    for (uint32_t number = 1; number <= HOT; number++)
        hits += read_numbered(number);
    ck_assert_int_gt(hits, HOT * 9 / 10); // one in 33 is not spared: see MOST_SPARED
}
END_TEST

// Each is read again only after more than fits has come by: a queue would never have it. Who was
// pushed out and comes back is worth more than who comes for the first time.
START_TEST(store_remembers_who_was_pushed_out) {
    uint32_t scanned = 1000000;
    int hits = 0;
    for (int round = 0; round < 20; round++)
        for (uint32_t number = 1; number <= HOT; number++) {
            hits += read_numbered(number);
            for (int i = 0; i < 9; i++)
                read_numbered(scanned++);
        }
    ck_assert_msg(hits > 20 * HOT / 2, "%d hits", hits);
}
END_TEST

// Void entries make room for others first: they do not count as evicted.
START_TEST(store_lets_void_entries_go) {
    for (uint32_t i = 0; i < 1000; i++) {
        keep_numbered(1, 100, 0);
        near_store_forget(store, question_of("k1").key_hash);
    }
    ck_assert_uint_le(near_store_counters(store)->entries, 1);
    for (uint32_t i = 0; i < 2000; i++)
        keep_numbered(i, 300, 0);
    uint64_t evicted = near_store_counters(store)->evicted;
    for (uint32_t i = 0; i < 1000; i++) // all that was there has passed its deadline by now
        keep_numbered(10000 + i, 300, SOON + 1);
    ck_assert_uint_eq(near_store_counters(store)->evicted, evicted);
}
END_TEST

// --- against a plain table --------------------------------------------------------------------

enum { KEYS = 3000, WAYS = 64 };

// An answer that is on its way: what the server had when it was asked.
struct asked {
    uint32_t number;
    struct near_moment moment;
    uint32_t asked_at; // the step
    bool is_under_way;
};

struct model {
    uint32_t state;
    uint64_t epoch, now_ms;
    uint32_t step;
    uint32_t forgotten[KEYS]; // the step
    uint32_t all_void;        // the step
    uint32_t kept[KEYS];      // the step at which what was kept last had been asked for
    uint64_t deadline_ms[KEYS];
    struct asked ways[WAYS];
    size_t hits, finds;
};

static uint32_t model_random(struct model *m, uint32_t below) {
    return next_random(&m->state) % below;
}

static struct near_question numbered(char key[16], uint32_t number) {
    snprintf(key, 16, "k%u", number);
    return question_of(key);
}

static void model_ask(struct model *m, struct asked *way) {
    char key[16];
    way->number = model_random(m, KEYS);
    struct near_question q = numbered(key, way->number);
    way->moment = near_store_moment(store, &q, m->epoch);
    way->asked_at = m->step;
    way->is_under_way = true;
}

static bool model_is_void(const struct model *m, uint32_t number, uint32_t asked_at) {
    return asked_at < m->forgotten[number] || asked_at < m->all_void;
}

// The reply is the step at which it was asked for.
static void model_answer(struct model *m, struct asked *way) {
    char key[16];
    struct near_question q = numbered(key, way->number);
    uint64_t deadline_ms = m->now_ms + model_random(m, 50);
    uint64_t kept = near_store_counters(store)->kept;
    near_store_keep(store, &q, &way->moment, (struct slice){(char *)&way->asked_at, 4}, deadline_ms,
                    deadline_ms, m->now_ms);
    way->is_under_way = false;
    if (near_store_counters(store)->kept == kept)
        return;
    m->kept[way->number] = way->asked_at;
    m->deadline_ms[way->number] = deadline_ms;
}

static void model_find(struct model *m, uint32_t number) {
    char key[16];
    uint32_t asked_at;
    struct near_question q = numbered(key, number);
    struct slice reply = near_store_find(store, &q, m->epoch, m->now_ms);
    m->finds++;
    if (!reply.data)
        return; // it may have had to go, or share its counter with another key
    m->hits++;
    ck_assert_uint_eq(reply.len, sizeof(asked_at));
    memcpy(&asked_at, reply.data, sizeof(asked_at));
    ck_assert_msg(asked_at == m->kept[number], "step %u: %s is another answer", m->step, key);
    ck_assert_msg(!model_is_void(m, number, asked_at), "step %u: %s is void", m->step, key);
    ck_assert_msg(m->now_ms < m->deadline_ms[number], "step %u: %s is late", m->step, key);
}

static void model_step(struct model *m) {
    char key[16];
    uint32_t action = model_random(m, 1000), number = model_random(m, KEYS);
    struct asked *way = &m->ways[model_random(m, WAYS)];
    if (action < 400) {
        (way->is_under_way ? model_answer : model_ask)(m, way);
    } else if (action < 450) {
        near_store_forget(store, numbered(key, number).key_hash);
        m->forgotten[number] = m->step;
    } else if (action == 450 && number < KEYS / 50) { // FLUSHALL
        m->epoch++;
        m->all_void = m->step;
    } else if (action == 451 && number < KEYS / 50) {
        near_store_resize(store, MB / 8 * (1 + model_random(m, 8)));
    } else if (action < 460) {
        m->now_ms++;
    } else {
        model_find(m, m->ways[model_random(m, WAYS)].number);
    }
}

// Whatever comes in between, and however late an answer is: what is found was kept last, and its
// key had not been forgotten since it was asked for.
START_TEST(store_answers_as_a_plain_table_would) {
    struct model *m = calloc(1, sizeof(*m));
    m->state = 5;
    m->epoch = EPOCH;
    for (m->step = 1; m->step < 1000000; m->step++)
        model_step(m);
    ck_assert_msg(m->hits > m->finds / 4, "%zu of %zu were hits", m->hits, m->finds);
    free(m);
}
END_TEST

// --- loans ------------------------------------------------------------------------------------

// A loan of the reply kept for the key, whose bytes must stay "of KEY" until it is returned.
struct loan {
    void *loan;
    struct slice reply;
    const char *wanted;
};

static struct loan lend(const char *key, const char *wanted) {
    struct near_question q = question_of(key);
    struct slice reply = near_store_find(store, &q, EPOCH, 0);
    check_same(key, reply, slice_of(wanted));
    return (struct loan){near_store_lend(&q, reply), reply, wanted};
}

static void check_and_return(const struct loan *loan) {
    check_same("lent", loan->reply, slice_of(loan->wanted));
    near_store_return(loan->loan);
}

START_TEST(store_keeps_on_answering_what_is_lent) {
    keep("a", "reply");
    struct loan one = lend("a", "reply"), two = lend("a", "reply");
    check_kept("a", "reply");
    check_and_return(&one);
    check_kept("a", "reply");
    check_and_return(&two);
    check_kept("a", "reply");
}
END_TEST

START_TEST(store_leaves_a_lent_reply_as_it_is_when_another_takes_its_place) {
    keep("a", "reply 1");
    struct loan one = lend("a", "reply 1"), again = lend("a", "reply 1");
    size_t bytes = near_store_counters(store)->bytes;
    keep("a", "reply 2");
    struct loan two = lend("a", "reply 2");
    ck_assert_uint_eq(near_store_counters(store)->entries, 1);
    ck_assert_uint_eq(near_store_counters(store)->bytes, bytes);
    check_and_return(&one);
    check_and_return(&two);
    check_and_return(&again);
    check_kept("a", "reply 2");
}
END_TEST

START_TEST(store_leaves_a_lent_reply_as_it_is_when_it_is_forgotten) {
    keep("a", "reply");
    struct loan loan = lend("a", "reply");
    struct near_question q = question_of("a");
    near_store_forget(store, q.key_hash);
    check_none("a");
    check_and_return(&loan);
}
END_TEST

START_TEST(store_leaves_a_lent_reply_as_it_is_when_it_is_evicted) {
    char key[20], reply[5000];
    memset(reply, 'x', sizeof(reply) - 1);
    reply[sizeof(reply) - 1] = '\0';
    keep("a", "reply");
    struct loan loan = lend("a", "reply");
    for (int i = 0; i < 4 * MB / (int)sizeof(reply); i++) {
        snprintf(key, sizeof(key), "other %d", i);
        keep(key, reply);
        check_kept(key, reply);
    }
    check_none("a");
    ck_assert_uint_le(near_store_counters(store)->bytes, MB);
    check_and_return(&loan);
}
END_TEST

START_TEST(store_leaves_lent_replies_as_they_are_when_its_bound_changes_or_it_ends) {
    keep("a", "reply 1");
    struct loan one = lend("a", "reply 1");
    near_store_resize(store, 2 * MB);
    check_none("a");
    keep("a", "reply 2");
    struct loan two = lend("a", "reply 2");
    near_store_free(store);
    store = near_store_new(MB, 42);
    check_and_return(&one);
    check_and_return(&two);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "near_store", begin, end, store_answers_what_was_kept_and_nothing_else,
        store_answers_until_the_deadline, store_gives_a_late_answer_only_when_asked_for_one,
        store_gives_nothing_of_another_epoch, store_forgets_a_key,
        store_keeps_nothing_that_was_asked_before_the_key_was_forgotten,
        store_keeps_nothing_that_was_forgotten_before_its_bound_changed,
        store_keeps_nothing_past_its_deadline, store_tells_questions_of_one_hash_apart,
        store_forgets_all_questions_of_a_key, store_tells_trackers_apart_by_their_salt,
        store_counts_what_happens, store_of_too_little_memory_keeps_nothing,
        store_drops_what_it_has_when_its_bound_changes, store_refuses_what_is_too_large,
        store_drops_no_more_than_some_thousands_for_one, store_never_takes_more_memory_than_it_may,
        store_keeps_to_each_bound, store_takes_what_it_says_and_no_more,
        store_keeps_what_is_hot_while_a_scan_passes_by,
        store_hits_more_than_a_plain_queue_where_some_keys_are_read_more,
        store_gives_a_new_answer_the_old_ones_place, store_remembers_who_was_pushed_out,
        store_lets_void_entries_go, store_answers_as_a_plain_table_would,
        store_keeps_on_answering_what_is_lent,
        store_leaves_a_lent_reply_as_it_is_when_another_takes_its_place,
        store_leaves_a_lent_reply_as_it_is_when_it_is_forgotten,
        store_leaves_a_lent_reply_as_it_is_when_it_is_evicted,
        store_leaves_lent_replies_as_they_are_when_its_bound_changes_or_it_ends);
}
