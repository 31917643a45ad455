#include "client/interrupt.h"

#include <signal.h>

static volatile sig_atomic_t has_come;

static void on_interrupt(int number) {
    (void)number;
    has_come = 1;
}

void interrupt_note(void) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

bool interrupt_has_come(void) { return has_come; }

void interrupt_end(void) {
    if (!has_come)
        return;
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
}
