// Account: remembers which commands a backend's account at Redis may not run, of those that the
// verbs of its namespaces need.
//
// The backend owns the account. Its connection asks Redis for the account's rights when it greets,
// and again when Redis has refused a command (backend/conn.h). A request that needs a command which
// the account may not run is refused without being sent.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/rights.h"

struct account {
    const struct rights *rights;
    uint64_t needs;    // the needed commands: bits of `rights`
    uint64_t refused;  // those of `needs` that the account may not run, by the last answers
    uint64_t asked_ms; // when the last question was sent, in the loop's time
    struct bytes key;  // begins as the keys of its namespaces do
};

// The answers to one question, as they come.
struct account_question {
    uint64_t left; // the commands whose answers are still to come
    uint64_t refused;
};

void account_deinit(struct account *account);

// Writes the question: MULTI, a sample of each needed command, DISCARD. `q` is to be fed with the
// answers between MULTI's and DISCARD's.
void account_ask(struct account *account, struct account_question *q, struct command *c,
                 uint64_t now_ms);
void account_answered(struct account_question *q, const struct event *e);
// To be called when all answers have come: the account takes over the result.
void account_settle(struct account *account, const struct account_question *q);
