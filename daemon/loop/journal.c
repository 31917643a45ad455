#include "daemon/loop/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    int fd; // -1: no journal
    struct sockaddr_un address;
} journal = {.fd = -1};

// $JOURNAL_STREAM names the device and inode of the stream that systemd connected.
static bool find_stderr(struct stat *found) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, found) == 0 && found->st_dev == device && found->st_ino == inode;
}

bool journal_is_stderr(void) {
    struct stat found;
    return find_stderr(&found);
}

void journal_init(const char *path) {
    struct stat found;
    if (!find_stderr(&found) || !S_ISSOCK(found.st_mode) ||
        strlen(path) >= sizeof(journal.address.sun_path))
        return;
    journal.address.sun_family = AF_UNIX;
    memcpy(journal.address.sun_path, path, strlen(path) + 1);
    journal.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

bool journal_send(struct slice entry) {
    const struct sockaddr *to = (const struct sockaddr *)&journal.address;
    return journal.fd >= 0 && sendto(journal.fd, entry.data, entry.len, MSG_NOSIGNAL, to,
                                     sizeof(journal.address)) == (ssize_t)entry.len;
}
