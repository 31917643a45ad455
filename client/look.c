#include "client/look.h"

#include "client/clock.h"
#include "client/columns.h"
#include "client/connection.h"
#include "client/reply.h"
#include "protocol/answer.h"

enum { WAIT_MS = 50 };

void look_deinit(struct look *l) {
    reading_deinit(&l->before);
    reading_deinit(&l->now);
    bytes_deinit(&l->trouble);
}

static void set_trouble(struct look *l, struct slice text, enum exit_code code) {
    l->trouble.len = 0;
    columns_append_safe(&l->trouble, text);
    l->code = code;
}

static void send_questions(struct look *l) {
    struct slice backends = SLICE("backends"), metrics = SLICE("metrics");
    struct slice stats[] = {SLICE("stats"), slice_of(l->namespace ? l->namespace : "")};
    connection_request(l->connection, stats, l->namespace ? 2 : 1);
    connection_request(l->connection, &backends, 1);
    connection_request(l->connection, &metrics, 1);
}

static const struct reply *next_reply(struct look *l) {
    while (!connection_wait(l->connection, WAIT_MS))
        if (l->is_enough && l->is_enough(l->waiter))
            connection_end(l->connection);
    return connection_reply(l->connection);
}

// Takes the replies. What a caller may not be told is left out, but for the stats.
static bool take_replies(struct look *l, struct reading *s) {
    static void (*const takers[])(struct reading * s, struct slice text) = {
        reading_take_stats, reading_take_backends, reading_take_metrics};
    for (size_t i = 0; i < sizeof(takers) / sizeof(*takers); i++) {
        const struct reply *reply = next_reply(l);
        if (!reply) {
            set_trouble(l, slice_of(connection_trouble(l->connection)), EXIT_NO_DAEMON);
            return false;
        }
        if (reply->type == EVENT_BULK)
            takers[i](s, reply->text);
        else if (i == 0)
            set_trouble(l, reply->text, EXIT_REFUSED);
    }
    return l->trouble.len == 0;
}

static bool renew(struct look *l) {
    struct bytes error = {0};
    enum exit_code code = EXIT_NO_DAEMON;
    bool is_there =
        l->renew ? l->renew(l->owner, &error) : connection_renew(l->connection, &error, &code);
    if (!is_there)
        set_trouble(l, bytes_slice(&error), code);
    bytes_deinit(&error);
    return is_there;
}

bool look_again(struct look *l) {
    struct reading s = {0};
    l->trouble.len = 0;
    if (connection_fd(l->connection) < 0 && !renew(l))
        return false;
    send_questions(l);
    if (!take_replies(l, &s)) {
        reading_deinit(&s);
        return false;
    }
    s.taken_ms = clock_ms();
    reading_deinit(&l->before);
    l->before = l->now;
    l->now = s;
    l->has_two = l->has_one;
    l->has_one = true;
    return true;
}

const struct reading *look_before(const struct look *l) {
    return l->has_two ? &l->before : &l->now;
}
