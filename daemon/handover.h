// Handover: gives a client that has connected to the worker whose turn it is.
//
//   listener ──on_client──► accept it ──► turned away: told why, and closed
//                              ├──► worker 0's turn: a client of the main thread's loop
//                              └──► another worker's turn: a copy of its descriptor goes by message
#pragma once

struct listener;

// The on_client() of all listeners; their owner must be the struct workers.
void handover_client(void *owner, struct listener *listener);
