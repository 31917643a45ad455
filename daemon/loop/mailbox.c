#include "daemon/loop/mailbox.h"

// Takes all messages out of the mailbox; with `is_last` also closes it.
static struct message *take_all(struct mailbox *m, bool is_last) {
    uv_mutex_lock(&m->lock);
    struct message *first = m->first;
    m->first = m->last = NULL;
    m->is_open = m->is_open && !is_last;
    uv_mutex_unlock(&m->lock);
    return first;
}

static void run_all(struct message *message, void *owner) {
    while (message) {
        struct message *next = message->next;
        message->run(message, owner);
        message = next;
    }
}

static void on_wake(uv_async_t *wake) {
    struct mailbox *m = (struct mailbox *)wake; // its first member
    run_all(take_all(m, false), wake->data);
}

void mailbox_open(struct mailbox *m, uv_loop_t *loop, void *owner) {
    uv_async_init(loop, &m->wake, on_wake);
    uv_mutex_init(&m->lock);
    m->wake.data = owner;
    m->first = m->last = NULL;
    m->is_open = true;
}

bool mailbox_post(struct mailbox *m, struct message *message) {
    message->next = NULL;
    uv_mutex_lock(&m->lock);
    bool is_open = m->is_open;
    if (is_open) {
        if (m->last)
            m->last->next = message;
        else
            m->first = message;
        m->last = message;
        uv_async_send(&m->wake); // under the lock, so that the handle cannot be closed before
    }
    uv_mutex_unlock(&m->lock);
    return is_open;
}

void mailbox_close(struct mailbox *m) {
    run_all(take_all(m, true), m->wake.data);
    uv_close((uv_handle_t *)&m->wake, NULL);
}

void mailbox_deinit(struct mailbox *m) { uv_mutex_destroy(&m->lock); }
