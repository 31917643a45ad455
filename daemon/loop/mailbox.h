// Mailbox: how threads speak to each other: a message that is posted runs on the loop of the
// mailbox, in order, and gets the mailbox's owner.
#pragma once

#include <uv.h>

#include <stdbool.h>

// The sender embeds it in what it has to say; run() frees that.
struct message {
    struct message *next;
    void (*run)(struct message *message, void *owner);
};

struct mailbox {
    uv_async_t wake;
    uv_mutex_t lock; // of all below
    struct message *first, *last;
    bool is_open;
};

void mailbox_open(struct mailbox *m, uv_loop_t *loop, void *owner);

// From any thread. Returns false when it is closed: the message is still the caller's.
bool mailbox_post(struct mailbox *m, struct message *message) __attribute__((warn_unused_result));

// Takes no more; what has been posted still runs, before this returns.
void mailbox_close(struct mailbox *m);

// When no thread that might post is left.
void mailbox_deinit(struct mailbox *m);
