// Hangup: tells apart a SIGHUP that asks for a reload and a SIGHUP that says that the terminal is
// gone.
//
// Daemons reload on SIGHUP, and a terminal that closes sends the same signal to the programs on it.
// The kernel says who has sent a signal (sigaction(2)): a terminal's hang-up comes from the kernel,
// or from the shell that leads the session, when the terminal has just gone. A shell may send its
// signal before the terminal is gone, so the terminal is looked at again a moment later. Under
// `nohup` the signal is ignored at the start; hang-ups of the terminal are then ignored, too.
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct hangup {
    uv_poll_t poll;
    uv_timer_t again;  // to look at the terminal once more
    int fd;            // a signalfd(2): the signal is blocked, and read here
    pid_t leader;      // of the session
    bool had_terminal; // at the start
    bool is_nohup;
    void (*on_reload)(void *owner);
    void (*on_gone)(void *owner); // the terminal is gone
    void *owner;
};

// Blocks SIGHUP for this thread and for those that it starts: to be called before there are other
// threads. Fills in all members but the callbacks and the owner. Returns 0 or a libuv error.
int hangup_init(struct hangup *h, uv_loop_t *loop) __attribute__((warn_unused_result));

void hangup_close(struct hangup *h);
