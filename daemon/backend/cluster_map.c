#include "daemon/backend/cluster_map.h"

#include "daemon/backend/node.h"
#include "protocol/mem.h"

void cluster_map_init(struct cluster_map *m) {
    for (unsigned i = 0; i < HASH_SLOTS; i++)
        m->slots[i] = (struct slot_state){.node = CLUSTER_NO_NODE};
}

void cluster_map_deinit(struct cluster_map *m) { mem_free(m->nodes); }

static unsigned free_number(struct cluster_map *m) {
    unsigned number = 0;
    while (number < m->node_most && m->nodes[number])
        number++;
    if (number == m->node_most && number < CLUSTER_NO_NODE)
        m->nodes = mem_resize(m->nodes, ++m->node_most * sizeof(struct cluster_node *));
    return number;
}

struct cluster_node *cluster_map_add(struct cluster_map *m, struct node *node, const char *ip) {
    unsigned number = free_number(m);
    if (number == CLUSTER_NO_NODE)
        return NULL;
    struct cluster_node *n = m->nodes[number] = mem_new(sizeof(*n));
    n->node = node;
    n->number = (uint16_t)number;
    n->ip = ip ? mem_text(ip) : NULL;
    return n;
}

void cluster_map_remove(struct cluster_map *m, struct cluster_node *n) {
    for (unsigned i = 0; i < HASH_SLOTS && n->slots > 0; i++)
        if (m->slots[i].node == n->number)
            cluster_map_give(m, i, NULL);
    m->nodes[n->number] = NULL;
    mem_free(n->ip);
    mem_free(n);
}

bool cluster_map_is_at(const struct cluster_node *n, struct slice host, struct slice ip, int port) {
    struct slice own = slice_of(n->node->server.host), number = {0};
    if (n->ip)
        number = slice_of(n->ip);
    if (n->node->server.port != port)
        return false;
    return (host.len > 0 && (slice_equal(host, own) || slice_equal(host, number))) ||
           (ip.len > 0 && (slice_equal(ip, own) || slice_equal(ip, number)));
}

struct cluster_node *cluster_map_find(const struct cluster_map *m, struct slice id,
                                      struct slice host, struct slice ip, int port) {
    struct cluster_node *n, *found = NULL;
    for (unsigned at = 0; (n = cluster_map_next(m, &at));) {
        if (id.len > 0 && slice_equal(id, slice_of(n->id)))
            return n;
        if ((id.len == 0 || *n->id == '\0') && cluster_map_is_at(n, host, ip, port))
            found = n;
    }
    return found;
}

struct cluster_node *cluster_map_find_at(const struct cluster_map *m, struct slice host, int port) {
    struct slice none = {0};
    return cluster_map_find(m, none, host, none, port);
}

bool cluster_map_give(struct cluster_map *m, unsigned hash_slot, struct cluster_node *n) {
    struct slot_state *s = &m->slots[hash_slot];
    struct cluster_node *before = cluster_map_owner(m, hash_slot);
    if (before == n)
        return false;
    if (before)
        before->slots--;
    if (n)
        n->slots++;
    s->node = n ? n->number : CLUSTER_NO_NODE;
    s->turn++;
    m->turns++;
    return true;
}
