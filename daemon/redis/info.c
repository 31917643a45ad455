// INFO: what libraries and frameworks read before they are ready, and to decide which commands they
// may send. It tells of the daemon alone, and of no namespace; its counters are in `stats`.
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/loop/loop.h"
#include "daemon/redis/own_reply.h"
#include "daemon/redis/own_rows.h"
#include "daemon/redis/redis_session.h"
#include "daemon/request/context.h"
#include "daemon/request/request.h"
#include "daemon/request/session.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/redis/row.h"
#include "protocol/verb.h"

enum { MS_S = 1000, DAY_S = 86400, KIB = 1024 };

static void append_server(struct bytes *text, const struct session *session) {
    const struct context *context = session->context;
    uint64_t up_s = (loop_now(&context->loop) - *context->started_ms) / MS_S;
    bytes_printf(text,
                 "redis_version:" REDIS_VERSION "\r\nredis_mode:standalone\r\n"
                 "cachesd_version:" CACHESD_VERSION "\r\narch_bits:%zu\r\n"
                 "uptime_in_seconds:%" PRIu64 "\r\nuptime_in_days:%" PRIu64 "\r\n",
                 8 * sizeof(void *), up_s, up_s / DAY_S);
}

static void append_clients(struct bytes *text, const struct session *session) {
    bytes_printf(text, "connected_clients:%zu\r\nblocked_clients:0\r\n",
                 atomic_load(session->context->clients));
}

// Returns how much memory the daemon holds, in bytes; 0 when the system does not say.
static uint64_t resident(void) {
    unsigned long pages = 0, of_them = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%lu %lu", &pages, &of_them) != 2)
        of_them = 0;
    fclose(file);
    return (uint64_t)of_them * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void append_memory(struct bytes *text, const struct session *session) {
    uint64_t used = resident();
    bytes_printf(text,
                 "used_memory:%" PRIu64 "\r\nused_memory_human:%.2fM\r\nused_memory_rss:%" PRIu64
                 "\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\nmaxmemory_policy:%s\r\n",
                 used, (double)used / KIB / KIB, used, redis_session_eviction(session));
}

static void append_persistence(struct bytes *text, const struct session *session) {
    (void)session;
    bytes_append_literal(text, "loading:0\r\nasync_loading:0\r\nrdb_bgsave_in_progress:0\r\n"
                               "aof_enabled:0\r\naof_rewrite_in_progress:0\r\n");
}

// Of the worker that the client is at: adding up those of all workers would have to wait for them.
static void append_stats(struct bytes *text, const struct session *session) {
    bytes_printf(
        text, "total_connections_received:%" PRIu64 "\r\ntotal_commands_processed:%" PRIu64 "\r\n",
        session->context->stats.accepted, session->context->stats.requests);
}

static void append_replication(struct bytes *text, const struct session *session) {
    (void)session;
    bytes_append_literal(text, "role:master\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n");
}

static void append_cluster(struct bytes *text, const struct session *session) {
    (void)session;
    bytes_append_literal(text, "cluster_enabled:0\r\n");
}

// How many keys there are is nobody's to know who may not see all namespaces.
static void append_keyspace(struct bytes *text, const struct session *session) {
    (void)text;
    (void)session;
}

static const struct {
    const char *name;
    void (*append)(struct bytes *text, const struct session *session);
} sections[] = {
    {"Server", append_server},   {"Clients", append_clients},
    {"Memory", append_memory},   {"Persistence", append_persistence},
    {"Stats", append_stats},     {"Replication", append_replication},
    {"Cluster", append_cluster}, {"Keyspace", append_keyspace},
};
enum { SECTIONS = sizeof(sections) / sizeof(*sections) };

static bool is_wanted(const struct call *call, const char *name) {
    static const char *const all[] = {"all", "default", "everything"};
    for (size_t i = 0; i < call->argc; i++) {
        if (slice_equal_nocase(call->args[i], slice_of(name)))
            return true;
        for (size_t j = 0; j < sizeof(all) / sizeof(*all); j++)
            if (slice_equal_nocase(call->args[i], slice_of(all[j])))
                return true;
    }
    return call->argc == 0;
}

static void run_info(struct request *r, const struct call *call) {
    struct bytes text = {0};
    for (size_t i = 0; i < SECTIONS; i++) {
        if (!is_wanted(call, sections[i].name))
            continue;
        bytes_printf(&text, "%s# %s\r\n", text.len > 0 ? "\r\n" : "", sections[i].name);
        sections[i].append(&text, r->session);
    }
    own_finish_verbatim(r, &text);
}

const struct redis_row own_info[] = {
    {.name = "INFO", .verb = "info", .syntax = "[section ...]", .run = run_info},
    {0},
};
