// Resp: the bytes of a backend → events. It reads RESP2 as Redis writes it and refuses all else.
//
// Nothing is allocated for a reply, and nothing is collected but the beginning of a line or of a
// string whose end has not come: at most RESP_WHOLE bytes, whatever length is announced. A longer
// string comes as its first RESP_WHOLE bytes (EVENT_BULK) and then in pieces (EVENT_MORE).
#pragma once

#include "protocol/answer.h"

// Far above what Redis ever sends at once (proto-max-bulk-len is 512 MB): what goes beyond is no
// Redis.
enum { RESP_MAX_REPLY = 513 * 1024 * 1024 };

// Strings up to this length come in one event. Renderers rely on it for what they must see whole:
// numbers, states, tokens, the head of a memo. Fuzzing makes it small.
#ifndef RESP_WHOLE
#define RESP_WHOLE (32 * 1024)
#endif

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
