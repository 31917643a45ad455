#include "daemon/backend/members.h"

#include <stdio.h>

#include "conf/uri.h"
#include "conf/url.h"
#include "daemon/backend/pulse.h"
#include "daemon/loop/endpoint.h"
#include "protocol/answer.h"
#include "protocol/command.h"
#include "protocol/mem.h"

static char *name_of(struct slice host, int port) {
    struct bytes text = {0};
    char *name = mem_text_of(host.data, host.len);
    uri_append_host(&text, name, port);
    mem_free(name);
    name = mem_text_of(text.data, text.len);
    bytes_deinit(&text);
    return name;
}

static struct cluster_node *add_node(struct members *m, struct slice host, struct slice ip,
                                     int port) {
    char *host_name = mem_text_of(host.data, host.len);
    char *number = ip.len > 0 ? mem_text_of(ip.data, ip.len) : NULL;
    char *name = name_of(host, port);
    struct endpoint server = {.host = host_name, .port = port};
    struct node *node = node_new(m->family, &server, name, 0);
    struct cluster_node *n = cluster_map_add(&m->map, node, number);
    node->tag = n;
    if (!n)
        node_free(node);
    mem_free(host_name);
    mem_free(number);
    mem_free(name);
    return n;
}

void members_remove(struct members *m, struct cluster_node *n) {
    node_free(n->node);
    pulse_forget(n);
    cluster_map_remove(&m->map, n);
}

void members_add_seeds(struct members *m) {
    const struct url *url = &m->family->conf->url;
    for (size_t i = 0; i < url->host_count; i++) {
        struct slice host = slice_of(url->hosts[i].host), none = {0};
        if (!cluster_map_find_at(&m->map, host, url->hosts[i].port))
            add_node(m, host, none, url->hosts[i].port);
    }
}

uint32_t members_slots_up(const struct members *m) {
    const struct cluster_node *n;
    uint32_t slots = 0;
    for (unsigned at = 0; (n = cluster_map_next(&m->map, &at));)
        slots += n->node->is_up ? n->slots : 0;
    return slots;
}

bool members_have_failed(const struct members *m, unsigned failures) {
    const struct cluster_node *n;
    for (unsigned at = 0; (n = cluster_map_next(&m->map, &at));)
        if (n->node->failures < failures)
            return false;
    return true;
}

bool members_has_twin(const struct members *m, const struct cluster_node *n) {
    const struct cluster_node *other;
    for (unsigned at = 0; *n->id && (other = cluster_map_next(&m->map, &at));)
        if (other != n && other->slots > 0 && strcmp(other->id, n->id) == 0)
            return true;
    return false;
}

struct cluster_node *members_choose(struct members *m, const struct cluster_node * not,
                                    bool is_any) {
    struct cluster_node *second = NULL;
    for (unsigned i = 1; i <= m->map.node_most; i++) {
        struct cluster_node *n = m->map.nodes[(m->asked + i) % m->map.node_most];
        if (!n || !n->node->is_up)
            continue;
        second = n;
        if (n == not || (n->slots == 0 && !is_any))
            continue;
        m->asked = n->number;
        return n;
    }
    return second;
}

// Returns the host that the node calls itself by.
static struct slice host_of(const struct cluster_node *from, const struct slots_range *listed) {
    if (listed->kind == SLOTS_HOST_NAMED)
        return listed->host;
    bool is_unknown = listed->kind == SLOTS_HOST_UNKNOWN;
    return is_unknown && listed->ip.len > 0 ? listed->ip : slice_of(from->node->server.host);
}

static void readdress(struct cluster_node *n, struct slice host, int port) {
    char *host_name = mem_text_of(host.data, host.len);
    char *name = name_of(host, port);
    struct endpoint server = {.host = host_name, .port = port};
    node_readdress(n->node, &server, name);
    mem_free(host_name);
    mem_free(name);
}

static void set_ip(struct cluster_node *n, struct slice ip) {
    if (ip.len == 0 || (n->ip && slice_equal(slice_of(n->ip), ip)))
        return;
    mem_free(n->ip);
    n->ip = mem_text_of(ip.data, ip.len);
}

// A node is dialled by the name that it calls itself by, and redirects may have either form. One
// that calls itself by nothing keeps any that is right.
static bool must_readdress(const struct cluster_node *n, const struct slots_range *listed,
                           struct slice host) {
    const struct endpoint *server = &n->node->server;
    if (listed->kind != SLOTS_HOST_NAMED)
        return !cluster_map_is_at(n, host, listed->ip, listed->port);
    return server->port != listed->port || !slice_equal(slice_of(server->host), host);
}

struct cluster_node *members_list(struct members *m, const struct cluster_node *from,
                                  const struct slots_range *listed) {
    struct slice host = host_of(from, listed), none = {0};
    struct cluster_node *n = cluster_map_find(&m->map, listed->id, host, listed->ip, listed->port);
    if (!n)
        n = add_node(m, host, listed->ip, listed->port);
    if (!n)
        return NULL;
    if (*n->id == '\0' && listed->id.len < sizeof(n->id)) {
        memcpy(n->id, listed->id.data, listed->id.len);
        n->id[listed->id.len] = '\0';
    }
    if (must_readdress(n, listed, host))
        readdress(n, host, listed->port);
    set_ip(n, listed->kind == SLOTS_HOST_NAMED ? listed->ip : none);
    return n;
}

struct cluster_node *members_find(struct members *m, const struct cluster_node *from,
                                  const struct redirect *to) {
    bool is_named = to->host.len > 0 && !slice_equal(to->host, SLICE("?"));
    struct slice host = is_named ? to->host : slice_of(from->node->server.host), none = {0};
    struct cluster_node *n = cluster_map_find_at(&m->map, host, to->port);
    return n ? n : add_node(m, host, none, to->port);
}

static void write_introduction(struct command *command) {
    command_begin(command, SLICE("CLUSTER"), 2);
    command_word(command, SLICE("MYID"));
}

// An address may have come to a node of another cluster since. Services that do not tell their id
// are believed.
static void take_introduction(void *owner, const struct event *e, char *reason) {
    struct node *node = owner;
    struct cluster_node *n = member_of(node);
    if (e->depth > 0 || e->type != EVENT_BULK || e->text.len >= sizeof(n->id))
        return;
    if (*n->id && !slice_equal(e->text, slice_of(n->id))) {
        snprintf(reason, CONN_REASON_SIZE, "another node is there: %.*s", (int)e->text.len,
                 e->text.data);
        return;
    }
    memcpy(n->id, e->text.data, e->text.len);
    n->id[e->text.len] = '\0';
}

const struct introduction members_introduction = {write_introduction, take_introduction};
