// Near store: what is an answer, what leaves, and how much memory it takes. Time is handed in.
#include "helpers.h"
#include "near_store.h"

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
    return (struct near_moment){EPOCH, near_store_version(store, q->key_hash)};
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

START_TEST(store_refuses_what_is_too_large) {
    struct near_question q = question_of("a");
    struct near_moment moment = moment_of(&q);
    char *large = calloc(1, MB / 8);
    near_store_keep(store, &q, &moment, (struct slice){large, MB / 8}, SOON, SOON, 0);
    check_none("a");
    ck_assert_uint_eq(near_store_counters(store)->large, 1);
    free(large);
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

// How many of `count` reads are hits, when each miss is kept: each second read is of 500 hot keys,
// the others are of keys that come once. Plain FIFO would keep some 2,500 entries of which half are
// hot ones, but lose a hot one each time that it has passed through the queue.
START_TEST(store_keeps_what_is_hot_while_a_scan_passes_by) {
    uint32_t state = 1, scanned = 1000000;
    int hot_reads = 0, hot_hits = 0;
    for (int i = 0; i < 200000; i++) {
        bool is_hot = i % 2;
        uint32_t number = is_hot ? next_random(&state) % 500 : scanned++;
        char key[16];
        snprintf(key, sizeof(key), "k%u", number);
        bool is_hit = find_at(key, 0).data;
        if (!is_hit)
            keep_numbered(number, 300, 0);
        hot_reads += is_hot;
        hot_hits += is_hot && is_hit;
    }
    ck_assert_msg(hot_hits > hot_reads * 99 / 100, "%d of %d hot reads were hits", hot_hits,
                  hot_reads);
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

// Against a plain table: what it answers is what was kept last, under the key's version and epoch.
START_TEST(store_answers_as_a_plain_table_would) {
    enum { KEYS = 300 };
    uint32_t model[KEYS] = {0}, state = 5; // 0: nothing may be answered
    uint64_t epoch = 1;
    int hits = 0;
    for (uint32_t step = 1; step < 200000; step++) {
        uint32_t number = next_random(&state) % KEYS, action = next_random(&state) % 100;
        char key[16];
        snprintf(key, sizeof(key), "k%u", number);
        struct near_question q = question_of(key);
        if (action < 30) {
            struct near_moment moment = {epoch, near_store_version(store, q.key_hash)};
            struct slice reply = {(const char *)&step, sizeof(step)};
            near_store_keep(store, &q, &moment, reply, SOON, SOON, 0);
            model[number] = step;
        } else if (action < 40) {
            near_store_forget(store, q.key_hash);
            model[number] = 0;
        } else if (action == 40 && number == 0) {
            epoch++;
            memset(model, 0, sizeof(model));
        } else {
            struct slice reply = near_store_find(store, &q, epoch, 0);
            if (!reply.data) // it may have had to go: but never for nothing with so much room
                continue;
            hits++;
            ck_assert_uint_eq(reply.len, sizeof(step));
            ck_assert_msg(memcmp(reply.data, &model[number], sizeof(step)) == 0,
                          "step %u: %s is stale", step, key);
        }
    }
    ck_assert_int_gt(hits, 50000);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "near_store", begin, end, store_answers_what_was_kept_and_nothing_else,
        store_answers_until_the_deadline, store_gives_a_late_answer_only_when_asked_for_one,
        store_gives_nothing_of_another_epoch, store_forgets_a_key,
        store_keeps_nothing_that_was_asked_before_the_key_was_forgotten,
        store_of_too_little_memory_keeps_nothing, store_drops_what_it_has_when_its_bound_changes,
        store_refuses_what_is_too_large, store_never_takes_more_memory_than_it_may,
        store_keeps_what_is_hot_while_a_scan_passes_by, store_lets_void_entries_go,
        store_answers_as_a_plain_table_would);
}
