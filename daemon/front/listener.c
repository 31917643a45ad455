#include "daemon/front/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/front/section.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "protocol/dialect.h"
#include "protocol/mem.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum { BACKLOG = 1024, REFUSAL_LOG_MS = 10000, AGAIN_MS = 5 };

// --- socket files -----------------------------------------------------------------------------

// Returns whether a process may be serving the socket at that path; *pid is its number, or 0 when
// the number is not known.
static bool is_served(const char *path, pid_t *pid) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *pid = 0;
    if (fd < 0)
        return true; // not known: a socket in use must not be replaced
    memcpy(address.sun_path, path, strlen(path) + 1);
    // Only these errors say that nobody is there. A full backlog, another type of socket or missing
    // rights do not.
    bool is_there = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
                    (errno != ECONNREFUSED && errno != ENOENT);
    if (is_there && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
        *pid = peer.pid;
    close(fd);
    return is_there;
}

// A socket that systemd passes on is told to be that of the process that listened last: systemd,
// this daemon, or one that has ended.
static bool is_passed_on(pid_t pid) {
    return pid == 1 || pid == getpid() || (pid > 0 && kill(pid, 0) != 0 && errno == ESRCH);
}

static void append_who_serves(struct bytes *error, const char *path, pid_t pid) {
    if (is_passed_on(pid)) {
        bytes_printf(error,
                     "unix:%s: systemd has this socket: use `listen = systemd`, or stop its unit",
                     path);
        return;
    }
    bytes_printf(error, "unix:%s: another daemon is serving it", path);
    if (pid > 0)
        bytes_printf(error, ": process %d; end that one first, or listen elsewhere", (int)pid);
}

// Removes the socket file that a killed daemon left behind. Returns false when another file or
// another daemon is in the way: *error says so.
static bool clear_path(const struct log *log, const char *path, struct bytes *error) {
    struct stat found;
    pid_t pid;
    if (lstat(path, &found) != 0)
        return true;
    if (!S_ISSOCK(found.st_mode)) {
        bytes_printf(error, "unix:%s: there is a file that is no socket", path);
        return false;
    }
    if (is_served(path, &pid)) {
        append_who_serves(error, path, pid);
        return false;
    }
    log_tell(log, LOG_SOCKET_STALE, log_text(FIELD_PATH, path));
    return unlink(path) == 0 || errno == ENOENT;
}

// Returns NULL, or a text that says whether the mode or the group can't be set.
static const char *set_access(const char *path, const struct daemon_conf *conf) {
    if (chmod(path, (mode_t)conf->socket_mode) != 0)
        return "can't set socket_mode";
    if (conf->socket_gid >= 0 && chown(path, (uid_t)-1, (gid_t)conf->socket_gid) != 0)
        return "can't set socket_group";
    return NULL;
}

bool listener_set_access(struct listener *l, const struct daemon_conf *conf, struct bytes *error) {
    const char *problem =
        l->address.kind == ADDRESS_UNIX ? set_access(l->address.path, conf) : NULL;
    if (problem)
        bytes_printf(error, "unix:%s: %s", l->address.path, problem);
    return !problem;
}

// --- problems ---------------------------------------------------------------------------------

// Returns the length of the folder's name in a path that has no trailing slash.
static int folder_length(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash > path ? (int)(slash - path) : 1;
}

void listener_append_problem(struct bytes *error, const struct address *address, int code) {
    const char *path = address->path;
    address_append(error, address);
    bytes_printf(error, ": %s", uv_strerror(code));
    if (code == UV_EADDRINUSE && address->kind == ADDRESS_TCP)
        bytes_printf(error,
                     ": `ss -ltnp sport = :%d` as root names the process; end that one, or "
                     "choose another port",
                     address->port);
    else if (code == UV_EADDRNOTAVAIL && address->kind == ADDRESS_TCP)
        bytes_append_literal(error, ": no interface of this machine has it: see `ip address`");
    else if (code == UV_EACCES && address->kind == ADDRESS_TCP)
        bytes_append_literal(error, ": ports below 1024 are root's: choose another");
    else if (code == UV_ENOENT && path)
        bytes_printf(error,
                     ": there is no folder %.*s: make it (`systemd-tmpfiles --create` makes "
                     "/run/cachesd once cachesd is installed), or listen elsewhere",
                     folder_length(path), path);
    else if (code == UV_EACCES && path)
        bytes_printf(error, ": user %u may not write in %.*s: let that user, or listen elsewhere",
                     (unsigned)geteuid(), folder_length(path), path);
}

// --- life -------------------------------------------------------------------------------------

static void on_listener_closed(uv_handle_t *handle) {
    struct listener *l = handle->data;
    if (--l->handles > 0)
        return;
    address_deinit(&l->address);
    mem_free(l->section);
    mem_free(l);
}

// Binds without libuv: libuv would unlink the path when it closes the pipe, even if another daemon
// has its socket there by then. Returns 0 or an errno.
static int open_at(const char *path, uv_pipe_t *pipe) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    return -uv_pipe_open(pipe, fd);
}

// Mode and group are set before the socket listens, so that nobody can connect against the
// settings.
static bool bind_unix(struct listener *l, const struct daemon_conf *conf, struct bytes *error) {
    const char *path = l->address.path, *problem;
    struct stat made;
    uv_pipe_init(&l->loop->uv, &l->uv.pipe, 0);
    l->uv.handle.data = l;
    if (!clear_path(&l->loop->log, path, error))
        return false;
    int code = open_at(path, &l->uv.pipe);
    if (code) {
        listener_append_problem(error, &l->address, uv_translate_sys_error(code));
        return false;
    }
    if (stat(path, &made) == 0) {
        l->device = made.st_dev;
        l->inode = made.st_ino;
    }
    problem = set_access(path, conf);
    if (problem)
        bytes_printf(error, "unix:%s: %s", path, problem);
    return !problem;
}

// An IPv6 socket takes IPv6 alone, unless its address is a mapped IPv4 address. So [::] and 0.0.0.0
// can be used together, and mean the same on every system.
static unsigned bind_flags(const struct address *address) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
    return v6->sin6_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) ? UV_TCP_IPV6ONLY
                                                                                : 0;
}

static bool bind_tcp(struct listener *l, struct bytes *error) {
    uv_tcp_init(&l->loop->uv, &l->uv.tcp);
    l->uv.handle.data = l;
    int code = uv_tcp_bind(&l->uv.tcp, (const struct sockaddr *)&l->address.socket,
                           bind_flags(&l->address));
    if (code)
        listener_append_problem(error, &l->address, code);
    return code == 0;
}

// Takes a socket that systemd has bound. listeners.c has checked already that it can be used.
static bool take_passed(struct listener *l, struct bytes *error) {
    bool is_unix = l->address.socket.ss_family == AF_UNIX;
    // The descriptor is copied: a reload that drops the listener closes only the copy, and a later
    // reload can use the socket again.
    int fd = fcntl(l->address.port, F_DUPFD_CLOEXEC, 0), code = fd < 0 ? -errno : 0;
    if (is_unix)
        uv_pipe_init(&l->loop->uv, &l->uv.pipe, 0);
    else
        uv_tcp_init(&l->loop->uv, &l->uv.tcp);
    if (!code)
        code = is_unix ? uv_pipe_open(&l->uv.pipe, fd) : uv_tcp_open(&l->uv.tcp, fd);
    if (code && fd >= 0)
        close(fd);
    l->uv.handle.data = l;
    if (code)
        bytes_printf(error, "systemd: descriptor %d: %s", l->address.port, uv_strerror(code));
    return code == 0;
}

struct listener *listener_new(struct loop *loop, const struct address *address,
                              const struct daemon_conf *conf,
                              void (*on_client)(void *owner, struct listener *l), void *owner,
                              struct bytes *error) {
    struct listener *l = mem_new(sizeof(*l));
    l->loop = loop;
    l->dialect = section_dialect(NULL);
    l->on_client = on_client;
    l->owner = owner;
    l->handles = 2;
    uv_timer_init(&loop->uv, &l->again);
    l->again.data = l;
    address_copy(&l->address, address);
    bool is_bound = false;
    switch (address->kind) {
    case ADDRESS_UNIX: is_bound = bind_unix(l, conf, error); break;
    case ADDRESS_TCP: is_bound = bind_tcp(l, error); break;
    case ADDRESS_SYSTEMD: is_bound = take_passed(l, error); break;
    }
    if (is_bound)
        return l;
    listener_free(l);
    return NULL;
}

void listener_set_section(struct listener *l, const struct listener_conf *conf) {
    mem_free(l->section);
    l->section = conf ? mem_text(conf->name) : NULL;
    l->dialect = section_dialect(conf);
}

void listener_free(struct listener *l) {
    struct stat found;
    bool is_ours = l->inode != 0 && lstat(l->address.path, &found) == 0 &&
                   found.st_dev == l->device && found.st_ino == l->inode;
    if (is_ours)
        unlink(l->address.path);
    uv_close(&l->uv.handle, on_listener_closed);
    uv_close((uv_handle_t *)&l->again, on_listener_closed);
}

// --- clients ----------------------------------------------------------------------------------

// The log is told only once in a while: anybody can connect as often as they like.
static void log_refusal(struct listener *l, const char *why) {
    uint64_t now = loop_now(l->loop);
    if (l->last_refusal_ms > 0 && now - l->last_refusal_ms < REFUSAL_LOG_MS)
        return;
    l->last_refusal_ms = now;
    log_tell(&l->loop->log, LOG_CLIENTS_TURNED_AWAY, log_text(FIELD_REASON, why));
}

bool listener_is_unix(const struct listener *l) { return l->uv.handle.type == UV_NAMED_PIPE; }

void listener_turn_away(struct listener *l, uv_stream_t *stream, const char *why) {
    struct bytes reply = {0};
    struct refusal refusal = {0};
    log_refusal(l, why);
    if (l->address.is_tls) // the reply could not be read before a handshake
        return;
    refusal_set(&refusal, REPLY_OVERLOADED, REFUSAL_CLIENTS "%s", why);
    l->dialect->write_refusal(&reply, &refusal);
    refusal_deinit(&refusal);
    uv_buf_t buffer = uv_buf_init(reply.data, (unsigned)reply.len);
    uv_try_write(stream, &buffer, 1);
    bytes_deinit(&reply);
}

static void on_again(uv_timer_t *timer) {
    struct listener *l = timer->data;
    l->on_client(l->owner, l);
}

// libuv takes no further connection of the socket until this one is accepted.
void listener_wait(struct listener *l) { uv_timer_start(&l->again, on_again, AGAIN_MS, 0); }

static void on_connection(uv_stream_t *stream, int status) {
    struct listener *l = stream->data;
    if (status < 0)
        log_refusal(l, uv_strerror(status));
    else
        l->on_client(l->owner, l);
}

bool listener_start(struct listener *l, struct bytes *error) {
    if (l->is_started)
        return true;
    struct stat found;
    bool is_lost = l->inode != 0 && (lstat(l->address.path, &found) != 0 ||
                                     found.st_dev != l->device || found.st_ino != l->inode);
    int code = is_lost ? UV_EADDRINUSE : uv_listen(&l->uv.stream, BACKLOG, on_connection);
    if (code) {
        listener_append_problem(error, &l->address, code);
        return false;
    }
    struct bytes shown = {0};
    address_append(&shown, &l->address);
    log_tell(&l->loop->log, LOG_LISTENING, log_slice(FIELD_ADDRESS, bytes_slice(&shown)));
    bytes_deinit(&shown);
    l->is_started = true;
    return true;
}
