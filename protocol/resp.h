// Resp: turns the bytes of a backend into events. The reader takes RESP2 as Redis writes it and
// refuses all else.
//
// Nothing is allocated for a reply. The reader collects only the beginning of a line or of a string
// whose end has not come: at most RESP_WHOLE bytes, whatever length is announced. A longer string
// comes as its first RESP_WHOLE bytes (EVENT_BULK) and then in pieces (EVENT_MORE).
#pragma once

#include "protocol/answer.h"

// Redis never sends a longer string (its proto-max-bulk-len is 512 MB), so a server that announces
// more is no Redis.
enum { RESP_MAX_REPLY = 513 * 1024 * 1024 };

// Strings up to this length come in one event. Renderers rely on that for the strings which they
// must see as a whole: numbers, states, tokens, the head of a memo. Fuzzing uses a small value.
#ifndef RESP_WHOLE
#define RESP_WHOLE (32 * 1024)
#endif

struct resp;

// `on_event` is called for each value, `on_reply` when a top-level reply is complete. `on_reply`
// returns false to stop reading; the connection is then to be closed.
struct resp_handler {
    void (*on_event)(void *owner, const struct event *e);
    bool (*on_reply)(void *owner);
    void *owner;
};

struct resp *resp_new(struct resp_handler handler);
void resp_free(struct resp *r);

// Reads the next bytes. Returns NULL, or a text that says why the stream cannot be read: then the
// reader is of no more use.
const char *resp_feed(struct resp *r, const char *data, size_t len)
    __attribute__((warn_unused_result));
