// Words: what may be said to a daemon, as the daemon itself tells it: its verbs with their syntax
// (the verb `help`), and its namespaces (the verb `namespaces`).
//
// So a client knows the verbs of a daemon that is newer than itself. The client's own commands are
// added to them. All slices live as long as the struct; those that words_add() is given must
// outlive it.
#pragma once

#include "protocol/bytes.h"

struct words_verb {
    struct slice name, syntax, summary;
    bool is_own; // the client's own command: words_add()
};

struct words_namespace {
    struct slice name;
    struct slice collections; // "key,dict"; empty: not told
};

// Zeroed, it knows nothing.
struct words {
    struct bytes help, namespace_lines; // own the texts
    struct words_verb *verbs;           // the client's own first, then in the daemon's order
    size_t verb_count, own_count;
    struct words_namespace *namespaces;
    size_t namespace_count;
};

void words_deinit(struct words *w);

// Adds a command of the client's own. It hides a verb of the daemon's of the same name.
void words_add(struct words *w, const char *name, const char *syntax, const char *summary);

// Takes the reply of `help`, in place of what it said before.
void words_take_help(struct words *w, struct slice text);

// Takes the reply of `namespaces`, likewise.
void words_take_namespaces(struct words *w, struct slice text);

// Returns the verb of that name, in either case; NULL when there is none.
const struct words_verb *words_find(const struct words *w, struct slice name);

// Returns the verb that was meant by a name that is none; NULL when none is near.
const struct words_verb *words_guess(const struct words *w, struct slice name);

// Returns "dict" of "dict.set"; empty for a verb of no collection, as "slowlog.reset", whose
// beginning is a verb itself.
struct slice words_collection(const struct words *w, struct slice verb);

// Returns whether the namespace takes verbs of the collection, as far as the daemon told.
bool words_allows(const struct words_namespace *n, struct slice collection);
