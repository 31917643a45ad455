// Metrics verb: `metrics`, the daemon's metrics as one bulk string.
#pragma once

struct call;
struct request;

void metrics_verb_run(struct request *request, const struct call *call);
