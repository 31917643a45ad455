#include "daemon/hangup.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { AGAIN_MS = 500 };

static bool has_terminal(void) {
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void on_again(uv_timer_t *timer) {
    struct hangup *h = timer->data;
    if (!has_terminal() && !h->is_nohup)
        h->on_gone(h->owner);
}

static bool is_hangup(struct hangup *h, const struct signalfd_siginfo *from) {
    bool is_from_shell = from->ssi_code == SI_USER && from->ssi_pid == (uint32_t)h->leader;
    if (from->ssi_code == SI_KERNEL || !is_from_shell || !h->had_terminal)
        return from->ssi_code == SI_KERNEL;
    if (!has_terminal())
        return true;
    uv_timer_start(&h->again, on_again, AGAIN_MS, 0);
    return false;
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    struct hangup *h = poll->data;
    struct signalfd_siginfo from;
    (void)status;
    (void)events;
    if (read(h->fd, &from, sizeof(from)) != sizeof(from))
        return;
    if (!is_hangup(h, &from))
        h->on_reload(h->owner);
    else if (!h->is_nohup)
        h->on_gone(h->owner);
}

int hangup_init(struct hangup *h, uv_loop_t *loop) {
    struct sigaction before;
    sigset_t set;
    sigaction(SIGHUP, NULL, &before);
    h->is_nohup = before.sa_handler == SIG_IGN;
    h->leader = getsid(0);
    h->had_terminal = has_terminal();
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    h->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (h->fd < 0)
        return -errno;
    h->poll.data = h->again.data = h;
    uv_timer_init(loop, &h->again);
    int error = uv_poll_init(loop, &h->poll, h->fd);
    return error ? error : uv_poll_start(&h->poll, UV_READABLE, on_readable);
}

static void on_hangup_closed(uv_handle_t *handle) {
    struct hangup *h = handle->data;
    close(h->fd);
}

void hangup_close(struct hangup *h) {
    uv_close((uv_handle_t *)&h->again, NULL);
    uv_poll_stop(&h->poll);
    uv_close((uv_handle_t *)&h->poll, on_hangup_closed);
}
