// Collection: the kinds of things that a key can hold. A collection's verbs are the rows of a file
// of its own (key.c, dict.c, …), which may have none.
//
// To add a collection, add it here and its file to CMakeLists.txt. The beginnings of verbs' names,
// the namespaces' option `collections`, `help COLLECTION` and reports follow from that.
#pragma once

#include "protocol/bytes.h"

struct verb;

// The collections in the order in which they are listed. The name of a collection begins the name
// of each of its verbs, and its rows are NAME_verbs.
#define COLLECTIONS(X)                                                                             \
    X(KEY, key)                                                                                    \
    X(DICT, dict)                                                                                  \
    X(SET, set)                                                                                    \
    X(SORTED, sorted)                                                                              \
    X(LIST, list)                                                                                  \
    X(COUNTER, counter)                                                                            \
    X(MEMO, memo)

enum collection {
    COLLECTION_ANY, // del, exists, …: whatever the key holds
#define X(NAME, name) COLLECTION_##NAME,
    COLLECTIONS(X)
#undef X
        COLLECTION_NONE, // connection and daemon: no namespace
    COLLECTION_COUNT,
    COLLECTION_FIRST = COLLECTION_ANY + 1, // of the collections that a namespace may allow
    COLLECTION_END = COLLECTION_NONE,      // one past the last of these
};

_Static_assert(COLLECTION_COUNT <= 64, "namespaces hold their collections as bits of 64");

// All collections that a namespace may allow, a bit each.
#define COLLECTIONS_ALL ((UINT64_C(1) << COLLECTION_END) - (UINT64_C(1) << COLLECTION_FIRST))

const char *collection_name(enum collection collection);

// Returns the collection of that name; COLLECTION_NONE when there is none.
enum collection collection_find(struct slice name);

// Returns the rows of the collection's verbs, which end with a row without a name; NULL for
// COLLECTION_NONE, whose rows belong to the daemon.
const struct verb *collection_verbs(enum collection collection);

// Appends the names of all collections that a namespace may allow, with commas between them and
// `last` before the last name.
void collection_append_names(struct bytes *out, const char *last);
