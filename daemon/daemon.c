#include "daemon/daemon.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/address.h"
#include "conf/option.h"
#include "conf/problems.h"
#include "conf/runtime_folder.h"
#include "conf/schema.h"
#include "conf/sections.h"
#include "conf/shown.h"
#include "conf/url.h"
#include "daemon/annex.h"
#include "daemon/descriptors.h"
#include "daemon/handover.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/sink.h"
#include "daemon/policy/policy.h"
#include "daemon/worker.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum {
    START_MS = 3000,   // the longest wait for backends before clients are let in
    LOOK_MS = 60000,   // between looks at the files of the settings
    OVERDUE_MS = 5000, // the wait for work that can't be cancelled, after everything is closed
};

static const int signals[DAEMON_SIGNALS] = {SIGTERM, SIGINT};

struct daemon *daemon_of(struct context *context) {
    return (struct daemon *)workers_of(context); // its first member
}

static struct worker *main_of(const struct daemon *daemon) { return daemon->workers.all[0]; }

static const struct log *log_of(const struct daemon *daemon) {
    return &main_of(daemon)->context.loop.log;
}

// Returns whether the daemon was told to end: its workers drain, or are about to.
static bool is_ending(const struct daemon *daemon) {
    return atomic_load(&daemon->phase) == DAEMON_ENDING;
}

// --- end --------------------------------------------------------------------------------------

// A name look-up or a check of JSON can't be cancelled once it runs.
static void on_overdue(uv_timer_t *timer) {
    struct daemon *daemon = timer->data;
    log_tell(log_of(daemon), LOG_ENDED_EARLY);
    _exit(daemon->exit_code);
}

// A further signal must not end the daemon in disorder while it is ending.
static void close_signals(struct daemon *daemon) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++)
        sigaddset(&set, signals[i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++)
        uv_close((uv_handle_t *)&daemon->signals[i], NULL);
    hangup_close(&daemon->hangup);
}

// The main thread's worker is being closed; the other workers may still drain.
static void on_closing(void *owner) {
    struct daemon *daemon = owner;
    daemon->phase = DAEMON_ENDING;
    uv_timer_start(&daemon->overdue, on_overdue, OVERDUE_MS, 0);
    uv_close((uv_handle_t *)&daemon->start, NULL);
    systemd_stopping();
    systemd_close(&daemon->systemd);
    listeners_close(&daemon->listeners);
    reload_cancel(&daemon->reload);
    lookout_close(&daemon->lookout);
    close_signals(daemon);
    if (daemon->annex)
        daemon->annex->close(daemon->annex);
    workers_end(&daemon->workers);
}

static void end_in_failure(struct daemon *daemon) {
    daemon->exit_code = EXIT_FAILURE;
    worker_close(main_of(daemon));
}

// The main thread's worker stays until the others have ended, since they tell it that they have.
static void close_if_drained(struct daemon *daemon) {
    if (worker_is_drained(main_of(daemon)) && daemon->workers.running == 0)
        worker_close(main_of(daemon));
}

static void on_drained(struct worker *worker, void *owner) {
    (void)worker;
    close_if_drained(owner);
}

static void on_all_ended(void *owner) { close_if_drained(owner); }

static void on_drain_over(void *owner) {
    struct daemon *daemon = owner;
    reload_cancel(&daemon->reload);
}

// Ends the daemon when its clients have no request in flight; when called again, at once.
static void end_in_order(struct daemon *daemon, const char *why) {
    if (is_ending(daemon) || !daemon->is_accepting) {
        worker_close(main_of(daemon));
        return;
    }
    log_tell(log_of(daemon), LOG_ENDING, log_text(FIELD_REASON, why),
             log_number(FIELD_CLIENTS, atomic_load(&daemon->workers.shared.clients)));
    daemon->phase = DAEMON_ENDING;
    systemd_stopping();
    listeners_close(&daemon->listeners);
    reload_end(&daemon->reload);
    workers_drain(&daemon->workers);
    worker_drain(main_of(daemon));
}

// --- signals ----------------------------------------------------------------------------------

static void on_signal(uv_signal_t *signal, int number) {
    end_in_order(signal->data, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

static void on_hangup(void *owner) {
    struct daemon *daemon = owner;
    if (!is_ending(daemon))
        reload_start(&daemon->reload);
}

// Shell and kernel may both tell: unlike a second signal, that does not end the daemon at once.
static void on_terminal_gone(void *owner) {
    struct daemon *daemon = owner;
    if (!is_ending(daemon))
        end_in_order(daemon, "the terminal is gone");
}

// --- start ------------------------------------------------------------------------------------

static void log_try(const struct daemon *daemon) {
    const struct settings *settings = main_of(daemon)->context.policy->settings;
    const char *name = settings->namespaces[0].name;
    if (daemon->listeners.count == 0)
        return;
    const struct address *a = &daemon->listeners.items[0]->address;
    struct bytes command = {0};
    if (a->kind == ADDRESS_UNIX)
        bytes_printf(&command, "nc -U %s", a->path);
    else
        bytes_printf(&command, "nc %s %d", a->host, a->port);
    log_tell(log_of(daemon), LOG_TRY, log_text(FIELD_NAMESPACE, name),
             log_slice(FIELD_COMMAND, bytes_slice(&command)));
    bytes_deinit(&command);
}

static void accept_clients(struct daemon *daemon) {
    struct bytes error = {0};
    if (daemon->is_accepting || main_of(daemon)->is_closed)
        return;
    daemon->is_accepting = true;
    uv_timer_stop(&daemon->start);
    if (!listeners_start(&daemon->listeners, &error)) {
        log_tell(log_of(daemon), LOG_LISTEN_FAILED, log_slice(FIELD_REASON, bytes_slice(&error)));
        bytes_deinit(&error);
        end_in_failure(daemon);
        return;
    }
    daemon->phase = DAEMON_ACCEPTING;
    if (!daemon->file)
        log_try(daemon);
    log_tell(log_of(daemon), LOG_READY);
    systemd_ready();
}

static void on_start_over(uv_timer_t *timer) { accept_clients(timer->data); }

static void on_settled(void *owner) { accept_clients(owner); }

// --- settings ---------------------------------------------------------------------------------

// Refuses a change of an option that is read only once, when the daemon starts.
static bool keeps_fixed(const struct option_row *row, const struct daemon_conf *now,
                        const struct daemon_conf *next, struct problems *problems) {
    struct bytes value = {0};
    if (!row->needs_restart || option_is_same(row, now, next))
        return true;
    assert(row->section == SECTION_CACHESD);
    shown_append_value(&value, row, now, NULL);
    problems_add(problems, schema_line(&next->common, SECTION_CACHESD, row->name),
                 "%s: it is %.*s, and can't change by a reload: restart the daemon", row->name,
                 (int)value.len, value.data);
    bytes_deinit(&value);
    return false;
}

static bool keeps_all_fixed(const struct policy *policy, const struct settings *settings,
                            struct problems *problems) {
    bool keeps = true;
    for (size_t i = 0; policy && i < schema_count; i++)
        keeps = keeps_fixed(&schema[i], &policy->settings->daemon, &settings->daemon, problems) &&
                keeps;
    return keeps;
}

static bool needs_folder(const struct settings *settings) {
    bool needs = settings->daemon.listens.count == 0;
    for (size_t i = 0; i < settings->backend_count; i++)
        needs = needs || settings->backends[i].url.kind == URL_EMBEDDED;
    return needs;
}

static bool prepare_folder(const struct settings *settings, struct problems *problems) {
    struct bytes problem = {0};
    const char *error = needs_folder(settings) ? runtime_folder_prepare(&problem) : NULL;
    if (error)
        problems_add(problems, 0, "%.*s", (int)problem.len, problem.data);
    bytes_deinit(&problem);
    return !error;
}

// Opens and closes listening sockets, those of the annex among them: all or none.
static bool change_doors(struct daemon *daemon, struct settings *settings,
                         struct problems *problems) {
    const struct policy *policy = main_of(daemon)->context.policy;
    struct annex *annex = daemon->annex;
    if (annex && !annex->prepare(annex, settings, problems))
        return false;
    bool is_good = listeners_change(&daemon->listeners, settings,
                                    policy ? &policy->settings->daemon : NULL, problems);
    if (annex)
        annex->conclude(annex, is_good);
    return is_good;
}

// Puts the settings in force on the main thread, wholly or not at all, and takes them over. The
// first start and each reload call this function. Returns false when nothing has changed: *problems
// says why.
static bool apply_settings(struct daemon *daemon, struct settings *settings,
                           struct problems *problems) {
    struct worker *main = main_of(daemon);
    const struct policy *policy = main->context.policy;
    problems_set_file(problems, settings->file ? settings->file : "built-in");
    if (!keeps_all_fixed(policy, settings, problems) || !prepare_folder(settings, problems) ||
        !listeners_resolve(settings, problems) || !change_doors(daemon, settings, problems)) {
        settings_unref(settings);
        return false;
    }
    worker_adopt(main, settings, NULL); // from here on nothing can fail
    worker_use_io_uring(main);
    lookout_follow(&daemon->lookout, settings);
    main->context.stats.max_clients = descriptors_fit_clients(settings, log_of(daemon));
    return true;
}

// --- reload -----------------------------------------------------------------------------------

static void on_reload_begin(void *owner) {
    (void)owner;
    systemd_reloading();
}

static void on_all_follow(void *owner) {
    struct daemon *daemon = owner;
    reload_conclude(&daemon->reload, true);
}

static void on_reload_loaded(void *owner, struct settings *settings, struct problems *problems) {
    struct daemon *daemon = owner;
    if (settings && apply_settings(daemon, settings, problems))
        workers_follow(&daemon->workers, on_all_follow, daemon);
    else
        reload_conclude(&daemon->reload, false);
}

static void on_reload_over(void *owner) {
    struct daemon *daemon = owner;
    if (daemon->is_accepting)
        systemd_ready();
}

static const struct reload_events reload_events = {
    .on_begin = on_reload_begin,
    .on_loaded = on_reload_loaded,
    .on_over = on_reload_over,
};

void daemon_reload(struct daemon *daemon, struct reload_ask *ask) {
    reload_ask(&daemon->reload, ask);
}

// Certificates, say, have changed, and the file of the configuration has not.
static void on_reload_due(void *owner, bool is_told) {
    struct daemon *daemon = owner;
    if (is_ending(daemon))
        return;
    if (is_told)
        reload_start(&daemon->reload);
    else
        reload_retry(&daemon->reload);
}

// --- once in a while --------------------------------------------------------------------------

static void on_sweep(void *owner) {
    struct daemon *daemon = owner;
    struct worker_shared *shared = &daemon->workers.shared;
    uint64_t now = loop_now(&main_of(daemon)->context.loop);
    complaints_sweep(shared->complaints, log_of(daemon), now);
    complaints_sweep(shared->about_clients, log_of(daemon), now);
    complaints_sweep(shared->about_policy, log_of(daemon), now);
    sink_flush();
    reload_sweep(&daemon->reload);
}

static void on_pulse_back(struct broadcast *pulse, struct worker *main) {
    (void)pulse;
    daemon_of(&main->context)->is_pulse_out = false;
    systemd_alive();
}

// Each worker shows that its loop turns. No pulse is sent while an earlier one is on its way.
static void on_watchdog(void *owner) {
    struct daemon *daemon = owner;
    if (daemon->is_pulse_out)
        return;
    daemon->is_pulse_out = true;
    daemon->pulse = (struct broadcast){.on_all_done = on_pulse_back};
    workers_broadcast(&daemon->workers, main_of(daemon), &daemon->pulse);
}

// --- life -------------------------------------------------------------------------------------

static void do_nothing(uv_work_t *work) { (void)work; }

static void on_nothing_done(uv_work_t *work, int status) {
    (void)status;
    mem_free(work);
}

// libuv starts its threads with the first work, and aborts when it can't: better at the start than
// later. The threads inherit the signal mask, so that only the loop gets signals.
static void start_threads(uv_loop_t *loop) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uv_queue_work(loop, mem_new(sizeof(uv_work_t)), do_nothing, on_nothing_done);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

// To be called before there are other threads, because they inherit the blocked signals.
static void init_signals(struct daemon *daemon, uv_loop_t *loop) {
    daemon->hangup.on_reload = on_hangup;
    daemon->hangup.on_gone = on_terminal_gone;
    daemon->hangup.owner = daemon;
    int error = hangup_init(&daemon->hangup, loop);
    if (error) {
        log_tell(log_of(daemon), LOG_START_FAILED, log_text(FIELD_REASON, uv_strerror(error)));
        _exit(EXIT_FAILURE);
    }
    start_threads(loop);
    for (size_t i = 0; i < DAEMON_SIGNALS; i++) {
        uv_signal_init(loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        uv_signal_start(&daemon->signals[i], on_signal, signals[i]);
    }
    signal(SIGPIPE, SIG_IGN);
}

static const struct worker_events worker_events = {
    .on_settled = on_settled,
    .on_sweep = on_sweep,
    .on_drained = on_drained,
    .on_drain_over = on_drain_over,
    .on_closing = on_closing,
};

static void daemon_init(struct daemon *daemon, const struct verb_table *verbs, int verbosity) {
    workers_init(&daemon->workers, verbs, verbosity, &worker_events, on_all_ended, daemon);
    struct loop *loop = &main_of(daemon)->context.loop;
    init_signals(daemon, &loop->uv);
    uv_timer_init(&loop->uv, &daemon->start);
    uv_timer_init(&loop->uv, &daemon->overdue);
    uv_unref((uv_handle_t *)&daemon->overdue);
    daemon->start.data = daemon->overdue.data = daemon;
    uv_timer_start(&daemon->start, on_start_over, START_MS, 0);
    systemd_init(&daemon->systemd, &loop->uv, on_watchdog, daemon);
    listeners_init(&daemon->listeners, loop, handover_client, &daemon->workers);
    reload_init(&daemon->reload, loop, daemon->file, verbs, &reload_events, daemon);
    lookout_init(&daemon->lookout, loop, LOOK_MS, on_reload_due, daemon);
}

// The first settings are put in force in the same way as those of a reload.
static void daemon_start(struct daemon *daemon, struct settings *settings) {
    struct problems problems = {0};
    struct bytes text = {0};
    if (apply_settings(daemon, settings, &problems)) {
        workers_start(&daemon->workers);
    } else {
        problems_append_first(&problems, &text);
        log_tell(log_of(daemon), LOG_CONFIG_ERROR, log_slice(FIELD_REASON, bytes_slice(&text)));
        bytes_deinit(&text);
        end_in_failure(daemon);
    }
    problems_deinit(&problems);
}

// Runs the loop until everything on it has gone. The timer `overdue` bounds that time to the last.
static void run_until_closed(struct daemon *daemon) {
    uv_run(&main_of(daemon)->context.loop.uv, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&daemon->overdue, NULL);
    worker_run(main_of(daemon));
}

int daemon_run(struct settings *settings, const struct verb_table *verbs, const char *file,
               int verbosity, struct annex *annex) {
    struct daemon *daemon = mem_new(sizeof(*daemon));
    daemon->file = file;
    daemon->annex = annex;
    if (annex)
        annex->daemon = daemon;
    daemon_init(daemon, verbs, verbosity);
    daemon_start(daemon, settings);
    run_until_closed(daemon);
    int code = daemon->exit_code;
    log_tell(log_of(daemon), LOG_ENDED);
    workers_deinit(&daemon->workers);
    mem_free(daemon);
    return code;
}
