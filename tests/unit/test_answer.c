// Answer, with resp: what Redis says, fed whole and byte by byte, → the client's reply.
#include "helpers.h"
#include "protocol/redis/words.h"
#include "protocol/resp.h"

static struct verb_table *table;

static void begin(void) { table = verb_table_new(NULL, 0); }
static void end(void) { verb_table_free(table); }

// One request and the answers of Redis to its commands.
struct exchange {
    struct answer answer;
    struct bytes out; // the reply, behind what stood there before
    struct resp *resp;
    bool is_done;
    bool was_miss;
};

static const struct slice before = {"+BEFORE\r\n", 9};

static void on_event(void *owner, const struct event *e) {
    struct exchange *x = owner;
    ck_assert(!x->is_done);
    answer_event(&x->answer, e);
}

static bool on_reply(void *owner) {
    struct exchange *x = owner;
    ck_assert(!x->is_done);
    x->is_done = answer_end(&x->answer);
    x->was_miss = x->answer.is_miss;
    return true;
}

static void exchange_begin(struct exchange *x, const char *request, enum ttl_rule rule) {
    struct sample sample = sample_of(request);
    struct call call;
    struct bytes commands = {0};
    struct command command = {.out = &commands};
    const struct verb_entry *entry = read_sample(table, &sample, rule, &call);
    entry->build(&command, &call);
    bytes_deinit(&commands);
    *x = (struct exchange){.resp = resp_new((struct resp_handler){on_event, on_reply, x})};
    bytes_append_slice(&x->out, before);
    answer_begin(&x->answer, &command, entry->verb->render, &x->out);
}

static void exchange_feed(struct exchange *x, const char *data, size_t len) {
    char *exact = copy_exactly(data, len);
    ck_assert_ptr_null(resp_feed(x->resp, exact, len));
    free(exact);
}

static void exchange_end(struct exchange *x) {
    ck_assert_msg(x->is_done, "more answers awaited");
    resp_free(x->resp);
    bytes_deinit(&x->out);
}

static void check_piecewise(const char *request, enum ttl_rule rule, struct slice redis,
                            size_t piece, struct slice reply) {
    struct exchange x;
    struct bytes wanted = {0};
    exchange_begin(&x, request, rule);
    for (size_t at = 0; at < redis.len; at += piece) {
        ck_assert_msg(!x.is_done, "%s: done too early", request);
        exchange_feed(&x, redis.data + at, redis.len - at < piece ? redis.len - at : piece);
    }
    bytes_append_slice(&wanted, before);
    bytes_append_slice(&wanted, reply);
    check_same(request, bytes_slice(&x.out), bytes_slice(&wanted));
    bytes_deinit(&wanted);
    exchange_end(&x);
}

struct answer_row {
    const char *request;
    struct slice redis, reply;
};

#define ROW(request, redis, reply)                                                                 \
    {                                                                                              \
        (request), {redis, sizeof(redis) - 1}, { reply, sizeof(reply) - 1 }                        \
    }

static void check_rows(const struct answer_row *rows, size_t count, enum ttl_rule rule) {
    for (size_t i = 0; i < count; i++) {
        check_piecewise(rows[i].request, rule, rows[i].redis, rows[i].redis.len, rows[i].reply);
        check_piecewise(rows[i].request, rule, rows[i].redis, 1, rows[i].reply);
        check_piecewise(rows[i].request, rule, rows[i].redis, 7, rows[i].reply);
    }
}

// --- renderers --------------------------------------------------------------------------------

// Answers of each shape; which of them a verb's commands have.
enum shape { STATUS, INTEGER, TEXT, NIL, NONE, TEXTS, PAIRS, NILS, NUMBERS, SCAN, DEEP, SHAPES };
static const char *const shapes[SHAPES] = {
    [STATUS] = "+OK\r\n",
    [INTEGER] = ":1\r\n",
    [TEXT] = "$1\r\n1\r\n",
    [NIL] = "$-1\r\n",
    [NONE] = "*0\r\n",
    [TEXTS] = "*1\r\n$1\r\n1\r\n",
    [PAIRS] = "*2\r\n$1\r\n1\r\n$1\r\n1\r\n",
    [NILS] = "*1\r\n$-1\r\n",
    [NUMBERS] = "*2\r\n:1\r\n:1\r\n",
    [SCAN] = "*2\r\n$1\r\n0\r\n*1\r\n$1\r\n1\r\n",
    [DEEP] = "*1\r\n*1\r\n*1\r\n:1\r\n",
};
#define BIT(shape) (1u << (shape))
#define LIST       (BIT(NONE) | BIT(TEXTS) | BIT(PAIRS))

static const struct {
    const char *request;
    unsigned right;
} shaped[] = {
    {"del n k", BIT(INTEGER)},
    {"exists n k", BIT(INTEGER)},
    {"pttl n k", BIT(INTEGER)},
    {"touch n k", BIT(INTEGER)},
    {"key.get n k", BIT(TEXT) | BIT(NIL)},
    {"key.mget n k", LIST | BIT(NILS)},
    {"key.set n k v", BIT(STATUS)},
    {"key.add n k v", BIT(STATUS) | BIT(NIL) | BIT(TEXT)},
    {"key.swap n k v", BIT(TEXT) | BIT(NIL)},
    {"key.take n k", BIT(TEXT) | BIT(NIL)},
    {"dict.get n k f", BIT(TEXT) | BIT(NIL)},
    {"dict.mget n k f", LIST | BIT(NILS)},
    {"dict.has n k f", BIT(INTEGER)},
    {"dict.items n k", BIT(NONE) | BIT(PAIRS)},
    {"dict.scan n k 0", BIT(SCAN)},
    {"set.members n k", LIST | BIT(NILS)},
    {"set.random n k 3", LIST | BIT(NILS) | BIT(TEXT) | BIT(NIL)},
    {"sorted.has n k m", BIT(STATUS) | BIT(NIL) | BIT(TEXT)},
    {"sorted.score n k m", BIT(TEXT) | BIT(NIL)},
    {"sorted.rank n k m", BIT(INTEGER) | BIT(NIL)},
    {"sorted.range n k 0 -1", BIT(NONE) | BIT(PAIRS)},
    {"counter.get n k f", BIT(TEXT) | BIT(NIL)},
    {"counter.total n k", LIST},
    {"counter.items n k", BIT(NONE) | BIT(PAIRS)},
    {"counter.top n k 3", BIT(NONE) | BIT(PAIRS)},
    {"memo.get n k", BIT(TEXT) | BIT(NIL)},
    {"memo.put n k l v", BIT(INTEGER)},
    {"memo.drop n k l", BIT(INTEGER)},
    {"memo.set n k v", BIT(STATUS)},
};

START_TEST(answer_refuses_what_is_of_another_shape_than_the_command_has) {
    for (size_t i = 0; i < COUNT(shaped); i++) {
        for (unsigned shape = 0; shape < SHAPES; shape++) {
            struct exchange x;
            exchange_begin(&x, shaped[i].request,
                           strncmp(shaped[i].request, "touch", 5) == 0 ? TTL_SET : TTL_KEEP);
            exchange_feed(&x, shapes[shape], strlen(shapes[shape]));
            bool is_right = shaped[i].right & BIT(shape);
            ck_assert_msg(x.answer.is_failed == !is_right, "%s: %s", shaped[i].request,
                          shapes[shape]);
            ck_assert(is_right || x.answer.code == REPLY_INTERNAL);
            exchange_end(&x);
        }
    }
}
END_TEST

START_TEST(answer_passes_on_what_redis_says) {
    static const struct answer_row rows[] = {
        ROW("key.get n k", "$5\r\nhello\r\n", "$5\r\nhello\r\n"),
        ROW("key.get n k", "$6\r\na\0\r\n+b\r\n", "$6\r\na\0\r\n+b\r\n"),
        ROW("key.get n k", "$0\r\n\r\n", "$0\r\n\r\n"),
        ROW("key.get n k", "$-1\r\n", "$-1\r\n"),
        ROW("key.set n k v", "+OK\r\n", "+OK\r\n"),
        ROW("del n k", ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"),
        ROW("key.mget n a b c", "*3\r\n$1\r\nx\r\n$-1\r\n$0\r\n\r\n",
            "*3\r\n$1\r\nx\r\n$-1\r\n$0\r\n\r\n"),
        ROW("dict.items n k", "*0\r\n", "*0\r\n"),
        ROW("dict.scan n k 0", "*2\r\n$2\r\n17\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n",
            "*2\r\n$2\r\n17\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n"),
        ROW("set.scan n k 0", "*2\r\n$1\r\n0\r\n*0\r\n", "*2\r\n$1\r\n0\r\n*0\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

START_TEST(answer_tells_whether_a_value_is_there) {
    static const struct answer_row rows[] = {
        ROW("key.add n k v", "+OK\r\n", ":1\r\n"),
        ROW("key.add n k v", "$-1\r\n", ":0\r\n"),
        ROW("key.replace n k v", "+OK\r\n", ":1\r\n"),
        ROW("key.replace n k v", "$-1\r\n", ":0\r\n"),
        ROW("sorted.has n k m", "$3\r\n1.5\r\n", ":1\r\n"),
        ROW("sorted.has n k m", "$-1\r\n", ":0\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

START_TEST(answer_turns_a_counters_digits_into_integers) {
    static const struct answer_row rows[] = {
        ROW("counter.get n k f", "$2\r\n-7\r\n", ":-7\r\n"),
        ROW("counter.get n k f", "$-1\r\n", ":0\r\n"),
        ROW("counter.set n k f 5", ":1\r\n", "+OK\r\n"),
        ROW("counter.set n k f 5", ":0\r\n", "+OK\r\n"),
        ROW("counter.update n k f 1 g 2", "*2\r\n$1\r\n1\r\n$19\r\n9223372036854775807\r\n",
            "*2\r\n:1\r\n:9223372036854775807\r\n"),
        ROW("counter.items n k", "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n2\r\n$2\r\n-2\r\n",
            "*4\r\n$1\r\na\r\n:1\r\n$1\r\n2\r\n:-2\r\n"),
        ROW("counter.items n k", "*0\r\n", "*0\r\n"),
        ROW("counter.total n k", "*3\r\n$1\r\n1\r\n$3\r\n-10\r\n$1\r\n4\r\n", ":-5\r\n"),
        ROW("counter.total n k", "*0\r\n", ":0\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

#define NO_NUMBER  "-WRONGTYPE the stored value is not a number\r\n"
#define NO_NUMBERS "-WRONGTYPE a stored value is not a number\r\n"

START_TEST(answer_refuses_a_counter_that_holds_no_numbers) {
    static const struct answer_row rows[] = {
        ROW("counter.get n k f", "$1\r\nx\r\n", NO_NUMBER),
        ROW("counter.items n k", "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$3\r\n1.5\r\n", NO_NUMBER),
        ROW("counter.items n k", "*4\r\n$1\r\na\r\n$0\r\n\r\n$1\r\nb\r\n$1\r\n1\r\n", NO_NUMBER),
        ROW("counter.total n k", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n", NO_NUMBERS),
        ROW("counter.top n k 1", "*4\r\n$1\r\na\r\n$1\r\nx\r\n$1\r\nb\r\n$1\r\n1\r\n", NO_NUMBERS),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

START_TEST(answer_refuses_a_total_over_64_bits) {
    static const struct answer_row rows[] = {
        ROW("counter.total n k", "*2\r\n$19\r\n9223372036854775807\r\n$1\r\n1\r\n",
            "-ARGS the total is out of range\r\n"),
        ROW("counter.total n k", "*3\r\n$19\r\n9223372036854775807\r\n$1\r\n1\r\n$2\r\n-1\r\n",
            ":9223372036854775807\r\n"),
        ROW("counter.total n k", "*3\r\n$19\r\n9223372036854775807\r\n$1\r\n1\r\n$1\r\nx\r\n",
            "-WRONGTYPE a stored value is not a number\r\n"),
        ROW("counter.total n k", "*2\r\n$19\r\n9223372036854775807\r\n$1\r\n0\r\n",
            ":9223372036854775807\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

#define TALLY(field, number) "$1\r\n" field "\r\n$1\r\n" number "\r\n"
#define SHOWN(field, number) "$1\r\n" field "\r\n:" number "\r\n"

START_TEST(answer_ranks_a_counters_fields) {
    static const struct answer_row rows[] = {
        ROW("counter.top n k 2",
            "*8\r\n" TALLY("a", "1") TALLY("b", "9") TALLY("c", "5") TALLY("d", "0"),
            "*4\r\n" SHOWN("b", "9") SHOWN("c", "5")),
        ROW("counter.top n k 3", "*6\r\n" TALLY("c", "1") TALLY("b", "2") TALLY("a", "1"),
            "*6\r\n" SHOWN("b", "2") SHOWN("a", "1") SHOWN("c", "1")),
        ROW("counter.top n k 99", "*2\r\n" TALLY("a", "1"), "*2\r\n" SHOWN("a", "1")),
        ROW("counter.top n k 0", "*2\r\n" TALLY("a", "1"), "*0\r\n"),
        ROW("counter.top n k 9223372036854775807", "*0\r\n", "*0\r\n"),
        ROW("counter.top n k 4",
            "*8\r\n$2\r\nab\r\n$2\r\n-1\r\n$1\r\na\r\n$2\r\n-1\r\n$0\r\n\r\n"
            "$2\r\n-1\r\n$2\r\na\xff\r\n$1\r\n3\r\n",
            "*8\r\n$2\r\na\xff\r\n:3\r\n$0\r\n\r\n:-1\r\n$1\r\na\r\n:-1\r\n$2\r\nab\r\n:-1\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

// --- transactions -----------------------------------------------------------------------------

#define QUEUED "+OK\r\n+QUEUED\r\n+QUEUED\r\n"

START_TEST(answer_gives_a_transactions_first_answer_only) {
    static const struct answer_row rows[] = {
        ROW("dict.set n k f v", QUEUED "*2\r\n:1\r\n:1\r\n", ":1\r\n"),
        ROW("key.incr n k 5", QUEUED "*2\r\n:-42\r\n:1\r\n", ":-42\r\n"),
        ROW("counter.set n k f 5", QUEUED "*2\r\n:0\r\n:1\r\n", "+OK\r\n"),
        ROW("sorted.incr n k m 2", QUEUED "*2\r\n$3\r\n3.5\r\n:1\r\n", "$3\r\n3.5\r\n"),
        ROW("set.pop n k", QUEUED "*2\r\n$-1\r\n:0\r\n", "$-1\r\n"),
        ROW("set.pop n k 2", QUEUED "*2\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n:1\r\n",
            "*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        ROW("sorted.pop n k", QUEUED "*2\r\n*0\r\n:0\r\n", "*0\r\n"),
        ROW("dict.pop n k f",
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n$1\r\nv\r\n:1\r\n:1\r\n", "$1\r\nv\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_SET);
}
END_TEST

START_TEST(answer_reads_a_transaction_that_sets_no_ttl) {
    static const struct answer_row rows[] = {
        ROW("dict.pop n k f", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\nv\r\n:1\r\n",
            "$1\r\nv\r\n"),
        ROW("dict.set n k f v", ":1\r\n", ":1\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

START_TEST(answer_gives_the_error_of_a_transactions_first_command) {
    static const struct answer_row rows[] = {
        ROW("dict.set n k f v",
            QUEUED "*2\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
                   ":1\r\n",
            "-WRONGTYPE the key holds another collection\r\n"),
        ROW("key.incr n k", QUEUED "*2\r\n-ERR value is not an integer or out of range\r\n:1\r\n",
            NO_NUMBER),
        ROW("counter.incr n k f",
            QUEUED "*2\r\n-ERR increment or decrement would overflow\r\n:1\r\n",
            "-ARGS the result is out of range\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_SET);
}
END_TEST

#define OOM     "OOM command not allowed when used memory > 'maxmemory'."
#define ABORTED "-EXECABORT Transaction discarded because of previous errors.\r\n"

START_TEST(answer_gives_the_first_error_that_aborts_a_transaction) {
    static const struct answer_row rows[] = {
        ROW("dict.set n k f v", "+OK\r\n-" OOM "\r\n+QUEUED\r\n" ABORTED,
            "-OVERLOADED the backend is out of memory\r\n"),
        ROW("dict.set n k f v",
            "+OK\r\n+QUEUED\r\n-READONLY You can't write against a read only replica.\r\n" ABORTED,
            "-UNAVAILABLE the backend is a read-only replica\r\n"),
        ROW("dict.set n k f v",
            "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n-" OOM "\r\n" ABORTED,
            "-UNAVAILABLE the backend is loading its data\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_SET);
}
END_TEST

// UNAVAILABLE would say that nothing was applied.
START_TEST(answer_does_not_deny_what_ran_behind_a_refused_multi) {
    static const struct answer_row rows[] = {
        ROW("dict.set n k f v",
            "-NOPERM this user has no permissions to run the 'multi' command\r\n:1\r\n:1\r\n"
            "-ERR EXEC without MULTI\r\n",
            "-INTERNAL the backend refused MULTI\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_SET);
}
END_TEST

START_TEST(answer_gives_the_reason_for_which_exec_itself_is_refused) {
    static const struct answer_row rows[] = {
        ROW("dict.set n k f v", QUEUED "-EXECABORT Transaction discarded because of: " OOM "\r\n",
            "-OVERLOADED the backend is out of memory\r\n"),
        ROW("dict.set n k f v",
            QUEUED "-EXECABORT Transaction discarded because of: MISCONF Redis is configured to "
                   "save RDB snapshots\r\n",
            "-UNAVAILABLE the backend can't save its data\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_SET);
}
END_TEST

#define UNKNOWN "-INTERNAL the backend gave an unknown answer\r\n"

START_TEST(answer_calls_an_exec_without_answers_a_fault) {
    static const struct answer_row rows[] = {
        ROW("dict.set n k f v", QUEUED "$-1\r\n", UNKNOWN),
        ROW("dict.set n k f v", QUEUED "*0\r\n", UNKNOWN),
        ROW("dict.set n k f v", QUEUED "+OK\r\n", UNKNOWN),
        ROW("dict.set n k f v", QUEUED ABORTED, UNKNOWN),
    };
    check_rows(rows, COUNT(rows), TTL_SET);
}
END_TEST

START_TEST(answer_drops_what_is_written_when_an_error_follows) {
    static const struct answer_row rows[] = {
        ROW("key.mget n a b c", "*3\r\n$1\r\nx\r\n-" OOM "\r\n$1\r\nz\r\n",
            "-OVERLOADED the backend is out of memory\r\n"),
    };
    check_rows(rows, COUNT(rows), TTL_KEEP);
}
END_TEST

// --- other servers of a cluster -----------------------------------------------------------------

enum { ASKS_TTL = 8 }; // a read whose ttl is asked for

// Feeds Redis's answers to a request that has `asks` before it, whole and byte by byte. The turn
// must be this one, and its words those of the first error in `redis`.
static void check_turn(const char *request, enum ttl_rule rule, unsigned asks, const char *redis,
                       enum turn turn, const char *reply) {
    for (size_t piece = 1; piece < 100000; piece += 99998) {
        struct exchange x;
        struct command command = {.replies = rule == TTL_KEEP ? 1 : 4,
                                  .frame.is_transaction = rule != TTL_KEEP,
                                  .frame.asks = asks & 3,
                                  .frame.has_ttl = asks & ASKS_TTL};
        command.frame.is_any = asks != 0 || rule != TTL_KEEP;
        command.replies += command.frame.has_ttl;
        exchange_begin(&x, request, rule);
        answer_begin(&x.answer, &command, x.answer.render, &x.out);
        size_t len = strlen(redis);
        for (size_t at = 0; at < len; at += piece) {
            ck_assert_msg(!x.is_done, "%s", redis);
            exchange_feed(&x, redis + at, len - at < piece ? len - at : piece);
        }
        ck_assert_msg(x.answer.turn == turn, "%s", redis);
        if (turn) {
            const char *error = redis;
            while (error[0] != '-' || error[1] < 'A')
                error += strcspn(error, "\n") + 1;
            error++;
            struct slice reason = redis_error_reason((struct slice){error, strcspn(error, "\r")});
            check_same(redis, answer_turn_to(&x.answer), reason);
        }
        check_same(redis, (struct slice){x.out.data + before.len, x.out.len - before.len},
                   slice_of(reply));
        exchange_end(&x);
    }
}

struct turn_row {
    const char *request;
    enum ttl_rule rule;
    unsigned asks;
    const char *redis;
    enum turn turn;
    const char *reply;
};

static void check_turns(const struct turn_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        check_turn(rows[i].request, rows[i].rule, rows[i].asks, rows[i].redis, rows[i].turn,
                   rows[i].reply);
}

#define GET         "key.get n k", TTL_KEEP
#define SET         "dict.set n k f v", TTL_SET
#define MOVED       "-MOVED 8579 10.0.0.1:6379\r\n"
#define ASK         "-ASK 8579 10.0.0.1:6379\r\n"
#define ELSEWHERE   "-UNAVAILABLE the backend is part of a cluster: use redis+cluster://\r\n"
#define IS_LOADING  "-UNAVAILABLE the backend is loading its data\r\n"
#define IS_DOWN     "-UNAVAILABLE the backend is part of a cluster that is down\r\n"
#define IS_REPLICA  "-UNAVAILABLE the backend is a read-only replica\r\n"
#define BECAUSE     "-EXECABORT Transaction discarded because of: "
#define NOT_ALLOWED "-NOPERM this user has no permissions to run the 'asking' command\r\n"
#define NOT_THE_TTL "-NOPERM this user has no permissions to run the 'pttl' command\r\n"
#define ASK_REFUSED "-INTERNAL the backend refused ASKING\r\n"

START_TEST(answer_notes_that_another_server_or_time_is_right) {
    static const struct turn_row rows[] = {
        {GET, 0, "$1\r\nv\r\n", TURN_NONE, "$1\r\nv\r\n"},
        {GET, 0, MOVED, TURN_MOVED, ELSEWHERE},
        {GET, 0, ASK, TURN_ASK, ELSEWHERE},
        {GET, 0, "-TRYAGAIN Multiple keys\r\n", TURN_TRYAGAIN, ELSEWHERE},
        {GET, 0, "-CLUSTERDOWN Hash slot not served\r\n", TURN_CLUSTERDOWN, IS_DOWN},
        {GET, 0, "-LOADING Redis is\r\n", TURN_LOADING, IS_LOADING},
        {GET, 0, "-MOVED 99999 h:1\r\n", TURN_NONE, ELSEWHERE},
        {GET, 0, "-WRONGTYPE Operation\r\n", TURN_NONE,
         "-WRONGTYPE the key holds another collection\r\n"},
        // The ttl that is asked for first.
        {GET, ASKS_TTL, ":-1\r\n$1\r\nv\r\n", TURN_NONE, "$1\r\nv\r\n"},
        {GET, ASKS_TTL, MOVED "$1\r\nv\r\n", TURN_MOVED, ELSEWHERE},
        {GET, ASKS_TTL, ":-1\r\n" ASK, TURN_ASK, ELSEWHERE},
        {GET, ASKS_TTL, NOT_THE_TTL "$1\r\nv\r\n", TURN_NONE, "$1\r\nv\r\n"},
    };
    check_turns(rows, COUNT(rows));
}
END_TEST

START_TEST(answer_notes_the_first_refusal_of_a_transaction) {
    static const struct turn_row rows[] = {
        {SET, 0, "+OK\r\n" MOVED MOVED ABORTED, TURN_MOVED, ELSEWHERE},
        {SET, 0, "+OK\r\n+QUEUED\r\n-TRYAGAIN Multiple\r\n" ABORTED, TURN_TRYAGAIN, ELSEWHERE},
        {SET, 0, QUEUED MOVED, TURN_MOVED, ELSEWHERE},
        {SET, 0, QUEUED ASK, TURN_ASK, ELSEWHERE},
        {SET, 0, QUEUED BECAUSE "READONLY You can't\r\n", TURN_READONLY, IS_REPLICA},
        {SET, 0, "+OK\r\n-" OOM "\r\n" MOVED ABORTED, TURN_NONE,
         "-OVERLOADED the backend is out of memory\r\n"},
        // EXEC has run the commands: none of them may be repeated.
        {SET, 0, QUEUED "*2\r\n" MOVED ":1\r\n", TURN_NONE, ELSEWHERE},
    };
    check_turns(rows, COUNT(rows));
}
END_TEST

START_TEST(answer_passes_over_what_asking_was_answered) {
    static const struct turn_row rows[] = {
        {GET, ASKS_ONCE, "+OK\r\n$1\r\nv\r\n", TURN_NONE, "$1\r\nv\r\n"},
        {GET, ASKS_ONCE, "+OK\r\n" MOVED, TURN_MOVED, ELSEWHERE},
        {GET, ASKS_ONCE, NOT_ALLOWED MOVED, TURN_NONE, ASK_REFUSED},
        {GET, ASKS_EACH | ASKS_TTL, "+OK\r\n:5\r\n+OK\r\n$1\r\nv\r\n", TURN_NONE, "$1\r\nv\r\n"},
        {GET, ASKS_EACH | ASKS_TTL, "+OK\r\n:5\r\n+OK\r\n" ASK, TURN_ASK, ELSEWHERE},
        {GET, ASKS_EACH | ASKS_TTL, "+OK\r\n" MOVED "+OK\r\n$1\r\nv\r\n", TURN_MOVED, ELSEWHERE},
        {GET, ASKS_EACH | ASKS_TTL, "+OK\r\n:5\r\n" NOT_ALLOWED MOVED, TURN_NONE, ASK_REFUSED},
        {SET, ASKS_ONCE, "+OK\r\n" QUEUED "*2\r\n:1\r\n:1\r\n", TURN_NONE, ":1\r\n"},
        {SET, ASKS_ONCE, "+OK\r\n+OK\r\n" MOVED MOVED ABORTED, TURN_MOVED, ELSEWHERE},
        {SET, ASKS_ONCE,
         "+OK\r\n-NOPERM this user has no permissions to run the 'multi' command\r\n:1\r\n:1\r\n"
         "-ERR EXEC without MULTI\r\n",
         TURN_NONE, "-INTERNAL the backend refused MULTI\r\n"},
        {SET, ASKS_ONCE, NOT_ALLOWED QUEUED "*2\r\n:1\r\n:1\r\n", TURN_NONE, ASK_REFUSED},
    };
    check_turns(rows, COUNT(rows));
}
END_TEST

// --- errors -----------------------------------------------------------------------------------

START_TEST(answer_maps_each_error_of_redis_to_a_code) {
    static const struct {
        const char *redis;
        enum reply_code code;
        enum fault fault;
    } rows[] = {
        {"WRONGTYPE Operation against a key holding the wrong kind of value", REPLY_WRONGTYPE,
         FAULT_NONE},
        {"ERR value is not an integer or out of range", REPLY_WRONGTYPE, FAULT_NONE},
        {"ERR hash value is not an integer", REPLY_WRONGTYPE, FAULT_NONE},
        {"ERR hash value is not a float", REPLY_WRONGTYPE, FAULT_NONE},
        {"ERR value is not a valid float", REPLY_WRONGTYPE, FAULT_NONE},
        {"ERR increment or decrement would overflow", REPLY_ARGS, FAULT_NONE},
        {"ERR resulting score is not a number (NaN)", REPLY_ARGS, FAULT_NONE},
        {"ERR invalid cursor", REPLY_ARGS, FAULT_NONE},
        {OOM, REPLY_OVERLOADED, FAULT_TOLD},
        {"BUSY Redis is busy running a script.", REPLY_OVERLOADED, FAULT_TOLD},
        {"LOADING Redis is loading the dataset in memory", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"MASTERDOWN Link with MASTER is down", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"CLUSTERDOWN The cluster is down", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"READONLY You can't write against a read only replica.", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"NOREPLICAS Not enough good replicas to write.", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"MISCONF Redis is configured to save RDB snapshots", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"ERR max number of clients reached", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"MOVED 3999 127.0.0.1:6381", REPLY_UNAVAILABLE, FAULT_TOLD},
        {"ASK 3999 127.0.0.1:6381", REPLY_UNAVAILABLE, FAULT_TOLD},
        {"TRYAGAIN Multiple keys request during rehashing of slot", REPLY_UNAVAILABLE, FAULT_TOLD},
        {"CROSSSLOT Keys in request don't hash to the same slot", REPLY_UNAVAILABLE, FAULT_TOLD},
        {"NOAUTH Authentication required.", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"WRONGPASS invalid username-password pair", REPLY_UNAVAILABLE, FAULT_UNFIT},
        {"NOPERM this user has no permissions", REPLY_UNAVAILABLE, FAULT_DENIED},
        {"ERR unknown command 'HSET'", REPLY_INTERNAL, FAULT_TOLD},
        {"ERR syntax error", REPLY_INTERNAL, FAULT_TOLD},
        {"", REPLY_INTERNAL, FAULT_TOLD},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *message = NULL;
        enum fault fault;
        enum reply_code code = redis_error_code(slice_of(rows[i].redis), &message, &fault);
        ck_assert_msg(code == rows[i].code, "%s: %s", rows[i].redis, reply_code_name(code));
        ck_assert_msg(fault == rows[i].fault, "%s: whose fault", rows[i].redis);
        ck_assert_msg(message && *message, "%s: no message", rows[i].redis);
    }
}
END_TEST

START_TEST(answer_keeps_the_code_of_its_error) {
    struct exchange x;
    exchange_begin(&x, "key.get n k", TTL_KEEP);
    exchange_feed(&x, "-" OOM "\r\n", strlen(OOM) + 3);
    ck_assert(x.answer.is_failed);
    ck_assert_int_eq(x.answer.code, REPLY_OVERLOADED);
    exchange_end(&x);
}
END_TEST

// --- the dialect of Redis ---------------------------------------------------------------------

// Feeds the answer of Redis to a client of that dialect.
static void exchange_in_redis(struct exchange *x, const char *request, enum ttl_rule rule,
                              bool is_scripted, const char *redis) {
    exchange_begin(x, request, rule);
    x->answer.dialect = &redis_dialect;
    x->answer.is_scripted = is_scripted;
    x->answer.backend = "main";
    exchange_feed(x, redis, strlen(redis));
}

static void check_in_redis(struct exchange *x, const char *redis, const char *reply) {
    struct bytes wanted = {0};
    bytes_append_slice(&wanted, before);
    bytes_append_slice(&wanted, slice_of(reply));
    check_same(redis, bytes_slice(&x->out), bytes_slice(&wanted));
    bytes_deinit(&wanted);
    exchange_end(x);
}

#define NOT_AN_INTEGER "-ERR value is not an integer or out of range\r\n"
#define NO_ROOM        "-OOM command not allowed when used memory > 'maxmemory'.\r\n"
#define ABORTED        "-EXECABORT Transaction discarded because of previous errors.\r\n"

START_TEST(answer_in_redis_dialect_passes_what_the_client_has_caused) {
    static const struct {
        enum ttl_rule rule;
        const char *redis, *reply;
        enum reply_code code;
        enum fault fault;
    } rows[] = {
        {TTL_KEEP, NOT_AN_INTEGER, NOT_AN_INTEGER, REPLY_ARGS, FAULT_NONE},
        {TTL_KEEP, "-ERR syntax error\r\n", "-ERR syntax error\r\n", REPLY_ARGS, FAULT_NONE},
        {TTL_KEEP, "-WRONGTYPE Operation\r\n", "-WRONGTYPE Operation\r\n", REPLY_WRONGTYPE,
         FAULT_NONE},
        {TTL_KEEP, "-BUSYKEY x\r\n", "-BUSYKEY x\r\n", REPLY_ARGS, FAULT_NONE},
        {TTL_KEEP, "-NOSCRIPT x\r\n", "-NOSCRIPT x\r\n", REPLY_NOSCRIPT, FAULT_NONE},
        {TTL_KEEP, "-CROSSSLOT x\r\n", "-CROSSSLOT x\r\n", REPLY_CROSSSLOT, FAULT_NONE},
        {TTL_KEEP, NO_ROOM, NO_ROOM, REPLY_OVERLOADED, FAULT_TOLD},
        {TTL_SET, QUEUED "*2\r\n" NOT_AN_INTEGER ":0\r\n", NOT_AN_INTEGER, REPLY_ARGS, FAULT_NONE},
        {TTL_SET, "+OK\r\n" NO_ROOM NO_ROOM ABORTED, NO_ROOM, REPLY_OVERLOADED, FAULT_TOLD},
        {TTL_SET, QUEUED "-EXECABORT Transaction discarded because of: ERR x\r\n", "-ERR x\r\n",
         REPLY_ARGS, FAULT_NONE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct exchange x;
        exchange_in_redis(&x, "dict.incr n k f 1", rows[i].rule, false, rows[i].redis);
        ck_assert(x.answer.is_failed);
        ck_assert_msg(x.answer.code == rows[i].code, "%s: %s", rows[i].redis,
                      reply_code_name(x.answer.code));
        ck_assert_msg(x.answer.fault == rows[i].fault, "%s: whose fault", rows[i].redis);
        check_in_redis(&x, rows[i].redis, rows[i].reply);
    }
}
END_TEST

START_TEST(answer_in_redis_dialect_hides_what_the_server_has_caused) {
    static const struct {
        const char *redis, *reply;
        enum reply_code code;
    } rows[] = {
        {"-READONLY You can't write against a read only replica.\r\n",
         "-LOADING cachesd: backend main is a read-only replica\r\n", REPLY_UNAVAILABLE},
        {"-MOVED 1 evil:6379\r\n",
         "-LOADING cachesd: backend main is part of a cluster: use redis+cluster://\r\n",
         REPLY_UNAVAILABLE},
        {"-BUSY Redis is busy running a script.\r\n",
         "-OVERLOADED backend main is busy with a script\r\n", REPLY_OVERLOADED},
        {"-NOPERM this user has no permissions to run the 'incrby' command\r\n",
         "-LOADING cachesd: backend main refuses this daemon's account: incrby\r\n",
         REPLY_UNAVAILABLE},
        {"*0\r\n", "-ERR INTERNAL backend main gave an unknown answer\r\n", REPLY_INTERNAL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct exchange x;
        exchange_in_redis(&x, "key.incr n k 1", TTL_KEEP, false, rows[i].redis);
        ck_assert_int_eq(x.answer.code, rows[i].code);
        ck_assert_int_ne(x.answer.fault, FAULT_NONE);
        check_in_redis(&x, rows[i].redis, rows[i].reply);
    }
}
END_TEST

// Or anybody who may run a script could have a connection closed that others share.
START_TEST(answer_of_a_script_is_no_fault_and_no_redirect) {
    static const struct {
        const char *redis, *reply;
    } rows[] = {
        {"-MOVED 1 evil:6379\r\n", "-LOADING cachesd: the key's server has changed\r\n"},
        {"-ASK 1 evil:6379\r\n", "-LOADING cachesd: the key's server has changed\r\n"},
        {"-MINE own\r\n", "-MINE own\r\n"},
        {"-NOPERM no\r\n", "-NOPERM no\r\n"},
        {NO_ROOM, NO_ROOM},
        {"-READONLY x\r\n", "-LOADING cachesd: backend main is a read-only replica\r\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct exchange x;
        exchange_in_redis(&x, "key.incr n k 1", TTL_KEEP, true, rows[i].redis);
        ck_assert(x.answer.is_failed);
        ck_assert_int_eq(x.answer.turn, TURN_NONE);
        ck_assert_int_eq(x.answer.fault, FAULT_NONE);
        check_in_redis(&x, rows[i].redis, rows[i].reply);
    }
}
END_TEST

START_TEST(answer_of_a_script_keeps_an_error_inside_an_array) {
    struct exchange x;
    const char *redis = "*3\r\n:1\r\n-MOVED x\r\n$1\r\na\r\n";
    exchange_begin(&x, "key.incr n k 1", TTL_KEEP);
    x.answer.render = render_as_is;
    x.answer.dialect = &redis_dialect;
    x.answer.is_scripted = true;
    exchange_feed(&x, redis, strlen(redis));
    ck_assert(!x.answer.is_failed);
    check_in_redis(&x, redis, "*3\r\n:1\r\n-ERR MOVED x\r\n$1\r\na\r\n");
}
END_TEST

START_TEST(answer_knows_a_miss) {
    static const struct {
        const char *request, *redis;
        enum ttl_rule rule;
        bool is_miss;
    } rows[] = {
        {"key.get n k", "$-1\r\n", TTL_KEEP, true},
        {"key.get n k", "$0\r\n\r\n", TTL_KEEP, false},
        {"sorted.has n k m", "$-1\r\n", TTL_KEEP, true},
        {"counter.get n k f", "$-1\r\n", TTL_KEEP, true},
        {"dict.items n k", "*0\r\n", TTL_KEEP, true},
        {"key.mget n k", "*1\r\n$-1\r\n", TTL_KEEP, false},
        {"dict.items n k", "*2\r\n$1\r\nf\r\n$1\r\nv\r\n", TTL_KEEP, false},
        {"set.pop n k", QUEUED "*2\r\n$-1\r\n:0\r\n", TTL_SET, true},
        {"sorted.pop n k", QUEUED "*2\r\n*0\r\n:0\r\n", TTL_SET, true},
        {"set.pop n k", QUEUED "*2\r\n$1\r\na\r\n:0\r\n", TTL_SET, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct exchange x;
        exchange_begin(&x, rows[i].request, rows[i].rule);
        exchange_feed(&x, rows[i].redis, strlen(rows[i].redis));
        ck_assert_msg(x.was_miss == rows[i].is_miss, "%s: %s", rows[i].request, rows[i].redis);
        exchange_end(&x);
    }
}
END_TEST

#define MEMO(state, value) "*3\r\n" state value "$-1\r\n"
#define HIT_V              MEMO("$3\r\nHIT\r\n", "$1\r\nv\r\n")

// With PTTL before GET, and `stale` of a second; nothing is written where another step is needed.
START_TEST(answer_tells_a_memos_state_from_its_ttl) {
    static const struct {
        struct slice redis, reply;
        enum memo_state state;
        double early_factor;
    } rows[] = {
        {SLICE(":5000\r\n$1\r\nv\r\n"), SLICE(HIT_V), MEMO_HIT, 0},
        {SLICE(":1001\r\n$1\r\nv\r\n"), SLICE(HIT_V), MEMO_HIT, 0},
        {SLICE(":-1\r\n$1\r\nv\r\n"), SLICE(HIT_V), MEMO_HIT, 0},
        {SLICE(":-2\r\n$1\r\nv\r\n"), SLICE(HIT_V), MEMO_HIT, 0},       // it has just come
        {SLICE("-NOPERM pttl\r\n$1\r\nv\r\n"), SLICE(""), MEMO_ASK, 1}, // the script will say it
        {SLICE(":1000\r\n$1\r\nv\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":0\r\n$1\r\nv\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":-2\r\n$-1\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":5000\r\n$19\r\n\0memoN9999999999999\r\n"),
         SLICE(MEMO("$4\r\nNULL\r\n", "$-1\r\n")), MEMO_NULL, 0},
        {SLICE(":5000\r\n$7\r\n\0memoN1\r\n"), SLICE(""), MEMO_ASK, 0}, // its time has come
        {SLICE(":5000\r\n$6\r\n\0memoN\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":5000\r\n$9\r\n\0memoV7 v\r\n"), SLICE(HIT_V), MEMO_HIT, 0},
        {SLICE(":900\r\n$9\r\n\0memoV7 v\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":1014\r\n$9\r\n\0memoV7 v\r\n"), SLICE(""), MEMO_ASK_EARLY, 2},
        {SLICE(":1015\r\n$9\r\n\0memoV7 v\r\n"), SLICE(HIT_V), MEMO_HIT, 2},
        {SLICE(":5000\r\n$8\r\n\0memoL12\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":5000\r\n$16\r\n\0memoS1 2 3 4 vv\r\n"), SLICE(""), MEMO_ASK, 0},
        {SLICE(":5000\r\n$5\r\n\0memo\r\n"), SLICE(MEMO("$3\r\nHIT\r\n", "$5\r\n\0memo\r\n")),
         MEMO_HIT, 0},
        {SLICE(":5000\r\n$8\r\n\0memoVxx\r\n"), SLICE(""), MEMO_ASK, 0}, // nobody's: ask
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct exchange x;
        struct bytes wanted = {0};
        exchange_begin(&x, "memo.get n k", TTL_KEEP);
        x.answer.frame.has_ttl = x.answer.frame.is_any = true;
        x.answer.replies = x.answer.left = 2;
        x.answer.stale_ms = 1000;
        x.answer.early_factor = rows[i].early_factor;
        exchange_feed(&x, rows[i].redis.data, rows[i].redis.len);
        bytes_append_slice(&wanted, before);
        bytes_append_slice(&wanted, rows[i].reply);
        check_same("reply", bytes_slice(&x.out), bytes_slice(&wanted));
        ck_assert_msg(x.answer.memo_state == rows[i].state, "row %zu: state %d", i,
                      (int)x.answer.memo_state);
        bytes_deinit(&wanted);
        exchange_end(&x);
    }
}
END_TEST

// --- where the reply goes ---------------------------------------------------------------------

START_TEST(answer_moves_to_another_buffer_between_any_two_bytes) {
    struct slice redis = SLICE("*3\r\n$1\r\nx\r\n$-1\r\n$3\r\nabc\r\n");
    for (size_t cut = 0; cut < redis.len; cut++) {
        struct exchange x;
        struct bytes other = {0};
        exchange_begin(&x, "key.mget n a b c", TTL_KEEP);
        exchange_feed(&x, redis.data, cut);
        bytes_append_literal(&other, "+OTHER\r\n");
        answer_move(&x.answer, &other);
        exchange_feed(&x, redis.data + cut, redis.len - cut);
        check_same("left behind", bytes_slice(&x.out), before);
        check_text("moved", &other, "+OTHER\r\n*3\r\n$1\r\nx\r\n$-1\r\n$3\r\nabc\r\n");
        exchange_end(&x);
    }
}
END_TEST

START_TEST(answer_fails_once_and_behind_what_stood_before) {
    struct exchange x;
    struct slice redis = SLICE("*2\r\n$1\r\nx\r\n$1\r\ny\r\n");
    exchange_begin(&x, "key.mget n a b", TTL_KEEP);
    exchange_feed(&x, redis.data, 12);
    answer_fail(&x.answer, REPLY_TIMEOUT, "no answer");
    answer_fail(&x.answer, REPLY_LOST, "gone");
    exchange_feed(&x, redis.data + 12, redis.len - 12);
    check_same("failed", bytes_slice(&x.out), SLICE("+BEFORE\r\n-TIMEOUT no answer\r\n"));
    exchange_end(&x);
}
END_TEST

START_TEST(answer_fails_in_the_buffer_it_moved_to) {
    struct exchange x;
    struct bytes other = {0};
    struct slice redis = SLICE("*2\r\n$1\r\nx\r\n$1\r\ny\r\n");
    exchange_begin(&x, "key.mget n a b", TTL_KEEP);
    exchange_feed(&x, redis.data, 12);
    bytes_append_literal(&other, "+OTHER\r\n");
    answer_move(&x.answer, &other);
    answer_fail(&x.answer, REPLY_LOST, "gone");
    exchange_feed(&x, redis.data + 12, redis.len - 12);
    check_same("left behind", bytes_slice(&x.out), before);
    check_text("failed", &other, "+OTHER\r\n-LOST gone\r\n");
    exchange_end(&x);
}
END_TEST

START_TEST(answer_gives_back_what_it_gathered_when_given_up) {
    struct exchange x;
    exchange_begin(&x, "counter.top n k 2", TTL_KEEP);
    exchange_feed(&x, "*4\r\n$1\r\na\r\n$1\r\n1\r\n", 18);
    answer_deinit(&x.answer);
    x.is_done = true;
    exchange_end(&x);
}
END_TEST

// --- resp -------------------------------------------------------------------------------------

START_TEST(resp_reads_several_answers_at_once) {
    struct exchange x;
    struct slice redis = SLICE(QUEUED "*2\r\n:1\r\n:1\r\n");
    exchange_begin(&x, "dict.set n k f v", TTL_SET);
    exchange_feed(&x, redis.data, redis.len);
    exchange_end(&x);
}
END_TEST

START_TEST(resp_reads_a_large_answer) {
    struct exchange x;
    struct bytes redis = {0}, wanted = {0};
    enum { SIZE = 3000000 };
    bytes_printf(&redis, "$%d\r\n%0*d\r\n", SIZE, SIZE, 7);
    exchange_begin(&x, "key.get n k", TTL_KEEP);
    exchange_feed(&x, redis.data, redis.len);
    bytes_append_slice(&wanted, before);
    bytes_append_slice(&wanted, bytes_slice(&redis));
    ck_assert(slice_equal(bytes_slice(&x.out), bytes_slice(&wanted)));
    exchange_end(&x);
    bytes_deinit(&redis);
    bytes_deinit(&wanted);
}
END_TEST

START_TEST(resp_reports_what_is_no_redis) {
    static const char *const texts[] = {"HTTP/1.1 200 OK\r\n", "%1\r\n", ":x\r\n", "$-2\r\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct exchange x;
        exchange_begin(&x, "key.get n k", TTL_KEEP);
        ck_assert_msg(resp_feed(x.resp, texts[i], strlen(texts[i])), "'%s' accepted", texts[i]);
        x.is_done = true;
        exchange_end(&x);
    }
}
END_TEST

static void ignore_event(void *owner, const struct event *e) {
    (void)owner;
    (void)e;
}

static bool stop_reading(void *owner) { return ++*(int *)owner < 2; }

START_TEST(resp_stops_when_an_answer_is_not_wanted) {
    int replies = 0;
    struct resp *resp = resp_new((struct resp_handler){ignore_event, stop_reading, &replies});
    ck_assert_str_eq(resp_feed(resp, "+A\r\n+B\r\n+C\r\n", 12), "unexpected answer");
    ck_assert_int_eq(replies, 2);
    resp_free(resp);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "answer", begin, end, answer_passes_on_what_redis_says,
        answer_tells_whether_a_value_is_there, answer_turns_a_counters_digits_into_integers,
        answer_refuses_a_counter_that_holds_no_numbers, answer_refuses_a_total_over_64_bits,
        answer_refuses_what_is_of_another_shape_than_the_command_has,
        answer_ranks_a_counters_fields, answer_gives_a_transactions_first_answer_only,
        answer_reads_a_transaction_that_sets_no_ttl,
        answer_gives_the_error_of_a_transactions_first_command,
        answer_gives_the_first_error_that_aborts_a_transaction,
        answer_does_not_deny_what_ran_behind_a_refused_multi,
        answer_gives_the_reason_for_which_exec_itself_is_refused,
        answer_calls_an_exec_without_answers_a_fault,
        answer_drops_what_is_written_when_an_error_follows,
        answer_notes_that_another_server_or_time_is_right,
        answer_notes_the_first_refusal_of_a_transaction,
        answer_passes_over_what_asking_was_answered, answer_maps_each_error_of_redis_to_a_code,
        answer_keeps_the_code_of_its_error,
        answer_in_redis_dialect_passes_what_the_client_has_caused,
        answer_in_redis_dialect_hides_what_the_server_has_caused,
        answer_of_a_script_is_no_fault_and_no_redirect,
        answer_of_a_script_keeps_an_error_inside_an_array, answer_knows_a_miss,
        answer_tells_a_memos_state_from_its_ttl,
        answer_moves_to_another_buffer_between_any_two_bytes,
        answer_fails_once_and_behind_what_stood_before, answer_fails_in_the_buffer_it_moved_to,
        answer_gives_back_what_it_gathered_when_given_up, resp_reads_several_answers_at_once,
        resp_reads_a_large_answer, resp_reports_what_is_no_redis,
        resp_stops_when_an_answer_is_not_wanted);
}
