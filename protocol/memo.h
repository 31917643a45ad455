// Memo: a computed result, or the lease of somebody who computes it, in one Redis string.
//
// A value stands as it is, so that key.get and redis-cli read it. What is no plain value begins
// with MEMO_MAGIC and a letter:
//
//   L hash till                        nobody has computed it yet, somebody holds the lease
//   N till                             "nothing" is the result
//   V delta value                      a value that took delta ms, or one that begins like these
//   S hash till ends delta value       a value with a lease: somebody computes the next one
//
// `till` and `ends` are the server's time in ms since 1970, so that no other verb's ttl makes a
// lease, "nothing", or a value whose successor is being computed last longer: `till` ends the lease
// or "nothing", `ends` the value. `hash` is SHA-1 of the lease's token: who reads the key, by
// whichever way, can't use it. Redis keeps a value for ttl + stale; without a lease its freshness
// is told from its PTTL.
#pragma once

#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/command.h"

#define MEMO_MAGIC "\0memo"
enum { MEMO_MAGIC_SIZE = 5, MEMO_TOKEN_SIZE = 16 };

// The second step of memo.get: one script that decides anew and may give the lease `token`, on a
// fresh value too if is_early. `token` empty: takes none. `key` is the real one.
void memo_build_ask(struct command *c, struct slice key, struct slice token, int64_t lease_ms,
                    int64_t stale_ms, bool is_early);

answer_render render_memo_asked; // its answer

// The meaning of a string to the verbs of `key`, which see a memo's value and no more.
enum memo_content { MEMO_PLAIN, MEMO_VALUE, MEMO_NO_VALUE };
// *text, of which `rest` bytes are still to come, becomes the value, if it is one.
enum memo_content memo_look(struct slice *text, size_t rest);

// Adds the value as a word, wrapped where it would be taken for one of ours.
void memo_write_value(struct command *c, struct slice value);

// `touch` where values may be stale.
void memo_build_touch(struct command *c, const struct call *call);

// Gives the lease back, as memo.drop.
void memo_build_drop(struct command *c, struct slice key, struct slice token);

// The value in a reply of memo.get's, as a bulk or nil: what is left without the state of the ttl
// and without the lease.
struct slice memo_value_part(struct slice reply, bool has_lease);
