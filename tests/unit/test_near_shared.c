// Near shared: which answers are remembered, of how many questions, and by several threads at once.
#include <uv.h>

#include "daemon/near/shared.h"
#include "helpers.h"
#include "protocol/mem.h"

enum { MANY = 100 * 1000, BUCKET = 77, THREADS = 3, TURNS = 200 * 1000 };

static struct near_shared *shared;

static void begin(void) { shared = mem_new(sizeof(*shared)); }
static void end(void) { mem_free(shared); }

// The hashes of different questions, which look random (Steele, Lea, Flood: "Fast splittable
// pseudorandom number generators", OOPSLA 2014).
static uint64_t hash_of(uint64_t number) {
    uint64_t z = (number + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

// The question with this number of those that share a bucket.
static uint64_t in_one_bucket(uint64_t number) {
    return (hash_of(number) & ~(uint64_t)(NEAR_SHARED_BUCKETS - 1)) | BUCKET;
}

START_TEST(shared_knows_the_last_answer_alone) {
    uint64_t question = hash_of(1);
    ck_assert(!near_shared_is_known(shared, question, SLICE("a")));
    near_shared_tell(shared, question, SLICE("a"));
    ck_assert(near_shared_is_known(shared, question, SLICE("a")));
    ck_assert(!near_shared_is_known(shared, question, SLICE("b")));
    near_shared_tell(shared, question, SLICE("b"));
    ck_assert(near_shared_is_known(shared, question, SLICE("b")));
    ck_assert(!near_shared_is_known(shared, question, SLICE("a")));
}
END_TEST

START_TEST(shared_raises_the_counter_of_a_question_with_each_answer) {
    uint64_t question = hash_of(1), key = hash_of(2);
    uint32_t before = near_shared_version(shared, key, question);
    near_shared_tell(shared, question, SLICE("a"));
    ck_assert_uint_eq(near_shared_version(shared, key, question), before + 1);
    near_shared_raise(shared, key);
    ck_assert_uint_eq(near_shared_version(shared, key, question), before + 2);
}
END_TEST

START_TEST(shared_remembers_as_many_questions_of_a_bucket_as_it_has_places) {
    for (uint64_t i = 0; i < NEAR_SHARED_PLACES; i++)
        near_shared_tell(shared, in_one_bucket(i), SLICE("a"));
    for (uint64_t i = 0; i < NEAR_SHARED_PLACES; i++)
        ck_assert(near_shared_is_known(shared, in_one_bucket(i), SLICE("a")));
    near_shared_tell(shared, in_one_bucket(NEAR_SHARED_PLACES), SLICE("a"));
    ck_assert(near_shared_is_known(shared, in_one_bucket(NEAR_SHARED_PLACES), SLICE("a")));
    size_t known = 0;
    for (uint64_t i = 0; i < NEAR_SHARED_PLACES; i++)
        known += near_shared_is_known(shared, in_one_bucket(i), SLICE("a"));
    ck_assert_uint_eq(known, NEAR_SHARED_PLACES - 1);
}
END_TEST

// As they are read again and again: a question that was forgotten is told once more.
START_TEST(shared_remembers_a_hundred_thousand_questions) {
    size_t known = 0;
    for (uint64_t i = 0; i < MANY; i++)
        near_shared_tell(shared, hash_of(i), SLICE("a"));
    for (uint64_t i = 0; i < MANY; i++)
        known += near_shared_is_known(shared, hash_of(i), SLICE("a"));
    ck_assert_uint_ge(known, MANY - MANY / 1000);
}
END_TEST

static void tell_often(void *letter) {
    for (int turn = 0; turn < TURNS; turn++)
        near_shared_tell(shared, hash_of((uint64_t)turn % 3), (struct slice){letter, 1});
}

START_TEST(shared_never_knows_two_answers_to_a_question) {
    static char letters[THREADS] = "abc";
    uv_thread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(uv_thread_create(&threads[i], tell_often, &letters[i]), 0);
    for (size_t i = 0; i < THREADS; i++)
        uv_thread_join(&threads[i]);
    for (uint64_t question = 0; question < 3; question++) {
        size_t known = 0;
        for (size_t i = 0; i < THREADS; i++)
            known +=
                near_shared_is_known(shared, hash_of(question), (struct slice){&letters[i], 1});
        ck_assert_uint_le(known, 1);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND("near_shared", begin, end, shared_knows_the_last_answer_alone,
                            shared_raises_the_counter_of_a_question_with_each_answer,
                            shared_remembers_as_many_questions_of_a_bucket_as_it_has_places,
                            shared_remembers_a_hundred_thousand_questions,
                            shared_never_knows_two_answers_to_a_question);
}
