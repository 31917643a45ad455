// Guesses: how many wrong tokens of late, by who asks from where; what keeps guessing slow.
//
// Counted by peer (its uid on a Unix socket, else its address, of IPv6 the /64) and the user's name
// together, so that connecting anew helps nobody, and a service with a wrong token holds up no
// other user of its host. The first few are checked at once. After those, each waits for its turn
// *before* its token is looked at, a right one too: else not to be answered at once would tell that
// it is wrong. All workers share one table of a fixed size.
#pragma once

#include "protocol/bytes.h"

struct guesses;

enum { GUESS_REFUSED = -1 };

struct guesses *guesses_new(void);
void guesses_free(struct guesses *g);

// In how many milliseconds a token may be looked at; 0: now. GUESS_REFUSED: too many wait already.
// A wait holds a place: it is asked for once for each token.
int64_t guesses_wait_ms(struct guesses *g, struct slice peer, struct slice name, uint64_t now_ms);

// The token was right, or not.
void guesses_note(struct guesses *g, struct slice peer, struct slice name, bool is_right,
                  uint64_t now_ms);
