#include "protocol/syntax.h"

#include <assert.h>

struct named_kind {
    const char *name;
    enum arg_kind kind;
};

static const struct named_kind named_kinds[] = {
    {"K", ARG_KEY},       {"F", ARG_FIELD},       {"M", ARG_MEMBER},     {"V", ARG_VALUE},
    {"n", ARG_INTEGER},   {"start", ARG_INTEGER}, {"stop", ARG_INTEGER}, {"count", ARG_COUNT},
    {"score", ARG_SCORE}, {"min", ARG_BOUND},     {"max", ARG_BOUND},    {"cursor", ARG_CURSOR},
};

static const struct slice option_names[OPTIONS] = {
    [OPTION_TTL] = {"ttl", 3},     [OPTION_IF] = {"if", 2},       [OPTION_ORDER] = {"order", 5},
    [OPTION_LIMIT] = {"limit", 5}, [OPTION_COUNT] = {"count", 5}, [OPTION_WAIT] = {"wait", 4},
    [OPTION_MATCH] = {"match", 5},
};

static enum arg_kind kind_of(struct slice name) {
    for (size_t i = 0; i < sizeof(named_kinds) / sizeof(*named_kinds); i++)
        if (slice_equal(name, slice_of(named_kinds[i].name)))
            return named_kinds[i].kind;
    return ARG_TEXT;
}

// A cursor without a key before it is one over the keys, at whichever server.
static enum arg_kind kind_of_first(struct slice name) {
    enum arg_kind kind = kind_of(name);
    return kind == ARG_CURSOR ? ARG_PLACE : kind;
}

enum call_option syntax_option(struct slice name) {
    int i = 0;
    while (i < OPTIONS && !slice_equal(name, option_names[i]))
        i++;
    return (enum call_option)i;
}

struct slice syntax_option_name(enum call_option option) {
    return option_names[option];
}

// Returns the next word of a syntax without its brackets; *opens and *closes say whether it had
// any.
static struct slice next_token(const char **at, bool *opens, bool *closes) {
    while (**at == ' ')
        (*at)++;
    const char *start = *at;
    while (**at && **at != ' ')
        (*at)++;
    struct slice token = {start, (size_t)(*at - start)};
    *opens = token.len > 0 && *token.data == '[';
    if (*opens)
        token = (struct slice){token.data + 1, token.len - 1};
    *closes = token.len > 0 && token.data[token.len - 1] == ']';
    token.len -= *closes;
    return token;
}

// Returns the option that a word as "ttl=" stands for; OPTIONS for an argument, as also
// "name=value" of a verb without a namespace is.
static enum call_option option_of(struct slice token) {
    const char *equals = memchr(token.data, '=', token.len);
    return equals ? syntax_option((struct slice){token.data, (size_t)(equals - token.data)})
                  : OPTIONS;
}

struct signature syntax_read(const char *syntax) {
    struct signature s = {0};
    uint32_t group = 0; // words since the last "["
    bool is_optional = false, opens, closes;
    for (;;) {
        struct slice token = next_token(&syntax, &opens, &closes);
        if (token.len == 0)
            break;
        enum call_option option = option_of(token);
        if (opens) {
            is_optional = true;
            group = 0;
        }
        if (option < OPTIONS) {
            s.options |= 1u << option;
        } else if (slice_equal(token, SLICE("..."))) {
            s.group = group;
            s.fixed -= group;
        } else if (slice_equal(token, SLICE("N")) && !is_optional) {
            assert(s.fixed == 0); // only options stand before it
            s.has_namespace = true;
        } else {
            assert(s.fixed < SIGNATURE_KINDS);
            if (s.has_kinds & 1u << ARG_KEY && kind_of(token) == ARG_KEY)
                s.has_more_keys = true;
            s.kinds[s.fixed] = s.fixed == 0 ? kind_of_first(token) : kind_of(token);
            s.has_kinds |= 1u << s.kinds[s.fixed++];
            s.least += !is_optional;
            group++;
        }
        if (closes)
            is_optional = false;
    }
    s.most = s.group > 0 ? UINT32_MAX : s.fixed;
    return s;
}

size_t syntax_seek_key(const struct signature *s, const struct call *call, size_t at) {
    for (; at < call->argc; at++) {
        bool is_more = at >= call->more_keys && at < call->more_keys_end;
        bool has_kind = at < s->fixed || s->group > 0;
        bool is_pattern = call->redis && at < 64 && call->patterns >> at & 1;
        if (is_more || is_pattern || (has_kind && signature_kind(s, at) == ARG_KEY))
            return at;
    }
    return at;
}

size_t syntax_count_keys(const struct signature *s, const struct call *call) {
    size_t keys = 0;
    for (size_t i = syntax_next_key(s, call, 0); i < call->argc;
         i = syntax_next_key(s, call, i + 1))
        keys++;
    return keys;
}

// A single letter is enough in a table, but not in an error, which the client reads alone.
static const char *spelled_out(struct slice word) {
    static const char *const words[][2] = {{"N", "NAMESPACE"}, {"K", "KEY"},    {"F", "FIELD"},
                                           {"V", "VALUE"},     {"M", "MEMBER"}, {"n", "NUMBER"}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (slice_equal(word, slice_of(words[i][0])))
            return words[i][1];
    return NULL;
}

void syntax_append_whole(struct bytes *out, const char *at) {
    bool opens, closes;
    for (;;) {
        struct slice token = next_token(&at, &opens, &closes);
        const char *whole = spelled_out(token);
        if (token.len == 0)
            return;
        bytes_append(out, " [", 1 + opens);
        bytes_append_slice(out, whole ? slice_of(whole) : token);
        bytes_append(out, "]", closes);
    }
}
