// Mapping: which namespace a key is of, for the clients of one listener.
//
// In bound mode all keys are in one namespace, whose prefix the daemon adds. In prefix mode the key
// begins with the namespace's prefix, and keys that begin with none of them are in `rest`, whose
// prefix the daemon adds, or in no namespace. A client that AUTH or SELECT has bound to a namespace
// asks no mapping for its keys.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

struct namespace;

struct mapping { // of a section [listener NAME] in one policy
    const struct listener_conf *conf;
    struct namespace *bound;      // NULL: prefix mode
    struct namespace *rest;       // or NULL
    struct namespace **by_prefix; // sorted by prefix; no prefix begins with another
    size_t count;
    struct slice *prefixes;      // in the same order
    struct namespace **selected; // in the order of conf->selects
};

// Returns the namespace whose prefix the key begins with, otherwise `rest`; NULL: the key is of
// none. *whole is true when the key holds the prefix already. For prefix mode alone.
struct namespace *mapping_find(const struct mapping *m, struct slice key, bool *whole);

// Returns whether SELECT takes the number. *bound is the namespace that it binds the client to;
// NULL for 0, which gives the client back to the listener's own mapping.
bool mapping_select(const struct mapping *m, int64_t number, struct namespace **bound);

// Returns whether clients of the listener may reach the namespace at all, also by verbs with a dot.
// A user's own namespace (`redis` in [user]) is reached besides.
bool mapping_reaches(const struct mapping *m, const struct namespace *namespace);

// Frees the arrays of the mapping.
void mapping_deinit(struct mapping *m);
