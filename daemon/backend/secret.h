// Secret: the password in a file, which is read again now and then, since some services give
// passwords that end.
//
// The file is read in a thread, so that a slow disk holds up no request.
#pragma once

#include <uv.h>

#include "daemon/loop/loop.h"
#include "protocol/bytes.h"

struct secret;

struct secret_events {
    void (*on_changed)(struct secret *s); // there is another password
    // The file can't be read, or is empty: the former password stays.
    void (*on_trouble)(struct secret *s, const char *why);
    void (*on_closed)(struct secret *s);
};

struct secret {
    const struct secret_events *events;
    const char *file;   // NULL: none, and nothing happens
    const char *beside; // as file_read_secret() has it
    char *password;     // NULL: none
    uv_timer_t timer;
    uv_work_t work;
    struct bytes text; // as read by the thread
    int error;         // likewise: an errno, or 0
    bool is_reading;   // a thread has the struct
    bool is_closing;
    bool is_timer_closed;
};

// `file` and `beside` must outlive the secret; `file` "" for none. The password, which may be NULL,
// is copied. The file is read again each `period_ms`.
void secret_init(struct secret *s, struct loop *loop, const char *file, const char *beside,
                 const char *password, uint64_t period_ms, const struct secret_events *events);

// Has the file read soon.
void secret_look(struct secret *s);

// Takes the password, and tells of the change when it is another one.
void secret_set(struct secret *s, const char *password);

// Ends with on_closed(), after which the memory may be freed.
void secret_close(struct secret *s);
