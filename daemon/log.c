#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

// $JOURNAL_STREAM names the device and inode of the stream that systemd connected
// (systemd.exec(5)).
static bool is_journal(void) {
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat stat;
    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &stat) == 0 && stat.st_dev == device && stat.st_ino == inode;
}

void log_init(struct log *log, size_t worker) {
    *log = (struct log){.level = LOG_LEVEL_INFO, .worker = worker, .has_priorities = is_journal()};
}

void log_write(const struct log *log, enum log_level level, const char *format, ...) {
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    if (level > log->level)
        return;
    struct bytes line = {0};
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (log->has_priorities)
        bytes_printf(&line, "<%d>", priorities[level]);
    else
        bytes_printf(&line, "cachesd: %s", names[level]);
    if (log->worker > 0)
        bytes_printf(&line, "worker %zu: ", log->worker);
    bytes_printf(&line, "%s\n", text);
    // One write, so that lines of several processes and threads do not mix. There is nobody to tell
    // of a failure.
    ssize_t ignored = write(STDERR_FILENO, line.data, line.len);
    (void)ignored;
    bytes_deinit(&line);
}
