#include "daemon/near/shared.h"

#include "protocol/hash.h"

enum { ANSWER_BITS = 48 }; // of a remembered answer; above them are the question's

static size_t bucket_of(uint64_t question_hash) {
    return question_hash & (NEAR_SHARED_BUCKETS - 1);
}

// The question's part is of other bits of its hash than the bucket's number.
static uint64_t memory_of(uint64_t question_hash, struct slice answer) {
    uint64_t answer_part = hash_slice(answer, question_hash) & ((1ULL << ANSWER_BITS) - 1);
    return (question_hash >> ANSWER_BITS << ANSWER_BITS) | answer_part | 1; // never 0
}

static bool is_of_question(uint64_t memory, uint64_t other) {
    return other != 0 && memory >> ANSWER_BITS == other >> ANSWER_BITS;
}

void near_shared_raise(struct near_shared *s, uint64_t key_hash) {
    atomic_fetch_add(&s->versions[near_shared_slot(key_hash)], 1);
}

bool near_shared_is_known(const struct near_shared *s, uint64_t question_hash,
                          struct slice answer) {
    const atomic_ullong *places = s->answers[bucket_of(question_hash)];
    uint64_t memory = memory_of(question_hash, answer);
    for (size_t i = 0; i < NEAR_SHARED_PLACES; i++)
        if (atomic_load(&places[i]) == memory)
            return true;
    return false;
}

// Forgets what is remembered of the question.
static void forget(atomic_ullong *places, uint64_t memory) {
    for (size_t i = 0; i < NEAR_SHARED_PLACES; i++) {
        unsigned long long found = atomic_load(&places[i]);
        if (is_of_question(memory, found))
            atomic_compare_exchange_strong(&places[i], &found, 0);
    }
}

static size_t count_of_question(const atomic_ullong *places, uint64_t memory) {
    size_t count = 0;
    for (size_t i = 0; i < NEAR_SHARED_PLACES; i++)
        count += is_of_question(memory, atomic_load(&places[i]));
    return count;
}

// Returns whether the answer has got a place: an empty one, or that of another question, which the
// answer's hash chooses.
static bool put(atomic_ullong *places, uint64_t memory) {
    unsigned long long none = 0;
    for (size_t i = 0; i < NEAR_SHARED_PLACES; i++, none = 0)
        if (atomic_compare_exchange_strong(&places[i], &none, memory))
            return true;
    atomic_ullong *victim = &places[memory / 2 % NEAR_SHARED_PLACES];
    unsigned long long other = atomic_load(victim);
    return atomic_compare_exchange_strong(victim, &other, memory);
}

// The counter is raised before the answer is remembered: a worker that finds the answer known may
// rely on the counter. Two workers may tell different answers at the same time; then no answer may
// stay remembered, which is always safe: one of them sees that the other has raised the counter, or
// finds the other's answer beside its own, and forgets both.
void near_shared_tell(struct near_shared *s, uint64_t question_hash, struct slice answer) {
    atomic_uint *version = &s->versions[near_shared_slot(question_hash)];
    atomic_ullong *places = s->answers[bucket_of(question_hash)];
    uint64_t memory = memory_of(question_hash, answer);
    unsigned raised = atomic_fetch_add(version, 1) + 1;
    forget(places, memory);
    if (!put(places, memory) || atomic_load(version) != raised ||
        count_of_question(places, memory) != 1)
        forget(places, memory);
}
