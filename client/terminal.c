#include "client/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct terminal_size terminal_size(int fd) {
    struct winsize told;
    struct terminal_size size = {80, 24};
    if (ioctl(fd, TIOCGWINSZ, &told) < 0)
        return size;
    if (told.ws_col > 0)
        size.columns = told.ws_col;
    if (told.ws_row > 0)
        size.rows = told.ws_row;
    return size;
}

bool terminal_has_colour(int fd, bool is_wanted) {
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return is_wanted && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 && isatty(fd);
}

void terminal_set_locale(void) {
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C"); // numbers are the protocol's
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

bool terminal_set_raw(int fd, struct termios *before) {
    if (tcgetattr(fd, before) < 0)
        return false;
    struct termios raw = *before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSADRAIN, &raw) == 0;
}

void terminal_restore(int fd, const struct termios *before) { tcsetattr(fd, TCSADRAIN, before); }
