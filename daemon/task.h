// Task: commands of the daemon's own at a backend, beside those of clients: purging and the like.
//
// They travel as a request without a client: same connection, same deadline, same bounds.
#pragma once

#include "answer.h"
#include "policy.h"

struct context;

struct task {
    answer_render *render; // gets the events; a->context is the task
    // It is over. `answer` NULL: lost, or not answered in time.
    void (*on_answer)(struct task *task, const struct answer *answer);
};

// Sends what `build` writes to the space's backend. False: there is no room, nothing happened.
bool task_send(struct context *context, struct policy *policy, struct space *space,
               struct task *task, void (*build)(struct command *c, struct task *task));
