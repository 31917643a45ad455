// History: the lines that were typed at the prompt, in a file, one a line.
//
// The file is $XDG_STATE_HOME/caches/history, else ~/.local/state/caches/history, of mode 0600.
// Each line is appended when it is run, so that several prompts may share it. A line that holds a
// token is never kept.
#pragma once

#include "protocol/bytes.h"

enum { HISTORY_LINES = 1000 };

struct history {
    struct bytes path; // NUL-terminated
    int fd;            // -1: there is no file; the prompt goes on without
};

// Returns whether the line may be kept: it holds no token, as far as that can be known, is not
// empty, and does not begin with a space.
bool history_may_keep(struct slice line);

// Opens the file, with its folders if they are not there, and appends its last HISTORY_LINES lines
// to `lines`. A file that has become much longer is cut. `error` is why there is no file, and empty
// when there is one.
void history_open(struct history *h, struct bytes *lines, struct bytes *error);

// Appends a line that may be kept.
void history_add(struct history *h, struct slice line);

void history_close(struct history *h);
