#include "daemon/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/address.h"
#include "daemon/http/connections.h"
#include "daemon/http/desk.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

// From loopback and Unix sockets all connections come from one place: several browsers, and all
// that a reverse proxy forwards. So only other addresses are told apart.
enum { CONNECTIONS = 32, OF_AN_ADDRESS = 8, SILENT_S = 10, MEMORY = 32 * 1024, BACKLOG = 128 };

struct server *server_new(struct desk *desk, struct loop *loop, const struct address *address,
                          const struct daemon_conf *conf, struct bytes *error) {
    struct listener *listener = listener_new(loop, address, conf, NULL, NULL, error);
    if (!listener)
        return NULL;
    struct server *s = mem_new(sizeof(*s));
    s->listener = listener;
    s->entrance.desk = desk;
    s->ending.data = s;
    connections_init(&s->entrance.connections);
    return s;
}

// --- start ------------------------------------------------------------------------------------

// The library's thread inherits the signal mask: only the main thread gets signals.
static struct MHD_Daemon *start_library(struct server *s, int fd) {
    unsigned of_an_address = address_is_local(&s->listener->address) ? 0 : OF_AN_ADDRESS;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *library = MHD_start_daemon(
        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
        visit_go_on, &s->entrance, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
        visit_end, &s->entrance, MHD_OPTION_NOTIFY_CONNECTION, connections_notify,
        &s->entrance.connections, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, of_an_address, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SILENT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return library;
}

// libuv tells only when it listens that another process has the address; until then the socket has
// none, and would be given any.
static bool has_its_port(int fd, const struct address *address) {
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);
    if (address->kind != ADDRESS_TCP)
        return true;
    // The port stands at the same place in both kinds of address.
    return getsockname(fd, (struct sockaddr *)&bound, &len) == 0 &&
           ((struct sockaddr_in *)&bound)->sin_port ==
               ((const struct sockaddr_in *)&address->socket)->sin_port;
}

// Returns a copy of the bound socket, which the library will close; or a libuv error.
static int start_listening(const struct server *s) {
    int bound, code = uv_fileno(&s->listener->uv.handle, &bound);
    if (code)
        return code;
    if (!has_its_port(bound, &s->listener->address))
        return UV_EADDRINUSE;
    int fd = listen(bound, BACKLOG) == 0 ? fcntl(bound, F_DUPFD_CLOEXEC, 0) : -1;
    return fd >= 0 ? fd : uv_translate_sys_error(errno);
}

bool server_start(struct server *s, struct bytes *error) {
    struct bytes shown = {0};
    int fd = start_listening(s);
    if (fd < 0) {
        listener_append_problem(error, &s->listener->address, fd);
        return false;
    }
    address_append(&shown, &s->listener->address);
    s->library = start_library(s, fd);
    if (s->library) {
        log_tell(&s->listener->loop->log, LOG_HTTP_LISTENING,
                 log_slice(FIELD_ADDRESS, bytes_slice(&shown)));
    } else {
        bytes_printf(error, "%.*s: the thread can't be started", (int)shown.len, shown.data);
        close(fd);
    }
    bytes_deinit(&shown);
    return s->library;
}

void server_sweep(struct server *s) { connections_sweep(&s->entrance.connections); }

// --- end --------------------------------------------------------------------------------------

static void end_library(uv_work_t *work) {
    struct server *s = work->data;
    if (s->library)
        MHD_stop_daemon(s->library);
}

static void on_ended(uv_work_t *work, int status) {
    struct server *s = work->data;
    (void)status;
    connections_deinit(&s->entrance.connections);
    mem_free(s);
}

// The library's thread is ended by another than the main thread's, which would have to wait for it.
// Waits are over by then, as the library demands. The socket is shut at once, so that its address
// is free for others.
void server_free(struct server *s) {
    uv_loop_t *loop = s->listener->uv.handle.loop;
    int bound;
    desk_shut(s->entrance.desk, &s->entrance.door);
    if (s->library && uv_fileno(&s->listener->uv.handle, &bound) == 0)
        shutdown(bound, SHUT_RDWR);
    listener_free(s->listener);
    uv_queue_work(loop, &s->ending, end_library, on_ended);
}
