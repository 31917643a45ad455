// Syntax: reads the text in a verb's row that says which words the verb takes, such as
// "[ttl=] N K F V [F V ...]": options first, then the namespace and the arguments.
#pragma once

#include "protocol/bytes.h"
#include "protocol/call.h"

// The meaning of a word of a syntax. The order is that of syntax.c's table.
enum arg_kind {
    ARG_KEY,     // K
    ARG_FIELD,   // F
    ARG_MEMBER,  // M
    ARG_VALUE,   // V
    ARG_INTEGER, // n, start, stop: a whole number
    ARG_COUNT,   // count: a whole number, not negative
    ARG_SCORE,   // score: a double
    ARG_BOUND,   // min, max: a double; "(" before the number excludes the number itself
    ARG_CURSOR,  // cursor, behind a key
    ARG_PLACE,   // cursor alone: over keys, perhaps with the name of a server
    ARG_TEXT,    // anything else
    ARG_KINDS,
};

_Static_assert(ARG_KINDS <= 32, "a signature holds its kinds as bits of 32");

enum { SIGNATURE_KINDS = 8 };

// The content of a row's syntax, read once.
struct signature {
    bool has_namespace;
    bool has_more_keys;             // a request may name further keys behind the first
    uint32_t options;               // bit per enum call_option
    uint32_t has_kinds;             // bit per enum arg_kind
    uint8_t kinds[SIGNATURE_KINDS]; // of the words behind the namespace, the repeating group last
    uint32_t fixed;                 // how many of `kinds` do not repeat, optional ones included
    uint32_t least;                 // the fewest words behind the namespace
    uint32_t group;                 // how many of `kinds` repeat; 0: none
    uint32_t most;                  // the most words behind the namespace
};

// Reads a row's syntax. A word that has no meaning is a bug.
struct signature syntax_read(const char *syntax);

// Returns whether all of a request's arguments, or all from some on, are keys.
static inline bool signature_repeats_key(const struct signature *s) {
    return s->group == 1 && s->kinds[s->fixed] == ARG_KEY;
}

// Returns whether there may be as many arguments.
static inline bool signature_fits(const struct signature *s, size_t count) {
    size_t rest = count > s->fixed ? count - s->fixed : 0;
    return count >= s->least && count <= s->most && (s->group == 0 || rest % s->group == 0);
}

// Returns the kind of the argument at `index`; 0 is the first word after the namespace.
static inline enum arg_kind signature_kind(const struct signature *s, size_t index) {
    if (index >= s->fixed && s->group > 0)
        index = s->fixed + (index - s->fixed) % s->group;
    return (enum arg_kind)s->kinds[index];
}

// For syntax_next_key() alone, where not all words from there on are keys.
size_t syntax_seek_key(const struct signature *s, const struct call *call, size_t at);

// Returns the index of the call's next key, from `at` on; call->argc when there is no further one.
static inline size_t syntax_next_key(const struct signature *s, const struct call *call,
                                     size_t at) {
    bool is_key = at >= s->fixed && at < call->argc && signature_repeats_key(s);
    return is_key ? at : syntax_seek_key(s, call, at);
}

// Returns how many keys the call has.
size_t syntax_count_keys(const struct signature *s, const struct call *call);

// Returns the option of that name; OPTIONS when there is none.
enum call_option syntax_option(struct slice name);
// Returns the option's name, which is NUL-terminated.
struct slice syntax_option_name(enum call_option option);

// Appends the words of a syntax spelled out, with a space before each: " NAMESPACE KEY".
void syntax_append_whole(struct bytes *out, const char *syntax);
