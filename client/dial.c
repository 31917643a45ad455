#include "client/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/bytes.h"
#include "protocol/mem.h"

// Waits until the attempt has ended. Returns 0 or an error number.
static int await_end(int fd, int64_t timeout_ms) {
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int error = 0, count;
    socklen_t len = sizeof(error);
    do
        count = poll(&ready, 1, timeout_ms > INT32_MAX ? -1 : (int)timeout_ms);
    while (count < 0 && errno == EINTR);
    if (count == 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? errno : error;
}

// Returns a descriptor, or -1 with errno. A Unix socket whose queue is full refuses with EAGAIN a
// connection that would not wait, so that one is made while the descriptor blocks.
static int attempt(const struct sockaddr *to, socklen_t len, int64_t timeout_ms) {
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int error = connect(fd, to, len) == 0 ? 0 : errno;
    for (int64_t waited_ms = 0; error == EAGAIN && waited_ms < timeout_ms; waited_ms += 10) {
        poll(NULL, 0, 10);
        error = connect(fd, to, len) == 0 ? 0 : errno;
    }
    if (error == EINPROGRESS || error == EINTR)
        error = await_end(fd, timeout_ms);
    if (error == 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

// Says why a Unix socket can't be connected to. A daemon lets in whom the modes of its folder and
// of the socket let in.
static void say_unix(const char *path, int fault, struct bytes *error) {
    bytes_printf(error, "%s", strerror(fault));
    if (fault != EACCES)
        return;
    char *folder = mem_text_of(path, (size_t)(strrchr(path, '/') - path));
    if (access(folder, X_OK) == 0)
        bytes_append_literal(error, ": in the daemon's configuration socket_mode and socket_group "
                                    "say who may connect");
    else
        bytes_append_literal(error, ": the folder is closed to this user");
    mem_free(folder);
}

static int dial_unix(const char *path, int64_t timeout_ms, struct bytes *error) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
    int fd = attempt((struct sockaddr *)&to, sizeof(to), timeout_ms);
    if (fd < 0)
        say_unix(path, errno, error);
    return fd;
}

int dial(const struct address *address, int64_t timeout_ms, struct bytes *error) {
    if (address->kind == ADDRESS_UNIX)
        return dial_unix(address->path, timeout_ms, error);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found;
    char port[12];
    int fd = -1, on = 1;
    snprintf(port, sizeof(port), "%d", address->port);
    int fault = getaddrinfo(address->host, port, &hints, &found);
    if (fault != 0) {
        bytes_printf(error, "%s", fault == EAI_SYSTEM ? strerror(errno) : gai_strerror(fault));
        return -1;
    }
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = attempt(at->ai_addr, at->ai_addrlen, timeout_ms);
    if (fd < 0)
        bytes_printf(error, "%s", strerror(errno));
    else
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    freeaddrinfo(found);
    return fd;
}
