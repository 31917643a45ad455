// Slow verbs: `slowlog` and `slowlog.reset`, the requests that took long or were large.
#pragma once

struct call;
struct request;

void slowlog_run(struct request *r, const struct call *call);
void slowlog_reset_run(struct request *r, const struct call *call);
