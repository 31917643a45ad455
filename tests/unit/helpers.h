// Helpers of the unit tests: comparing bytes, splitting sample requests, running a suite.
#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "protocol/bytes.h"
#include "protocol/native.h"
#include "protocol/verb_table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Fails unless both are the same bytes; `what` says which row of a table it is about.
static inline void check_same(const char *what, struct slice got, struct slice wanted) {
    if (slice_equal(got, wanted))
        return;
    struct bytes text = {0};
    bytes_printf(&text, "%s:\n  got    ", what);
    bytes_append_readable(&text, got, 4000);
    bytes_append_literal(&text, "\n  wanted ");
    bytes_append_readable(&text, wanted, 4000);
    bytes_append(&text, "", 1);
    ck_abort_msg("%s", text.data);
}

// check_same() for a buffer, which is emptied.
static inline void check_text(const char *what, struct bytes *got, const char *wanted) {
    check_same(what, bytes_slice(got), slice_of(wanted));
    bytes_deinit(got);
}

// A block of exactly `len` bytes, so that the address sanitizer sees each step beyond it.
static inline char *copy_exactly(const char *data, size_t len) {
    char *copy = malloc(len);
    ck_assert(copy || len == 0);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

enum { SAMPLE_WORDS = 16 };

// A request as a test writes it: words separated by single spaces.
struct sample {
    struct slice words[SAMPLE_WORDS]; // point into the text
    size_t count;
};

static inline struct sample sample_of(const char *text) {
    struct sample s = {0};
    while (*text) {
        size_t len = strcspn(text, " ");
        ck_assert_uint_lt(s.count, SAMPLE_WORDS);
        s.words[s.count++] = (struct slice){text, len};
        text += len + (text[len] == ' ');
    }
    return s;
}

// Reads the sample, verb first, as the daemon would, under the prefix "p:" and a ttl of 5 s.
static inline const struct verb_entry *read_sample(const struct verb_table *table,
                                                   const struct sample *sample, enum ttl_rule rule,
                                                   struct call *call) {
    struct slice name = {0};
    struct refusal refusal = {0};
    const struct verb_entry *entry = verb_find(table, sample->words[0]);
    ck_assert_ptr_nonnull(entry);
    bool is_read = native_read(entry, sample->words + 1, sample->count - 1, call, &name, &refusal);
    check_text(entry->verb->name, &refusal.text, "");
    ck_assert(is_read);
    call->prefix = SLICE("p:");
    call->ttl_rule = rule;
    call->ttl_ms = 5000;
    call->ttl_px = (struct slice){0};
    call->stale_ms = 0;
    call->lease_ms = 10000;
    call->null_ttl_ms = 30000;
    call->early_factor = 0;
    return entry;
}

// Runs the tests, each in a process of its own unless CK_FORK=no, and returns main()'s result.
// `begin` and `end`, which may be NULL, run around each of them.
static inline int run_tests(const char *module, const TTest *const *tests, size_t count,
                            void (*begin)(void), void (*end)(void)) {
    Suite *suite = suite_create(module);
    TCase *tcase = tcase_create(module);
    tcase_set_timeout(tcase, 60);
    if (begin)
        tcase_add_checked_fixture(tcase, begin, end);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define RUN_TESTS_AROUND(module, begin, end, ...)                                                  \
    run_tests(module, (const TTest *const[]){__VA_ARGS__},                                         \
              COUNT(((const TTest *const[]){__VA_ARGS__})), begin, end)
#define RUN_TESTS(module, ...) RUN_TESTS_AROUND(module, NULL, NULL, __VA_ARGS__)
