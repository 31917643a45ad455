// Memo waits: requests that wait for a result that another computes. The clock is the test's, and a
// list stands for the connection to Redis: the test answers what is sent, and sees all of it.
#include "backend.h"
#include "configuration.h"
#include "context.h"
#include "dispatch.h"
#include "gone.h"
#include "mem.h"
#include "near_store.h"
#include "request.h"
#include "resp.h"
#include "waits.h"

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

// A command as it was sent: "GET", "SET", "UNLINK", "ASK" and "DROP" of a lease.
struct sent {
    struct slot *slot; // NULL: answered
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

uint64_t loop_now(const struct reactor *reactor) {
    (void)reactor;
    return now_ms;
}

bool gone_is(const struct stream *s) { return CONTAINER_OF(s, struct peer, stream)->is_gone; }

struct backend_conn *backend_pick_with_care(struct backend *b, enum backend_room *of) {
    ck_assert_ptr_eq(b, &backend);
    *of = room;
    return room == BACKEND_DOWN ? NULL : &conn;
}

static void set_room(enum backend_room now) {
    room = now;
    backend.is_up = now == BACKEND_ROOM;
}

void backend_unref(struct backend *b) { (void)b; }

void backend_note_fault(struct backend *b, enum fault fault, const char *cause,
                        const char *detail) {
    (void)b;
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
              : slice_equal(words[0], SLICE("SET"))    ? "SET"
              : slice_equal(words[0], SLICE("UNLINK")) ? "UNLINK"
                                                       : "?";
    s->slot = slot;
    slot->next = NULL;
    stream_out(&c->stream)->len = 0;
}

// --- the connection's other end ---------------------------------------------------------------

static struct slot *take_oldest(void) {
    ck_assert_uint_lt(answered_count, sent_count);
    struct slot *slot = sent[answered_count++].slot;
    sent[answered_count - 1].slot = NULL;
    return slot;
}

static void on_event(void *owner, const struct event *e) { answer_event(owner, e); }

static bool on_reply(void *owner) {
    ck_assert(answer_end(owner));
    return true;
}

// Redis answers the oldest command that it has not answered.
static void answer(const char *text) {
    struct slot *slot = take_oldest();
    struct answer a = {0};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &a});
    slot->owner->begin(slot, &a);
    ck_assert_ptr_null(resp_feed(resp, text, strlen(text)));
    slot->owner->answered(slot, &a);
    answer_deinit(&a);
    resp_free(resp);
}

static void lose(void) {
    struct slot *slot = take_oldest();
    slot->owner->failed(slot, SLOT_LOST);
}

// Fails unless these are the commands that nobody has answered yet: "ASK n:k, DROP n:k".
static void check_unanswered(const char *wanted) {
    struct bytes text = {0};
    for (size_t i = answered_count; i < sent_count; i++)
        bytes_printf(&text, "%s%s %s", i > answered_count ? ", " : "", sent[i].kind, sent[i].key);
    check_text("unanswered", &text, wanted);
}

static const char *last_token(void) { return sent[sent_count - 1].token; }

// --- the peers --------------------------------------------------------------------------------

static void say(int number, const char *text) {
    struct sample sample = sample_of(text);
    enum progress progress = dispatch(&peers[number].session, sample.words, sample.count, true);
    ck_assert_int_eq(progress, PROGRESS_DONE);
}

// Says memo.get, and waits in line: there is no result, and somebody else has the lease.
static void wait_for(int number, const char *text) {
    say(number, text);
    answer(NIL);
    answer(NO_RESULT);
}

static void check_reply(int number, const char *wanted) {
    struct bytes *out = stream_out(&peers[number].stream);
    check_same("reply", bytes_slice(out), slice_of(wanted));
    out->len = 0;
}

static void leave(int number) { reply_queue_drop(&peers[number].session.replies); }

static struct space_stats *stats(void) { return context.policy->spaces[0].stats; }

// --- the time ---------------------------------------------------------------------------------

static void tick_timer(uv_handle_t *handle, void *ticks) {
    if (handle->type != UV_TIMER || !uv_is_active(handle))
        return;
    ((uv_timer_t *)handle)->timer_cb((uv_timer_t *)handle);
    ++*(int *)ticks;
}

// The time goes on, and the timer of the waits ticks, unless nobody waits. Returns whether it did.
static bool pass(uint64_t ms) {
    int ticks = 0;
    now_ms += ms;
    uv_walk(&context.reactor.loop, tick_timer, &ticks);
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
        context.policy->spaces[i].backend = &backend;
        context.policy->spaces[i].stats = space_stats_ref(NULL);
    }
    backend.conf = &context.policy->settings->backends[0];
    backend.conn = &conn;
    backend.most_output = SIZE_MAX;
    conn.stream.flusher = &context.reactor.flusher;
    context.verbs = table;
    context.reactor.random.state = 42;
    context.reactor.near = near_store_new(0, 1);
    ck_assert_int_eq(uv_loop_init(&context.reactor.loop), 0);
    waits_init(&context);
}

static void begin_peers(void) {
    for (size_t i = 0; i < PEERS; i++) {
        struct peer *p = &peers[i];
        p->stream.flusher = &context.reactor.flusher;
        p->session = (struct session){.context = &context};
        p->session.caller = (struct caller){.is_trusted = true, .is_local = true};
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
    waits_end(&context);
    ck_assert_uint_eq(context.awaited_keys, 0);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
    waits_close(&context);
    uv_run(&context.reactor.loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&context.reactor.loop), 0);
    request_free_all(&context);
    context_deinit(&context);
    for (size_t i = 0; i < PEERS; i++)
        bytes_deinit(&peers[i].stream.out);
    bytes_deinit(&conn.stream.out);
    end();
}

// --- one asks, all are told -------------------------------------------------------------------

START_TEST(many_wait_for_one_key_and_one_asks) {
    for (int i = 0; i < 5; i++)
        wait_for(i, "memo.get wait=10s n k");
    ck_assert_uint_eq(context.awaited_keys, 1);
    ck_assert_uint_eq(stats()->memo_waiting, 5);
    ck_assert_uint_eq(stats()->memo_waits, 5);
    check_unanswered("");
    pass(5);
    check_unanswered("ASK n:k");
    pass(5);
    check_unanswered("ASK n:k");
    answer(RESULT);
    for (int i = 0; i < 5; i++)
        check_reply(i, RESULT);
    ck_assert_uint_eq(stats()->computations_saved, 4);
    ck_assert_uint_eq(stats()->memo_hits, 5);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
}
END_TEST

START_TEST(the_timer_ticks_only_while_somebody_waits) {
    ck_assert(!pass(5));
    wait_for(0, "memo.get wait=10s n k");
    ck_assert(pass(5));
    answer(RESULT);
    ck_assert(pass(100)); // the line is found empty, and goes
    ck_assert_uint_eq(context.awaited_keys, 0);
    ck_assert(!pass(5));
    wait_for(0, "memo.get wait=10s n k");
    ck_assert(pass(5));
}
END_TEST

START_TEST(each_key_has_a_line_of_its_own) {
    wait_for(0, "memo.get wait=10s n a");
    wait_for(1, "memo.get wait=10s n b");
    wait_for(2, "memo.get wait=10s n a");
    ck_assert_uint_eq(context.awaited_keys, 2);
    pass(5);
    ck_assert_uint_eq(sent_count - answered_count, 2);
    bool is_a_first = strcmp(sent[answered_count].key, "n:a") == 0;
    answer(is_a_first ? RESULT : NO_RESULT);
    answer(is_a_first ? NO_RESULT : RESULT);
    check_reply(0, RESULT);
    check_reply(1, "");
    check_reply(2, RESULT);
}
END_TEST

// Whoever came later might have seen a newer state already.
START_TEST(who_joins_behind_a_question_is_not_told_its_answer) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    say(2, "memo.get wait=10s n k");
    answer(NIL);
    pass(5);
    check_unanswered("ASK n:k, ASK n:k"); // of peer 2, and for the line
    answer(NO_RESULT);
    answer(RESULT);
    check_reply(0, RESULT);
    check_reply(1, RESULT);
    check_reply(2, "");
    pass(100);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(2, RESULT);
}
END_TEST

START_TEST(who_asks_in_vain_goes_before_all_others_again) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    answer(NO_RESULT);
    pass(100);
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
    check_reply(1, "");
}
END_TEST

START_TEST(who_gets_the_lease_computes_and_the_others_wait_on) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    ck_assert_uint_eq(strlen(last_token()), MEMO_TOKEN_SIZE);
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
    check_reply(1, "");
    ck_assert_uint_eq(stats()->leases_given, 1);
    ck_assert_uint_eq(stats()->leases_expired, 1); // the one that all waited for
    pass(100);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(1, RESULT);
}
END_TEST

START_TEST(a_refresh_is_given_to_one_and_the_stale_value_to_all) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    answer("*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n$16\r\n" A_TOKEN "\r\n");
    check_reply(0, "*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n$16\r\n" A_TOKEN "\r\n");
    check_reply(1, "*3\r\n$5\r\nSTALE\r\n$1\r\nv\r\n$-1\r\n");
}
END_TEST

// --- pauses -----------------------------------------------------------------------------------

// A pause is shortened by chance, by half of it at most.
static void check_pause(uint64_t pause_ms) {
    uint64_t least = pause_ms - pause_ms / 2;
    pass(least - 1);
    check_unanswered("");
    pass(pause_ms - (least - 1));
    check_unanswered("ASK n:k");
    answer(NO_RESULT);
}

START_TEST(pauses_double_up_to_a_tenth_of_a_second) {
    static const uint64_t pauses[] = {5, 10, 20, 40, 80, 100, 100, 100};
    wait_for(0, "memo.get wait=10s n k");
    for (size_t i = 0; i < COUNT(pauses); i++)
        check_pause(pauses[i]);
    ck_assert_uint_eq(stats()->memo_waits, 1);
    ck_assert_uint_eq(stats()->memo_waiting, 1);
}
END_TEST

START_TEST(pauses_differ_by_chance) {
    uint64_t asked_ms[SENT] = {0};
    size_t different = 0;
    for (int i = 0; i < 20; i++) {
        char text[32];
        sprintf(text, "memo.get wait=10s n k%d", i);
        wait_for(0, text);
    }
    for (size_t before = sent_count; sent_count < before + 20 && now_ms < START_MS + 50;) {
        size_t had = sent_count;
        pass(1);
        for (; had < sent_count; had++)
            asked_ms[had - before] = now_ms;
    }
    for (size_t i = 1; i < 20; i++)
        different += asked_ms[i] != asked_ms[i - 1];
    ck_assert_uint_ge(different, 2); // 3, 4 or 5 ms
}
END_TEST

// All lines together ask five times a millisecond at most.
START_TEST(pauses_grow_with_how_many_keys_are_waited_for) {
    for (int i = 0; i < 600; i++) {
        char text[32];
        sprintf(text, "memo.get wait=10s n k%d", i);
        context.policy->spaces[0].stats->memo_waiting = 0; // room is another test's
        wait_for(0, text);
    }
    stats()->memo_waiting = 600;
    ck_assert_uint_eq(context.awaited_keys, 600);
    bool has_asked = false;
    for (pass(59); answered_count < sent_count;) {
        has_asked |= strcmp(sent[answered_count].key, "n:k599") == 0;
        answer(NO_RESULT);
    }
    ck_assert(!has_asked);
    for (pass(61); answered_count < sent_count;) {
        has_asked |= strcmp(sent[answered_count].key, "n:k599") == 0;
        answer(NO_RESULT);
    }
    ck_assert(has_asked);
}
END_TEST

// --- writes -----------------------------------------------------------------------------------

START_TEST(a_write_wakes_the_line_at_once) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    say(2, "key.set n k v");
    check_unanswered("SET n:k, ASK n:k");
    answer("+OK\r\n");
    answer(RESULT);
    check_reply(0, RESULT);
    check_reply(1, RESULT);
    check_reply(2, "+OK\r\n");
}
END_TEST

START_TEST(a_write_behind_a_question_has_it_asked_again_without_a_pause) {
    wait_for(0, "memo.get wait=10s n k");
    for (int i = 0; i < 5; i++) { // so that a pause would be long
        pass(100);
        answer(NO_RESULT);
    }
    pass(100);
    say(1, "key.set n k v");
    check_unanswered("ASK n:k, SET n:k");
    answer(NO_RESULT);
    answer("+OK\r\n");
    pass(0);
    check_unanswered("ASK n:k");
}
END_TEST

START_TEST(a_write_of_many_keys_wakes_each_line) {
    wait_for(0, "memo.get wait=10s n a");
    wait_for(1, "memo.get wait=10s n b");
    say(2, "del n x b a");
    check_unanswered("UNLINK n:x, ASK n:b, ASK n:a");
}
END_TEST

START_TEST(a_write_to_another_key_or_namespace_wakes_nobody) {
    wait_for(0, "memo.get wait=10s n k");
    say(1, "key.set n kk v");
    say(1, "key.set o k v");
    say(1, "key.get n k");
    check_unanswered("SET n:kk, SET o:k, GET n:k");
}
END_TEST

// --- ends -------------------------------------------------------------------------------------

START_TEST(a_wait_ends_at_its_time) {
    wait_for(0, "memo.get wait=200ms n k");
    wait_for(1, "memo.get wait=300ms n k");
    pass(199);
    answer(NO_RESULT);
    check_reply(0, "");
    pass(1);
    check_reply(0, NO_RESULT);
    check_reply(1, "");
    pass(99);
    answer(NO_RESULT);
    check_reply(1, "");
    pass(1);
    check_reply(1, NO_RESULT);
    ck_assert_uint_eq(stats()->memo_misses, 2);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(a_question_under_way_when_the_wait_ends_is_the_reply) {
    wait_for(0, "memo.get wait=200ms n k");
    pass(100);
    pass(200);
    check_reply(0, "");
    answer(NO_RESULT);
    check_reply(0, NO_RESULT);
    ck_assert_uint_eq(stats()->memo_waiting, 0);
}
END_TEST

START_TEST(who_does_not_say_wait_does_not_wait) {
    wait_for(0, "memo.get n k");
    check_reply(0, NO_RESULT);
    ck_assert_uint_eq(stats()->memo_waits, 0);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(nobody_begins_to_wait_when_the_daemon_ends_and_who_waits_is_answered) {
    wait_for(0, "memo.get wait=10s n k");
    say(1, "memo.get wait=10s n k");
    answer(NIL);
    context.is_draining = true;
    waits_end(&context);
    check_reply(0, NO_RESULT);
    answer(NO_RESULT);
    check_reply(1, NO_RESULT);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(as_many_may_wait_as_may_be_under_way_at_the_backend) {
    for (int i = 0; i < 100; i++)
        wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    check_reply(1, "-OVERLOADED too many wait for this namespace's results\r\n");
    ck_assert_uint_eq(stats()->memo_waiting, 100);
    pass(5); // who has waited before has room
    answer(NO_RESULT);
    ck_assert_uint_eq(stats()->memo_waiting, 100);
    check_reply(0, "");
}
END_TEST

START_TEST(all_are_refused_when_the_backend_is_down) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    set_room(BACKEND_DOWN);
    pass(5);
    check_unanswered("");
    check_reply(0, "-UNAVAILABLE backend main is down\r\n");
    check_reply(1, "-UNAVAILABLE backend main is down\r\n");
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(a_line_asks_a_full_backend_later) {
    wait_for(0, "memo.get wait=10s n k");
    set_room(BACKEND_FULL);
    pass(5);
    check_unanswered("");
    set_room(BACKEND_ROOM);
    pass(99);
    check_unanswered("");
    pass(1);
    check_unanswered("ASK n:k");
}
END_TEST

START_TEST(a_lost_question_fails_who_asked_and_another_asks_anew) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    lose();
    check_reply(0, "-LOST backend main broke the connection before it answered\r\n");
    check_reply(1, "");
    pass(100);
    check_unanswered("ASK n:k");
    answer(RESULT);
    check_reply(1, RESULT);
}
END_TEST

// --- who goes ---------------------------------------------------------------------------------

START_TEST(who_goes_while_it_waits_leaves_the_line) {
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    leave(0);
    pass(5);
    check_unanswered("ASK n:k");
    answer(GIVES(A_TOKEN));
    check_reply(1, GIVES(A_TOKEN));
    check_reply(0, "");
    check_unanswered("");
}
END_TEST

START_TEST(a_lease_for_nobody_is_given_back_and_another_asks) {
    char token[MEMO_TOKEN_SIZE + 1];
    wait_for(0, "memo.get wait=10s n k");
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    strcpy(token, last_token());
    leave(0);
    answer(GIVES(A_TOKEN));
    check_unanswered("DROP n:k");
    ck_assert_str_eq(last_token(), token);
    answer(":1\r\n");
    pass(100);
    check_unanswered("ASK n:k");
    ck_assert_str_ne(last_token(), token);
    answer(GIVES(A_TOKEN));
    check_reply(1, GIVES(A_TOKEN));
}
END_TEST

START_TEST(a_lease_for_nobody_ends_by_itself_where_there_is_no_room) {
    wait_for(0, "memo.get wait=10s n k");
    pass(5);
    leave(0);
    set_room(BACKEND_FULL);
    answer(GIVES(A_TOKEN));
    check_unanswered("");
    pass(100);
    ck_assert_uint_eq(context.awaited_keys, 0);
}
END_TEST

START_TEST(a_lease_for_a_peer_that_has_gone_unread_is_given_back) {
    say(0, "memo.get n k");
    answer(NIL);
    peers[0].is_gone = true;
    answer(GIVES(A_TOKEN));
    check_unanswered("DROP n:k");
    check_reply(0, GIVES(A_TOKEN));
}
END_TEST

START_TEST(who_is_surely_there_asks_before_who_may_have_gone) {
    for (int i = 0; i < 3; i++)
        wait_for(i, "memo.get wait=10s n k");
    peers[0].is_gone = true;
    peers[1].session.is_half_closed = true; // over TCP
    pass(5);
    answer(GIVES(A_TOKEN));
    check_reply(2, GIVES(A_TOKEN));
    pass(100); // of two that may have gone, the first
    answer(GIVES(A_TOKEN));
    check_reply(0, GIVES(A_TOKEN));
    check_unanswered("DROP n:k");
}
END_TEST

START_TEST(who_may_not_write_asks_without_a_lease_and_only_when_nobody_else_waits) {
    static const struct user_conf reader = {.access = ACCESS_READ, .is_for_all = true};
    peers[0].session.caller = (struct caller){.user = &reader, .is_local = true};
    say(0, "memo.get wait=10s n k");
    answer(NIL);
    ck_assert_str_eq(last_token(), "");
    answer(NO_RESULT);
    wait_for(1, "memo.get wait=10s n k");
    pass(5);
    ck_assert_str_ne(last_token(), "");
    answer(GIVES(A_TOKEN));
    check_reply(1, GIVES(A_TOKEN));
    pass(100);
    check_unanswered("ASK n:k");
    ck_assert_str_eq(last_token(), "");
    answer(RESULT);
    check_reply(0, RESULT);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "memo_wait", begin_waits, end_waits, many_wait_for_one_key_and_one_asks,
        the_timer_ticks_only_while_somebody_waits, each_key_has_a_line_of_its_own,
        who_joins_behind_a_question_is_not_told_its_answer,
        who_asks_in_vain_goes_before_all_others_again,
        who_gets_the_lease_computes_and_the_others_wait_on,
        a_refresh_is_given_to_one_and_the_stale_value_to_all,
        pauses_double_up_to_a_tenth_of_a_second, pauses_differ_by_chance,
        pauses_grow_with_how_many_keys_are_waited_for, a_write_wakes_the_line_at_once,
        a_write_behind_a_question_has_it_asked_again_without_a_pause,
        a_write_of_many_keys_wakes_each_line, a_write_to_another_key_or_namespace_wakes_nobody,
        a_wait_ends_at_its_time, a_question_under_way_when_the_wait_ends_is_the_reply,
        who_does_not_say_wait_does_not_wait,
        nobody_begins_to_wait_when_the_daemon_ends_and_who_waits_is_answered,
        as_many_may_wait_as_may_be_under_way_at_the_backend,
        all_are_refused_when_the_backend_is_down, a_line_asks_a_full_backend_later,
        a_lost_question_fails_who_asked_and_another_asks_anew,
        who_goes_while_it_waits_leaves_the_line, a_lease_for_nobody_is_given_back_and_another_asks,
        a_lease_for_nobody_ends_by_itself_where_there_is_no_room,
        a_lease_for_a_peer_that_has_gone_unread_is_given_back,
        who_is_surely_there_asks_before_who_may_have_gone,
        who_may_not_write_asks_without_a_lease_and_only_when_nobody_else_waits);
}
