// Rights: knows which Redis commands each verb sends, and writes the question to Redis which of
// them an account may not run.
//
// The commands are not listed by hand: each verb's builder is run with samples under each rule for
// the ttl, and the commands are read back from its output, those inside scripts too. Redis checks
// an account's rights already when a command is queued, so the question runs no command:
//
//   MULTI, a sample of each command → QUEUED or NOPERM, DISCARD
#pragma once

#include "protocol/bytes.h"
#include "protocol/command.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"

enum { RIGHTS_MOST = 64 }; // a bit each of a uint64_t

struct right {
    char name[20];       // in upper case, ended by a zero
    struct bytes sample; // the command with arguments that fit
};

struct rights {
    struct right rows[RIGHTS_MOST];
    size_t count;
};

// Adds the commands that `build` writes for the verb. Returns a bit for each of these commands.
uint64_t rights_learn(struct rights *rights, const struct verb *verb, verb_build *build,
                      const struct signature *signature);
void rights_deinit(struct rights *rights);

// Returns a bit for each of the commands in these bytes, which a builder wrote.
uint64_t rights_sent(const struct rights *rights, struct bytes *commands);

// Writes the question about the commands in `asked`, with a key that the account should have access
// to.
void rights_write_question(const struct rights *rights, uint64_t asked, struct slice key,
                           struct command *c);

// Returns the name of the command with the lowest bit, for a message.
const char *rights_name(const struct rights *rights, uint64_t commands);
