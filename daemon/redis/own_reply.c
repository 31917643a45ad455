#include "daemon/redis/own_reply.h"

#include <stdio.h>

#include "protocol/redis/resp3.h"
#include "protocol/reply.h"

// Writes the mark of protocol 3 where the client speaks that.
static void begin(struct request *r, char mark, size_t count, size_t count_2) {
    struct bytes *out = request_out(r);
    if (r->session->is_resp3)
        bytes_printf(out, "%c%zu\r\n", mark, count);
    else
        reply_array(out, count_2);
}

void own_map(struct request *r, size_t pairs) { begin(r, '%', pairs, 2 * pairs); }

void own_set(struct request *r, size_t count) { begin(r, '~', count, count); }

void own_nil(struct request *r) {
    if (r->session->is_resp3)
        bytes_append_literal(request_out(r), "_\r\n");
    else
        reply_nil(request_out(r));
}

void own_text(struct request *r, const char *text) { reply_bulk(request_out(r), slice_of(text)); }

void own_finish_ok(struct request *r) {
    reply_status(request_out(r), "OK");
    request_finish(r);
}

void own_finish_integer(struct request *r, int64_t value) {
    reply_integer(request_out(r), value);
    request_finish(r);
}

void own_finish_verbatim(struct request *r, struct bytes *text) {
    struct bytes *out = request_out(r);
    size_t start = out->len;
    reply_bulk(out, bytes_slice(text));
    bytes_deinit(text);
    if (r->session->is_resp3)
        resp3_rewrite(out, start, SHAPE_VERBATIM);
    request_finish(r);
}

void own_refuse(struct request *r, const char *command, const char *subcommand, const char *why) {
    char message[192];
    snprintf(message, sizeof(message), "cachesd: '%s%s%s' is not allowed here: %s", command,
             subcommand ? " " : "", subcommand ? subcommand : "", why);
    request_fail(r, REPLY_NOPERM, message);
}
