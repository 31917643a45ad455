// Interrupt: the first Ctrl-C, for a command that stops in order and says how far it got. The
// second ends the program at once.
#pragma once

#include <stdbool.h>

// From now on the first Ctrl-C is only noted. It interrupts a call that waits, which fails with
// EINTR.
void interrupt_note(void);

bool interrupt_has_come(void);

// Ends the program as Ctrl-C would have, when it has come, so that the shell stops a script, too.
// Buffered output must have been written before.
void interrupt_end(void);
