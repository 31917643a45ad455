// Verb: the table, reading a request as its row says, and the commands that the rows write.
#include "helpers.h"
#include "protocol/number.h"
#include "protocol/parser.h"
#include "protocol/question.h"

static void build_nothing(struct command *c, const struct call *call) {
    (void)c;
    (void)call;
}

static void run_nothing(struct request *r, const struct call *call) {
    (void)r;
    (void)call;
}

// As the daemon's own rows look.
static const struct verb own_verbs[] = {
    {.name = "ping",
     .flags = VERB_NO_AUTH,
     .syntax = "[M]",
     .summary = "says PONG, or M",
     .run = run_nothing},
    {.name = "quit", .flags = VERB_NO_AUTH, .syntax = "", .summary = "closes", .run = run_nothing},
    {.name = "auth",
     .flags = VERB_NO_AUTH,
     .syntax = "USER TOKEN",
     .summary = "authenticates",
     .run = run_nothing},
    {.name = "explain",
     .syntax = "VERB [WORD ...]",
     .summary = "what a request would do",
     .run = run_nothing},
    {.name = "stats", .syntax = "[N]", .summary = "numbers", .run = run_nothing},
    {.name = "purge",
     .flags = VERB_ADMIN,
     .syntax = "N",
     .summary = "removes every key",
     .run = run_nothing},
    {.name = "memo.get",
     .flags = VERB_READ,
     .syntax = "[wait=] N K",
     .summary = "for wait=",
     .build = build_nothing,
     .render = render_as_is},
};

static struct verb_table *table;

static void begin(void) { table = verb_table_new(own_verbs, COUNT(own_verbs)); }
static void end(void) { verb_table_free(table); }

// --- table ------------------------------------------------------------------------------------

START_TEST(verb_rows_are_complete) {
    const struct verb_entry *entry;
    for (size_t id = 0; (entry = verb_at(table, id)) != NULL; id++) {
        const struct verb *verb = entry->verb;
        ck_assert_uint_eq(entry->id, id);
        ck_assert_ptr_nonnull(verb->syntax);
        ck_assert_msg(verb->summary && *verb->summary, "%s: no summary", verb->name);
        ck_assert_msg(!strchr(verb->summary, '\n'), "%s: summary of two lines", verb->name);
        ck_assert_msg(verb->run || (entry->build && verb->render), "%s: who answers?", verb->name);
        if (verb->run)
            continue;
        ck_assert_msg(entry->collection != COLLECTION_NONE, "%s: of no collection", verb->name);
        ck_assert_msg(entry->signature.has_namespace, "%s: no namespace", verb->name);
        bool is_over_keys = entry->signature.kinds[0] == ARG_PLACE;
        ck_assert_msg(is_over_keys || entry->signature.kinds[0] == ARG_KEY, "%s: no key",
                      verb->name);
        ck_assert_msg(!(verb->flags & VERB_READ) != !(verb->flags & VERB_WRITE),
                      "%s: reads or writes?", verb->name);
        ck_assert_msg(!(entry->signature.options & 1u << OPTION_TTL) || verb->flags & VERB_WRITE,
                      "%s: a read takes ttl=", verb->name);
    }
}
END_TEST

START_TEST(verb_names_begin_with_their_collection) {
    const struct verb_entry *entry;
    for (size_t id = 0; (entry = verb_at(table, id)) != NULL; id++) {
        enum collection collection = entry->collection;
        const char *name = entry->verb->name, *dot = strchr(name, '.');
        if (collection == COLLECTION_ANY || collection == COLLECTION_NONE)
            ck_assert_msg(!dot, "%s", name);
        else
            ck_assert_msg(dot && slice_equal((struct slice){name, (size_t)(dot - name)},
                                             slice_of(collection_name(collection))),
                          "%s", name);
    }
}
END_TEST

START_TEST(verb_table_holds_every_verb_of_the_protocol) {
    static const char *const names[] = {
        "del",          "exists",         "ttl",
        "pttl",         "type",           "scan",
        "touch",        "key.get",        "key.mget",
        "key.set",      "key.add",        "key.replace",
        "key.swap",     "key.take",       "key.incr",
        "dict.get",     "dict.mget",      "dict.set",
        "dict.add",     "dict.del",       "dict.has",
        "dict.len",     "dict.keys",      "dict.values",
        "dict.items",   "dict.incr",      "dict.pop",
        "dict.popitem", "dict.scan",      "set.add",
        "set.del",      "set.has",        "set.len",
        "set.members",  "set.pop",        "set.random",
        "set.scan",     "sorted.add",     "sorted.incr",
        "sorted.del",   "sorted.has",     "sorted.len",
        "sorted.score", "sorted.rank",    "sorted.pop",
        "sorted.rpop",  "sorted.range",   "sorted.between",
        "sorted.scan",  "counter.get",    "counter.set",
        "counter.incr", "counter.update", "counter.del",
        "counter.len",  "counter.items",  "counter.total",
        "counter.top",  "ping",
    };
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct verb_entry *entry = verb_find(table, slice_of(names[i]));
        ck_assert_msg(entry, "no %s", names[i]);
        ck_assert_str_eq(entry->verb->name, names[i]);
        ck_assert_ptr_eq(entry, verb_at(table, entry->id));
    }
}
END_TEST

START_TEST(verb_names_are_found_in_either_case) {
    ck_assert_str_eq(verb_find(table, SLICE("KEY.GET"))->verb->name, "key.get");
    ck_assert_str_eq(verb_find(table, SLICE("Dict.PopItem"))->verb->name, "dict.popitem");
}
END_TEST

START_TEST(verb_names_are_found_only_whole) {
    static const char *const names[] = {"",         "key",     "key.", "key.ge", "key.gett",
                                        " key.get", "key_get", "get",  "keyNget"};
    for (size_t i = 0; i < COUNT(names); i++)
        ck_assert_msg(!verb_find(table, slice_of(names[i])), "'%s' found", names[i]);
    ck_assert_ptr_null(verb_find(table, SLICE("key.get\0")));
    ck_assert_ptr_null(verb_find(table, SLICE("a.name.longer.than.all")));
    ck_assert_ptr_null(verb_find(table, (struct slice){0}));
    ck_assert_ptr_null(verb_at(table, 1000));
}
END_TEST

START_TEST(verb_nearest_knows_what_was_meant) {
    static const struct {
        const char *name, *nearest;
    } rows[] = {
        {"key.gte", "key.get"},
        {"KEY.GETT", "key.get"},
        {"dict.popitme", "dict.popitem"},
        {"sorted.rnage", "sorted.range"},
        {"members", "set.members"},
        {"mget", "key.mget"},
        {"piing", "ping"},
        {"get", "key.get"},
        {"gett", "key.get"},
        {"exits", "exists"},
        {"info", NULL},
        {"exit", NULL},
        {"foo", NULL},
        {"put", "memo.put"},
        {"", NULL},
        {"xyzzy.plugh", NULL},
        {"keyvaluestore", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct verb *nearest = verb_nearest(table, slice_of(rows[i].name));
        if (rows[i].nearest)
            ck_assert_msg(nearest && strcmp(nearest->name, rows[i].nearest) == 0, "%s: %s",
                          rows[i].name, nearest ? nearest->name : "none");
        else
            ck_assert_ptr_null(nearest);
    }
}
END_TEST

START_TEST(verb_help_shows_syntax_and_summary) {
    struct bytes out = {0};
    verb_append_help(&out, verb_find(table, SLICE("key.get"))->verb);
    verb_append_help(&out, verb_find(table, SLICE("quit"))->verb);
    check_text("help", &out, "key.get N K\n    the value, or nil\nquit\n    closes\n");
}
END_TEST

// --- syntax -----------------------------------------------------------------------------------

START_TEST(verb_signatures_say_what_their_syntax_says) {
    static const struct {
        const char *verb;
        bool has_namespace;
        unsigned options;
        uint32_t least, most, group;
        const char *kinds; // a letter each: see `letters`
    } rows[] = {
        {"quit", false, 0, 0, 0, 0, ""},
        {"ping", false, 0, 0, 1, 0, "M"},
        {"auth", false, 0, 2, 2, 0, "tt"},
        {"explain", false, 0, 1, UINT32_MAX, 1, "ttt"},
        {"stats", false, 0, 0, 1, 0, "t"},
        {"purge", true, 0, 0, 0, 0, ""},
        {"key.get", true, 0, 1, 1, 0, "K"},
        {"del", true, 0, 1, UINT32_MAX, 1, "KKK"},
        {"key.set", true, 1 << OPTION_TTL, 2, 2, 0, "KV"},
        {"key.incr", true, 1 << OPTION_TTL, 1, 2, 0, "Kn"},
        {"dict.set", true, 1 << OPTION_TTL, 3, UINT32_MAX, 2, "KFVFVFV"},
        {"dict.scan", true, 1 << OPTION_COUNT, 2, 2, 0, "Kc"},
        {"scan", true, 1 << OPTION_COUNT | 1 << OPTION_MATCH, 1, 1, 0, "p"},
        {"set.pop", true, 0, 1, 2, 0, "K#"},
        {"sorted.add", true, 1 << OPTION_TTL | 1 << OPTION_IF, 3, UINT32_MAX, 2, "KsMsMsM"},
        {"sorted.range", true, 1 << OPTION_ORDER, 3, 3, 0, "Knn"},
        {"sorted.between", true, 1 << OPTION_ORDER | 1 << OPTION_LIMIT, 3, 3, 0, "Kbb"},
        {"counter.update", true, 1 << OPTION_TTL, 3, UINT32_MAX, 2, "KFnFnFn"},
        {"counter.top", true, 0, 2, 2, 0, "K#"},
        {"memo.get", true, 1 << OPTION_WAIT, 1, 1, 0, "K"},
    };
    static const char letters[] = "KFMVn#sbcpt"; // in the order of enum arg_kind
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct signature *s = &verb_find(table, slice_of(rows[i].verb))->signature;
        ck_assert_msg(s->has_namespace == rows[i].has_namespace, "%s", rows[i].verb);
        ck_assert_msg(s->options == rows[i].options, "%s: options", rows[i].verb);
        ck_assert_msg(s->least == rows[i].least, "%s: least %u", rows[i].verb, s->least);
        ck_assert_msg(s->most == rows[i].most, "%s: most %u", rows[i].verb, s->most);
        ck_assert_msg(s->group == rows[i].group, "%s: group %u", rows[i].verb, s->group);
        for (size_t k = 0; rows[i].kinds[k]; k++)
            ck_assert_msg(letters[signature_kind(s, k)] == rows[i].kinds[k], "%s: kind of %zu",
                          rows[i].verb, k);
    }
}
END_TEST

// --- calls ------------------------------------------------------------------------------------

// Reads the sample; what was wrong is left in *error.
static bool read_line(const char *line, struct call *call, struct slice *name,
                      struct bytes *error) {
    static struct sample sample;
    sample = sample_of(line);
    const struct verb_entry *entry = verb_find(table, sample.words[0]);
    ck_assert_ptr_nonnull(entry);
    struct refusal refusal = {0};
    bool is_read = native_read(entry, sample.words + 1, sample.count - 1, call, name, &refusal);
    if (!is_read)
        native_dialect.write_refusal(error, &refusal);
    refusal_deinit(&refusal);
    return is_read;
}

static struct call read_good(const char *line) {
    struct call call;
    struct slice name = {0};
    struct bytes error = {0};
    bool is_read = read_line(line, &call, &name, &error);
    check_text(line, &error, "");
    ck_assert(is_read);
    if (verb_find(table, slice_of(call.verb->name))->signature.has_namespace)
        check_same(line, name, SLICE("N"));
    return call;
}

START_TEST(verb_reads_namespace_and_arguments) {
    struct call call = read_good("dict.set N k f v g w");
    ck_assert_str_eq(call.verb->name, "dict.set");
    ck_assert_uint_eq(call.argc, 5);
    check_same("key", call.args[0], SLICE("k"));
    check_same("last", call.args[4], SLICE("w"));
    ck_assert_uint_eq(call.options, 0);
    ck_assert_uint_eq(read_good("ping").argc, 0);
    ck_assert_uint_eq(read_good("explain key.set ttl=1 n k v").argc, 5);
}
END_TEST

START_TEST(verb_reads_options) {
    ck_assert_int_eq(read_good("key.set ttl=90 N k v").ttl_asked_ms, 90000);
    ck_assert_int_eq(read_good("key.set ttl=1500ms N k v").ttl_asked_ms, 1500);
    ck_assert_int_eq(read_good("key.set ttl=forever N k v").ttl_asked_ms, DURATION_FOREVER);
    ck_assert_uint_eq(read_good("key.set ttl=1 N k v").options, 1 << OPTION_TTL);
    ck_assert_int_eq(read_good("sorted.add N k 1 m").add_if, ADD_ALWAYS);
    ck_assert_int_eq(read_good("sorted.add if=absent N k 1 m").add_if, ADD_IF_ABSENT);
    ck_assert_int_eq(read_good("sorted.add if=present N k 1 m").add_if, ADD_IF_PRESENT);
    ck_assert_int_eq(read_good("sorted.add if=greater N k 1 m").add_if, ADD_IF_GREATER);
    ck_assert_int_eq(read_good("sorted.add if=less N k 1 m").add_if, ADD_IF_LESS);
    ck_assert(!read_good("sorted.rank order=asc N k m").is_descending);
    ck_assert(read_good("sorted.rank order=desc N k m").is_descending);
    ck_assert_int_eq(read_good("sorted.between limit=0 N k 1 2").limit, 0);
    ck_assert_int_eq(read_good("set.scan count=100 N k 0").count, 100);
    ck_assert_int_eq(read_good("memo.get wait=2s N k").wait_ms, 2000);
    ck_assert_int_eq(read_good("memo.get wait=0 N k").wait_ms, 0);
    struct call both = read_good("sorted.add if=less ttl=2h N k 1 m");
    ck_assert_int_eq(both.add_if, ADD_IF_LESS);
    ck_assert_int_eq(both.ttl_asked_ms, 7200000);
}
END_TEST

START_TEST(verb_reads_the_namespace_that_was_named_last) {
    static const char *const lines[] = {"key.set last k v", "key.set ttl=5 last k v",
                                        "key.set lasting k v", "key.set las k v"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct slice last = SLICE("last"), name = last;
        struct call call;
        struct bytes error = {0};
        ck_assert(read_line(lines[i], &call, &name, &error));
        ck_assert_msg((name.data == last.data) == (i < 2), "%s", lines[i]);
        ck_assert_uint_eq(call.argc, 2);
        check_same(lines[i], call.args[1], SLICE("v"));
    }
}
END_TEST

START_TEST(verb_takes_words_behind_the_namespace_for_data) {
    struct call call = read_good("key.set N ttl=5 if=absent");
    ck_assert_uint_eq(call.options, 0);
    check_same("key", call.args[0], SLICE("ttl=5"));
    check_same("value", call.args[1], SLICE("if=absent"));
}
END_TEST

START_TEST(verb_takes_arguments_of_every_kind) {
    static const char *const lines[] = {
        "key.incr N k -9223372036854775808",  "sorted.range N k -1 9223372036854775807",
        "sorted.between N k (1.5 +inf",       "sorted.between N k -inf (-1e3",
        "sorted.add N k -inf m 1e-3 n",       "set.pop N k 0",
        "dict.scan N k 18446744073709551615", "counter.update N k f 1 g -1",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        read_good(lines[i]);
}
END_TEST

#define WRONG_NUMBER "-ARGS wrong number of arguments: use "
#define BAD_TTL      ": use a duration above 0, as 90, 1500ms, 2h or forever (36500d at most)\r\n"
#define NO_INTEGER   "is not a whole number of 64 bits\r\n"
#define NO_COUNT     "is not a whole number of 64 bits, not negative\r\n"
#define NO_BOUND     "is not a score: use a number, (number, -inf or +inf\r\n"
#define NO_CURSOR    "is not a cursor: use 0, then the one replied\r\n"
#define SET_SYNTAX   "key.set [ttl=] NAMESPACE KEY VALUE\r\n"

struct refused_row {
    const char *line, *error;
};

static void check_refused(const struct refused_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct call call;
        struct slice name = {0};
        struct bytes error = {0};
        ck_assert_msg(!read_line(rows[i].line, &call, &name, &error), "'%s' read", rows[i].line);
        check_text(rows[i].line, &error, rows[i].error);
    }
}

START_TEST(verb_refuses_bad_options) {
    static const struct refused_row rows[] = {
        {"key.set ttl=0 N k v", "-ARGS ttl=0" BAD_TTL},
        {"key.set ttl= N k v", "-ARGS ttl=" BAD_TTL},
        {"key.set ttl=-1 N k v", "-ARGS ttl=-1" BAD_TTL},
        {"key.set ttl=2w N k v", "-ARGS ttl=2w" BAD_TTL},
        {"key.set ttl=36501d N k v", "-ARGS ttl=36501d" BAD_TTL},
        {"key.set ttl=1 ttl=2 N k v", "-ARGS ttl= is given twice\r\n"},
        {"key.set tll=1 N k v", "-ARGS key.set takes no option 'tll': use " SET_SYNTAX},
        {"key.set TTL=1 N k v", "-ARGS key.set takes no option 'TTL': use " SET_SYNTAX},
        {"key.set =1 N k v", "-ARGS key.set takes no option '': use " SET_SYNTAX},
        {"key.get ttl=1 N k", "-ARGS key.get takes no option 'ttl': use key.get NAMESPACE KEY\r\n"},
        {"sorted.add if=new N k 1 m", "-ARGS if=new: use absent, present, greater or less\r\n"},
        {"sorted.add if=always N k 1 m",
         "-ARGS if=always: use absent, present, greater or less\r\n"},
        {"sorted.rank order=up N k m", "-ARGS order=up: use asc or desc\r\n"},
        {"sorted.between limit=-1 N k 0 1", "-ARGS limit=-1: use a whole number, not negative\r\n"},
        {"set.scan count=0 N k 0", "-ARGS count=0: use a whole number above 0\r\n"},
        {"set.scan count=x N k 0", "-ARGS count=x: use a whole number above 0\r\n"},
        {"memo.get wait=forever N k",
         "-ARGS wait=forever: use a duration, as 2s or 1500ms (1d at most)\r\n"},
    };
    check_refused(rows, COUNT(rows));
}
END_TEST

START_TEST(verb_refuses_a_wrong_number_of_arguments) {
    static const struct refused_row rows[] = {
        {"key.get", "-ARGS no namespace: use key.get NAMESPACE KEY\r\n"},
        {"key.set ttl=5", "-ARGS no namespace: use " SET_SYNTAX},
        {"key.get N", WRONG_NUMBER "key.get NAMESPACE KEY\r\n"},
        {"key.get N k x", WRONG_NUMBER "key.get NAMESPACE KEY\r\n"},
        {"key.set N k", WRONG_NUMBER SET_SYNTAX},
        {"del N", WRONG_NUMBER "del NAMESPACE KEY [KEY ...]\r\n"},
        {"dict.set N k f",
         WRONG_NUMBER "dict.set [ttl=] NAMESPACE KEY FIELD VALUE [FIELD VALUE ...]\r\n"},
        {"dict.set N k f v g",
         WRONG_NUMBER "dict.set [ttl=] NAMESPACE KEY FIELD VALUE [FIELD VALUE ...]\r\n"},
        {"counter.top N k", WRONG_NUMBER "counter.top NAMESPACE KEY count\r\n"},
        {"quit now", WRONG_NUMBER "quit\r\n"},
        {"auth bob", WRONG_NUMBER "auth USER TOKEN\r\n"},
        {"ping a b", WRONG_NUMBER "ping [MEMBER]\r\n"},
        {"purge N x", WRONG_NUMBER "purge NAMESPACE\r\n"},
    };
    check_refused(rows, COUNT(rows));
}
END_TEST

START_TEST(verb_refuses_arguments_of_the_wrong_kind) {
    static const struct refused_row rows[] = {
        {"key.incr N k x", "-ARGS 'x' " NO_INTEGER},
        {"key.incr N k 1.5", "-ARGS '1.5' " NO_INTEGER},
        {"key.incr N k 9223372036854775808", "-ARGS '9223372036854775808' " NO_INTEGER},
        {"dict.incr N k f +1", "-ARGS '+1' " NO_INTEGER},
        {"counter.update N k f 1 g two", "-ARGS 'two' " NO_INTEGER},
        {"sorted.range N k 0 last", "-ARGS 'last' " NO_INTEGER},
        {"set.pop N k -1", "-ARGS '-1' " NO_COUNT},
        {"counter.top N k x", "-ARGS 'x' " NO_COUNT},
        {"sorted.add N k nan m", "-ARGS 'nan' is not a number\r\n"},
        {"sorted.add N k 1 m x n", "-ARGS 'x' is not a number\r\n"},
        {"sorted.incr N k m (1", "-ARGS '(1' is not a number\r\n"},
        {"sorted.between N k [1 2", "-ARGS '[1' " NO_BOUND},
        {"sorted.between N k 1 (", "-ARGS '(' " NO_BOUND},
        {"sorted.between N k 1 ((2", "-ARGS '((2' " NO_BOUND},
        {"dict.scan N k -1", "-ARGS '-1' " NO_CURSOR},
        {"dict.scan N k x", "-ARGS 'x' " NO_CURSOR},
        {"dict.scan N k h:1/5", "-ARGS 'h:1/5' " NO_CURSOR},
        {"scan N h:1/", "-ARGS 'h:1/' " NO_CURSOR},
        {"scan N 5/x", "-ARGS '5/x' " NO_CURSOR},
    };
    check_refused(rows, COUNT(rows));
}
END_TEST

START_TEST(verb_refuses_words_without_bytes_where_a_number_belongs) {
    struct slice words[] = {SLICE("N"), SLICE("k"), {NULL, 0}}, name = {0};
    struct call call;
    struct bytes error = {0};
    struct refusal refusal = {0};
    const struct verb_entry *entry = verb_find(table, SLICE("key.incr"));
    ck_assert(!native_read(entry, words, 3, &call, &name, &refusal));
    native_dialect.write_refusal(&error, &refusal);
    check_text("no bytes", &error, "-ARGS '' " NO_INTEGER);
    refusal_deinit(&refusal);
}
END_TEST

// --- questions --------------------------------------------------------------------------------

// Words for the arguments of a verb that are checked to be no more than text or a number.
static void append_arguments(struct bytes *line, const struct signature *s) {
    for (uint32_t i = 0; i < s->least; i++)
        bytes_printf(line, " %d", (int)i);
}

static struct question question_of(const struct verb_entry *entry, const char *option) {
    struct bytes line = {0};
    struct question question = {0};
    bytes_printf(&line, "%s %s%sN", entry->verb->name, option, *option ? " " : "");
    append_arguments(&line, &entry->signature);
    bytes_append(&line, "", 1);
    struct call call = read_good(line.data);
    question_read(&question, &call);
    bytes_deinit(&line);
    return question;
}

START_TEST(verb_question_holds_every_option_that_changes_an_answer) {
    static const struct {
        const char *one, *other;
        bool is_of_the_answer;
    } rows[OPTIONS] = {
        [OPTION_TTL] = {"ttl=1", "ttl=2", false},
        [OPTION_IF] = {"if=absent", "if=present", true},
        [OPTION_ORDER] = {"order=asc", "order=desc", true},
        [OPTION_LIMIT] = {"limit=0", "limit=1", true},
        [OPTION_COUNT] = {"count=1", "count=2", true},
        [OPTION_WAIT] = {"wait=1s", "wait=2s", false},
        [OPTION_MATCH] = {"match=a", "match=b", false},
    };
    const struct verb_entry *entry;
    for (size_t id = 0; (entry = verb_at(table, id)) != NULL; id++)
        for (int i = 0; i < OPTIONS && entry->verb->flags & VERB_NEAR; i++) {
            if (!(entry->signature.options & 1u << i))
                continue;
            ck_assert_msg(rows[i].one, "option %d: say what it does to an answer", i);
            struct question none = question_of(entry, ""), one = question_of(entry, rows[i].one),
                            other = question_of(entry, rows[i].other);
            bool differs = memcmp(&one, &other, sizeof(one)) != 0;
            bool matters = memcmp(&none, &other, sizeof(one)) != 0;
            ck_assert_msg(differs == rows[i].is_of_the_answer, "%s %s", entry->verb->name,
                          rows[i].other);
            ck_assert_msg(matters == rows[i].is_of_the_answer, "%s %s", entry->verb->name,
                          rows[i].other);
        }
}
END_TEST

START_TEST(verb_question_passes_over_a_default_that_is_named) {
    const struct verb_entry *entry = verb_find(table, SLICE("sorted.rank"));
    struct question none = question_of(entry, ""), named = question_of(entry, "order=asc");
    ck_assert_uint_eq(none.options, named.options);
    ck_assert_uint_eq(none.count, named.count);
}
END_TEST

int main(void) {
    return RUN_TESTS_AROUND(
        "verb", begin, end, verb_rows_are_complete, verb_names_begin_with_their_collection,
        verb_table_holds_every_verb_of_the_protocol, verb_names_are_found_in_either_case,
        verb_names_are_found_only_whole, verb_nearest_knows_what_was_meant,
        verb_help_shows_syntax_and_summary, verb_signatures_say_what_their_syntax_says,
        verb_reads_namespace_and_arguments, verb_reads_options,
        verb_reads_the_namespace_that_was_named_last,
        verb_takes_words_behind_the_namespace_for_data, verb_takes_arguments_of_every_kind,
        verb_refuses_bad_options, verb_refuses_a_wrong_number_of_arguments,
        verb_refuses_arguments_of_the_wrong_kind,
        verb_refuses_words_without_bytes_where_a_number_belongs,
        verb_question_holds_every_option_that_changes_an_answer,
        verb_question_passes_over_a_default_that_is_named);
}
