// Recent: the last events that the log told of, kept in memory, for whoever shows what happened.
//
// Events of the level info and above are kept, whatever log_level says. There is one ring for the
// whole daemon; all threads may call these functions at once.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

enum {
    RECENT_EVENTS = 64, // that are kept; a newer one takes the place of the oldest
    RECENT_TEXT = 400,  // bytes of a text that are kept, with the zero byte at its end
};

struct recent_event {
    int64_t time_ms; // since 1970
    enum log_level level;
    const char *name; // of the event, as in a table; lives for ever
    // The line as in the log, without its time and level. It is UTF-8 without control characters,
    // and may hold anybody's words: who shows it must still escape it for its own format.
    char text[RECENT_TEXT];
};

// Adds an event that happens now. `name` must live for ever; `text` is as above.
void recent_add(enum log_level level, const char *name, struct slice text);

// Copies the newest events, at most `most`, the newest first. Returns how many were copied.
size_t recent_events(struct recent_event *to, size_t most);
