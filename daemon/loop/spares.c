#include "daemon/loop/spares.h"

enum {
    LEAST_SIZE = 2 * 1024 - 1, // bytes_reserve() takes one more
    MOST_SIZE = 1024 * 1024,
    MOST_BYTES = 8 * 1024 * 1024,
};

struct bytes spares_lend(struct spares *s) {
    if (s->count > 0) {
        struct bytes buffer = s->items[--s->count];
        s->bytes -= buffer.cap;
        return buffer;
    }
    // Large enough to come back as a spare.
    struct bytes buffer = {0};
    bytes_reserve(&buffer, LEAST_SIZE);
    return buffer;
}

void spares_return(struct spares *s, struct bytes *buffer) {
    buffer->len = 0;
    if (s->count < SPARES_MOST && buffer->cap >= LEAST_SIZE && buffer->cap <= MOST_SIZE &&
        s->bytes + buffer->cap <= MOST_BYTES) {
        s->bytes += buffer->cap;
        s->items[s->count++] = *buffer;
        *buffer = (struct bytes){0};
    } else {
        bytes_deinit(buffer);
    }
}

void spares_deinit(struct spares *s) {
    while (s->count > 0)
        bytes_deinit(&s->items[--s->count]);
}
