// The store of clients' scripts: what it keeps, for how long, and in how much memory.
#include <pthread.h>

#include "daemon/redis/script_store.h"
#include "helpers.h"

enum { COST = sizeof(struct script) };

static uint8_t sha[SCRIPT_SHA_SIZE];

static bool has(struct script_store *store, const char *text) {
    script_sha(sha, slice_of(text));
    struct script *script = script_store_find(store, sha);
    if (!script)
        return false;
    check_same(text, script->text, slice_of(text));
    script_store_release(store, script);
    return true;
}

static void add(struct script_store *store, const char *text) {
    script_store_release(store, script_store_add(store, slice_of(text)));
}

START_TEST(a_script_is_found_by_its_hash) {
    struct script_store *store = script_store_new(10000);
    ck_assert(!has(store, "return 1"));
    add(store, "return 1");
    add(store, "");
    add(store, "return 1");
    ck_assert(has(store, "return 1"));
    ck_assert(has(store, ""));
    ck_assert(!has(store, "return 2"));
    ck_assert_uint_eq(script_store_bytes(store), strlen("return 1") + 2 * COST);
    script_store_free(store);
}
END_TEST

START_TEST(the_hash_is_that_of_redis) {
    char hex[SCRIPT_HEX_SIZE];
    uint8_t read[SCRIPT_SHA_SIZE];
    script_sha(sha, SLICE("return 1"));
    script_sha_write(hex, sha);
    struct slice text = {hex, sizeof(hex)};
    check_same("return 1", text, SLICE("e0e1f9fabfc9d4800c877a703b823ac0578ff8db"));
    ck_assert(script_sha_read(read, text));
    ck_assert_mem_eq(read, sha, sizeof(sha));
    ck_assert(script_sha_read(read, SLICE("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB")));
    ck_assert_mem_eq(read, sha, sizeof(sha));
    ck_assert(!script_sha_read(read, SLICE("e0e1f9fabfc9d4800c877a703b823ac0578ff8d")));
    ck_assert(!script_sha_read(read, SLICE("x0e1f9fabfc9d4800c877a703b823ac0578ff8db")));
    ck_assert(!script_sha_read(read, SLICE("")));
}
END_TEST

START_TEST(what_was_not_used_for_the_longest_time_makes_room) {
    struct script_store *store = script_store_new(3 * (COST + 1));
    add(store, "a");
    add(store, "b");
    add(store, "c");
    ck_assert(has(store, "a"));
    add(store, "d");
    ck_assert(!has(store, "b"));
    ck_assert(has(store, "a") && has(store, "c") && has(store, "d"));
    add(store, "ee"); // does not fit beside two others
    ck_assert(has(store, "d") && has(store, "ee"));
    ck_assert(!has(store, "a") && !has(store, "c"));
    ck_assert_uint_le(script_store_bytes(store), 3 * (COST + 1));
    script_store_free(store);
}
END_TEST

START_TEST(a_script_that_is_held_outlives_its_place) {
    struct script_store *store = script_store_new(COST + 1);
    struct script *held = script_store_add(store, SLICE("a"));
    add(store, "b");
    ck_assert(!has(store, "a"));
    check_same("held", held->text, SLICE("a"));
    script_store_release(store, held);
    script_store_free(store);
}
END_TEST

START_TEST(a_script_that_is_too_long_is_not_kept) {
    struct script_store *store = script_store_new(COST + 3);
    add(store, "abc");
    struct script *script = script_store_add(store, SLICE("abcd"));
    check_same("held", script->text, SLICE("abcd"));
    script_store_release(store, script);
    ck_assert(has(store, "abc") && !has(store, "abcd"));
    script_store_free(store);
}
END_TEST

static void *use(void *argument) {
    struct script_store *store = argument;
    for (unsigned i = 0; i < 3000; i++) {
        char text[16];
        snprintf(text, sizeof(text), "%u", i * 7919 % 50);
        struct script *script = script_store_add(store, slice_of(text));
        check_same("added", script->text, slice_of(text));
        script_store_release(store, script);
    }
    return NULL;
}

START_TEST(threads_may_use_it_at_once) {
    struct script_store *store = script_store_new(20 * (COST + 2));
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use, store), 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(script_store_bytes(store), 20 * (COST + 2));
    script_store_free(store);
}
END_TEST

int main(void) {
    return RUN_TESTS("script_store", a_script_is_found_by_its_hash, the_hash_is_that_of_redis,
                     what_was_not_used_for_the_longest_time_makes_room,
                     a_script_that_is_held_outlives_its_place,
                     a_script_that_is_too_long_is_not_kept, threads_may_use_it_at_once);
}
