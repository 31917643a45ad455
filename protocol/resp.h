// Resp: hiredis's reader as a codec: bytes of a backend → events, with nothing allocated per reply.
#pragma once

#include "answer.h"

// Far above what Redis ever sends at once (proto-max-bulk-len is 512 MB): what goes beyond is no
// Redis.
enum { RESP_MAX_REPLY = 513 * 1024 * 1024 };

struct resp;

// `on_event` for each value, `on_reply` when a top-level reply is complete; it returns false to
// stop reading (the connection is then to be closed).
struct resp_handler {
    void (*on_event)(void *owner, const struct event *e);
    bool (*on_reply)(void *owner);
    void *owner;
};

struct resp *resp_new(struct resp_handler handler);
void resp_free(struct resp *r);

// Returns NULL, or what made the stream unreadable; the reader is then of no more use.
const char *resp_feed(struct resp *r, const char *data, size_t len)
    __attribute__((warn_unused_result));
