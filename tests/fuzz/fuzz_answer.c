// The backend's reply path: whatever a backend says, the client gets one reply of RESP2, the same
// however the bytes came.
//
// Input: one byte chooses the verb ('0' the first of the table, '1' the second …), one the ttl
// rule ('0' keep, '1' set, '2' set if none, '3' persist; 'A' … 'D' the same with a small limit for
// the reply; a read that the near cache may keep asks for the ttl with '1' and 'B'; 'a' … 'd' the
// same for a client of the Redis dialect, 'e' … 'h' for its scripts), two the pieces (see
// next_piece()); then what the backend says.
#include "fuzz.h"
#include "protocol/memo.h"
#include "protocol/number.h"
#include "protocol/redis/words.h"
#include "protocol/resp.h"
#include "protocol/verb_table.h"

enum { VERBS = 128, RULES = 4, SMALL_REPLY = 40, LARGE_REPLY = 64 * 1024, DEEPEST = 16 };

static struct command commands[VERBS][RULES]; // how each verb's commands were written
static const struct verb *verbs[VERBS];
static size_t verb_count;
static struct bytes whole_reply, pieces_reply; // kept: no allocation per run

// --- the verbs --------------------------------------------------------------------------------

// Every kind of argument can be "2".
static void build_command(const struct verb_entry *entry, enum ttl_rule rule, struct command *c) {
    struct slice args[2 * SIGNATURE_KINDS];
    struct bytes written = {0};
    struct call call = {
        .verb = entry->verb, .prefix = SLICE("p:"), .args = args, .ttl_rule = rule, .ttl_ms = 5000};
    if (rule != TTL_KEEP) { // so that memo.get has all its states
        call.stale_ms = 1000;
        call.early_factor = 1;
    }
    call.argc = entry->signature.fixed + entry->signature.group;
    if (call.argc < entry->signature.least)
        call.argc = entry->signature.least;
    for (size_t i = 0; i < call.argc; i++)
        args[i] = SLICE("2");
    if (entry->verb->flags & VERB_NEW_TTL && rule != TTL_PERSIST)
        call.ttl_rule = TTL_SET;
    *c = (struct command){.out = &written};
    if (entry->verb->flags & VERB_NEAR && rule == TTL_SET)
        command_ask_ttl(c, &call);
    entry->build(c, &call);
    c->out = NULL;
    bytes_deinit(&written);
}

// The second step of memo.get has its own renderer: as the last verb.
static void build_asked(void) {
    static const struct verb asked = {.name = "memo.get, asked", .render = render_memo_asked};
    struct bytes written = {0};
    struct command c = {.out = &written};
    memo_build_ask(&c, SLICE("p:2"), SLICE("token"), 1, 1, false);
    bytes_deinit(&written);
    c.out = NULL;
    for (int rule = 0; rule < RULES; rule++)
        commands[verb_count][rule] = c;
    verbs[verb_count++] = &asked;
}

static void build_all(void) {
    struct verb_table *table = verb_table_new(NULL, 0);
    const struct verb_entry *entry;
    for (size_t i = 0; (entry = verb_at(table, i)); i++) {
        EXPECT(verb_count < VERBS);
        if (!entry->build)
            continue;
        for (int rule = 0; rule < RULES; rule++)
            build_command(entry, (enum ttl_rule)rule, &commands[verb_count][rule]);
        verbs[verb_count++] = entry->verb;
    }
    verb_table_free(table);
    build_asked();
}

// --- one exchange -----------------------------------------------------------------------------

struct exchange {
    struct answer answer;
    struct bytes out;
    struct resp *resp;
    bool is_done;
    bool is_broken; // the backend's connection would be closed
};

static void on_event(void *owner, const struct event *e) {
    struct exchange *x = owner;
    if (!x->is_done)
        answer_event(&x->answer, e);
}

// As a connection with this one request: another answer is one too many.
static bool on_reply(void *owner) {
    struct exchange *x = owner;
    if (x->is_done)
        return false;
    x->is_done = answer_end(&x->answer);
    return true;
}

static void feed(struct exchange *x, const char *data, size_t len) {
    char *exact = copy_exactly(data, len);
    x->is_broken = resp_feed(x->resp, exact, len) != NULL;
    free(exact);
}

// Who gets the reply, and how long it may be.
struct reader {
    size_t most;
    const struct dialect *dialect; // NULL: cachesd's own
    bool is_scripted;              // then the verb's renderer has no say
};

static struct reader reader_of(unsigned char rule) {
    struct reader reader = {.most = LARGE_REPLY}; // no room is made for what is only announced
    if (rule >= 'A' && rule <= 'D')
        reader.most = SMALL_REPLY;
    if (rule >= 'a' && rule <= 'h')
        reader.dialect = &redis_dialect;
    reader.is_scripted = rule >= 'e' && rule <= 'h';
    return reader;
}

static void exchange(struct exchange *x, const struct verb *verb, const struct command *command,
                     const struct reader *reader, struct slice said, struct pieces *pieces) {
    x->out.len = 0;
    x->is_done = x->is_broken = false;
    x->resp = resp_new((struct resp_handler){on_event, on_reply, x});
    answer_begin(&x->answer, command, reader->is_scripted ? render_as_is : verb->render, &x->out);
    x->answer.most = reader->most;
    x->answer.dialect = reader->dialect;
    x->answer.is_scripted = reader->is_scripted;
    while (said.len > 0 && !x->is_broken) {
        size_t len = pieces ? next_piece(pieces, said.len) : said.len;
        feed(x, said.data, len);
        said = (struct slice){said.data + len, said.len - len};
    }
    if (!x->is_done)
        answer_cancel(&x->answer);
    answer_deinit(&x->answer);
    resp_free(x->resp);
}

// --- the reply --------------------------------------------------------------------------------

// Reads the line that begins behind the reply's mark; a line end inside it would be another reply.
static struct slice take_line(struct slice *reply) {
    const char *cr = memchr(reply->data, '\r', reply->len);
    EXPECT(cr);
    struct slice line = {reply->data + 1, (size_t)(cr - reply->data) - 1};
    EXPECT(reply->len - line.len >= 3 && cr[1] == '\n');
    EXPECT(!memchr(line.data, '\n', line.len));
    *reply = (struct slice){cr + 2, reply->len - line.len - 3};
    return line;
}

static void take_bulk(struct slice *reply, int64_t len) {
    EXPECT(len >= -1 && (len == -1 || (size_t)len + 2 <= reply->len));
    if (len == -1)
        return;
    EXPECT(reply->data[len] == '\r' && reply->data[len + 1] == '\n');
    *reply = (struct slice){reply->data + len + 2, reply->len - (size_t)len - 2};
}

// No client of the Redis dialect must look for another server.
static void check_error_in_redis(struct slice line) {
    static const char *const names[] = {"READONLY",   "MOVED",    "ASK",       "CLUSTERDOWN",
                                        "MASTERDOWN", "TRYAGAIN", "NOREPLICAS"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        EXPECT(!slice_begins(line, slice_of(names[i])));
}

static void check_error(struct slice line) {
    const char *namespace = memchr(line.data, ' ', line.len);
    EXPECT(namespace);
    struct slice code = {line.data, (size_t)(namespace - line.data)};
    for (int i = 0; i < REPLY_CODE_COUNT; i++)
        if (slice_equal(code, slice_of(reply_code_name((enum reply_code)i))))
            return;
    EXPECT(!"a known code");
}

// Takes one reply off the front.
static void take_reply(struct slice *reply, int depth, bool in_redis) {
    int64_t number;
    EXPECT(reply->len > 0 && (in_redis || depth < DEEPEST)); // a script may nest what it returns
    char mark = *reply->data;
    struct slice line = take_line(reply);
    if (mark == '+')
        return;
    if (mark == '-') {
        EXPECT(depth == 0 || in_redis);
        if (in_redis)
            check_error_in_redis(line);
        else
            check_error(line);
        return;
    }
    EXPECT(number_parse_int(line, &number));
    if (mark == '$')
        take_bulk(reply, number);
    else if (mark == '*')
        for (int64_t i = 0; i < number; i++)
            take_reply(reply, depth + 1, in_redis);
    else
        EXPECT(mark == ':');
}

static void check_reply(const struct exchange *x, const struct reader *reader) {
    struct slice reply = bytes_slice(&x->out);
    EXPECT(x->answer.is_failed || reply.len <= reader->most);
    EXPECT(!reader->is_scripted || x->answer.turn == TURN_NONE);
    take_reply(&reply, 0, reader->dialect != NULL);
    EXPECT(reply.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct slice said = {(const char *)input, size};
    if (verb_count == 0)
        build_all();
    size_t which = (size_t)(unsigned char)(take_byte(&said) - '0') % verb_count;
    unsigned char rule = take_byte(&said);
    struct reader reader = reader_of(rule);
    unsigned char first = rule >= 'a' ? 'a' : rule >= 'A' ? 'A' : '0';
    const struct command *command = &commands[which][(rule - first) & 3];
    struct pieces pieces = take_pieces(&said);
    struct exchange whole = {.out = whole_reply}, split = {.out = pieces_reply};
    exchange(&whole, verbs[which], command, &reader, said, NULL);
    exchange(&split, verbs[which], command, &reader, said, &pieces);
    EXPECT(whole.is_done == split.is_done && whole.is_broken == split.is_broken);
    EXPECT(slice_equal(bytes_slice(&whole.out), bytes_slice(&split.out)));
    bool is_step = whole.answer.memo_state == MEMO_ASK || whole.answer.memo_state == MEMO_ASK_EARLY;
    if (whole.is_done && !(is_step && !whole.answer.is_failed))
        check_reply(&whole, &reader);
    else
        EXPECT(whole.out.len == 0);
    whole_reply = whole.out;
    pieces_reply = split.out;
    return 0;
}
