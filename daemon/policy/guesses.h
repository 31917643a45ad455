// Guesses: counts the wrong tokens of late, and makes guessing slow.
//
// Wrong tokens are counted by peer (its uid on a Unix socket, else its address, of IPv6 the /64)
// and user's name together, so that connecting anew helps nobody, and a service with a wrong token
// holds up no other user of its host. The first few tokens are checked at once. After those, each
// token waits for its turn *before* it is looked at, a right one too: otherwise the wait alone
// would tell that the token is wrong. All workers share one table of a fixed size.
#pragma once

#include "protocol/bytes.h"

struct guesses;

enum { GUESS_REFUSED = -1 };

struct guesses *guesses_new(void);
void guesses_free(struct guesses *g);

// Returns in how many milliseconds the token may be looked at: 0 is now, GUESS_REFUSED never, since
// too many wait already. The wait takes a place in the peer's queue, so this is to be called once
// for each token.
int64_t guesses_wait_ms(struct guesses *g, struct slice peer, struct slice name, uint64_t now_ms);

// Notes whether the token was right.
void guesses_note(struct guesses *g, struct slice peer, struct slice name, bool is_right,
                  uint64_t now_ms);
