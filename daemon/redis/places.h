// Places: the namespaces in whose keys a client of the Redis dialect may look, one after the other:
// that which it is bound to, or those of its listener, in the order of their prefixes, and `rest`.
#pragma once

#include "daemon/policy/policy.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"

struct place {
    struct namespace *namespace;
    bool has_whole_keys; // the client's keys begin with the prefix
};

// Returns how many places there are, those included that place_at() refuses.
size_t places_count(const struct session *session);

// Returns whether the client may use the verb "scan" there.
bool place_at(const struct session *session, size_t index, struct place *place);

// The words that Redis is asked with to find the place's keys that fit a client's pattern.
struct place_pattern {
    struct slice prefix, pattern; // as for scan_write()
    bool is_wide;                 // Redis finds keys of other places, too
};

// Returns false when no key of the place can fit the pattern.
bool place_pattern(const struct place *place, struct slice pattern, struct place_pattern *sought);

// Returns the key as the client knows it.
struct slice place_key(const struct place *place, struct slice real_key);

// Returns whether the client reaches the key, named so by place_key(), in this place. A key of
// `rest` that begins with another namespace's prefix has no name: the client's is another key's.
bool place_holds(const struct session *session, const struct place *place, struct slice key);
