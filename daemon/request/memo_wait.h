// Memo wait: the further steps of memo.get, and the requests that wait for a result which another
// client computes.
//
//   memo.get ── GET ──► HIT, NULL: the reply
//                └────► else ASK: one script decides, and may give the lease
//                          ├──► HIT, STALE, NULL, MISS with a lease: the reply
//                          └──► MISS without one: waits, if it may
//
// The requests that wait for a key are a memo queue. One of them asks again and again, and at once
// when a write to the key is sent. Its answer is given to all that waited when the question was
// sent; the client of a later request might have seen a newer state already.
#pragma once

#include "daemon/request/context.h"

// Makes the table of queues for one loop; sets context->memo_waits and context->steps.
void memo_wait_init(struct context *context);

// To be called when the daemon ends: answers the requests that wait.
void memo_wait_end(struct context *context);
// To be called once, after memo_wait_end(). The memory is freed when the loop has closed the timer.
void memo_wait_close(struct context *context);
