#include "client/hint.h"

#include "client/draft.h"
#include "client/shape.h"

// The words of one verb, of which the hint tells the rest.
struct given {
    const struct slice *words; // behind the verb
    size_t count;
    bool needs_space; // the line does not end with a space
};

static void append_part(struct bytes *out, struct given *given, struct slice part) {
    if (given->needs_space)
        bytes_append_literal(out, " ");
    bytes_append_slice(out, part);
    given->needs_space = true;
}

static bool is_option_given(const struct shape *s, const struct shape_part *part,
                            const struct given *given) {
    for (size_t i = 0; i < given->count; i++)
        if (shape_option(s, given->words[i]) == part)
            return true;
    return false;
}

// Appends the words from the one at `next` on; those that repeat once more, when all of them are
// given.
static void append_words(struct bytes *out, const struct shape *s, struct given *given,
                         size_t next) {
    size_t words = s->count - s->options;
    for (size_t i = next; i < words; i++)
        append_part(out, given, s->parts[s->options + i].text);
    if (s->group_count == 0)
        return;
    size_t begun = next > words ? (next - words) % s->group_count : 0;
    for (size_t i = begun; begun > 0 && i < s->group_count; i++)
        append_part(out, given, s->group[i].text);
    append_part(out, given, s->group_text);
}

// Behind "order=" its values are the next thing to type.
static void append_values(struct bytes *out, const struct shape *s, const struct given *given) {
    if (given->count == 0 || !given->needs_space)
        return;
    struct slice last = given->words[given->count - 1];
    const struct shape_part *part = shape_option(s, last);
    if (part && last.data[last.len - 1] == '=')
        bytes_append_slice(out, part->values);
}

static void append_rest(struct bytes *out, struct slice syntax, struct given given) {
    struct shape s;
    shape_read(&s, syntax);
    size_t options = shape_count_options(&s, given.words, given.count);
    if (options == given.count) {
        append_values(out, &s, &given);
        for (size_t i = 0; i < s.options; i++)
            if (!is_option_given(&s, &s.parts[i], &given))
                append_part(out, &given, s.parts[i].text);
    }
    append_words(out, &s, &given, given.count - options);
}

// Of two verbs that begin alike the first is shown, as Tab would list them.
static const struct words_verb *first_that_begins(const struct words *w, struct slice begin) {
    for (size_t i = 0; i < w->verb_count; i++) {
        struct slice name = w->verbs[i].name;
        if (name.len >= begin.len &&
            slice_equal_nocase((struct slice){name.data, begin.len}, begin))
            return &w->verbs[i];
    }
    return NULL;
}

static void append_for_verb(struct bytes *out, const struct words *w, struct slice begin) {
    const struct words_verb *verb = words_find(w, begin);
    if (!verb)
        verb = first_that_begins(w, begin);
    if (!verb)
        return;
    bytes_append(out, verb->name.data + begin.len, verb->name.len - begin.len);
    append_rest(out, verb->syntax, (struct given){.needs_space = true});
    bytes_append_literal(out, "   ");
    bytes_append_slice(out, verb->summary);
}

static void append_guess(struct bytes *out, const struct words *w, struct slice name) {
    const struct words_verb *verb = words_guess(w, name);
    if (!verb)
        return;
    bytes_append_literal(out, "   did you mean ");
    bytes_append_slice(out, verb->name);
    bytes_append_literal(out, "?");
}

// `explain` takes a whole request: the hint is that of the request.
static bool is_explain(struct slice verb, size_t words) {
    return words > 0 && slice_equal_nocase(verb, SLICE("explain"));
}

void hint_append(struct bytes *out, const struct words *w, struct slice line) {
    struct draft d;
    draft_read(&d, line);
    if (d.count > DRAFT_WORDS || (d.count == 0 && d.last.len == 0))
        return;
    struct slice words[DRAFT_WORDS + 1];
    memcpy(words, d.words, d.count * sizeof(*words));
    size_t first = 0, count = d.count;
    if (d.last.len > 0)
        words[count++] = d.last;
    while (is_explain(words[first], count - first - 1) && first < d.count)
        first++;
    if (first == d.count) {
        append_for_verb(out, w, words[first]);
        return;
    }
    const struct words_verb *verb = words_find(w, words[first]);
    struct given given = {words + first + 1, count - first - 1, d.last.len > 0};
    if (verb)
        append_rest(out, verb->syntax, given);
    else if (given.count == 0)
        append_guess(out, w, words[first]);
}
