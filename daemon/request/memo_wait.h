// Waits: the further steps of memo.get, and the requests that wait for a result that another
// computes.
//
//   memo.get ── GET ──► HIT, NULL: the reply
//                └────► else ASK: one script decides, and may give the lease
//                          ├──► HIT, STALE, NULL, MISS with a lease: the reply
//                          └──► MISS without one: waits, if it may
//   a line waits for a key: its first asks again and again, and at once when a write to the key is
//   sent. What that tells, tells all who waited when it was sent: who came later might have seen a
//   newer state already.
#pragma once

#include "daemon/request/context.h"

// Makes what the memo.get of one loop share; sets context->waits and context->steps.
void memo_wait_init(struct context *context);

// The daemon ends: the requests that wait are answered.
void memo_wait_end(struct context *context);
// To be called once, later. Frees itself when the loop has closed its timer.
void memo_wait_close(struct context *context);
