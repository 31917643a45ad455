// Log: events, as lines to standard error; under systemd as entries of its journal, or as lines
// with syslog priorities (sd-daemon(3)) while the journal takes no entry.
#pragma once

#include "conf/problems.h"
#include "conf/sections.h"
#include "daemon/loop/log_event.h"

struct log {
    enum log_level level;
    enum log_format format;
    size_t worker;       // its number, named in each line unless it is worker 0
    bool has_priorities; // "<6>" before each line: standard error is the journal
    bool has_times;      // each line has the time, in UTC
};

void log_init(struct log *log, size_t worker);
// Takes the log's settings from [cachesd]; `verbosity` is added to its log_level.
void log_configure(struct log *log, const struct daemon_conf *conf, int verbosity);

// Logs an event at a level that may differ from that of its row.
void log_write(const struct log *log, enum log_level level, enum log_event event,
               const struct log_values *values);

// Logs an event. Its values follow, made by log_text() and the like.
#define log_tell(log, event, ...)                                                                  \
    log_write((log), log_events[event].level, (event), &LOG_VALUES(__VA_ARGS__))

// Logs the first problems of a configuration, in the order of its lines, and one event for all the
// others. Returns how many events were logged.
unsigned log_problems(const struct log *log, struct problems *problems);
