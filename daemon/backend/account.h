// Account: which of the commands that its namespaces' verbs need a backend's account may not run.
//
// The backend owns it; its connection asks Redis when it greets, and again when somebody is told
// no (backend/conn.h). A request that needs a command it may not run is refused without being sent.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/rights.h"

struct account {
    const struct rights *rights;
    uint64_t needs;    // the commands: bits of `rights`
    uint64_t refused;  // of them, as the last answers said
    uint64_t asked_ms; // when the last question was sent, in the loop's time
    struct bytes key;  // begins as its namespaces' keys do
};

// The answers to one question, as they come.
struct account_question {
    uint64_t left; // the commands whose answers are still to come
    uint64_t refused;
};

void account_deinit(struct account *account);

// Writes the question; `q` is to be fed with the answers between MULTI's and DISCARD's.
void account_ask(struct account *account, struct account_question *q, struct command *c,
                 uint64_t now_ms);
void account_answered(struct account_question *q, const struct event *e);
// All have come.
void account_settle(struct account *account, const struct account_question *q);
