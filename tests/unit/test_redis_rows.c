// Redis rows: what each command of the Redis dialect becomes for Redis, under each rule for the
// ttl, and which words are its keys.
#include "helpers.h"
#include "protocol/parser.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/row.h"
#include "protocol/redis/table.h"
#include "protocol/redis/words.h"

enum { DEFAULT_MS = 5000, MOST_MS = 9000 };

static struct verb_table *verbs;
static struct redis_table *table;

static void begin(void) {
    verbs = verb_table_new(NULL, 0);
    table = redis_table_new(verbs);
}

static void end(void) {
    redis_table_free(table);
    verb_table_free(verbs);
}

// --- what the daemon does with a request ------------------------------------------------------

// Decides the ttl as a policy with a ttl of 5 s and a max_ttl of 9 s would.
static void decide(struct call *call) {
    unsigned flags = call->verb->flags;
    bool is_asked = call->options & 1u << OPTION_TTL;
    call->prefix = SLICE("p:");
    call->ttl_px = (struct slice){0};
    call->is_healed = true;
    call->cap_ms = call->redis->row->brings_ttl ? MOST_MS : 0;
    if (!(flags & VERB_WRITE) || flags & VERB_NO_TTL)
        return;
    call->ttl_ms = is_asked ? call->ttl_asked_ms : DEFAULT_MS;
    call->ttl_ms = call->ttl_ms < MOST_MS ? call->ttl_ms : MOST_MS;
    call->ttl_rule = flags & VERB_NEW_TTL ? TTL_SET : TTL_SET_IF_NONE;
}

// As a policy without any limit would.
static void decide_forever(struct call *call) {
    bool is_asked = call->options & 1u << OPTION_TTL && call->ttl_asked_ms != DURATION_FOREVER;
    decide(call);
    call->is_healed = false;
    call->cap_ms = 0;
    if (call->ttl_rule != TTL_KEEP && !is_asked)
        call->ttl_rule = call->ttl_rule == TTL_SET ? TTL_PERSIST : TTL_KEEP;
    if (is_asked)
        call->ttl_ms = call->ttl_asked_ms;
}

static void show_commands(struct bytes *commands, struct bytes *shown) {
    struct parser parser;
    struct slice words[SAMPLE_WORDS];
    parser_init(&parser, 1 << 20);
    for (size_t at = 0; at < commands->len; at += parser.consumed) {
        ck_assert_int_eq(parser_next(&parser, commands->data + at, commands->len - at),
                         PARSER_REQUEST);
        parser_words(&parser, commands->data + at, words);
        bytes_append_slice(shown, at > 0 ? SLICE("; ") : SLICE(""));
        for (uint32_t i = 0; i < parser.count; i++) {
            bytes_append_slice(shown, i > 0 ? SLICE(" ") : SLICE(""));
            bytes_append_slice(shown, words[i]);
        }
    }
    parser_deinit(&parser);
}

static const struct redis_command *read_words(struct sample *sample, struct call *call,
                                              struct refusal *refusal) {
    const struct redis_command *command = redis_find(table, sample->words[0]);
    ck_assert_msg(command, "%.*s", REPLY_WORD(sample->words[0]));
    ck_assert_ptr_null(command->row->refused);
    bool is_read = redis_read_call(&command, sample->words + 1, sample->count - 1, call, refusal);
    return is_read ? command : NULL;
}

// Appends what is sent to Redis for the request, or the refusal.
static void show_sent(struct bytes *shown, const char *text, void (*decides)(struct call *)) {
    struct sample sample = sample_of(text);
    struct refusal refusal = {0};
    struct call call;
    struct bytes commands = {0};
    const struct redis_command *command = read_words(&sample, &call, &refusal);
    if (command) {
        struct command c = {.out = &commands};
        decides(&call);
        command->entry.build(&c, &call);
        show_commands(&commands, shown);
    } else {
        redis_dialect.write_refusal(shown, &refusal);
        shown->len -= strlen("\r\n");
    }
    bytes_deinit(&commands);
    refusal_deinit(&refusal);
}

struct sent {
    const char *request, *sent;
};

static void check_sent(const struct sent *rows, size_t count, void (*decides)(struct call *)) {
    for (size_t i = 0; i < count; i++) {
        struct bytes shown = {0};
        show_sent(&shown, rows[i].request, decides);
        check_text(rows[i].request, &shown, rows[i].sent);
    }
}

// --- tests ------------------------------------------------------------------------------------

#define HEALED(command, key) "MULTI; " command "; PEXPIRE p:" key " 5000 NX; EXEC"
#define CAPPED(command, key) "MULTI; " command "; PEXPIRE p:" key " 9000 LT; EXEC"
#define BROUGHT(command, key)                                                                      \
    "MULTI; " command "; PEXPIRE p:" key " 5000 NX; PEXPIRE p:" key " 9000 LT; EXEC"

START_TEST(commands_are_sent_with_their_keys_mapped_and_repaired) {
    static const struct sent rows[] = {
#include "redis_rows.inc"
    };
    check_sent(rows, COUNT(rows), decide);
}
END_TEST

START_TEST(nothing_is_repaired_where_keys_may_live_forever) {
    static const struct sent rows[] = {
        {"SET k v", "SET p:k v"},
        {"SET k v EX 20", "SET p:k v PX 20000"},
        {"SET k v KEEPTTL", "SET p:k v KEEPTTL"},
        {"SET k v PXAT 99", "SET p:k v PXAT 99"},
        {"HSET k f v", "HSET p:k f v"},
        {"MSET k v l w", "MSET p:k v p:l w"},
        {"EXPIRE k 20 NX", "PEXPIRE p:k 20000 NX"},
        {"EXPIREAT k 20 NX", "PEXPIREAT p:k 20000 NX"},
        {"PERSIST k", "PERSIST p:k"},
        {"GETEX k PERSIST", "GETEX p:k PERSIST"},
        {"GETEX k EX 20", "GETEX p:k PX 20000"},
        {"RENAME k l", "RENAME p:k p:l"},
    };
    check_sent(rows, COUNT(rows), decide_forever);
}
END_TEST

START_TEST(what_redis_would_refuse_is_refused_in_its_words) {
    static const struct sent rows[] = {
        {"GET", "-ERR wrong number of arguments for 'get' command"},
        {"get k l", "-ERR wrong number of arguments for 'get' command"},
        {"SET k", "-ERR wrong number of arguments for 'set' command"},
        {"SET k v NX XX", "-ERR syntax error"},
        {"SET k v EX", "-ERR syntax error"},
        {"SET k v EX 1 PX 1", "-ERR syntax error"},
        {"SET k v EX 1 KEEPTTL", "-ERR syntax error"},
        {"SET k v EX 0", "-ERR invalid expire time in 'set' command"},
        {"SET k v EX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
        {"SET k v PX x", "-ERR value is not an integer or out of range"},
        {"SETEX k 0 v", "-ERR invalid expire time in 'setex' command"},
        {"PSETEX k -1 v", "-ERR invalid expire time in 'psetex' command"},
        {"SETEX k 1", "-ERR wrong number of arguments for 'setex' command"},
        {"GETEX k EX 0", "-ERR invalid expire time in 'getex' command"},
        {"GETEX k EX", "-ERR syntax error"},
        {"EXPIRE k x", "-ERR value is not an integer or out of range"},
        {"EXPIRE k 9223372036854775807", "-ERR invalid expire time in 'expire' command"},
        {"EXPIRE k -9223372036854775808", "-ERR invalid expire time in 'expire' command"},
        {"EXPIRE k 1 NX XX",
         "-ERR NX and XX, GT or LT options at the same time are not compatible"},
        {"HSET k f", "-ERR wrong number of arguments for 'hset' command"},
        {"HSET k f v f", "-ERR wrong number of arguments for 'hset' command"},
        {"MSET k", "-ERR wrong number of arguments for 'mset' command"},
        {"ZADD k NX 1", "-ERR syntax error"},
        {"ZADD k 1 m 2", "-ERR syntax error"},
        {"LMPOP 0 k LEFT", "-ERR numkeys should be greater than 0"},
        {"LMPOP 3 k LEFT", "-ERR syntax error"},
        {"ZUNION 0 k", "-ERR at least 1 input key is needed for 'zunion' command"},
        {"ZUNIONSTORE d x k", "-ERR value is not an integer or out of range"},
        {"SORT k BY", "-ERR syntax error"},
        {"SORT_RO k STORE d", "-ERR syntax error"},
        {"GEOADD k 1 2", "-ERR wrong number of arguments for 'geoadd' command"},
    };
    check_sent(rows, COUNT(rows), decide);
}
END_TEST

// A command that is not refused must be exactly one command of Redis's besides its repairs.
START_TEST(each_command_of_a_block_is_one) {
    static const struct sent rows[] = {
#include "redis_rows.inc"
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sample sample = sample_of(rows[i].request);
        struct refusal refusal = {0};
        struct call call;
        struct bytes commands = {0}, shown = {0};
        struct command c = {.out = &commands};
        const struct redis_command *command = read_words(&sample, &call, &refusal);
        ck_assert_ptr_nonnull(command);
        decide(&call);
        passed_write(&c, &call);
        ck_assert_msg(c.replies == 1 && !c.frame.is_transaction, "%s", rows[i].request);
        passed_repair(&c, &call);
        show_commands(&commands, &shown);
        bool is_alone = !strchr(rows[i].sent, ';');
        struct slice wanted = slice_of(rows[i].sent + (is_alone ? 0 : strlen("MULTI; ")));
        wanted.len -= is_alone ? 0 : strlen("; EXEC");
        check_same(rows[i].request, bytes_slice(&shown), wanted);
        bytes_deinit(&commands);
        bytes_deinit(&shown);
    }
}
END_TEST

START_TEST(each_row_has_a_request_in_these_tests) {
    static const struct sent rows[] = {
#include "redis_rows.inc"
    };
    bool has_request[512] = {false};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sample sample = sample_of(rows[i].request);
        struct refusal refusal = {0};
        struct call call;
        const struct redis_command *command = read_words(&sample, &call, &refusal);
        ck_assert_msg(command, "%s", rows[i].request);
        has_request[command - redis_at(table, 0)] = true;
    }
    for (size_t i = 0; redis_at(table, i); i++)
        ck_assert_msg(has_request[i] || redis_at(table, i)->row->refused, "%s, row %zu",
                      redis_at(table, i)->row->name, i);
}
END_TEST

START_TEST(rows_are_whole) {
    for (size_t i = 0; redis_at(table, i); i++) {
        const struct redis_command *c = redis_at(table, i);
        unsigned flags = c->verb.flags;
        if (c->row->refused)
            continue;
        ck_assert_msg(c->verb.render, "%s has no renderer", c->row->name);
        ck_assert_msg(c->entry.build, "%s has no builder", c->row->name);
        ck_assert_msg(c->verb.summary && *c->verb.summary, "%s has no summary", c->row->name);
        ck_assert_msg(!(flags & VERB_READ) != !(flags & VERB_WRITE), "%s reads or writes",
                      c->row->name);
        ck_assert_msg(flags & VERB_READ || c->verb.miss == MISS_NONE, "%s", c->row->name);
        ck_assert_msg(flags & VERB_WRITE || c->row->creates == CREATES_NONE, "%s", c->row->name);
        ck_assert_msg(!(flags & VERB_NEAR) || (c->row->key_at == 0 && flags & VERB_READ), "%s",
                      c->row->name);
    }
}
END_TEST

START_TEST(names_are_found_in_any_case) {
    ck_assert_ptr_nonnull(redis_find(table, SLICE("GET")));
    ck_assert_ptr_eq(redis_find(table, SLICE("GET")), redis_find(table, SLICE("gEt")));
    ck_assert_ptr_null(redis_find(table, SLICE("GETT")));
    ck_assert_ptr_null(redis_find(table, SLICE("")));
    ck_assert_ptr_nonnull(redis_find(table, SLICE("blpop"))->row->refused);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "redis_rows", begin, end, commands_are_sent_with_their_keys_mapped_and_repaired,
        nothing_is_repaired_where_keys_may_live_forever,
        what_redis_would_refuse_is_refused_in_its_words, each_command_of_a_block_is_one,
        each_row_has_a_request_in_these_tests, rows_are_whole, names_are_found_in_any_case);
}
