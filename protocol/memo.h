// Memo: a computed result, or the lease of a client that computes it, in one Redis string.
//
// A plain value is stored unchanged, so that key.get and redis-cli can read it. Any other string
// begins with MEMO_MAGIC and a letter:
//
//   L hash till                        no result yet; a client holds the lease
//   N till                             "nothing" is the result
//   V delta value                      a value that took delta ms, or that begins like these
//   S hash till ends delta value       a value with a lease: a client computes the next value
//
// `till` is the end of the lease or of "nothing", `ends` the end of the value, both in the server's
// time in ms since 1970. They are stored so that no other verb's ttl can make a lease, "nothing",
// or a value with a lease last longer. `hash` is SHA-1 of the lease's token, so that a client that
// reads the key, in whichever way, can't use the lease. Redis keeps a value for ttl + stale;
// without a lease, its PTTL tells whether it is fresh.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"

#define MEMO_MAGIC "\0memo"
enum { MEMO_MAGIC_SIZE = 5, MEMO_TOKEN_SIZE = 16 };

// Writes the second step of memo.get: a script that decides anew and may give the lease `token`,
// with `is_early` on a fresh value, too. With an empty `token` it gives no lease. `key` is the real
// key. Times are in ms.
void memo_build_ask(struct command *c, struct slice key, struct slice token, int64_t lease_ms,
                    int64_t stale_ms, bool is_early);

answer_render render_memo_asked; // renders the script's answer

// The meaning of a string to the verbs of `key`, which see only the value of a memo.
enum memo_content { MEMO_PLAIN, MEMO_VALUE, MEMO_NO_VALUE };
// Returns the meaning of *text, of which `rest` bytes are still to come. For MEMO_VALUE, *text
// becomes the value.
enum memo_content memo_look(struct slice *text, size_t rest);

// Adds the value as a word, wrapped as V if it would otherwise be taken for one of these strings.
void memo_write_value(struct command *c, struct slice value);

// Writes the command of `touch` in a namespace where values may be stale.
void memo_build_touch(struct command *c, const struct call *call);

// Writes the command that gives the lease back, as memo.drop does.
void memo_build_drop(struct command *c, struct slice key, struct slice token);

// Returns the value in a reply of memo.get, as a bulk or nil, without the state and the lease.
struct slice memo_value_part(struct slice reply, bool has_lease);
