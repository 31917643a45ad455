#include "daemon/http/response.h"

#include "protocol/mem.h"

#define NOTHING "default-src 'none'; frame-ancestors 'none'"
#define REALM   "realm=\"cachesd\", charset=\"UTF-8\""

static const char *const everywhere[][2] = {
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
};

// A header that can't be added, for want of memory, makes no answer.
static bool add(struct MHD_Response *to, const char *name, const char *value) {
    return MHD_add_response_header(to, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *to, const struct response *r) {
    bool is_good =
        add(to, MHD_HTTP_HEADER_CONTENT_TYPE, r->type) &&
        add(to, MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY, r->policy ? r->policy : NOTHING);
    for (size_t i = 0; i < sizeof(everywhere) / sizeof(*everywhere); i++)
        is_good = is_good && add(to, everywhere[i][0], everywhere[i][1]);
    if (r->allow)
        is_good = is_good && add(to, MHD_HTTP_HEADER_ALLOW, r->allow);
    if (r->wants_token)
        is_good = is_good && add(to, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Basic " REALM) &&
                  add(to, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer " REALM);
    return is_good;
}

enum MHD_Result response_send(struct MHD_Connection *connection, const struct response *r,
                              struct bytes *body) {
    bytes_reserve(body, 1); // or an empty body would have no memory
    struct MHD_Response *made =
        MHD_create_response_from_buffer_with_free_callback(body->len, body->data, mem_free);
    enum MHD_Result result = MHD_NO;
    if (!made) {
        bytes_deinit(body);
        return MHD_NO;
    }
    *body = (struct bytes){0};
    if (add_headers(made, r))
        result = MHD_queue_response(connection, r->status, made);
    MHD_destroy_response(made);
    return result;
}

enum MHD_Result response_say(struct MHD_Connection *connection, unsigned status, const char *text) {
    struct response r = {
        .status = status,
        .type = "text/plain; charset=utf-8",
        .allow = status == MHD_HTTP_METHOD_NOT_ALLOWED ? "GET, HEAD" : NULL,
        .wants_token = status == MHD_HTTP_UNAUTHORIZED,
    };
    struct bytes body = {0};
    bytes_printf(&body, "%s\n", text);
    return response_send(connection, &r, &body);
}
