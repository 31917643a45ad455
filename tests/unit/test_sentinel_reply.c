// Sentinel reply: what a sentinel says of the master "m", whole and byte by byte.
#include "helpers.h"
#include "protocol/resp.h"
#include "protocol/sentinel_reply.h"

struct hearing {
    struct sentinel_reply reply;
    bool is_awaited;
    struct bytes shown; // a line for each reply
};

static void on_event(void *owner, const struct event *e) {
    struct hearing *h = owner;
    sentinel_reply_event(&h->reply, e, h->is_awaited);
}

static bool on_reply(void *owner) {
    static const char *const names[] = {"answer", "master", "unknown", "switch", "news", "wrong"};
    struct hearing *h = owner;
    const struct sentinel_reply *r = &h->reply;
    bytes_printf(&h->shown, "%s", names[r->said]);
    if (r->said == SENTINEL_MASTER || r->said == SENTINEL_SWITCH)
        bytes_printf(&h->shown, " %.*s %d", (int)r->host_len, r->host, r->port);
    bytes_append_literal(&h->shown, "\n");
    return true;
}

static struct bytes hear(struct slice said, bool is_awaited, size_t piece) {
    struct hearing h = {.is_awaited = is_awaited};
    struct resp *resp = resp_new((struct resp_handler){on_event, on_reply, &h});
    sentinel_reply_init(&h.reply, "m");
    for (size_t at = 0; at < said.len; at += piece) {
        size_t len = said.len - at < piece ? said.len - at : piece;
        char *exact = copy_exactly(said.data + at, len);
        ck_assert_ptr_null(resp_feed(resp, exact, len));
        free(exact);
    }
    resp_free(resp);
    return h.shown;
}

struct row {
    const char *said, *wanted;
};

static void check(const struct row *rows, size_t count, bool is_awaited) {
    for (size_t i = 0; i < count; i++) {
        struct slice said = slice_of(rows[i].said);
        struct bytes whole = hear(said, is_awaited, said.len), bytewise = hear(said, is_awaited, 1);
        check_text(rows[i].said, &whole, rows[i].wanted);
        check_text(rows[i].said, &bytewise, rows[i].wanted);
    }
}

#define SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n"
#define MESSAGE    "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n"

START_TEST(reply_tells_the_master_that_was_asked_for) {
    static const struct row rows[] = {
        {"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6379\r\n", "master 127.0.0.1 6379\n"},
        {"*2\r\n$3\r\n::1\r\n$5\r\n65535\r\n", "master ::1 65535\n"},
        {"*2\r\n$1\r\nh\r\n$1\r\n1\r\n", "master h 1\n"},
        {"*-1\r\n", "unknown\n"},
        {"$-1\r\n", "unknown\n"},
        // News may come before it.
        {MESSAGE "$11\r\nm o 1 new 2\r\n*2\r\n$1\r\nh\r\n$1\r\n1\r\n",
         "switch new 2\nmaster h 1\n"},
        {MESSAGE "$11\r\nn o 1 new 2\r\n*-1\r\n", "news\nunknown\n"},
    };
    check(rows, COUNT(rows), true);
}
END_TEST

START_TEST(reply_is_wrong_when_no_sentinel_says_it) {
    static const struct row rows[] = {
        {"+OK\r\n", "wrong\n"},
        {":1\r\n", "wrong\n"},
        {"$1\r\nh\r\n", "wrong\n"},
        {"*0\r\n", "wrong\n"},
        {"*1\r\n$1\r\nh\r\n", "wrong\n"},
        {"*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "wrong\n"},
        {SUBSCRIBED, "wrong\n"},
        {"*2\r\n$0\r\n\r\n$1\r\n1\r\n", "wrong\n"},
        {"*2\r\n$-1\r\n$1\r\n1\r\n", "wrong\n"},
        {"*2\r\n:1\r\n:1\r\n", "wrong\n"},
        {"*2\r\n$1\r\nh\r\n:1\r\n", "wrong\n"},
        {"*2\r\n$1\r\nh\r\n$1\r\n0\r\n", "wrong\n"},
        {"*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", "wrong\n"},
        {"*2\r\n$1\r\nh\r\n$2\r\n01\r\n", "wrong\n"},
        {"*2\r\n*1\r\n$1\r\nh\r\n$1\r\n1\r\n", "wrong\n"},
    };
    check(rows, COUNT(rows), true);
}
END_TEST

START_TEST(reply_tells_a_switch_of_our_master_alone) {
    static const struct row rows[] = {
        {MESSAGE "$26\r\nm 10.0.0.1 6379 10.0.0.2 7\r\n", "switch 10.0.0.2 7\n"},
        {MESSAGE "$11\r\nn o 1 new 2\r\n", "news\n"},
        {MESSAGE "$12\r\nmm o 1 new 2\r\n", "news\n"},
        {MESSAGE "$0\r\n\r\n", "news\n"},
        {MESSAGE ":1\r\n", "news\n"},
        {MESSAGE "$1\r\nm\r\n", "wrong\n"},
        {MESSAGE "$9\r\nm o 1 new\r\n", "wrong\n"},
        {MESSAGE "$13\r\nm o 1 new 2 3\r\n", "wrong\n"},
        {MESSAGE "$11\r\nm o 1 new 0\r\n", "wrong\n"},
        {MESSAGE "$9\r\nm o 1  22\r\n", "wrong\n"},
        {SUBSCRIBED, "answer\n"},
        {"+OK\r\n", "answer\n"},
        {"*2\r\n$1\r\nh\r\n$1\r\n1\r\n", "answer\n"},
    };
    check(rows, COUNT(rows), false);
}
END_TEST

START_TEST(reply_takes_hosts_of_255_bytes_and_no_longer) {
    for (int len = 255; len <= 256; len++) {
        struct bytes said = {0};
        bytes_printf(&said, "*2\r\n$%d\r\n%0*d\r\n$1\r\n1\r\n", len, len, 0);
        struct bytes shown = hear(bytes_slice(&said), true, said.len);
        ck_assert(
            slice_begins(bytes_slice(&shown), len == 255 ? SLICE("master 0") : SLICE("wrong")));
        bytes_deinit(&shown);
        bytes_deinit(&said);
    }
}
END_TEST

int main(void) {
    return RUN_TESTS("sentinel_reply", reply_tells_the_master_that_was_asked_for,
                     reply_is_wrong_when_no_sentinel_says_it,
                     reply_tells_a_switch_of_our_master_alone,
                     reply_takes_hosts_of_255_bytes_and_no_longer);
}
