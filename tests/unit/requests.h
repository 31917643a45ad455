// Helpers of the tests of requests: one loop's context without sockets. The clock is the test's,
// and a list stands for the connection to Redis: the test answers what is sent, and sees all of it.
#pragma once

#include "configuration.h"
#include "daemon/backend/backend.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/gone.h"
#include "daemon/near/store.h"
#include "daemon/request/admit.h"
#include "daemon/request/context.h"
#include "daemon/request/dispatch.h"
#include "daemon/request/memo_wait.h"
#include "daemon/request/request.h"
#include "protocol/mem.h"
#include "protocol/native.h"
#include "protocol/resp.h"

enum { PEERS = 8, SENT = 2048, START_MS = 1000000 };

#define NIL          "$-1\r\n"
#define NO_RESULT    "*3\r\n$4\r\nMISS\r\n$-1\r\n$-1\r\n"
#define RESULT       "*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n$-1\r\n"
#define GIVES(token) "*3\r\n$4\r\nMISS\r\n$-1\r\n$16\r\n" token "\r\n"
#define A_TOKEN      "0123456789abcdef"

struct peer {
    struct stream stream;
    struct session session;
    bool is_gone; // its socket says so
};

// A command as it was sent, by its first key: "GET", "MGET", "SET", "UNLINK", "ASK" and "DROP" of a
// lease; and "SCAN", by its cursor.
struct sent {
    struct slot *slot; // NULL: answered
    const struct backend_conn *conn;
    size_t words;
    const char *kind;
    char key[16];
    char token[MEMO_TOKEN_SIZE + 1];
};

static struct context context;
static struct backend backend;
static struct backend_conn conn;
static struct peer peers[PEERS];
static struct sent sent[SENT];
static size_t sent_count, answered_count;
static uint64_t now_ms;
static enum backend_room room;

// --- what stands for the rooms above ----------------------------------------------------------

uint64_t loop_now(const struct loop *loop) {
    (void)loop;
    return now_ms;
}

bool gone_is(const struct stream *s) { return CONTAINER_OF(s, struct peer, stream)->is_gone; }

static struct backend_conn *pick(struct backend *b, unsigned hash_slot, enum backend_room *of) {
    ck_assert_ptr_eq(b, &backend);
    (void)hash_slot;
    *of = room;
    return room == BACKEND_DOWN ? NULL : &conn;
}

static const struct near_source *no_source(struct backend *b, unsigned hash_slot) {
    (void)b;
    (void)hash_slot;
    return NULL;
}

static const struct route route = {.pick = pick, .source = no_source};

static inline void set_room(enum backend_room now) {
    room = now;
    backend.route = &route;
    backend.conn = now == BACKEND_ROOM ? &conn : NULL;
}

void backend_unref(struct backend *b) { (void)b; }

void backend_note_fault(struct backend *b, struct node *node, enum fault fault, const char *cause,
                        const char *detail) {
    (void)b;
    (void)node;
    (void)fault;
    ck_abort_msg("%s: %s", cause, detail);
}

// Takes the next word of a command off the front of `text`.
static struct slice take_word(struct slice *text) {
    char *end;
    size_t len = strtoul(text->data + 1, &end, 10);
    struct slice word = {end + 2, len};
    *text =
        (struct slice){word.data + len + 2, text->len - (size_t)(word.data + len + 2 - text->data)};
    return word;
}

static void copy_word(char *to, size_t size, struct slice word) {
    ck_assert_uint_lt(word.len, size);
    memcpy(to, word.data, word.len);
    to[word.len] = '\0';
}

void backend_conn_push(struct backend_conn *c, struct slot *slot) {
    struct slice words[8], text = bytes_slice(stream_out(&c->stream));
    struct sent *s = &sent[sent_count++];
    size_t count = strtoul(text.data + 1, NULL, 10);
    ck_assert_uint_le(sent_count, SENT);
    ck_assert_uint_le(count, 8);
    text = (struct slice){text.data + 4, text.len - 4};
    for (size_t i = 0; i < count; i++)
        words[i] = take_word(&text);
    ck_assert_uint_eq(text.len, 0);
    bool is_script = slice_equal(words[0], SLICE("EVAL"));
    copy_word(s->key, sizeof(s->key), words[is_script ? 3 : 1]);
    copy_word(s->token, sizeof(s->token), is_script ? words[4] : SLICE(""));
    s->kind = is_script                                ? count == 8 ? "ASK" : "DROP"
              : slice_equal(words[0], SLICE("GET"))    ? "GET"
              : slice_equal(words[0], SLICE("MGET"))   ? "MGET"
              : slice_equal(words[0], SLICE("SCAN"))   ? "SCAN"
              : slice_equal(words[0], SLICE("SET"))    ? "SET"
              : slice_equal(words[0], SLICE("UNLINK")) ? "UNLINK"
                                                       : "?";
    s->slot = slot;
    s->conn = c;
    s->words = count;
    slot->next = NULL;
    stream_out(&c->stream)->len = 0;
}

void backend_conn_enqueue(struct backend_conn *c, struct slot *slot) { backend_conn_push(c, slot); }

// --- the connection's other end ---------------------------------------------------------------

// Commands at different servers are not answered in the order in which they were sent.
static struct slot *take(size_t number) {
    struct slot *slot = sent[number].slot;
    ck_assert_ptr_nonnull(slot);
    sent[number].slot = NULL;
    while (answered_count < sent_count && !sent[answered_count].slot)
        answered_count++;
    return slot;
}

static struct slot *take_oldest(void) {
    ck_assert_uint_lt(answered_count, sent_count);
    return take(answered_count);
}

static void on_event(void *owner, const struct event *e) { answer_event(owner, e); }

static bool on_reply(void *owner) {
    ck_assert(answer_end(owner));
    return true;
}

static void answer_slot(struct slot *slot, const char *text) {
    struct answer a = {0};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &a});
    slot->owner->begin(slot, &a);
    ck_assert_ptr_null(resp_feed(resp, text, strlen(text)));
    slot->owner->answered(slot, &a);
    answer_deinit(&a);
    resp_free(resp);
}

// Redis answers the oldest command that it has not answered.
static inline void answer(const char *text) { answer_slot(take_oldest(), text); }

static inline void lose(void) {
    struct slot *slot = take_oldest();
    slot->owner->failed(slot, SLOT_LOST);
}

// Fails unless these are the commands that nobody has answered yet: "ASK n:k, DROP n:k".
static inline void check_unanswered(const char *wanted) {
    struct bytes text = {0};
    for (size_t i = answered_count; i < sent_count; i++)
        if (sent[i].slot)
            bytes_printf(&text, "%s%s %s", text.len > 0 ? ", " : "", sent[i].kind, sent[i].key);
    check_text("unanswered", &text, wanted);
}

static inline const char *last_token(void) { return sent[sent_count - 1].token; }

// --- the peers --------------------------------------------------------------------------------

static inline void say(int number, const char *text) {
    struct sample sample = sample_of(text);
    enum progress progress = dispatch(&peers[number].session, sample.words, sample.count, 0, true);
    ck_assert_int_eq(progress, PROGRESS_DONE);
}

// Says memo.get, and waits in line: there is no result, and somebody else has the lease.
static inline void wait_for(int number, const char *text) {
    say(number, text);
    answer(NIL);
    answer(NO_RESULT);
}

static inline void check_reply(int number, const char *wanted) {
    struct bytes *out = stream_out(&peers[number].stream);
    check_same("reply", bytes_slice(out), slice_of(wanted));
    out->len = 0;
}

static inline void leave(int number) { reply_queue_drop(&peers[number].session.replies); }

static struct namespace_stats *stats(void) { return context.policy->namespaces[0].stats; }

// --- the time ---------------------------------------------------------------------------------

static void tick_timer(uv_handle_t *handle, void *ticks) {
    if (handle->type != UV_TIMER || !uv_is_active(handle))
        return;
    ((uv_timer_t *)handle)->timer_cb((uv_timer_t *)handle);
    ++*(int *)ticks;
}

// The time goes on, and the timer of the waits ticks, unless nobody waits. Returns whether it did.
static inline bool pass(uint64_t ms) {
    int ticks = 0;
    now_ms += ms;
    uv_walk(&context.loop.uv, tick_timer, &ticks);
    ck_assert_int_le(ticks, 1);
    return ticks == 1;
}

// --- life -------------------------------------------------------------------------------------

static void begin_context(const char *options) {
    struct bytes text = {0};
    bytes_printf(&text,
                 "[backend main]\nurl = redis://127.0.0.1\n%s"
                 "[namespace n]\nttl = 1h\n[namespace o]\n",
                 options);
    bytes_append(&text, "", 1);
    context.policy = policy_new(load_good(text.data, NULL), table);
    bytes_deinit(&text);
    for (size_t i = 0; i < 2; i++) {
        context.policy->namespaces[i].backend = &backend;
        context.policy->namespaces[i].stats = namespace_stats_ref(NULL);
    }
    backend.conf = &context.policy->settings->backends[0];
    backend.most_output = SIZE_MAX;
    conn.stream.flusher = &context.loop.flusher;
    context.verbs = table;
    context.loop.random.state = 42;
    context.loop.near = near_store_new(0, 1);
    context.loop.complaints = complaints_new();
    context.about_clients = complaints_new();
    context.about_policy = complaints_new();
    ck_assert_int_eq(uv_loop_init(&context.loop.uv), 0);
    memo_wait_init(&context);
}

static void begin_peers(void) {
    for (size_t i = 0; i < PEERS; i++) {
        struct peer *p = &peers[i];
        p->stream.flusher = &context.loop.flusher;
        p->session =
            (struct session){.context = &context, .dialect = &native_dialect, .admits = admit};
        p->session.identity = (struct identity){.is_trusted = true, .is_local = true};
        p->session.replies = (struct reply_queue){.stream = &p->stream, .on_left = request_left};
    }
}

static void begin_waits(void) {
    begin();
    now_ms = START_MS;
    set_room(BACKEND_ROOM);
    begin_context("max_pending = 100\n");
    begin_peers();
}

// As a worker ends.
static void end_waits(void) {
    for (int i = 0; i < PEERS; i++)
        leave(i);
    while (answered_count < sent_count)
        lose();
    memo_wait_end(&context);
    ck_assert_uint_eq(context.awaited_keys, 0);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
    memo_wait_close(&context);
    uv_run(&context.loop.uv, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&context.loop.uv), 0);
    request_free_all(&context);
    context_deinit(&context);
    complaints_free(context.loop.complaints);
    complaints_free(context.about_clients);
    complaints_free(context.about_policy);
    for (size_t i = 0; i < PEERS; i++)
        bytes_deinit(&peers[i].stream.out);
    bytes_deinit(&conn.stream.out);
    end();
}
