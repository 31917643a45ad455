#include "daemon/redis/places.h"

#include "conf/sections.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/mapping.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/context.h"
#include "protocol/verb_table.h"

size_t places_count(const struct session *session) {
    const struct mapping *mapping = session->mapping;
    if (session->redis->bound)
        return 1;
    return mapping ? mapping->count + (mapping->rest != NULL) : 0;
}

bool place_at(const struct session *session, size_t index, struct place *place) {
    const struct mapping *mapping = session->mapping;
    const struct policy *policy = session->context->policy;
    const struct redis_session *s = session->redis;
    if (s->is_unmapped)
        return false;
    place->has_whole_keys = !s->bound && index < mapping->count;
    place->namespace = s->bound                ? s->bound
                       : place->has_whole_keys ? mapping->by_prefix[index]
                                               : mapping->rest;
    const struct verb_entry *scan = verb_find(session->context->verbs, SLICE("scan"));
    return identity_may_use(&session->identity, (size_t)(place->namespace - policy->namespaces)) &&
           verb_set_has(&place->namespace->verbs, scan);
}

static struct slice prefix_of(const struct place *place) {
    return (struct slice){place->namespace->conf->prefix, place->namespace->conf->prefix_len};
}

// Returns how many of the pattern's bytes stand for themselves, up to the first that does not.
static size_t literal_length(struct slice pattern) {
    size_t len = 0;
    while (len < pattern.len && !memchr("*?[\\", pattern.data[len], 4))
        len++;
    return len;
}

bool place_pattern(const struct place *place, struct slice pattern, struct place_pattern *sought) {
    struct slice prefix = prefix_of(place), head = {pattern.data, literal_length(pattern)};
    *sought = (struct place_pattern){prefix, pattern, false};
    if (!place->has_whole_keys)
        return true;
    if (head.len >= prefix.len) {
        sought->pattern = (struct slice){pattern.data + prefix.len, pattern.len - prefix.len};
        return slice_begins(head, prefix);
    }
    struct slice tail = {pattern.data + head.len, pattern.len - head.len};
    if (slice_equal(tail, SLICE("*"))) {
        sought->pattern = SLICE("*");
    } else {
        sought->prefix = SLICE("");
        sought->is_wide = true;
    }
    return tail.len > 0 && slice_begins(prefix, head);
}

struct slice place_key(const struct place *place, struct slice real_key) {
    size_t skip = place->has_whole_keys ? 0 : place->namespace->conf->prefix_len;
    return (struct slice){real_key.data + skip, real_key.len - skip};
}

bool place_holds(const struct session *session, const struct place *place, struct slice key) {
    bool is_whole = false;
    if (place->has_whole_keys || session->redis->bound || !session->mapping)
        return true;
    (void)mapping_find(session->mapping, key, &is_whole);
    return !is_whole;
}
