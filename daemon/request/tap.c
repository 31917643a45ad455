#include "daemon/request/tap.h"

#include <inttypes.h>
#include <time.h>

bool tap_wants(const struct tap *tap, const struct verb *verb, const char *name) {
    const struct tap_filter *f = &tap->filter;
    return (!f->verb || f->verb == verb) && (!*f->name || (name && strcmp(f->name, name) == 0));
}

static void append_key(struct bytes *line, const struct tap_event *event) {
    bytes_append_literal(line, " key=");
    if (event->key.data)
        bytes_append_readable(line, event->key, SIZE_MAX);
    if (event->is_cut)
        bytes_append_literal(line, "...");
}

void tap_add(struct tap *tap, const struct tap_event *event) {
    struct timespec now;
    if (event->took_us < tap->filter.slow_us)
        return;
    if (tap->count == TAP_MOST_EVENTS) {
        tap->lost++;
        return;
    }
    tap->count++;
    clock_gettime(CLOCK_REALTIME, &now);
    bytes_printf(&tap->events, "+time=%lld.%06ld verb=%s namespace=%s", (long long)now.tv_sec,
                 now.tv_nsec / 1000, event->verb, event->name ? event->name : "");
    append_key(&tap->events, event);
    bytes_printf(&tap->events, " result=%s us=%" PRIu64 " bytes=%zu client=%" PRIu64 "\r\n",
                 event->result, event->took_us, event->len, event->client);
}
