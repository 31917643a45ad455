// Log: lines to standard error, with syslog priorities under systemd (sd-daemon(3)).
#pragma once

#include "conf/problems.h"
#include "conf/sections.h"

struct log {
    enum log_level level;
    size_t worker;       // its number, named in each line unless it is worker 0
    bool has_priorities; // "<6>" before each line: standard error is the journal
    bool has_times;      // the time before each line, in UTC
};

void log_init(struct log *log, size_t worker);
// Takes the log's settings from [cachesd]; `verbosity` is added to its log_level.
void log_configure(struct log *log, const struct daemon_conf *conf, int verbosity);
// Writes one line. Bytes that would end the line, or that a terminal would obey, are written as
// \xHH, whoever sent them: nobody outside can forge a line.
void log_write(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Writes a line for each of the first problems of a configuration, in the order of its lines, and
// one line for all the others. Returns how many lines were written.
unsigned log_problems(const struct log *log, struct problems *problems);

#define log_error(log, ...)   log_write((log), LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write((log), LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(log, ...)    log_write((log), LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(log, ...)   log_write((log), LOG_LEVEL_DEBUG, __VA_ARGS__)
