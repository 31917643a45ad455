// Terminal: how large it is, whether it shows colours, and its raw mode.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

#define TERMINAL_DIM    "\033[2m"
#define TERMINAL_BOLD   "\033[1m"
#define TERMINAL_RED    "\033[31m"
#define TERMINAL_YELLOW "\033[33m"
#define TERMINAL_INVERT "\033[7m"
#define TERMINAL_PLAIN  "\033[0m"
// Erases what is behind the cursor: on its line, or on all lines below, too.
#define TERMINAL_ERASE_LINE "\033[K"
#define TERMINAL_ERASE_DOWN "\033[J"

struct terminal_size {
    size_t columns, rows;
};

// Returns the size of the terminal that `fd` is; 80 by 24 where nothing tells it.
struct terminal_size terminal_size(int fd);

// Returns whether `fd` may be sent colours: it is a terminal that is not "dumb", and neither the
// caller
// (--color=no) nor $NO_COLOR forbids them.
bool terminal_has_colour(int fd, bool is_wanted);

// Takes the locale of the environment, in which texts are UTF-8: where it names none, C.UTF-8. To
// be called before a text is measured; a second call changes nothing.
void terminal_set_locale(void);

// Lets the program read each key at once and unseen; Ctrl-C still interrupts. Returns false when
// `fd` is no terminal. `before` is what terminal_restore() takes.
bool terminal_set_raw(int fd, struct termios *before) __attribute__((warn_unused_result));
void terminal_restore(int fd, const struct termios *before);
