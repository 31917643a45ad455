#include "daemon/backend/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/address.h"
#include "conf/runtime_folder.h"
#include "conf/url.h"
#include "daemon/loop/complaint.h"
#include "daemon/loop/log.h"
#include "daemon/loop/log_event.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum { RESTART_MS = 100, LONGEST_RESTART_MS = 5000, STEADY_MS = 10000, END_MS = 2000 };

struct embedded {
    struct loop *loop;
    const struct backend_conf *conf;
    char *path;
    pid_t pid; // 0: not running
    uint64_t started_ms;
    uint64_t restart_ms; // the wait before the next start
    uv_signal_t child;
    uv_timer_t restart;
    unsigned handles;
    bool is_ending;
    bool is_missing;   // there is no redis-server, and the log has told
    char trouble[128]; // why the server does not run; "" before it has ended once
};

static void on_handle_closed(uv_handle_t *handle) {
    struct embedded *e = handle->data;
    if (--e->handles > 0)
        return;
    mem_free(e->path);
    mem_free(e);
}

static void close_handles(struct embedded *e) {
    uv_close((uv_handle_t *)&e->child, on_handle_closed);
    uv_close((uv_handle_t *)&e->restart, on_handle_closed);
}

const char *embedded_path(const struct embedded *e) { return e->path; }

// This runs in the child: only calls that are safe between fork and exec.
static void become_redis(const char *const *arguments, pid_t parent) {
    int null = open("/dev/null", O_RDWR);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); // Ctrl-C goes to the daemon alone: it answers its requests, then ends the server
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    // The server must not outlive the daemon, however the daemon ends (prctl(2), PR_SET_PDEATHSIG).
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0);
    execvp("redis-server", (char *const *)arguments);
    _exit(127);
}

static void start(struct embedded *e);

static void on_restart(uv_timer_t *timer) { start(timer->data); }

// Each restart comes later than the one before, while the server does not keep running.
static void restart(struct embedded *e) {
    bool was_steady = loop_now(e->loop) - e->started_ms > STEADY_MS;
    e->restart_ms = was_steady || e->restart_ms == 0 ? RESTART_MS : e->restart_ms * 2;
    if (e->restart_ms > LONGEST_RESTART_MS)
        e->restart_ms = LONGEST_RESTART_MS;
    uv_timer_start(&e->restart, on_restart, e->restart_ms, 0);
}

static void complain(struct embedded *e, enum log_event event, const char *reason) {
    snprintf(e->trouble, sizeof(e->trouble), "%s: %s", log_events[event].text, reason);
    complaints_add(
        e->loop->complaints, &e->loop->log, loop_now(e->loop), event,
        &LOG_VALUES(log_text(FIELD_BACKEND, e->conf->name), log_text(FIELD_REASON, reason)));
}

// A missing redis-server is logged once: nothing changes until somebody installs it.
static void note_missing(struct embedded *e) {
    snprintf(e->trouble, sizeof(e->trouble),
             "can't run redis-server: install it, or give the backend a url of a running one");
    if (!e->is_missing)
        log_tell(&e->loop->log, LOG_REDIS_MISSING, log_text(FIELD_BACKEND, e->conf->name),
                 log_text(FIELD_REASON, e->trouble));
    e->is_missing = true;
}

static void note_end(struct embedded *e, int status) {
    char how[64];
    e->is_missing = false;
    snprintf(how, sizeof(how), "%s %d: starting it again", WIFEXITED(status) ? "exit" : "signal",
             WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    complain(e, LOG_REDIS_ENDED, how);
}

const char *embedded_trouble(const struct embedded *e) {
    return e->pid == 0 && *e->trouble ? e->trouble : NULL;
}

static void start(struct embedded *e) {
    const struct url *url = &e->conf->url;
    pid_t parent = getpid();
    const char *const arguments[] = {
        "redis-server",
        "--port",
        "0",
        "--unixsocket",
        e->path,
        "--unixsocketperm",
        "700",
        "--save",
        "",
        "--appendonly",
        "no",
        "--maxmemory",
        url->maxmemory ? url->maxmemory : "64mb",
        "--maxmemory-policy",
        url->policy ? url->policy : "allkeys-lru",
        "--daemonize",
        "no",
        "--databases",
        "1",
        NULL,
    };
    e->started_ms = loop_now(e->loop);
    e->pid = fork();
    if (e->pid == 0)
        become_redis(arguments, parent);
    if (e->pid < 0) {
        e->pid = 0;
        complain(e, LOG_REDIS_FORK_FAILED, strerror(errno));
        restart(e);
    }
}

static void on_child(uv_signal_t *signal, int number) {
    struct embedded *e = signal->data;
    int status;
    (void)number;
    if (e->pid == 0 || waitpid(e->pid, &status, WNOHANG) != e->pid)
        return;
    e->pid = 0;
    unlink(e->path);
    if (e->is_ending) {
        close_handles(e);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        note_missing(e);
    else
        note_end(e, status);
    restart(e);
}

struct embedded *embedded_new(struct loop *loop, const struct backend_conf *conf) {
    struct embedded *e = mem_new(sizeof(*e));
    unsigned number = 0;
    struct bytes path = {0};
    e->loop = loop;
    e->conf = conf;
    runtime_folder_append(&path);
    // A reload may start the next one before the last has ended, and daemons of several containers
    // that share a folder may all be process 1: hence a random number.
    uv_random(NULL, NULL, &number, sizeof(number), 0, NULL);
    bytes_printf(&path, "/cachesd-%d-%08x.redis", (int)getpid(), number);
    e->path = mem_text_of(path.data, path.len);
    if (path.len > ADDRESS_LONGEST_PATH)
        log_tell(&loop->log, LOG_REDIS_PATH_LONG, log_text(FIELD_BACKEND, conf->name),
                 log_text(FIELD_PATH, e->path));
    bytes_deinit(&path);
    e->handles = 2;
    uv_signal_init(&loop->uv, &e->child);
    uv_timer_init(&loop->uv, &e->restart);
    e->child.data = e->restart.data = e;
    uv_signal_start(&e->child, on_child, SIGCHLD);
    unlink(e->path);
    start(e);
    return e;
}

static void on_kill(uv_timer_t *timer) {
    struct embedded *e = timer->data;
    kill(e->pid, SIGKILL);
}

void embedded_free(struct embedded *e) {
    e->is_ending = true;
    if (e->pid == 0) {
        close_handles(e);
        return;
    }
    kill(e->pid, SIGTERM);
    uv_timer_start(&e->restart, on_kill, END_MS, 0);
}
