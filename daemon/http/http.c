#include "daemon/http/http.h"

#include "conf/address.h"
#include "conf/problems.h"
#include "conf/schema.h"
#include "conf/sections.h"
#include "daemon/daemon.h"
#include "daemon/front/listener.h"
#include "daemon/http/visit.h"
#include "daemon/loop/log.h"
#include "daemon/loop/loop.h"
#include "daemon/worker.h"
#include "daemon/workers.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum { SECOND_MS = 1000 };

static struct worker *main_of(const struct http *http) {
    return http->annex.daemon->workers.all[0];
}

// --- servers ----------------------------------------------------------------------------------

static struct server *find(const struct servers *all, const struct address *address) {
    for (size_t i = 0; i < all->count; i++)
        if (address_is_same(&all->items[i]->listener->address, address))
            return all->items[i];
    return NULL;
}

static bool has(const struct servers *all, const struct server *s) {
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i] == s)
            return true;
    return false;
}

static void add(struct servers *all, struct server *s) {
    all->items = mem_grow(all->items, all->count, sizeof(*all->items));
    all->items[all->count++] = s;
}

// Ends the servers that `kept` does not have, and empties the list.
static void end_others(struct servers *all, const struct servers *kept) {
    for (size_t i = 0; i < all->count; i++)
        if (!has(kept, all->items[i]))
            server_free(all->items[i]);
    mem_free(all->items);
    *all = (struct servers){0};
}

// Returns the server at that address, and starts it if there is none.
static struct server *open_one(struct http *http, const struct address *address,
                               const struct daemon_conf *conf, struct bytes *error) {
    struct server *s = find(&http->servers, address);
    if (s)
        return listener_set_access(s->listener, conf, error) ? s : NULL;
    s = server_new(&http->desk, &main_of(http)->context.loop, address, conf, error);
    if (!s || server_start(s, error))
        return s;
    server_free(s);
    return NULL;
}

static bool open_all(struct http *http, const struct settings *settings,
                     struct problems *problems) {
    const struct addresses *listens = &settings->http.listens;
    struct bytes error = {0};
    bool is_good = true;
    for (size_t i = 0; is_good && i < listens->count; i++) {
        struct server *s = open_one(http, &listens->items[i], &settings->daemon, &error);
        is_good = s;
        if (is_good)
            add(&http->next, s);
        else
            problems_add(problems, listens->items[i].line, "[http] listen: %.*s", (int)error.len,
                         error.data);
    }
    bytes_deinit(&error);
    return is_good;
}

// --- once a second ----------------------------------------------------------------------------

static void on_second(uv_timer_t *timer) {
    struct http *http = timer->data;
    desk_look(&http->desk);
    for (size_t i = 0; i < http->servers.count; i++)
        server_sweep(http->servers.items[i]);
    sampler_tick(&http->sampler);
}

static void set_timer(struct http *http) {
    if (!http->has_timer && http->servers.count > 0) {
        http->has_timer = true;
        http->second.data = http;
        uv_timer_init(&main_of(http)->context.loop.uv, &http->second);
    }
    if (http->servers.count > 0) {
        uv_timer_start(&http->second, on_second, 0, SECOND_MS);
        sampler_start(&http->sampler, &http->desk);
    } else if (http->has_timer) {
        uv_timer_stop(&http->second);
        sampler_stop(&http->sampler);
    }
}

// --- an annex ---------------------------------------------------------------------------------

// The former access of socket files comes back with the former settings.
static void take_back(struct http *http) {
    struct settings *former = desk_settings(&http->desk);
    struct bytes error = {0};
    for (size_t i = 0; former && i < http->servers.count; i++)
        (void)!listener_set_access(http->servers.items[i]->listener, &former->daemon, &error);
    bytes_deinit(&error);
    settings_unref(former);
    end_others(&http->next, &http->servers);
}

static void conclude(struct annex *annex, bool is_good) {
    struct http *http = (struct http *)annex;
    if (is_good) {
        struct servers former = http->servers;
        struct log log = main_of(http)->context.loop.log;
        log_configure(&log, &http->prepared->daemon, main_of(http)->shared->verbosity);
        desk_put(&http->desk, http->prepared, &log);
        http->servers = http->next;
        http->next = (struct servers){0};
        end_others(&former, &http->servers);
        set_timer(http);
    } else {
        take_back(http);
    }
    settings_unref(http->prepared);
    http->prepared = NULL;
}

static bool prepare(struct annex *annex, struct settings *settings, struct problems *problems) {
    struct http *http = (struct http *)annex;
    http->prepared = settings_ref(settings);
    if (settings->http.listens.count > 0)
        desk_open(&http->desk, annex->daemon);
    if (open_all(http, settings, problems))
        return true;
    conclude(annex, false);
    return false;
}

static void close_all(struct annex *annex) {
    struct http *http = (struct http *)annex;
    end_others(&http->servers, &(struct servers){0});
    sampler_stop(&http->sampler);
    desk_close(&http->desk);
    if (http->has_timer)
        uv_close((uv_handle_t *)&http->second, NULL);
    http->has_timer = false;
}

struct http *http_new(void) {
    struct http *http = mem_new(sizeof(*http));
    http->annex = (struct annex){.prepare = prepare, .conclude = conclude, .close = close_all};
    desk_init(&http->desk);
    return http;
}

void http_free(struct http *http) {
    desk_deinit(&http->desk);
    mem_free(http);
}
