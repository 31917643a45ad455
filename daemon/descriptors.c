#include "daemon/descriptors.h"

#include <sys/resource.h>

#include "conf/sections.h"
#include "conf/url.h"
#include "daemon/loop/log_event.h"

enum {
    OWN_FILES = 64, // files that do not belong to clients, loops, listeners or backends
    LOOP_FILES = 6,
    RESERVED_FILES = 16,
    HTTP_FILES = 40,    // of each address of [http]: its connections, and what its thread has
    CLUSTER_NODES = 64, // as many as a cluster is expected to have at most
};

// For each server a connection, and that of its tracker; one more for each sentinel.
static rlim_t backend_files(const struct url *url) {
    switch (url->kind) {
    case URL_CLUSTER:
        return 2 * (rlim_t)(url->host_count > CLUSTER_NODES ? url->host_count : CLUSTER_NODES);
    case URL_SENTINEL: return 2 + url->host_count;
    default: return 2;
    }
}

static rlim_t own_files(const struct settings *settings) {
    const struct daemon_conf *conf = &settings->daemon;
    rlim_t loop = LOOP_FILES, listens = 0;
    for (size_t i = 0; i < settings->backend_count; i++)
        loop += backend_files(&settings->backends[i].url);
    for (size_t i = 0; i < settings_listens_count(settings); i++)
        listens += settings_listens(settings, i)->count;
    return OWN_FILES + listens + HTTP_FILES * settings->http.listens.count +
           (rlim_t)conf->workers * loop;
}

uint64_t descriptors_fit_clients(const struct settings *settings, const struct log *log) {
    int64_t wanted = settings->daemon.max_clients;
    rlim_t own = own_files(settings), need = (rlim_t)wanted + own;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return (uint64_t)wanted;
    if (limit.rlim_cur < need) {
        limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= need)
        return (uint64_t)wanted;
    uint64_t left = limit.rlim_cur > own ? limit.rlim_cur - own : 1;
    log_tell(log, LOG_CLIENTS_LIMITED, log_number(FIELD_LIMIT, left),
             log_number(FIELD_WANTED, (uint64_t)wanted), log_number(FIELD_FILES, limit.rlim_cur));
    return left;
}

// The system gives out the lowest free descriptor: a number near the limit means that few are left.
// The limit is read again, since it may have been lowered after max_clients was compared with it.
bool descriptors_are_few(const uv_stream_t *accepted) {
    struct rlimit limit;
    int fd;
    return uv_fileno((const uv_handle_t *)accepted, &fd) == 0 &&
           getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd + RESERVED_FILES >= limit.rlim_cur;
}
