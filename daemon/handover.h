// Handover: a client that has connected becomes that of the worker whose turn it is.
//
//   listener ──on_client──► accept it ──► turned away: told why, and closed
//                              ├──► worker 0's turn: a client of the main thread's loop
//                              └──► another's: a copy of its descriptor goes by message
#pragma once

struct listener;

// A listener's on_client; the owner is the struct workers.
void handover_client(void *owner, struct listener *listener);
