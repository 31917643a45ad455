#include "purge.h"

#include <inttypes.h>

#include "mem.h"
#include "number.h"
#include "server.h"
#include "task.h"

enum {
    STEP_KEYS = 200,   // how many keys one SCAN looks at
    RETRY_MS = 200,    // after a step that failed
    MOST_RETRIES = 50, // in a row
    PROGRESS_MS = 5000,
    MOST_PURGES = 4, // of a namespace at a time: each has its share of the backend
};

struct purge {
    struct task task;
    struct purge *next; // among the server's
    struct server *server;
    struct policy *policy; // a reference
    struct space *space;
    struct request *request; // who asked: still there, even if its client is not
    uv_timer_t timer;
    char cursor[NUMBER_TEXT_SIZE];
    char next_cursor[NUMBER_TEXT_SIZE]; // taken over when the whole answer is there
    struct bytes keys;                  // found by the last SCAN, as words of a command
    size_t key_count;
    bool is_unlinking;
    unsigned retries;
    uint64_t removed, scanned; // by this purge
    uint64_t progress_ms;      // when it was last reported
};

static void step(struct purge *p);

static void on_timer(uv_timer_t *timer) { step(timer->data); }

// --- end --------------------------------------------------------------------------------------

static void on_closed(uv_handle_t *handle) {
    struct purge *p = handle->data;
    policy_unref(p->policy);
    bytes_deinit(&p->keys);
    mem_free(p);
}

static void let_go(struct purge *p) {
    struct purge **at = &p->server->purges;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->space->stats->purging--;
    request_release(p->request);
    uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void finish(struct purge *p) {
    if (p->space->backend->tracker) // Redis's messages of it may still be on their way
        tracker_flush(p->space->backend->tracker);
    log_info(&p->server->reactor.log, "purge %s: done, %" PRIu64 " keys removed",
             p->space->conf->name, p->removed);
    if (p->request->client) {
        reply_integer(request_out(p->request), (int64_t)p->removed);
        request_finish(p->request);
    }
    let_go(p);
}

static void give_up(struct purge *p, const char *why) {
    struct bytes message = {0};
    bytes_printf(&message, "the purge stopped: %s: %" PRIu64 " keys were removed", why, p->removed);
    log_error(&p->server->reactor.log, "purge %s: %.*s", p->space->conf->name, (int)message.len,
              message.data);
    bytes_append(&message, "", 1);
    if (p->request->client)
        request_fail(p->request, REPLY_UNAVAILABLE, message.data);
    bytes_deinit(&message);
    let_go(p);
}

void purge_cancel_all(struct server *server) {
    while (server->purges)
        give_up(server->purges, "the daemon is ending");
}

// --- steps ------------------------------------------------------------------------------------

// The prefix with its glob characters escaped, then "*".
static void append_pattern(struct bytes *pattern, struct slice prefix) {
    for (size_t i = 0; i < prefix.len; i++) {
        if (strchr("*?[]\\", prefix.data[i]))
            bytes_append_literal(pattern, "\\");
        bytes_append(pattern, &prefix.data[i], 1);
    }
    bytes_append_literal(pattern, "*");
}

static struct slice prefix_of(const struct purge *p) {
    return (struct slice){p->space->conf->prefix, p->space->conf->prefix_len};
}

static void write_scan(struct command *c, struct slice cursor, struct slice prefix) {
    struct bytes pattern = {0};
    append_pattern(&pattern, prefix);
    command_begin(c, SLICE("SCAN"), 6);
    command_word(c, cursor);
    command_word(c, SLICE("MATCH"));
    command_word(c, bytes_slice(&pattern));
    command_word(c, SLICE("COUNT"));
    command_integer(c, STEP_KEYS);
    bytes_deinit(&pattern);
}

void purge_build(struct command *c, const struct call *call) {
    write_scan(c, SLICE("0"), call->prefix);
    command_begin(c, SLICE("UNLINK"), 2);
    command_word(c, SLICE("each key found"));
}

static void build_scan(struct command *c, struct task *task) {
    struct purge *p = (struct purge *)task;
    write_scan(c, slice_of(p->cursor), prefix_of(p));
}

static void build_unlink(struct command *c, struct task *task) {
    struct purge *p = (struct purge *)task;
    command_begin(c, SLICE("UNLINK"), 1 + p->key_count);
    bytes_append_slice(c->out, bytes_slice(&p->keys));
}

// SCAN: *2 cursor *N key …; UNLINK: how many.
static void render(struct answer *a, const struct event *e) {
    struct purge *p = a->context;
    struct slice prefix = prefix_of(p);
    if (e->type == EVENT_INTEGER) {
        p->removed += (uint64_t)e->integer;
        p->space->stats->purge_removed += (uint64_t)e->integer;
    } else if (e->type == EVENT_BULK && e->depth == 1 && e->text.len < sizeof(p->next_cursor)) {
        memcpy(p->next_cursor, e->text.data, e->text.len);
        p->next_cursor[e->text.len] = '\0';
    } else if (e->type == EVENT_BULK && e->depth == 2 && slice_begins(e->text, prefix)) {
        answer_bulk(a, &p->keys, e->text, e->rest, SLICE("\r\n"));
        p->key_count++;
    }
}

static void report_progress(struct purge *p) {
    uint64_t now = uv_now(&p->server->reactor.loop);
    if (now - p->progress_ms < PROGRESS_MS)
        return;
    p->progress_ms = now;
    log_info(&p->server->reactor.log, "purge %s: %" PRIu64 " keys removed so far",
             p->space->conf->name, p->removed);
}

// From the start: a cursor means nothing to a server that has been restarted.
static void retry(struct purge *p, const char *why) {
    p->keys.len = p->key_count = 0;
    p->is_unlinking = false;
    memcpy(p->cursor, "0", sizeof("0"));
    if (++p->retries > MOST_RETRIES)
        give_up(p, why);
    else
        uv_timer_start(&p->timer, on_timer, RETRY_MS, 0);
}

static void on_answer(struct task *task, const struct answer *answer) {
    struct purge *p = (struct purge *)task;
    if (!answer || answer->is_failed) {
        retry(p, "the backend does not answer as it should");
        return;
    }
    p->retries = 0;
    if (p->is_unlinking)
        p->keys.len = p->key_count = 0;
    else
        memcpy(p->cursor, p->next_cursor, sizeof(p->cursor));
    p->is_unlinking = p->key_count > 0;
    report_progress(p);
    if (!p->is_unlinking && strcmp(p->cursor, "0") == 0)
        finish(p);
    else
        uv_timer_start(&p->timer, on_timer, 0, 0); // others have their turn first
}

static void step(struct purge *p) {
    if (backend_room(p->space->backend) == BACKEND_FULL)
        uv_timer_start(&p->timer, on_timer, RETRY_MS, 0); // others first, however long
    else if (!task_send(p->server, p->policy, p->space, &p->task,
                        p->is_unlinking ? build_unlink : build_scan))
        retry(p, "the backend is down");
}

void purge_start(struct request *r) {
    if (r->space->stats->purging >= MOST_PURGES) {
        request_fail(r, REPLY_OVERLOADED, "purges of this namespace are under way already");
        return;
    }
    struct purge *p = mem_new(sizeof(*p));
    p->task = (struct task){render, on_answer};
    p->server = r->server;
    p->policy = policy_ref(r->policy);
    p->space = r->space;
    p->request = r;
    memcpy(p->cursor, "0", sizeof("0"));
    p->next = p->server->purges;
    p->server->purges = p;
    p->space->stats->purging++;
    p->progress_ms = uv_now(&p->server->reactor.loop);
    r->is_pending = true;
    uv_timer_init(&p->server->reactor.loop, &p->timer);
    p->timer.data = p;
    log_info(&p->server->reactor.log, "purge %s: begins", p->space->conf->name);
    step(p);
}
