#include "daemon/http/visit.h"

#include "conf/settings.h"
#include "daemon/admin/exposition.h"
#include "daemon/admin/metrics.h"
#include "daemon/daemon.h"
#include "daemon/http/facts.h"
#include "daemon/http/health.h"
#include "daemon/http/host.h"
#include "daemon/http/page.h"
#include "daemon/http/response.h"
#include "daemon/http/status.h"
#include "daemon/http/visitor.h"
#include "daemon/policy/guesses.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/number.h"

enum {
    FACTS_MS = 5000, // the longest wait for facts
    SHORT_BODY = 16 * 1024,
};

#define PATHS "/ (the page), /status, /metrics, /healthz and /readyz"

struct visit {
    struct guest guest; // the first member
    struct entrance *entrance;
    const struct path *path;
    struct settings *settings; // a reference; NULL: none are needed, or there are none
    struct visitor visitor;
    bool is_token_waiting; // otherwise facts are waited for
    bool is_read_only;     // its method is GET or HEAD
    bool has_begun;        // the whole request has come
    bool is_answered;
};

struct path {
    const char *name;
    bool is_for_all;  // whoever asks, by whatever name
    bool has_view;    // these with a view of the history
    bool needs_facts; // which are in visit->guest.facts
    enum MHD_Result (*answer)(struct visit *v);
};

static enum MHD_Result say(struct visit *v, unsigned status, const char *text) {
    v->is_answered = true;
    return response_say(v->guest.connection, status, text);
}

static enum MHD_Result say_bytes(struct visit *v, unsigned status, struct bytes *text) {
    bytes_append(text, "", 1);
    enum MHD_Result result = say(v, status, text->data);
    bytes_deinit(text);
    return result;
}

static const char *header(const struct visit *v, const char *name) {
    return MHD_lookup_connection_value(v->guest.connection, MHD_HEADER_KIND, name);
}

// --- paths ------------------------------------------------------------------------------------

static enum MHD_Result answer_healthz(struct visit *v) {
    struct bytes text = {0};
    bool is_good = health_lives(v->entrance->desk->daemon, &text);
    return say_bytes(v, is_good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &text);
}

static enum MHD_Result answer_readyz(struct visit *v) {
    struct bytes text = {0};
    bool is_good = health_is_ready(v->entrance->desk->daemon, &v->guest.facts->totals, &text);
    return say_bytes(v, is_good ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &text);
}

// Prometheus names the forms that it reads, the best first; older ones only know the text format.
static enum MHD_Result answer_metrics(struct visit *v) {
    const char *accept = header(v, MHD_HTTP_HEADER_ACCEPT);
    bool is_open = accept && strstr(accept, "application/openmetrics-text");
    const struct verb_table *verbs = v->entrance->desk->daemon->workers.shared.verbs;
    struct response r = {
        .status = MHD_HTTP_OK,
        .type = is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                        : "text/plain; version=0.0.4; charset=utf-8",
    };
    struct bytes body = {0};
    metrics_append(&v->guest.facts->totals, verbs,
                   is_open ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT, &body);
    return response_send(v->guest.connection, &r, &body);
}

static enum MHD_Result answer_status(struct visit *v) {
    struct response r = {.status = MHD_HTTP_OK, .type = "application/json"};
    struct bytes body = {0};
    if (!facts_look_back(v->guest.facts))
        return say(v, MHD_HTTP_SERVICE_UNAVAILABLE,
                   "no history is kept yet: ask again in a moment");
    status_append(v->guest.facts, &body);
    return response_send(v->guest.connection, &r, &body);
}

static enum MHD_Result answer_page(struct visit *v) {
    struct bytes page = {0}, policy = {0};
    page_append(&page, &policy);
    struct response r = {
        .status = MHD_HTTP_OK, .type = "text/html; charset=utf-8", .policy = policy.data};
    enum MHD_Result result = response_send(v->guest.connection, &r, &page);
    bytes_deinit(&policy);
    return result;
}

static const struct path paths[] = {
    {.name = "/", .answer = answer_page},
    {.name = "/status", .needs_facts = true, .has_view = true, .answer = answer_status},
    {.name = "/metrics", .needs_facts = true, .answer = answer_metrics},
    {.name = "/healthz", .is_for_all = true, .answer = answer_healthz},
    {.name = "/readyz", .is_for_all = true, .needs_facts = true, .answer = answer_readyz},
};

static const struct path *find_path(const char *url) {
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        if (strcmp(url, paths[i].name) == 0)
            return &paths[i];
    return NULL;
}

// --- facts ------------------------------------------------------------------------------------

static enum MHD_Result say_hanging(struct visit *v) {
    struct bytes text = {0};
    if (health_lives(v->entrance->desk->daemon, &text)) {
        bytes_deinit(&text);
        return say(v, MHD_HTTP_SERVICE_UNAVAILABLE,
                   "the daemon is too busy to answer this, or is ending: ask again in a moment");
    }
    return say_bytes(v, MHD_HTTP_SERVICE_UNAVAILABLE, &text);
}

static enum MHD_Result ask_for_facts(struct visit *v) {
    struct desk *desk = v->entrance->desk;
    struct bytes text = {0};
    bool lives = health_lives(desk->daemon, &text);
    bytes_deinit(&text);
    if (!lives || !desk_wait(desk, &v->guest, desk_now() + FACTS_MS))
        return say_hanging(v);
    facts_ask(desk, &v->guest, &v->visitor.identity, v->path->has_view);
    return MHD_YES;
}

static enum MHD_Result answer(struct visit *v) {
    if (v->path->needs_facts && !v->guest.facts)
        return ask_for_facts(v);
    v->is_answered = true;
    return v->path->answer(v);
}

// --- who asks ---------------------------------------------------------------------------------

static enum MHD_Result look_at_token(struct visit *v) {
    if (visitor_try(&v->visitor, v->entrance->desk, v->settings))
        return answer(v);
    return say(v, MHD_HTTP_UNAUTHORIZED,
               "wrong user or token: use one of a [user] section of the configuration");
}

static enum MHD_Result take_token(struct visit *v) {
    struct desk *desk = v->entrance->desk;
    int64_t wait_ms = visitor_wait_ms(&v->visitor, desk);
    if (wait_ms == 0)
        return look_at_token(v);
    v->is_token_waiting = true;
    if (wait_ms == GUESS_REFUSED || !desk_wait(desk, &v->guest, desk_now() + (uint64_t)wait_ms))
        return say(v, MHD_HTTP_TOO_MANY_REQUESTS,
                   "too many wrong tokens from your address: try again in some seconds");
    facts_ask_to_look(desk);
    return MHD_YES;
}

static enum MHD_Result identify(struct visit *v) {
    switch (visitor_identify(&v->visitor, v->settings, header(v, MHD_HTTP_HEADER_AUTHORIZATION))) {
    case VISITOR_KNOWN: return answer(v);
    case VISITOR_HAS_TOKEN: return take_token(v);
    case VISITOR_BAD_HEADER:
        return say(v, MHD_HTTP_UNAUTHORIZED,
                   "this Authorization can't be read: use Basic with USER:TOKEN, or Bearer TOKEN");
    case VISITOR_UNKNOWN: break;
    }
    return say(v, MHD_HTTP_UNAUTHORIZED,
               "this needs a user of the configuration: send Authorization: Basic with USER:TOKEN, "
               "or Bearer TOKEN");
}

// A browser always names the host; what needs no name, as an old health check, has no page that
// could be lured here.
static bool is_called_rightly(const struct visit *v) {
    const char *host = header(v, MHD_HTTP_HEADER_HOST);
    return !host || host_is_ours(slice_of(host), &v->settings->http, &v->visitor.local);
}

static enum MHD_Result admit(struct visit *v) {
    visitor_init(&v->visitor, v->guest.connection);
    if (v->path->is_for_all)
        return answer(v);
    v->settings = desk_settings(v->entrance->desk);
    if (!v->settings)
        return say(v, MHD_HTTP_SERVICE_UNAVAILABLE, "starting: ask again in a moment");
    if (!is_called_rightly(v))
        return say(v, MHD_HTTP_FORBIDDEN,
                   "this Host is not known: use localhost or the address, or add the name to "
                   "hosts = in [http]");
    return identify(v);
}

// --- life -------------------------------------------------------------------------------------

static bool has_short_body(const struct visit *v) {
    const char *len = header(v, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t bytes;
    return len && number_parse_int(slice_of(len), &bytes) && bytes <= SHORT_BODY &&
           !header(v, MHD_HTTP_HEADER_EXPECT);
}

static enum MHD_Result refuse_method(struct visit *v) {
    return say(v, MHD_HTTP_METHOD_NOT_ALLOWED,
               "only GET and HEAD are served: nothing can be changed over HTTP");
}

// The first call brings the header. The library closes a connection that is answered then, so only
// a wrong method is refused at once; and not even that where a short body is on its way, which
// would make the kernel reset the connection, and the reply be lost.
static enum MHD_Result look_at_method(struct visit *v, const char *method) {
    v->is_read_only =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    return v->is_read_only || has_short_body(v) ? MHD_YES : refuse_method(v);
}

static enum MHD_Result begin(struct visit *v, const char *url) {
    if (!v->is_read_only)
        return refuse_method(v);
    v->path = find_path(url);
    if (!v->path)
        return say(v, MHD_HTTP_NOT_FOUND, "there is no such path here: use " PATHS);
    return admit(v);
}

static enum MHD_Result after_wait(struct visit *v) {
    if (v->is_token_waiting) {
        v->is_token_waiting = false;
        return v->guest.end == WAIT_DOOR_SHUT ? say_hanging(v) : look_at_token(v);
    }
    return v->guest.facts ? answer(v) : say_hanging(v);
}

static struct visit *visit_new(struct entrance *entrance, struct MHD_Connection *connection) {
    struct visit *v = mem_new(sizeof(*v));
    v->entrance = entrance;
    v->guest.connection = connection;
    v->guest.door = &entrance->door;
    return v;
}

enum MHD_Result visit_go_on(void *entrance, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **visit) {
    struct visit *v = *visit;
    (void)version;
    (void)upload;
    if (!v) {
        *visit = v = visit_new(entrance, connection);
        return look_at_method(v, method);
    }
    if (*upload_size > 0) { // a body that a GET brings is not looked at
        *upload_size = 0;
        return MHD_YES;
    }
    if (v->is_answered)
        return MHD_YES;
    if (v->has_begun)
        return after_wait(v);
    v->has_begun = true;
    connections_turn(&v->entrance->connections, connection, true);
    return begin(v, url);
}

void visit_end(void *entrance, struct MHD_Connection *connection, void **visit,
               enum MHD_RequestTerminationCode code) {
    struct visit *v = *visit;
    (void)code;
    if (!v)
        return;
    connections_turn(&((struct entrance *)entrance)->connections, connection, false);
    facts_free(v->guest.facts);
    visitor_deinit(&v->visitor);
    settings_unref(v->settings);
    mem_free(v);
    *visit = NULL;
}
