#include "daemon/loop/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_KEPT = 64 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of all below

static struct {
    int fd;
    bool is_file; // a file takes all bytes at once, and poll() tells nothing about it
    bool is_socket;
    struct bytes kept;
    uint64_t lost; // lines dropped after the kept ones
} sink = {.fd = STDERR_FILENO};

// The flag O_NONBLOCK belongs to the open file, which other processes share, as a terminal's shell
// does: so the file is opened anew. Where that fails, poll() alone has to do.
void sink_init(void) {
    struct stat found;
    if (fstat(STDERR_FILENO, &found) != 0)
        return;
    sink.is_file = S_ISREG(found.st_mode);
    sink.is_socket = S_ISSOCK(found.st_mode);
    if (!S_ISFIFO(found.st_mode) && !S_ISCHR(found.st_mode))
        return;
    int fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    sink.fd = fd >= 0 ? fd : STDERR_FILENO;
}

// Returns how many of the bytes standard error took. A pipe with any room takes PIPE_BUF bytes at
// once (pipe(7)).
static size_t put(struct slice text) {
    struct pollfd fd = {.fd = sink.fd, .events = POLLOUT};
    size_t len = text.len > PIPE_BUF && !sink.is_file ? PIPE_BUF : text.len;
    ssize_t taken;
    if (sink.is_socket)
        taken = send(sink.fd, text.data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (!sink.is_file && (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT)))
        taken = 0;
    else
        taken = write(sink.fd, text.data, len);
    if (taken < 0 && errno != EAGAIN && errno != EINTR)
        return text.len; // nobody will ever read the text, and there is nobody to tell
    return taken > 0 ? (size_t)taken : 0;
}

static void keep(struct slice line) {
    if (sink.lost > 0 || sink.kept.len + line.len > MOST_KEPT)
        sink.lost++;
    else
        bytes_append_slice(&sink.kept, line);
}

static void put_kept(void) {
    size_t done = 0, taken = 1;
    while (done < sink.kept.len && taken > 0) {
        taken = put((struct slice){sink.kept.data + done, sink.kept.len - done});
        done += taken;
    }
    bytes_consume(&sink.kept, done);
}

static void flush(void) {
    put_kept();
    if (sink.kept.len == 0 && sink.lost > 0) {
        bytes_printf(&sink.kept,
                     "cachesd: warning: here %" PRIu64
                     " lines of log were lost: nobody read them\n",
                     sink.lost);
        sink.lost = 0;
        put_kept();
    }
    if (sink.kept.len == 0)
        bytes_deinit(&sink.kept);
}

void sink_write(struct slice line) {
    pthread_mutex_lock(&lock);
    if (sink.kept.len > 0)
        flush();
    size_t taken = sink.kept.len > 0 ? 0 : put(line);
    if (taken < line.len)
        keep((struct slice){line.data + taken, line.len - taken});
    pthread_mutex_unlock(&lock);
}

void sink_flush(void) {
    pthread_mutex_lock(&lock);
    if (sink.kept.len > 0)
        flush();
    pthread_mutex_unlock(&lock);
}
