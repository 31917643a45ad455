#include "daemon/loop/log.h"

#include <time.h>

#include "daemon/loop/journal.h"
#include "daemon/loop/log_form.h"
#include "daemon/loop/recent.h"
#include "daemon/loop/sink.h"
#include "protocol/bytes.h"

enum { MOST_PROBLEMS = 20 }; // events of one configuration

void log_init(struct log *log, size_t worker) {
    *log = (struct log){
        .level = LOG_LEVEL_INFO, .worker = worker, .has_priorities = journal_is_stderr()};
    log->has_times = !log->has_priorities;
}

void log_configure(struct log *log, const struct daemon_conf *conf, int verbosity) {
    int64_t level = conf->log_level + verbosity;
    log->level = level < LOG_LEVEL_DEBUG ? (enum log_level)level : LOG_LEVEL_DEBUG;
    log->format = (enum log_format)conf->log_format;
    log->has_times = conf->log_timestamps == LOG_TIMESTAMPS_YES ||
                     (conf->log_timestamps == LOG_TIMESTAMPS_AUTO && !log->has_priorities);
}

// Puts the time in UTC, as RFC 3339 has it, into `text`.
static struct slice print_time(char *text, size_t size) {
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    size_t len = strftime(text, size, "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &utc));
    len += (size_t)snprintf(text + len, size - len, ".%03ldZ", now.tv_nsec / 1000000);
    return (struct slice){text, len};
}

static void write_line(const struct log *log, struct log_line *line) {
    struct bytes out = {0};
    char time[40];
    line->worker = log->worker;
    line->has_priority = log->has_priorities;
    if (log->has_times)
        line->time = print_time(time, sizeof(time));
    if (log->has_priorities)
        log_form_append_journal(&out, log->format, line);
    if (!log->has_priorities || !journal_send(bytes_slice(&out))) {
        out.len = 0;
        log_form_append(&out, log->format, line);
        // One write for the whole line, so that lines of several processes and threads do not mix.
        sink_write(bytes_slice(&out));
    }
    bytes_deinit(&out);
}

void log_write(const struct log *log, enum log_level level, enum log_event event,
               const struct log_values *values) {
    struct bytes text = {0};
    if (level > log->level && level > LOG_LEVEL_INFO)
        return;
    log_event_append(&text, event, values);
    struct log_line line = {
        .event = event, .level = level, .text = bytes_slice(&text), .values = *values};
    if (level <= LOG_LEVEL_INFO)
        recent_add(level, log_events[event].name, line.text);
    if (level <= log->level)
        write_line(log, &line);
    bytes_deinit(&text);
}

unsigned log_problems(const struct log *log, struct problems *problems) {
    unsigned told = 0;
    problems_sort(problems);
    for (size_t i = 0; i < problems->count && told < MOST_PROBLEMS; i++, told++) {
        struct bytes text = {0};
        problem_append(problems, i, &text);
        log_tell(log, problems->items[i].is_warning ? LOG_CONFIG_WARNING : LOG_CONFIG_ERROR,
                 log_slice(FIELD_REASON, bytes_slice(&text)));
        bytes_deinit(&text);
    }
    if (problems->count == told)
        return told;
    log_tell(log, LOG_CONFIG_MORE, log_text(FIELD_PATH, problems_file(problems, 0)),
             log_number(FIELD_NUMBER, problems->count - told));
    return told + 1;
}
