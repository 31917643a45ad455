// The Redis dialect: whatever words a client sends, they are refused in one line, or become whole
// commands for Redis, of which each key begins with the namespace's prefix.
//
// Input: one byte says what the namespace is like ('0' without ttls, '1' with a ttl, '2' with a
// longest ttl, '3' with both; '4' to '7' the same for each of several keys); then the words, with a
// space between them.
#include "daemon/admin/handshake.h"
#include "daemon/admin/report_verbs.h"
#include "daemon/admin/verbs.h"
#include "daemon/redis/commands.h"
#include "fuzz.h"
#include "protocol/number.h"
#include "protocol/redis/passed.h"
#include "protocol/redis/table.h"
#include "protocol/redis/words.h"
#include "protocol/verb_table.h"

enum { WORDS = 64, HAS_TTL = 1, HAS_MOST = 2, HAS_PARTS = 4 };

static struct verb_table *verbs;
static struct redis_table *table;
static struct bytes out; // kept: no allocation per run
static struct refusal refusal;
static const struct slice prefix = {"p:", 2};

// Each word in a block of its own, so that each step beyond it is seen.
static size_t split(struct slice text, struct slice words[WORDS], char *blocks[WORDS]) {
    size_t count = 0;
    while (count < WORDS) {
        const char *space = memchr(text.data, ' ', text.len);
        size_t len = space ? (size_t)(space - text.data) : text.len;
        blocks[count] = copy_exactly(text.data, len);
        words[count] = (struct slice){blocks[count], len};
        count++;
        if (!space)
            break;
        text = (struct slice){space + 1, text.len - len - 1};
    }
    return count;
}

// --- what is written --------------------------------------------------------------------------

static struct slice take_line(struct slice *in) {
    const char *cr = memchr(in->data, '\r', in->len);
    EXPECT(cr && (size_t)(cr - in->data) + 2 <= in->len && cr[1] == '\n');
    struct slice line = {in->data, (size_t)(cr - in->data)};
    *in = (struct slice){cr + 2, in->len - line.len - 2};
    return line;
}

static int64_t take_count(struct slice *in, char mark) {
    int64_t count;
    struct slice line = take_line(in);
    EXPECT(line.len > 1 && *line.data == mark);
    EXPECT(number_parse_int((struct slice){line.data + 1, line.len - 1}, &count) && count >= 0);
    return count;
}

static struct slice take_word(struct slice *in) {
    size_t len = (size_t)take_count(in, '$');
    EXPECT(len + 2 <= in->len && memcmp(in->data + len, "\r\n", 2) == 0);
    struct slice word = {in->data, len};
    *in = (struct slice){in->data + len + 2, in->len - len - 2};
    return word;
}

// Takes a command; returns its name. A repair of a ttl names a real key.
static struct slice take_command(struct slice *in) {
    int64_t words = take_count(in, '*');
    EXPECT(words >= 1);
    struct slice name = take_word(in);
    for (int64_t i = 1; i < words; i++) {
        struct slice word = take_word(in);
        if (i == 1 && words == 4 && slice_equal(name, SLICE("PEXPIRE")))
            EXPECT(slice_begins(word, prefix));
    }
    return name;
}

static void check_commands(const struct command *c) {
    struct slice written = bytes_slice(c->out), name = {0};
    uint32_t replies = 0;
    for (; written.len > 0; replies++)
        name = take_command(&written);
    EXPECT(replies == c->replies && replies > 0);
    EXPECT(slice_equal(name, SLICE("EXEC")) == c->frame.is_transaction);
}

// That a command which is passed has the client's words, the keys among them with the prefix.
static void check_passed(const struct call *call) {
    const struct signature *s = &call->redis->entry.signature;
    struct slice written = bytes_slice(&out);
    int64_t words = take_count(&written, '*');
    if (slice_equal(take_word(&written), SLICE("MULTI"))) {
        words = take_count(&written, '*');
        take_word(&written);
    }
    EXPECT((size_t)words == 1 + call->argc + call->head);
    for (size_t i = 0; i < call->argc; i++) {
        struct slice word = take_word(&written);
        for (size_t head = i == 0 ? call->head : 0; head > 0; head--)
            take_word(&written);
        bool is_key = syntax_next_key(s, call, i) == i;
        EXPECT(!is_key || word.len == prefix.len + call->args[i].len);
        EXPECT(!is_key || slice_begins(word, prefix));
    }
}

// --- a request --------------------------------------------------------------------------------

static void check_refusal(void) {
    out.len = 0;
    redis_dialect.write_refusal(&out, &refusal);
    EXPECT(out.len > 3 && *out.data == '-' && refusal.text.len > 0);
    EXPECT(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
}

static void check_call(const struct call *call, const struct slice *words, size_t count) {
    EXPECT(call->args - call->head >= words && call->args + call->argc <= words + count);
    EXPECT(call->more_keys <= call->more_keys_end && call->more_keys_end <= call->argc);
    EXPECT(call->verb == call->redis->entry.verb);
    if (call->redis->entry.signature.has_namespace)
        EXPECT(call->key_at < call->argc);
}

// As the daemon's policy decides (policy.c).
static void decide_ttl(struct call *call, unsigned char mode) {
    unsigned flags = call->verb->flags;
    int64_t ttl = mode & HAS_TTL ? 5000 : DURATION_FOREVER;
    int64_t most = mode & HAS_MOST ? 9000 : DURATION_FOREVER;
    if (!(flags & VERB_WRITE) || flags & VERB_NO_TTL)
        return;
    if (call->options & 1u << OPTION_TTL)
        ttl = call->ttl_asked_ms;
    call->ttl_ms = ttl < most ? ttl : most;
    if (call->ttl_ms == DURATION_FOREVER)
        call->ttl_rule = flags & VERB_NEW_TTL ? TTL_PERSIST : TTL_KEEP;
    else
        call->ttl_rule = flags & VERB_NEW_TTL ? TTL_SET : TTL_SET_IF_NONE;
}

static void decide(struct call *call, unsigned char mode, struct call_key_part *parts) {
    static const struct call_key_part part = {{"p:", 2}, 5000, 9000};
    call->prefix = prefix;
    call->ttl_px = (struct slice){0};
    decide_ttl(call, mode);
    call->is_healed = mode & HAS_TTL;
    if (call->redis->row->brings_ttl && mode & HAS_MOST)
        call->cap_ms = 9000;
    for (size_t i = 0; i < call->argc; i++)
        parts[i] = part;
    if (mode & HAS_PARTS && call->redis->entry.signature.has_more_keys)
        call->parts = parts;
}

static void build(struct call *call) {
    const struct verb_entry *entry = &call->redis->entry;
    if (!entry->build || entry->verb->flags & (VERB_MEMO | VERB_SCRIPT) || call->redis->row->run)
        return; // the daemon itself answers, or has more to say
    out.len = 0;
    struct command c = {.out = &out};
    entry->build(&c, call);
    check_commands(&c);
    if (entry->build == passed_build)
        check_passed(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
    struct slice text = {(const char *)input, size}, words[WORDS], given[WORDS];
    struct call_key_part parts[WORDS];
    char *blocks[WORDS];
    struct call call;
    if (!table) {
        verbs = verb_table_new(admin_verbs, admin_verb_count);
        verb_table_add(verbs, report_verbs, report_verb_count);
        verb_table_add(verbs, handshake_verbs, handshake_verb_count);
        table = commands_new(verbs);
    }
    unsigned char mode = take_byte(&text);
    size_t count = split(text, words, blocks);
    memcpy(given, words, sizeof(given));
    const struct redis_command *command = redis_find(table, words[0]);
    if (command && !command->row->refused) {
        if (!redis_read_call(&command, words + 1, count - 1, &call, &refusal)) {
            check_refusal();
        } else {
            check_call(&call, words, count);
            decide(&call, mode, parts);
            build(&call);
        }
    }
    for (size_t i = 0; i < count; i++)
        free(blocks[i]);
    return 0;
}
