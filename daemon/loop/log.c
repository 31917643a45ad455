#include "daemon/loop/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <unistr.h>

#include "daemon/loop/recent.h"
#include "daemon/loop/sink.h"
#include "protocol/bytes.h"

enum { MOST_PROBLEMS = 20 }; // lines of one configuration

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
    log->has_times = !log->has_priorities;
}

void log_configure(struct log *log, const struct daemon_conf *conf, int verbosity) {
    int64_t level = conf->log_level + verbosity;
    log->level = level < LOG_LEVEL_DEBUG ? (enum log_level)level : LOG_LEVEL_DEBUG;
    log->has_times = conf->log_timestamps == LOG_TIMESTAMPS_YES ||
                     (conf->log_timestamps == LOG_TIMESTAMPS_AUTO && !log->has_priorities);
}

static void append_time(struct bytes *line) {
    struct timespec now;
    struct tm utc;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    size_t len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    bytes_printf(line, "%.*s.%03ldZ ", (int)len, text, now.tv_nsec / 1000000);
}

// Control characters of ASCII, and those of U+0080 to U+009F, which some terminals obey too.
static bool is_control(ucs4_t c) { return c < ' ' || (c >= 0x7f && c < 0xa0); }

static void append_text(struct bytes *line, const char *text, size_t len) {
    const uint8_t *at = (const uint8_t *)text, *end = at + len;
    while (at < end) {
        ucs4_t c;
        int size = u8_mbtoucr(&c, at, (size_t)(end - at));
        bool is_shown = size > 0 && !is_control(c);
        size = size > 0 ? size : 1;
        for (; size > 0; size--, at++)
            bytes_printf(line, is_shown ? "%c" : "\\x%02x", *at);
    }
}

static void write_line(const struct log *log, enum log_level level, struct slice text) {
    static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
    static const char *const names[] = {"error: ", "warning: ", "", "debug: "};
    struct bytes line = {0};
    if (log->has_priorities)
        bytes_printf(&line, "<%d>", priorities[level]);
    if (log->has_times)
        append_time(&line);
    if (!log->has_priorities)
        bytes_printf(&line, "cachesd: %s", names[level]);
    if (log->worker > 0)
        bytes_printf(&line, "worker %zu: ", log->worker);
    bytes_append_slice(&line, text);
    bytes_append_literal(&line, "\n");
    // One write for the whole line, so that lines of several processes and threads do not mix.
    sink_write(bytes_slice(&line));
    bytes_deinit(&line);
}

void log_write(const struct log *log, enum log_level level, const char *format, ...) {
    char text[1024];
    struct bytes shown = {0};
    va_list args;
    if (level > log->level && level > LOG_LEVEL_INFO)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    append_text(&shown, text, strlen(text));
    if (level <= LOG_LEVEL_INFO)
        recent_add(level, "note", bytes_slice(&shown));
    if (level <= log->level)
        write_line(log, level, bytes_slice(&shown));
    bytes_deinit(&shown);
}

unsigned log_problems(const struct log *log, struct problems *problems) {
    unsigned lines = 0;
    problems_sort(problems);
    for (size_t i = 0; i < problems->count && lines < MOST_PROBLEMS; i++, lines++) {
        struct bytes text = {0};
        problem_append(problems, i, &text);
        log_write(log, problems->items[i].is_warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "%.*s",
                  (int)text.len, text.data);
        bytes_deinit(&text);
    }
    if (problems->count == lines)
        return lines;
    log_warning(log, "%s: and %zu problems more: cachesd -t -c FILE tells all",
                problems_file(problems, 0), problems->count - lines);
    return lines + 1;
}
