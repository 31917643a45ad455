// Reload verb: a request, at any worker, that waits until all workers have followed a reload.
#pragma once

struct request;

// Replies +OK, or -POLICY and the first problem.
void reload_verb_run(struct request *r);
