// Keys: what comes from a terminal's keyboard, a letter at a time, and what else happens while
// nobody types.
//
//   bytes ──► UTF-8 ──► letters
//         └─► ESC [200~ … ESC [201~ ──► a paste, which is no typing
#pragma once

#include <wchar.h>

#include "client/signals.h"
#include "protocol/bytes.h"

enum keys_kind {
    KEYS_LETTER,
    KEYS_PASTE,  // keys->paste has it
    KEYS_SIGNAL, // keys->signal
    KEYS_SOCKET, // the watched descriptor may be read
    KEYS_LATE,   // the time is over
    KEYS_END,    // the terminal is gone
};

enum { KEYS_MOST_PASTED = 1024 * 1024 };

struct keys {
    int fd;          // of the terminal
    struct bytes in; // read, and not yet told, from `at` on
    size_t at;
    struct bytes paste; // the last paste
    bool is_paste_cut;  // it was longer than KEYS_MOST_PASTED
    enum signals_kind signal;
};

void keys_deinit(struct keys *k);

// Waits for the next key, or for bytes at the descriptor `watched` (-1: none), at most so long (-1:
// as long as it takes).
enum keys_kind keys_next(struct keys *k, int watched, int timeout_ms, wchar_t *letter)
    __attribute__((warn_unused_result));

// Asks the terminal to mark pastes as such, or no longer to. Written to the stream's descriptor.
void keys_mark_pastes(int fd, bool is_wanted);
