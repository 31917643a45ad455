#include "reload.h"

#include <unistd.h>

#include "binding.h"
#include "request.h"
#include "server.h"

void reload_init(struct reload *reload, struct server *server) {
    *reload = (struct reload){.server = server};
    reload->work.data = reload;
}

// On another thread: it touches nothing but the reload itself.
static void load(uv_work_t *work) {
    struct reload *reload = work->data;
    struct settings_source source = {
        .file = reload->server->file,
        .verbs = reload->server->verbs,
        .environment = (const char *const *)environ,
    };
    reload->settings = settings_load(&source, &reload->problems);
}

static void cancel_list(struct request **list) {
    while (*list) {
        struct request *r = *list;
        *list = r->next_pending;
        if (r->client)
            request_fail(r, REPLY_UNAVAILABLE, "the daemon is ending");
        request_release(r);
    }
}

void reload_cancel(struct reload *reload) {
    cancel_list(&reload->waiting);
    cancel_list(&reload->later);
    reload->is_wanted_again = false;
}

static void answer(struct request *r, const struct problems *problems, bool is_good) {
    struct bytes message = {0};
    if (is_good) {
        reply_status(request_out(r), "OK");
        request_finish(r);
        return;
    }
    problem_append(problems, 0, &message);
    if (problems->count > 1)
        bytes_printf(&message, " (and %zu more: see the log)", problems->count - 1);
    bytes_append(&message, "", 1);
    request_fail(r, REPLY_POLICY, message.data);
    bytes_deinit(&message);
}

static void answer_all(struct reload *reload, bool is_good) {
    struct request *r = reload->waiting;
    reload->waiting = NULL;
    while (r) {
        struct request *next = r->next_pending;
        if (r->client)
            answer(r, &reload->problems, is_good);
        request_release(r);
        r = next;
    }
}

static void log_problems(struct reload *reload) {
    for (size_t i = 0; i < reload->problems.count; i++) {
        struct bytes text = {0};
        problem_append(&reload->problems, i, &text);
        log_error(&reload->server->reactor.log, "%.*s", (int)text.len, text.data);
        bytes_deinit(&text);
    }
    log_error(&reload->server->reactor.log, "reload: refused: the old settings stay in force");
}

static void on_loaded(uv_work_t *work, int status);

static void run(struct reload *reload) {
    supervisor_reloading();
    reload->is_running = true;
    reload->waiting = reload->later;
    reload->later = NULL;
    reload->is_wanted_again = false;
    uv_queue_work(&reload->server->reactor.loop, &reload->work, load, on_loaded);
}

static void on_loaded(uv_work_t *work, int status) {
    struct reload *reload = work->data;
    struct server *server = reload->server;
    (void)status;
    reload->is_running = false;
    if (server->is_draining || server->is_closed) {
        settings_unref(reload->settings);
        reload_cancel(reload);
    } else {
        problems_sort(&reload->problems);
        bool is_good =
            reload->settings && binding_apply(server, reload->settings, &reload->problems);
        if (is_good)
            log_info(&server->reactor.log, "reload: done");
        else
            log_problems(reload);
        answer_all(reload, is_good);
        if (server->is_accepting)
            supervisor_ready();
    }
    problems_deinit(&reload->problems);
    reload->settings = NULL;
    if (reload->is_wanted_again)
        run(reload);
}

void reload_start(struct reload *reload, struct request *r) {
    if (r) {
        r->is_pending = true;
        r->next_pending = reload->later;
        reload->later = r;
    }
    if (reload->is_running)
        reload->is_wanted_again = true;
    else
        run(reload);
}
