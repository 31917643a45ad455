// Memo: a computed result, or the lease of somebody who computes it, in one Redis string.
//
// A value stands as it is, so that key.get and redis-cli read it. What is no plain value begins
// with MEMO_MAGIC and a letter:
//
//   L token                               nobody has computed it yet; the key's ttl is the lease's
//   N                                     "nothing" is the result
//   V delta value                         a value that took delta ms, or one that begins like these
//   S token floor extra delta value       a value with a lease: somebody computes the next one
//
// Redis keeps a value for ttl + stale. Freshness is told from its own PTTL: no clocks are compared.
// A lease on a value has ended when PTTL <= floor; where the key had less to live than the lease
// takes, it was given `extra` ms more, in which the value is not served any more.
#pragma once

#include "answer.h"
#include "command.h"

#define MEMO_MAGIC "\0memo"
enum { MEMO_MAGIC_SIZE = 5, MEMO_TOKEN_SIZE = 16 };

// The second step of memo.get: one script that decides anew and may give the lease `token`, on a
// fresh value too if is_early. `token` empty: takes none. `key` is the real one.
void memo_build_ask(struct command *c, struct slice key, struct slice token, int64_t lease_ms,
                    int64_t stale_ms, bool is_early);

answer_render render_memo_asked; // its answer

// Gives the lease back, as memo.drop.
void memo_build_drop(struct command *c, struct slice key, struct slice token);

// The value in a reply of memo.get's, as a bulk or nil: what is left without the state of the ttl
// and without the lease.
struct slice memo_value_part(struct slice reply, bool has_lease);
