// Command: writing the Redis commands of one request straight into a connection's output.
//
// Redis answers each command; `replies` counts those answers. In a transaction the
// client's is that of the first command; answer.c passes over the others.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"

struct command {
    struct bytes *out;
    uint32_t replies;    // top-level answers to expect
    bool is_transaction; // the last top-level answer is EXEC's
    bool has_ttl;        // the first top-level answer is PTTL's, and not for the client
    int64_t limit;       // for the renderer: how many items it may show
    int64_t stale_ms;    // for that of memo.get: as in the call
    double early_factor; // likewise
};

// Begins a command of `words` words in all, `name` being the first.
void command_begin(struct command *c, struct slice name, size_t words);
// Each adds one word.
void command_word(struct command *c, struct slice word);
void command_integer(struct command *c, int64_t number);
// The Redis key: the namespace's prefix and the client's key.
void command_key(struct command *c, const struct call *call, struct slice key);
// The request's arguments from `from` on.
void command_args(struct command *c, const struct call *call, size_t from);

// The most common shape: `name`, the key, and the request's arguments behind the key.
void command_plain(struct command *c, const struct call *call, struct slice name);

// Everything between these two takes effect together with the key's new ttl, or not at all:
// MULTI; …; PEXPIRE; EXEC leave in one write, and Redis runs none of it when EXEC is cut off.
// PEXPIRE must come after the write, which may create the key.
// (redis.io, "Transactions"; redis.io/commands/pexpire)
void command_write_begin(struct command *c, const struct call *call);
void command_write_end(struct command *c, const struct call *call);

// As command_write_begin(), for several commands that must be atomic even when no ttl is written.
void command_transaction_begin(struct command *c);

// command_plain() as such a write.
void command_write(struct command *c, const struct call *call, struct slice name);

// Asks for the key's ttl before a read of one key, whose answer is to be kept (answer.h, ttl_ms).
// Before, not behind: what another client writes between the two makes the ttl too short, or is
// told by an invalidation.
void command_ask_ttl(struct command *c, const struct call *call);

// Appends "PX ttl".
void command_px(struct command *c, int64_t ttl_ms);

// Appends "PX ttl" to a command that takes it, when the call sets a ttl; command_ttl_words() says
// how many words that is. For SET, which replaces the value and starts its ttl in any ttl_mode.
size_t command_ttl_words(const struct call *call);
void command_ttl(struct command *c, const struct call *call);

// A script with one key, which leaves its reply in `reply`. The ttl's command follows it, and
// nothing of it is run when the account may not run that one: what a script has written stays when
// a later command of it is refused. The arguments of the request behind the key follow as ARGV[2]
// and so on; ARGV[1] is the ttl in ms.
void command_script(struct command *c, const struct call *call, struct slice script);
// The same for a command of the script itself, with as many further arguments as it needs at least.
#define SCRIPT_MAY(name, arguments)                                                                \
    "if not redis.acl_check_cmd('" name "', KEYS[1]" arguments ") then return redis.error_reply("  \
    "\"NOPERM this user has no permissions to run the '" name "' command\") end\n"
