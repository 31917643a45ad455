// Command: what each verb's row writes to Redis, under each rule for the ttl.
#include "helpers.h"
#include "protocol/parser.h"

static struct verb_table *table;

static void begin(void) { table = verb_table_new(NULL, 0); }
static void end(void) { verb_table_free(table); }

static const char *const sample_args[] = {
    [ARG_KEY] = "k",      [ARG_FIELD] = "f", [ARG_MEMBER] = "m",  [ARG_VALUE] = "v",
    [ARG_INTEGER] = "-7", [ARG_COUNT] = "3", [ARG_SCORE] = "1.5", [ARG_BOUND] = "(2",
    [ARG_CURSOR] = "0",   [ARG_PLACE] = "0", [ARG_TEXT] = "t",
};

static const char *const sample_options[OPTIONS] = {
    [OPTION_TTL] = "ttl=5s",     [OPTION_IF] = "if=greater",  [OPTION_ORDER] = "order=desc",
    [OPTION_LIMIT] = "limit=3",  [OPTION_COUNT] = "count=10", [OPTION_WAIT] = "wait=1s",
    [OPTION_MATCH] = "match=k*",
};

// A policy never lets a verb that starts a new ttl keep the old one.
static bool is_possible(const struct verb *verb, enum ttl_rule rule) {
    if (verb->flags & VERB_NEW_TTL)
        return rule == TTL_SET || rule == TTL_PERSIST;
    return verb->flags & VERB_WRITE || rule == TTL_KEEP;
}

// Reads commands back as the parser reads arrays. Returns how many, and a text of them:
// "MULTI; HSET p:k f v; EXEC". A script's source is shown as SCRIPT.
static uint32_t read_commands(struct bytes *commands, struct bytes *shown) {
    struct parser parser;
    struct slice words[SAMPLE_WORDS];
    uint32_t count = 0;
    size_t at = 0;
    parser_init(&parser, 1 << 20);
    for (; at < commands->len; at += parser.consumed, count++) {
        ck_assert_int_eq(commands->data[at], '*');
        ck_assert_int_eq(parser_next(&parser, commands->data + at, commands->len - at),
                         PARSER_REQUEST);
        parser_words(&parser, commands->data + at, words);
        bytes_append_slice(shown, count > 0 ? SLICE("; ") : SLICE(""));
        for (uint32_t i = 0; i < parser.count; i++) {
            bool is_script = i == 1 && slice_equal(words[0], SLICE("EVAL"));
            bytes_append_slice(shown, i > 0 ? SLICE(" ") : SLICE(""));
            bytes_append_readable(shown, is_script ? SLICE("SCRIPT") : words[i], 100);
        }
    }
    parser_deinit(&parser);
    return count;
}

static struct command build(const struct verb_entry *entry, const struct call *call,
                            struct bytes *commands) {
    struct command c = {.out = commands};
    entry->build(&c, call);
    return c;
}

// Builds the verb with `argc` sample arguments, all options, and checks what can be said of all.
static void check_build(const struct verb_entry *entry, uint32_t argc, enum ttl_rule rule) {
    struct bytes text = {0}, commands = {0}, shown = {0};
    struct call call;
    bytes_printf(&text, "%s", entry->verb->name);
    for (int i = 0; i < OPTIONS; i++)
        if (entry->signature.options & 1u << i)
            bytes_printf(&text, " %s", sample_options[i]);
    bytes_printf(&text, " N");
    for (uint32_t i = 0; i < argc; i++)
        bytes_printf(&text, " %s", sample_args[signature_kind(&entry->signature, i)]);
    bytes_append(&text, "", 1);
    struct sample sample = sample_of(text.data);
    read_sample(table, &sample, rule, &call);
    struct command c = build(entry, &call, &commands);
    uint32_t written = read_commands(&commands, &shown);
    ck_assert_msg(written == c.replies, "%s: %u commands, %u replies", text.data, written,
                  c.replies);
    struct slice all = bytes_slice(&shown);
    bool ends_with_exec = all.len > 4 && memcmp(all.data + all.len - 4, "EXEC", 4) == 0;
    ck_assert_msg(c.frame.is_transaction == slice_begins(all, SLICE("MULTI; ")), "%s", text.data);
    ck_assert_msg(c.frame.is_transaction == ends_with_exec, "%s", text.data);
    bytes_append(&shown, "", 1);
    ck_assert_msg(strstr(shown.data, " p:k"), "%s: no key in %s", text.data, shown.data);
    bytes_deinit(&text);
    bytes_deinit(&commands);
    bytes_deinit(&shown);
}

START_TEST(command_of_every_verb_is_well_formed_under_each_ttl_rule) {
    const struct verb_entry *entry;
    size_t id = 0;
    for (; (entry = verb_at(table, id)) != NULL; id++) {
        const struct signature *s = &entry->signature;
        for (int rule = TTL_KEEP; rule <= TTL_PERSIST; rule++) {
            if (!is_possible(entry->verb, (enum ttl_rule)rule))
                continue;
            for (uint32_t argc = s->least; argc <= s->fixed; argc++)
                check_build(entry, argc, (enum ttl_rule)rule);
            for (uint32_t groups = 1; s->group > 0 && groups <= 2; groups++)
                check_build(entry, s->fixed + groups * s->group, (enum ttl_rule)rule);
        }
    }
    ck_assert_uint_gt(id, 50);
}
END_TEST

struct command_row {
    const char *request;
    enum ttl_rule rule;
    const char *commands;
};

static void check_rows(const struct command_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct bytes commands = {0}, shown = {0};
        struct sample sample = sample_of(rows[i].request);
        struct call call;
        const struct verb_entry *entry = read_sample(table, &sample, rows[i].rule, &call);
        build(entry, &call, &commands);
        read_commands(&commands, &shown);
        check_text(rows[i].request, &shown, rows[i].commands);
        bytes_deinit(&commands);
    }
}

START_TEST(command_is_written_as_redis_reads_it) {
    struct bytes commands = {0};
    struct sample sample = sample_of("dict.set N user:42 name Zoe");
    struct call call;
    const struct verb_entry *entry = read_sample(table, &sample, TTL_SET, &call);
    build(entry, &call, &commands);
    check_text("bytes", &commands,
               "*1\r\n$5\r\nMULTI\r\n"
               "*4\r\n$4\r\nHSET\r\n$9\r\np:user:42\r\n$4\r\nname\r\n$3\r\nZoe\r\n"
               "*3\r\n$7\r\nPEXPIRE\r\n$9\r\np:user:42\r\n$4\r\n5000\r\n"
               "*1\r\n$4\r\nEXEC\r\n");
}
END_TEST

START_TEST(command_keeps_any_bytes_of_key_and_value) {
    struct bytes commands = {0};
    struct slice words[] = {SLICE("N"), SLICE("k\0\r\n"), SLICE("")}, name = {0};
    struct refusal refusal = {0};
    struct call call;
    const struct verb_entry *entry = verb_find(table, SLICE("key.set"));
    ck_assert(native_read(entry, words, 3, &call, &name, &refusal));
    call.prefix = (struct slice){0};
    build(entry, &call, &commands);
    check_same("bytes", bytes_slice(&commands),
               SLICE("*3\r\n$3\r\nSET\r\n$4\r\nk\0\r\n\r\n$0\r\n\r\n"));
    bytes_deinit(&commands);
}
END_TEST

START_TEST(command_of_any_collection) {
    static const struct command_row rows[] = {
        {"del N a b c", TTL_KEEP, "UNLINK p:a p:b p:c"},
        {"exists N k", TTL_KEEP, "EXISTS p:k"},
        {"ttl N k", TTL_KEEP, "TTL p:k"},
        {"pttl N k", TTL_KEEP, "PTTL p:k"},
        {"touch N k", TTL_SET, "PEXPIRE p:k 5000"},
        {"touch N k", TTL_PERSIST, "MULTI; EXISTS p:k; PERSIST p:k; EXEC"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(command_of_keys) {
    static const struct command_row rows[] = {
        {"key.get N k", TTL_KEEP, "GET p:k"},
        {"key.mget N a b", TTL_KEEP, "MGET p:a p:b"},
        {"key.set N k v", TTL_SET, "SET p:k v PX 5000"},
        {"key.set N k v", TTL_PERSIST, "SET p:k v"},
        {"key.add N k v", TTL_SET, "SET p:k v NX PX 5000"},
        {"key.replace N k v", TTL_SET, "SET p:k v XX PX 5000"},
        {"key.swap N k v", TTL_SET, "SET p:k v GET PX 5000"},
        {"key.swap N k v", TTL_PERSIST, "SET p:k v GET"},
        {"key.take N k", TTL_SET, "GETDEL p:k"},
        {"key.incr N k", TTL_SET, "MULTI; INCRBY p:k 1; PEXPIRE p:k 5000; EXEC"},
        {"key.incr N k -5", TTL_SET_IF_NONE, "MULTI; INCRBY p:k -5; PEXPIRE p:k 5000 NX; EXEC"},
        {"key.incr N k 2", TTL_PERSIST, "MULTI; INCRBY p:k 2; PERSIST p:k; EXEC"},
        {"key.incr N k 2", TTL_KEEP, "INCRBY p:k 2"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(command_of_dicts) {
    static const struct command_row rows[] = {
        {"dict.mget N k f g", TTL_KEEP, "HMGET p:k f g"},
        {"dict.add N k f v", TTL_SET, "MULTI; HSETNX p:k f v; PEXPIRE p:k 5000; EXEC"},
        {"dict.set N k f v g w", TTL_KEEP, "HSET p:k f v g w"},
        {"dict.del N k f g", TTL_SET, "MULTI; HDEL p:k f g; PEXPIRE p:k 5000; EXEC"},
        {"dict.has N k f", TTL_KEEP, "HEXISTS p:k f"},
        {"dict.len N k", TTL_KEEP, "HLEN p:k"},
        {"dict.keys N k", TTL_KEEP, "HKEYS p:k"},
        {"dict.values N k", TTL_KEEP, "HVALS p:k"},
        {"dict.items N k", TTL_KEEP, "HGETALL p:k"},
        {"dict.incr N k f", TTL_SET, "MULTI; HINCRBY p:k f 1; PEXPIRE p:k 5000; EXEC"},
        {"dict.pop N k f", TTL_SET, "MULTI; HGET p:k f; HDEL p:k f; PEXPIRE p:k 5000; EXEC"},
        {"dict.pop N k f", TTL_KEEP, "MULTI; HGET p:k f; HDEL p:k f; EXEC"},
        {"dict.popitem N k", TTL_SET, "EVAL SCRIPT 1 p:k 5000"},
        {"dict.popitem N k", TTL_SET_IF_NONE, "EVAL SCRIPT 1 p:k 5000"},
        {"dict.popitem N k", TTL_PERSIST, "EVAL SCRIPT 1 p:k \"\""},
        {"dict.popitem N k", TTL_KEEP, "EVAL SCRIPT 1 p:k \"\""},
        {"dict.scan N k 0", TTL_KEEP, "HSCAN p:k 0"},
        {"dict.scan count=50 N k 17", TTL_KEEP, "HSCAN p:k 17 COUNT 50"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(command_of_sets) {
    static const struct command_row rows[] = {
        {"set.add N k m n", TTL_SET_IF_NONE, "MULTI; SADD p:k m n; PEXPIRE p:k 5000 NX; EXEC"},
        {"set.del N k m", TTL_PERSIST, "MULTI; SREM p:k m; PERSIST p:k; EXEC"},
        {"set.has N k m", TTL_KEEP, "SISMEMBER p:k m"},
        {"set.members N k", TTL_KEEP, "SMEMBERS p:k"},
        {"set.pop N k", TTL_SET, "MULTI; SPOP p:k; PEXPIRE p:k 5000; EXEC"},
        {"set.pop N k 2", TTL_KEEP, "SPOP p:k 2"},
        {"set.random N k", TTL_KEEP, "SRANDMEMBER p:k"},
        {"set.scan N k 5", TTL_KEEP, "SSCAN p:k 5"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(command_of_sorted_sets) {
    static const struct command_row rows[] = {
        {"sorted.add N k 1 m 2 n", TTL_KEEP, "ZADD p:k 1 m 2 n"},
        {"sorted.add if=absent N k 1 m", TTL_SET, "MULTI; ZADD p:k NX 1 m; PEXPIRE p:k 5000; EXEC"},
        {"sorted.add if=present N k 1 m", TTL_KEEP, "ZADD p:k XX 1 m"},
        {"sorted.add if=greater N k 1 m", TTL_KEEP, "ZADD p:k GT 1 m"},
        {"sorted.add if=less N k 1 m", TTL_KEEP, "ZADD p:k LT 1 m"},
        {"sorted.incr N k m", TTL_KEEP, "ZINCRBY p:k 1 m"},
        {"sorted.incr N k m -2.5", TTL_KEEP, "ZINCRBY p:k -2.5 m"},
        {"sorted.has N k m", TTL_KEEP, "ZSCORE p:k m"},
        {"sorted.rank N k m", TTL_KEEP, "ZRANK p:k m"},
        {"sorted.rank order=desc N k m", TTL_KEEP, "ZREVRANK p:k m"},
        {"sorted.pop N k", TTL_KEEP, "ZPOPMIN p:k"},
        {"sorted.rpop N k 3", TTL_SET, "MULTI; ZPOPMAX p:k 3; PEXPIRE p:k 5000; EXEC"},
        {"sorted.range N k 0 -1", TTL_KEEP, "ZRANGE p:k 0 -1 WITHSCORES"},
        {"sorted.range order=desc N k 0 9", TTL_KEEP, "ZRANGE p:k 0 9 REV WITHSCORES"},
        {"sorted.between N k (1 2", TTL_KEEP, "ZRANGE p:k (1 2 BYSCORE WITHSCORES"},
        {"sorted.between order=desc N k (1 2", TTL_KEEP, "ZRANGE p:k 2 (1 BYSCORE REV WITHSCORES"},
        {"sorted.between limit=3 N k -inf +inf", TTL_KEEP,
         "ZRANGE p:k -inf +inf BYSCORE LIMIT 0 3 WITHSCORES"},
        {"sorted.between limit=3 order=desc N k 1 2", TTL_KEEP,
         "ZRANGE p:k 2 1 BYSCORE REV LIMIT 0 3 WITHSCORES"},
        {"sorted.scan count=1 N k 0", TTL_KEEP, "ZSCAN p:k 0 COUNT 1"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(command_of_counters) {
    static const struct command_row rows[] = {
        {"counter.get N k f", TTL_KEEP, "HGET p:k f"},
        {"counter.set N k f 5", TTL_SET, "MULTI; HSET p:k f 5; PEXPIRE p:k 5000; EXEC"},
        {"counter.incr N k f", TTL_KEEP, "HINCRBY p:k f 1"},
        {"counter.update N k f 1 g 2", TTL_SET, "EVAL SCRIPT 1 p:k 5000 f 1 g 2"},
        {"counter.del N k f", TTL_KEEP, "HDEL p:k f"},
        {"counter.total N k", TTL_KEEP, "HVALS p:k"},
        {"counter.items N k", TTL_KEEP, "HGETALL p:k"},
        {"counter.top N k 3", TTL_KEEP, "HGETALL p:k"},
    };
    check_rows(rows, COUNT(rows));
}
END_TEST

START_TEST(command_hands_the_number_of_counter_top_to_its_renderer) {
    struct bytes commands = {0};
    struct sample sample = sample_of("counter.top N k 3");
    struct call call;
    const struct verb_entry *entry = read_sample(table, &sample, TTL_KEEP, &call);
    ck_assert_int_eq(build(entry, &call, &commands).limit, 3);
    bytes_deinit(&commands);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "command", begin, end, command_of_every_verb_is_well_formed_under_each_ttl_rule,
        command_is_written_as_redis_reads_it, command_keeps_any_bytes_of_key_and_value,
        command_of_any_collection, command_of_keys, command_of_dicts, command_of_sets,
        command_of_sorted_sets, command_of_counters,
        command_hands_the_number_of_counter_top_to_its_renderer);
}
