#include "client/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

struct row {
    int number;
    enum signals_kind kind;
};

// The most pressing first.
static const struct row rows[] = {
    {SIGTERM, SIGNALS_END},     {SIGHUP, SIGNALS_END},       {SIGQUIT, SIGNALS_END},
    {SIGTSTP, SIGNALS_SUSPEND}, {SIGINT, SIGNALS_INTERRUPT}, {SIGWINCH, SIGNALS_RESIZE},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static volatile sig_atomic_t has_come[ROWS];
static struct sigaction before[ROWS];
static int ends[2] = {-1, -1};
static int takers;

static void on_signal(int number) {
    int saved = errno;
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].number == number)
            has_come[i] = 1;
    // A pipe that is full wakes the reader, too.
    ssize_t written = write(ends[1], "", 1);
    (void)written;
    errno = saved;
}

static void take(int number, struct sigaction *old) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, old);
}

void signals_take(void) {
    if (takers++ > 0)
        return;
    // Without a pipe, a signal is noticed when the next key is read.
    if (ends[0] < 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        ends[0] = ends[1] = -1;
    for (size_t i = 0; i < ROWS; i++)
        take(rows[i].number, &before[i]);
}

void signals_leave(void) {
    if (--takers > 0)
        return;
    for (size_t i = 0; i < ROWS; i++)
        sigaction(rows[i].number, &before[i], NULL);
}

int signals_fd(void) { return ends[0]; }

enum signals_kind signals_next(void) {
    char bytes[64];
    while (read(ends[0], bytes, sizeof(bytes)) > 0)
        ;
    for (size_t i = 0; i < ROWS; i++) {
        if (has_come[i]) {
            has_come[i] = rows[i].kind == SIGNALS_END;
            return rows[i].kind;
        }
    }
    return SIGNALS_NONE;
}

void signals_suspend(void) {
    struct sigaction ours;
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigemptyset(&usual.sa_mask);
    sigaction(SIGTSTP, &usual, &ours);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &ours, NULL);
}
