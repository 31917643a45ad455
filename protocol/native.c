#include "protocol/native.h"

#include "protocol/number.h"
#include "protocol/reply.h"
#include "protocol/scan.h"
#include "protocol/syntax.h"
#include "protocol/verb.h"
#include "protocol/verb_table.h"

enum { LONGEST_WAIT_MS = 24 * 3600 * 1000 };

static bool is_one_of(struct slice value, const char *const *names, size_t count, size_t *index) {
    for (*index = 0; *index < count; ++*index)
        if (slice_equal(value, slice_of(names[*index])))
            return true;
    return false;
}

// Reads one option's value into `call`. Returns NULL, or a text that says which values are right.
static const char *read_option(struct call *call, enum call_option option, struct slice value) {
    static const char *const conditions[] = {"always", "absent", "present", "greater", "less"};
    static const char *const orders[] = {"asc", "desc"};
    size_t index;
    switch (option) {
    case OPTION_TTL:
        return number_parse_duration(value, &call->ttl_asked_ms) && call->ttl_asked_ms > 0
                   ? NULL
                   : "a duration above 0, as 90, 1500ms, 2h or forever (36500d at most)";
    case OPTION_WAIT:
        return number_parse_duration(value, &call->wait_ms) && call->wait_ms <= LONGEST_WAIT_MS
                   ? NULL
                   : "a duration, as 2s or 1500ms (1d at most)";
    case OPTION_IF:
        if (!is_one_of(value, conditions + 1, 4, &index))
            return "absent, present, greater or less";
        call->add_if = (enum add_if)(index + 1);
        return NULL;
    case OPTION_ORDER:
        if (!is_one_of(value, orders, 2, &index))
            return "asc or desc";
        call->is_descending = index == 1;
        return NULL;
    case OPTION_LIMIT:
        return number_parse_int(value, &call->limit) && call->limit >= 0
                   ? NULL
                   : "a whole number, not negative";
    case OPTION_COUNT:
        return number_parse_int(value, &call->count) && call->count > 0 ? NULL
                                                                        : "a whole number above 0";
    case OPTION_MATCH:
        call->match = value;
        return value.len <= SCAN_MOST_PATTERN ? NULL : "a pattern of 1024 bytes at most";
    case OPTIONS: break;
    }
    return NULL;
}

static bool refuse_use(const struct verb *verb, struct refusal *refusal, const char *problem) {
    struct bytes use = {0};
    verb_append_use(&use, verb);
    refusal_set(refusal, REPLY_ARGS, "%s: use %.*s", problem, (int)use.len, use.data);
    bytes_deinit(&use);
    return false;
}

// Reads the word as an option of the verb. Returns false with a refusal.
static bool take_option(const struct verb_entry *entry, struct slice word, size_t equals,
                        struct call *call, struct refusal *refusal) {
    struct slice name = {word.data, equals},
                 value = {word.data + equals + 1, word.len - equals - 1};
    enum call_option option = syntax_option(name);
    if (option == OPTIONS || !(entry->signature.options & 1u << option)) {
        struct bytes use = {0};
        verb_append_use(&use, entry->verb);
        refusal_set(refusal, REPLY_ARGS, "%s takes no option '%.*s': use %.*s", entry->verb->name,
                    REPLY_WORD(name), (int)use.len, use.data);
        bytes_deinit(&use);
        return false;
    }
    if (call->options & 1u << option)
        return refusal_set(refusal, REPLY_ARGS, "%s= is given twice",
                           syntax_option_name(option).data);
    call->options |= 1u << option;
    const char *right = read_option(call, option, value);
    if (right)
        refusal_set(refusal, REPLY_ARGS, "%s=%.*s: use %s", syntax_option_name(option).data,
                    REPLY_WORD(value), right);
    return !right;
}

// The kinds of arguments that check_argument() may refuse.
enum {
    CHECKED_KINDS = 1u << ARG_INTEGER | 1u << ARG_COUNT | 1u << ARG_SCORE | 1u << ARG_BOUND |
                    1u << ARG_CURSOR | 1u << ARG_PLACE
};

static const char *check_argument(enum arg_kind kind, struct slice arg) {
    int64_t integer;
    uint64_t cursor;
    double number;
    switch (kind) {
    case ARG_INTEGER:
        return number_parse_int(arg, &integer) ? NULL : "is not a whole number of 64 bits";
    case ARG_COUNT:
        return number_parse_int(arg, &integer) && integer >= 0
                   ? NULL
                   : "is not a whole number of 64 bits, not negative";
    case ARG_SCORE: return number_parse_double(arg, &number) ? NULL : "is not a number";
    case ARG_BOUND:
        if (arg.len > 0 && arg.data[0] == '(')
            arg = (struct slice){arg.data + 1, arg.len - 1};
        return number_parse_double(arg, &number)
                   ? NULL
                   : "is not a score: use a number, (number, -inf or +inf";
    case ARG_PLACE:
    case ARG_CURSOR:
        if (kind == ARG_PLACE)
            arg = scan_cursor(arg);
        return number_parse_unsigned(arg, &cursor) ? NULL
                                                   : "is not a cursor: use 0, then the one replied";
    default: return NULL;
    }
}

static __attribute__((noinline)) bool
check_kinds(const struct signature *s, const struct call *call, struct refusal *refusal) {
    for (size_t i = 0; i < call->argc; i++) {
        const char *problem = check_argument(signature_kind(s, i), call->args[i]);
        if (problem)
            return refusal_set(refusal, REPLY_ARGS, "'%.*s' %s", REPLY_WORD(call->args[i]),
                               problem);
    }
    return true;
}

static inline __attribute__((always_inline)) bool
check_arguments(const struct verb_entry *entry, const struct call *call, struct refusal *refusal) {
    const struct signature *s = &entry->signature;
    if (!signature_fits(s, call->argc))
        return refuse_use(entry->verb, refusal, "wrong number of arguments");
    return !(s->has_kinds & CHECKED_KINDS) || check_kinds(s, call, refusal);
}

// Reads the options before the namespace, and the namespace's name; *at gets the index of the word
// after the name. To be called when the first word is not the name in *name.
static __attribute__((noinline)) bool read_options(const struct verb_entry *entry,
                                                   const struct slice *words, size_t count,
                                                   struct call *call, struct slice *name,
                                                   size_t *at, struct refusal *refusal) {
    for (size_t i = 0; i < count; i++) {
        struct slice word = words[i];
        bool is_same = i > 0 && name->len > 0 && slice_equal(word, *name);
        const char *equals = !is_same && word.len > 0 ? memchr(word.data, '=', word.len) : NULL;
        if (!equals) {
            *name = is_same ? *name : word;
            *at = i + 1;
            return true;
        }
        if (!take_option(entry, word, (size_t)(equals - word.data), call, refusal))
            return false;
    }
    return refuse_use(entry->verb, refusal, "no namespace");
}

// The first word is compared with *name before all else: most clients name the same namespace many
// times, and no option looks like a name. The function is inlined where it is called by name,
// because each request is read.
inline __attribute__((always_inline)) bool native_read(const struct verb_entry *entry,
                                                       const struct slice *words, size_t count,
                                                       struct call *call, struct slice *name,
                                                       struct refusal *refusal) {
    size_t at = 0;
    call_begin(call, entry->verb, NULL);
    if (entry->signature.has_namespace) {
        if (count > 0 && name->len > 0 && slice_equal(words[0], *name))
            at = 1;
        else if (!read_options(entry, words, count, call, name, &at, refusal))
            return false;
    }
    call->args = words + at;
    call->argc = count - at;
    return check_arguments(entry, call, refusal);
}

static void write_refusal(struct bytes *out, const struct refusal *refusal) {
    bytes_append_literal(out, "-");
    bytes_append_slice(out, slice_of(reply_code_name(refusal->code)));
    bytes_append_literal(out, " ");
    bytes_append_slice(out, bytes_slice(&refusal->text));
    bytes_append_literal(out, "\r\n");
}

const struct dialect native_dialect = {.name = "cachesd", .write_refusal = write_refusal};
