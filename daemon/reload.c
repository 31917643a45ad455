#include "reload.h"

#include <assert.h>
#include <unistd.h>

#include "binding.h"
#include "loader.h"
#include "mem.h"
#include "request.h"
#include "server.h"

enum { WINDOW_MS = 10000, WINDOW_LINES = 200 };

void reload_init(struct reload *reload, struct server *server) {
    *reload = (struct reload){.server = server};
    reload->work.data = reload;
}

// On another thread: it touches nothing but the reload itself.
static void load(uv_work_t *work) {
    struct reload *reload = work->data;
    struct settings_source source = {
        .file = reload->server->file,
        .verbs = reload->server->context.verbs,
        .environment = (const char *const *)environ,
    };
    reload->settings = settings_load(&source, &reload->problems);
}

static void finish(struct reload_ask *ask) {
    struct request *r = ask->request;
    if (r->client && ask->problem.len > 0) {
        bytes_append(&ask->problem, "", 1);
        request_fail(r, ask->code, ask->problem.data);
    } else if (r->client) {
        reply_status(request_out(r), "OK");
        request_finish(r);
    }
    request_release(r);
    bytes_deinit(&ask->problem);
    mem_free(ask);
}

static void come_home(struct message *message, void *owner) {
    struct server *server = owner;
    finish((struct reload_ask *)message);
    server_came_home(server);
}

// Back to the worker that asked, which waits for it.
static void answer(struct reload_ask *ask, struct server *main) {
    struct server *from = server_of(ask->request->context);
    if (from == main) {
        finish(ask);
        return;
    }
    ask->message.run = come_home;
    bool is_taken = mailbox_post(&from->mailbox, &ask->message);
    assert(is_taken);
    (void)is_taken;
}

static void cancel_list(struct reload *reload, struct reload_ask **list) {
    while (*list) {
        struct reload_ask *ask = *list;
        *list = ask->next;
        ask->code = REPLY_UNAVAILABLE;
        bytes_append_literal(&ask->problem, "the daemon is ending");
        answer(ask, reload->server);
    }
}

void reload_cancel(struct reload *reload) {
    cancel_list(reload, &reload->waiting);
    cancel_list(reload, &reload->later);
    reload->is_wanted_again = false;
}

static void answer_all(struct reload *reload) {
    struct reload_ask *ask = reload->waiting;
    reload->waiting = NULL;
    while (ask) {
        struct reload_ask *next = ask->next;
        if (!reload->is_good) {
            ask->code = REPLY_POLICY;
            problems_append_first(&reload->problems, &ask->problem);
            if (reload->problems.error_count > 1)
                bytes_printf(&ask->problem, " (and %zu more: see the log)",
                             reload->problems.error_count - 1);
        }
        answer(ask, reload->server);
        ask = next;
    }
}

void reload_sweep(struct reload *reload) {
    if (uv_now(&reload->server->context.reactor.loop) - reload->window_ms < WINDOW_MS)
        return;
    if (reload->untold > 0)
        log_warning(&reload->server->context.reactor.log,
                    "reload: %u more since, which were not logged", reload->untold);
    reload->window_ms = uv_now(&reload->server->context.reactor.loop);
    reload->lines = reload->untold = 0;
}

static void log_outcome(struct reload *reload) {
    const struct log *log = &reload->server->context.reactor.log;
    reload_sweep(reload);
    if (reload->lines >= WINDOW_LINES) {
        if (reload->untold++ == 0)
            log_warning(log, "reload: too many: they are only counted for up to %d s",
                        WINDOW_MS / 1000);
        return;
    }
    reload->lines += log_problems(log, &reload->problems) + 1;
    if (reload->is_good)
        log_info(log, "reload: done");
    else
        log_error(log, "reload: refused: the old settings stay in force");
}

static void on_loaded(uv_work_t *work, int status);

static void run(struct reload *reload) {
    supervisor_reloading();
    reload->is_running = true;
    reload->waiting = reload->later;
    reload->later = NULL;
    reload->is_wanted_again = false;
    uv_queue_work(&reload->server->context.reactor.loop, &reload->work, load, on_loaded);
}

static void conclude(struct reload *reload) {
    struct server *server = reload->server;
    reload->is_running = false;
    log_outcome(reload);
    answer_all(reload);
    problems_deinit(&reload->problems);
    if (server->is_accepting && !server->context.is_draining && !server->is_closed)
        supervisor_ready();
    if (server->context.is_draining || server->is_closed)
        reload_cancel(reload);
    else if (reload->is_wanted_again)
        run(reload);
}

void reload_followed(struct reload *reload) {
    if (reload->is_running)
        conclude(reload);
}

static void on_loaded(uv_work_t *work, int status) {
    struct reload *reload = work->data;
    struct server *server = reload->server;
    (void)status;
    if (server->context.is_draining || server->is_closed) {
        reload->is_running = false;
        settings_unref(reload->settings);
        reload_cancel(reload);
        problems_deinit(&reload->problems);
        return;
    }
    reload->is_good =
        reload->settings && binding_apply(server, reload->settings, &reload->problems);
    reload->settings = NULL;
    if (!reload->is_good || server->crew->applying == 0)
        conclude(reload);
}

void reload_start(struct reload *reload) {
    if (reload->is_running)
        reload->is_wanted_again = true;
    else
        run(reload);
}

static void run_ask(struct message *message, void *owner) {
    struct server *main = owner;
    struct reload *reload = &main->reload;
    struct reload_ask *ask = (struct reload_ask *)message;
    ask->next = reload->later;
    reload->later = ask;
    if (main->context.is_draining || main->is_closed)
        reload_cancel(reload);
    else
        reload_start(reload);
}

void reload_ask(struct request *r) {
    struct server *server = server_of(r->context), *main = server->crew->workers[0];
    struct reload_ask *ask = mem_new(sizeof(*ask));
    *ask = (struct reload_ask){.message.run = run_ask, .request = r};
    r->is_pending = true;
    if (server == main) {
        run_ask(&ask->message, main);
        return;
    }
    server->away++;
    bool is_taken = mailbox_post(&main->mailbox, &ask->message); // it ends after all others
    assert(is_taken);
    (void)is_taken;
}
