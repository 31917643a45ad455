// Mailbox: how threads speak to each other. A message that any thread posts is run on the loop of
// the mailbox's owner. Messages run in the order in which they were posted.
#pragma once

#include <uv.h>

#include <stdbool.h>

// The sender embeds the message in a struct with the message's content; run() frees that struct.
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

// Any thread may call this. Returns false when the mailbox is closed: the caller still owns the
// message.
bool mailbox_post(struct mailbox *m, struct message *message) __attribute__((warn_unused_result));

// Takes no more messages; those already posted are run before this returns.
void mailbox_close(struct mailbox *m);

// To be called when no thread is left that might post.
void mailbox_deinit(struct mailbox *m);
