#include "daemon/front/stall.h"

#include <stdbool.h>

#include "daemon/loop/stream.h"

uint64_t stall_look(struct stall *s, const struct stream *stream, uint64_t now_ms) {
    uint64_t taken = stream_taken(stream);
    bool is_read = stream_unread(stream) == 0 || s->taken != taken;
    s->taken = taken;
    if (is_read)
        s->since_ms = 0;
    else if (s->since_ms == 0)
        s->since_ms = now_ms;
    return is_read ? 0 : now_ms - s->since_ms;
}
