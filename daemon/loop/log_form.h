// Log form: an event as one line of the log, in one of the forms that log_format names, or as
// fields for systemd's journal.
#pragma once

#include "conf/sections.h"
#include "daemon/loop/log_event.h"
#include "protocol/bytes.h"

struct log_line {
    enum log_event event;
    enum log_level level;
    size_t worker;     // named unless it is 0
    struct slice time; // empty: the line has none
    bool has_priority; // "<6>" begins the line (sd-daemon(3)), and nothing else says the level
    struct slice text; // the event, as log_event_append() makes it
    struct log_values values;
};

// Appends the line with its end.
void log_form_append(struct bytes *out, enum log_format format, const struct log_line *line);

// Appends the fields of an entry of the journal, each as NAME=value and an end of line. MESSAGE is
// the line, in its form, without level or time.
void log_form_append_journal(struct bytes *out, enum log_format format,
                             const struct log_line *line);
