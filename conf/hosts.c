#include "conf/hosts.h"

#include "conf/uri.h"
#include "protocol/mem.h"

const char *hosts_add(struct names *hosts, struct slice host) {
    char *name = NULL;
    int port = 0;
    const char *problem = uri_read_host(host, &name, &port);
    if (problem)
        return problem;
    if (port > 0 || !*name) {
        mem_free(name);
        return "a host without a port belongs here, as cache.internal";
    }
    hosts->items = mem_grow(hosts->items, hosts->count, sizeof(*hosts->items));
    hosts->items[hosts->count++] = name;
    return NULL;
}

bool hosts_has(const struct names *hosts, struct slice host) {
    for (size_t i = 0; i < hosts->count; i++)
        if (slice_equal_nocase(host, slice_of(hosts->items[i])))
            return true;
    return false;
}

bool hosts_are_same(const struct names *a, const struct names *b) {
    bool is_same = a->count == b->count;
    for (size_t i = 0; is_same && i < a->count; i++)
        is_same = strcmp(a->items[i], b->items[i]) == 0;
    return is_same;
}
