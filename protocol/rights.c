#include "protocol/rights.h"

#include <assert.h>

#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/parser.h"

enum { MOST_WORDS = 16 };
static const char sample_key[] = "the key of a sample";

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- the commands in a builder's output -------------------------------------------------------

typedef void on_command(void *owner, const struct slice *words, size_t count);

// Returns a sample of the next argument of a call in a script; *at moves past the argument.
static struct slice take_script_word(const char **at, const char *end) {
    const char *start = *at;
    int depth = 0;
    for (; *at < end && !(depth == 0 && (**at == ',' || **at == ')')); (*at)++)
        depth += (**at == '(' || **at == '[') - (**at == ')' || **at == ']');
    struct slice word = {start, (size_t)(*at - start)};
    bool is_more = *at < end && **at == ',';
    *at += is_more ? 2 : 0; // ", "
    if (slice_equal(word, SLICE("KEYS[1]")))
        return slice_of(sample_key);
    bool is_text = word.len > 2 && *word.data == '\'' && !memchr(word.data, ' ', word.len);
    return is_text ? (struct slice){word.data + 1, word.len - 2} : SLICE("1");
}

// Finds the commands that a script calls, or asks whether it may call: call('GET', KEYS[1]).
static void read_script(struct slice script, on_command *command, void *owner) {
    static const char *const callers[] = {"call('", "check_cmd('"};
    const char *end = script.data + script.len;
    for (const char *at = script.data; at < end; at++) {
        struct slice rest = {at, (size_t)(end - at)};
        for (size_t i = 0; i < COUNT(callers); i++) {
            struct slice words[MOST_WORDS];
            size_t count = 0;
            if (!slice_begins(rest, slice_of(callers[i])))
                continue;
            at += strlen(callers[i]) - 1;
            while (at < end && *at != ')' && count < MOST_WORDS)
                words[count++] = take_script_word(&at, end);
            command(owner, words, count);
            break;
        }
    }
}

// For EVAL, the commands inside the script are found, and the script is left out of the words.
static void read_command(struct slice *words, size_t count, on_command *command, void *owner) {
    if (slice_equal(words[0], SLICE("EVAL"))) {
        read_script(words[1], command, owner);
        words[1] = SLICE("return 0");
    }
    command(owner, words, count);
}

// The builders write RESP, in which requests of clients may come too: so the daemon's own parser
// can read the commands back.
static void read_commands(struct bytes *commands, on_command *command, void *owner) {
    struct parser parser;
    size_t at = 0;
    parser_init(&parser, commands->len + 1);
    while (at < commands->len &&
           parser_next(&parser, commands->data + at, commands->len - at) == PARSER_REQUEST) {
        struct slice *words = mem_new(parser.count * sizeof(*words));
        parser_words(&parser, commands->data + at, words);
        read_command(words, parser.count, command, owner);
        mem_free(words);
        at += parser.consumed;
    }
    parser_deinit(&parser);
}

// --- learning ---------------------------------------------------------------------------------

struct lesson {
    struct rights *rights;
    uint64_t seen;
};

static size_t find(const struct rights *rights, struct slice name) {
    size_t i = 0;
    while (i < rights->count && !slice_equal(name, slice_of(rights->rows[i].name)))
        i++;
    return i;
}

// MULTI and EXEC are left out: no connection is of use without them, and its greeting tests them.
static bool is_frame(struct slice name) {
    return slice_equal(name, SLICE("MULTI")) || slice_equal(name, SLICE("EXEC"));
}

static void learn(void *owner, const struct slice *words, size_t count) {
    struct lesson *lesson = owner;
    struct rights *rights = lesson->rights;
    if (is_frame(words[0]))
        return;
    size_t i = find(rights, words[0]);
    lesson->seen |= UINT64_C(1) << i;
    if (i < rights->count)
        return;
    struct right *row = &rights->rows[rights->count++];
    assert(i < RIGHTS_MOST && words[0].len < sizeof(row->name));
    memcpy(row->name, words[0].data, words[0].len);
    struct command c = {.out = &row->sample};
    command_begin(&c, words[0], count);
    for (size_t word = 1; word < count; word++)
        command_word(&c, words[word]);
}

static bool is_possible(const struct verb *verb, enum ttl_rule rule) {
    if (!(verb->flags & VERB_WRITE) || verb->flags & VERB_NO_TTL)
        return rule == TTL_KEEP;
    return !(verb->flags & VERB_NEW_TTL) || rule == TTL_SET || rule == TTL_PERSIST;
}

static size_t fill_samples(const struct signature *s, struct slice *args) {
    size_t count = s->fixed + s->group;
    assert(count <= SIGNATURE_KINDS);
    for (size_t i = 0; i < count; i++) {
        enum arg_kind kind = signature_kind(s, i);
        args[i] = kind == ARG_KEY ? slice_of(sample_key) : SLICE("1");
    }
    return count;
}

static void build_samples(struct bytes *out, verb_build *build, struct call *call) {
    const struct verb *verb = call->verb;
    for (int rule = TTL_KEEP; rule <= TTL_PERSIST; rule++) {
        struct command c = {.out = out};
        call->ttl_rule = (enum ttl_rule)rule;
        if (is_possible(verb, call->ttl_rule))
            build(&c, call);
    }
    if (verb->build_later)
        verb->build_later(&(struct command){.out = out}, call);
}

uint64_t rights_learn(struct rights *rights, const struct verb *verb, verb_build *build,
                      const struct signature *signature) {
    struct slice args[SIGNATURE_KINDS];
    struct bytes out = {0};
    struct lesson lesson = {rights, 0};
    struct call call = {
        .verb = verb, .args = args, .ttl_ms = 1, .limit = 1, .count = 1, .match = SLICE("*")};
    if (!build)
        return 0;
    call.argc = fill_samples(signature, args);
    build_samples(&out, build, &call);
    call.options = signature->options; // now with all options
    call.is_descending = true;
    call.add_if = ADD_IF_GREATER;
    call.stale_ms = 1;
    build_samples(&out, build, &call);
    read_commands(&out, learn, &lesson);
    bytes_deinit(&out);
    return lesson.seen;
}

void rights_deinit(struct rights *rights) {
    for (size_t i = 0; i < rights->count; i++)
        bytes_deinit(&rights->rows[i].sample);
}

// --- asking -----------------------------------------------------------------------------------

struct search {
    const struct rights *rights;
    uint64_t found;
};

static void look_up(void *owner, const struct slice *words, size_t count) {
    struct search *search = owner;
    size_t i = find(search->rights, words[0]);
    (void)count;
    if (i < search->rights->count)
        search->found |= UINT64_C(1) << i;
}

uint64_t rights_sent(const struct rights *rights, struct bytes *commands) {
    struct search search = {rights, 0};
    read_commands(commands, look_up, &search);
    return search.found;
}

struct question {
    struct command *out;
    struct slice key;
};

static void write_sample(void *owner, const struct slice *words, size_t count) {
    struct question *question = owner;
    command_begin(question->out, words[0], count);
    for (size_t i = 1; i < count; i++)
        command_word(question->out,
                     slice_equal(words[i], slice_of(sample_key)) ? question->key : words[i]);
}

void rights_write_question(const struct rights *rights, uint64_t asked, struct slice key,
                           struct command *c) {
    struct question question = {c, key};
    command_begin(c, SLICE("MULTI"), 1);
    for (size_t i = 0; i < rights->count; i++) {
        struct bytes sample = rights->rows[i].sample;
        if (asked & UINT64_C(1) << i)
            read_commands(&sample, write_sample, &question);
    }
    command_begin(c, SLICE("DISCARD"), 1);
}

const char *rights_name(const struct rights *rights, uint64_t commands) {
    return rights->rows[__builtin_ctzll(commands)].name;
}
