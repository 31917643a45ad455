#include "client/local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/mem.h"

enum { LONGEST_TMPDIR = 60 }; // the sockets' paths have room behind it

// A keeper stands between the command and the daemon. It reads a pipe whose other end the command
// holds: when that is closed, by whatever end of the command, it ends the daemon and removes the
// folder.
//
//   caches ──pipe──► keeper ──signals──► cachesd ──► redis-server
struct local {
    char folder[LONGEST_TMPDIR + sizeof("/caches-XXXXXX")];
    struct bytes address; // NUL-terminated
    int pipe;             // -1: closed
    pid_t keeper;         // 0: has ended
};

static const char configuration[] = "[cachesd]\n"
                                    "listen = unix:%s/cachesd.sock\n"
                                    "[backend embedded]\n"
                                    "url = embedded:\n"
                                    "[namespace demo]\n"
                                    "ttl = 1h\n";

// The folder holds nothing but files: it was made for this.
static void remove_folder(const char *folder) {
    DIR *files = opendir(folder);
    for (struct dirent *file; files && (file = readdir(files));)
        unlinkat(dirfd(files), file->d_name, 0);
    if (files)
        closedir(files);
    rmdir(folder);
}

static bool write_configuration(const char *folder) {
    struct bytes path = {0};
    bytes_printf(&path, "%s/cachesd.ini", folder);
    bytes_append(&path, "", 1);
    FILE *file = fopen(path.data, "we");
    bytes_deinit(&path);
    if (!file)
        return false;
    fprintf(file, configuration, folder);
    return fclose(file) == 0;
}

// --- the keeper -------------------------------------------------------------------------------

// The daemon beside this program, as both are built and installed; else the one on the PATH.
static void run_daemon(void) {
    char path[PATH_MAX];
    const char *const arguments[] = {"cachesd", "-c", "cachesd.ini", NULL};
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("cachesd"));
    char *slash = len > 0 ? memrchr(path, '/', (size_t)len) : NULL;
    if (slash) {
        strcpy(slash + 1, "cachesd");
        execv(path, (char *const *)arguments);
    }
    execvp("cachesd", (char *const *)arguments);
    fprintf(stderr, "can't run cachesd: %s\n", strerror(errno));
    _exit(127);
}

static pid_t start_daemon(const char *folder) {
    pid_t keeper = getpid(), daemon = fork();
    if (daemon != 0)
        return daemon;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int null = open("/dev/null", O_RDWR);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    setenv("XDG_RUNTIME_DIR", folder, 1);
    static const char *const ours[] = {"RUNTIME_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS",
                                       "WATCHDOG_USEC"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        unsetenv(ours[i]);
    if (getppid() == keeper)
        run_daemon();
    _exit(127);
}

static void on_child(int number) { (void)number; }

// Waits until the command has ended, or the daemon. SIGCHLD is let in only while it waits, so that
// none comes just before.
static bool await_command(int pipe, pid_t daemon) {
    struct pollfd end = {.fd = pipe, .events = POLLIN};
    sigset_t all_others;
    sigfillset(&all_others);
    sigdelset(&all_others, SIGCHLD);
    while (ppoll(&end, 1, NULL, &all_others) < 0)
        if (waitpid(daemon, NULL, WNOHANG) == daemon)
            return false;
    return true;
}

static void print_log(const char *folder) {
    char line[1024], path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/log", folder);
    FILE *log = fopen(path, "re");
    while (log && fgets(line, sizeof(line), log))
        fprintf(stderr, "cachesd: %s", line);
    if (log)
        fclose(log);
}

// All signals stay blocked, as they were at the fork: what ends the command is for it alone, and
// its end ends the keeper. Another group is not enough, since Ctrl-C may have come before it.
static void keep(const char *folder, int pipe) {
    signal(SIGCHLD, on_child);
    setpgid(0, 0);
    int code = chdir(folder);
    pid_t daemon = code == 0 ? start_daemon(folder) : -1;
    bool is_told = daemon > 0 && await_command(pipe, daemon);
    if (is_told) {
        kill(daemon, SIGTERM);
        waitpid(daemon, NULL, 0);
    } else {
        print_log(folder);
    }
    remove_folder(folder);
    _exit(is_told ? 0 : 1);
}

// --- the command ------------------------------------------------------------------------------

static bool fork_keeper(struct local *local) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    local->keeper = fork();
    if (local->keeper == 0) {
        close(ends[1]);
        keep(local->folder, ends[0]);
    }
    int fault = errno;
    close(ends[0]);
    if (local->keeper < 0)
        close(ends[1]);
    else
        local->pipe = ends[1];
    errno = fault;
    return local->keeper > 0;
}

// The folder is removed where there will be no keeper to do it.
static bool make_keeper(struct local *local, struct bytes *error) {
    if (!mkdtemp(local->folder)) {
        bytes_printf(error, "%s: %s", local->folder, strerror(errno));
        return false;
    }
    bool is_written = write_configuration(local->folder);
    if (is_written && fork_keeper(local))
        return true;
    bytes_printf(error,
                 is_written ? "can't start a daemon: %s" : "can't write its configuration: %s",
                 strerror(errno));
    remove_folder(local->folder);
    return false;
}

// A signal that would end the command waits until there is a keeper, or neither it nor the folder.
static bool start_keeper(struct local *local, struct bytes *error) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    bool is_made = make_keeper(local, error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return is_made;
}

struct local *local_start(struct bytes *error) {
    struct local *local = mem_new(sizeof(*local));
    const char *tmpdir = getenv("TMPDIR");
    bool is_usable = tmpdir && *tmpdir == '/' && strlen(tmpdir) <= LONGEST_TMPDIR;
    snprintf(local->folder, sizeof(local->folder), "%s/caches-XXXXXX", is_usable ? tmpdir : "/tmp");
    local->pipe = -1;
    if (!start_keeper(local, error)) {
        mem_free(local);
        return NULL;
    }
    bytes_printf(&local->address, "%s/cachesd.sock", local->folder);
    bytes_append(&local->address, "", 1);
    return local;
}

const char *local_address(const struct local *local) { return local->address.data; }

bool local_is_alive(struct local *local) {
    if (local->keeper > 0 && waitpid(local->keeper, NULL, WNOHANG) == local->keeper)
        local->keeper = 0;
    return local->keeper > 0;
}

void local_tell(const struct local *local) { print_log(local->folder); }

void local_stop(struct local *local) {
    if (!local)
        return;
    close(local->pipe);
    if (local->keeper > 0)
        waitpid(local->keeper, NULL, 0);
    bytes_deinit(&local->address);
    mem_free(local);
}
