// Hot keys verb: samples which keys are asked for most, at all workers, for some time.
#pragma once

struct call;
struct request;

// Replies, when the time is over, a line of name=value pairs for each of the hottest keys.
void hot_keys_verb_run(struct request *r, const struct call *call);
