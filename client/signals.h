// Signals: those that a program with a terminal must act on, told one at a time where it waits
// anyway.
//
// A handler only notes the signal and writes a byte to a pipe, whose end signals_fd() is for
// poll(). Interrupted system calls go on by themselves, but for poll().
#pragma once

enum signals_kind {
    SIGNALS_NONE,
    SIGNALS_INTERRUPT, // Ctrl-C
    SIGNALS_RESIZE,    // the terminal has another size
    SIGNALS_SUSPEND,   // Ctrl-Z: make the terminal the shell's again, then call signals_suspend()
    SIGNALS_END,       // the terminal is gone, or somebody wants this program to end
};

// Takes the signals from now on, until signals_leave(). Whoever takes them within that time shares
// them.
void signals_take(void);
void signals_leave(void);

int signals_fd(void);

// Returns a signal that has come and was not told yet, the most pressing first. SIGNALS_END is told
// again and again.
enum signals_kind signals_next(void);

// Stops the process until the shell continues it.
void signals_suspend(void);
