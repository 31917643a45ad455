// Tap verb: shows requests of all workers as they pass, until the client says more.
#pragma once

struct call;
struct request;

// Replies +OK, and then a line for each request that has ended: the one verb with more than one
// reply. A slow reader misses lines, which are counted for it; no request waits for a reader.
void tap_verb_run(struct request *r, const struct call *call);
