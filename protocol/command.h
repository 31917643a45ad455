// Command: writes the Redis commands of one request straight into a connection's output.
//
// Redis answers each command; `replies` counts those answers. In a transaction the client's reply
// is the answer to the first command; answer.c skips the others.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"

// Whether the commands follow an ASKING, which tells a server of a cluster to serve a key that is
// on its way to it. An ASKING holds for one command, or for one transaction.
enum asks {
    ASKS_NONE,
    ASKS_ONCE, // before a single command, or before MULTI
    ASKS_EACH, // before each of the two commands of a read whose ttl is asked for
};

// The answers that are not for the client.
struct command_frame {
    uint8_t asks;        // enum asks: whoever writes the ASKINGs sets it
    bool is_transaction; // the last top-level answer is EXEC's
    bool has_ttl;        // the first top-level answer, but for ASKING's, is PTTL's
    bool is_any;         // there are such answers
};

struct command {
    struct bytes *out;
    uint32_t replies; // top-level answers to expect, but for those to ASKING
    struct command_frame frame;
    int64_t limit;       // for the renderer: how many items it may show
    int64_t stale_ms;    // for the renderer of memo.get: as in the call
    double early_factor; // likewise
};

// Begins a command of `words` words in all, of which `name` is the first.
void command_begin(struct command *c, struct slice name, size_t words);
// These add one word each.
void command_word(struct command *c, struct slice word);
void command_integer(struct command *c, int64_t number);
// Adds the Redis key as one word: the namespace's prefix and the client's key.
void command_key(struct command *c, const struct call *call, struct slice key);
// Adds the request's arguments from `from` on.
void command_args(struct command *c, const struct call *call, size_t from);

// Writes a command of the most common shape: `name`, the key, and the arguments after the key.
void command_plain(struct command *c, const struct call *call, struct slice name);

// Everything between these two takes effect together with the key's new ttl, or not at all:
// MULTI; …; PEXPIRE; EXEC leave in one write, and Redis runs none of it when EXEC is cut off.
// PEXPIRE must come after the write, which may create the key.
// (redis.io, "Transactions"; redis.io/commands/pexpire)
void command_write_begin(struct command *c, const struct call *call);
void command_write_end(struct command *c, const struct call *call);

// Does the same as command_write_begin() for several commands that must be atomic even when no ttl
// is written.
void command_transaction_begin(struct command *c);

// Writes the command of command_plain() between command_write_begin() and command_write_end().
void command_write(struct command *c, const struct call *call, struct slice name);

// Asks for the key's ttl before a read of one key whose answer is to be kept (answer.h, ttl_ms).
// The ttl is asked for before the read, so that a write of another client between the two can only
// make the ttl too short, or is reported by an invalidation.
void command_ask_ttl(struct command *c, const struct call *call);

// Returns the length in bytes of the first of several commands, which must be whole.
size_t command_length(struct slice commands);

// Appends "PX ttl".
void command_px(struct command *c, int64_t ttl_ms);

// Appends "PX ttl" to a command that takes these words, when the call sets a ttl;
// command_ttl_words() returns how many words they are. For SET, which replaces the value and starts
// its ttl in any ttl_mode.
size_t command_ttl_words(const struct call *call);
void command_ttl(struct command *c, const struct call *call);

// Writes a script with one key, which leaves its reply in `reply`. The command for the ttl is
// appended to the script. Nothing of the script is run when the account may not run that command,
// since a script's writes stay when a later command in it is refused. ARGV[1] is the ttl in ms; the
// request's arguments after the key follow as ARGV[2] and so on.
void command_script(struct command *c, const struct call *call, struct slice script);
// Begins a script that calls the command `name`: ends it when the account may not run that command.
// `arguments` are as many further arguments as the command needs at least.
#define SCRIPT_MAY(name, arguments)                                                                \
    "if not redis.acl_check_cmd('" name "', KEYS[1]" arguments ") then return redis.error_reply("  \
    "\"NOPERM this user has no permissions to run the '" name "' command\") end\n"
