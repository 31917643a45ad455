#include "client/keys.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define PASTE_BEGIN SLICE("\033[200~")
#define PASTE_END   SLICE("\033[201~")

// How long the rest of an escape sequence may take, which a terminal sends at once.
enum { SEQUENCE_MS = 50, READ_SIZE = 4096 };

void keys_deinit(struct keys *k) {
    bytes_deinit(&k->in);
    bytes_deinit(&k->paste);
}

void keys_mark_pastes(int fd, bool is_wanted) {
    struct slice text = is_wanted ? SLICE("\033[?2004h") : SLICE("\033[?2004l");
    ssize_t written = write(fd, text.data, text.len);
    (void)written; // a terminal that is gone is noticed where it is read
}

static struct slice unread(const struct keys *k) {
    return (struct slice){k->in.data + k->at, k->in.len - k->at};
}

// Waits for bytes of the terminal's alone. Returns false when none come in time, or none any more.
static bool read_more(struct keys *k, int timeout_ms) {
    struct pollfd ready = {.fd = k->fd, .events = POLLIN};
    int n;
    if (k->at == k->in.len)
        k->at = k->in.len = 0;
    do
        n = poll(&ready, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    ssize_t len = read(k->fd, bytes_reserve(&k->in, READ_SIZE), READ_SIZE);
    if (len > 0)
        bytes_grew(&k->in, (size_t)len);
    return len > 0;
}

static void take_pasted(struct keys *k, size_t len) {
    size_t room = KEYS_MOST_PASTED - k->paste.len;
    k->is_paste_cut = k->is_paste_cut || len > room;
    bytes_append(&k->paste, k->in.data + k->at, len < room ? len : room);
    k->at += len;
}

// Returns where `end` begins in the text, or could begin when more has come; the text's length when
// it is not there.
static size_t find(struct slice text, struct slice end, bool *is_whole) {
    for (size_t i = 0; i < text.len; i++) {
        size_t left = text.len - i;
        *is_whole = left >= end.len;
        if (memcmp(text.data + i, end.data, *is_whole ? end.len : left) == 0)
            return i;
    }
    *is_whole = false;
    return text.len;
}

// Collects a paste up to its end, however long that takes: the terminal sends it by itself.
static void read_paste(struct keys *k) {
    bool is_whole = false;
    k->paste.len = 0;
    k->is_paste_cut = false;
    k->at += PASTE_BEGIN.len;
    for (;;) {
        take_pasted(k, find(unread(k), PASTE_END, &is_whole));
        if (is_whole)
            break;
        if (!read_more(k, -1))
            return;
    }
    k->at += PASTE_END.len;
}

// Returns whether a paste begins here. A lone ESC may be a key, or a sequence's first byte.
static bool begins_paste(struct keys *k) {
    for (;;) {
        struct slice text = unread(k);
        if (text.len >= PASTE_BEGIN.len)
            return slice_begins(text, PASTE_BEGIN);
        if (!slice_begins(PASTE_BEGIN, text) || !read_more(k, SEQUENCE_MS))
            return false;
    }
}

// Takes one letter. Bytes that are no UTF-8 are passed over.
static bool take_letter(struct keys *k, wchar_t *letter) {
    while (k->at < k->in.len) {
        mbstate_t state = {0};
        struct slice text = unread(k);
        size_t len = mbrtowc(letter, text.data, text.len, &state);
        if (len == (size_t)-2 && read_more(k, SEQUENCE_MS))
            continue;
        k->at += len == 0 || len > text.len ? 1 : len;
        if (len <= text.len)
            return true;
    }
    return false;
}

static bool take_key(struct keys *k, wchar_t *letter, enum keys_kind *kind) {
    if (k->at == k->in.len)
        return false;
    if (k->in.data[k->at] == '\033' && begins_paste(k)) {
        read_paste(k);
        *kind = KEYS_PASTE;
        return true;
    }
    *kind = KEYS_LETTER;
    return take_letter(k, letter);
}

enum keys_kind keys_next(struct keys *k, int watched, int timeout_ms, wchar_t *letter) {
    enum { TERMINAL, SIGNALS, WATCHED, COUNT };
    enum keys_kind kind;
    for (;;) {
        struct pollfd ready[COUNT] = {
            [TERMINAL] = {.fd = k->fd, .events = POLLIN},
            [SIGNALS] = {.fd = signals_fd(), .events = POLLIN},
            [WATCHED] = {.fd = watched, .events = POLLIN},
        };
        if ((k->signal = signals_next()) != SIGNALS_NONE)
            return KEYS_SIGNAL;
        if (take_key(k, letter, &kind))
            return kind;
        int n = poll(ready, COUNT, timeout_ms);
        if (n < 0 && errno != EINTR)
            return KEYS_END;
        if (n == 0)
            return KEYS_LATE;
        if (n < 0 || ready[SIGNALS].revents)
            continue;
        if (ready[TERMINAL].revents && !read_more(k, 0))
            return KEYS_END;
        if (ready[WATCHED].revents && !ready[TERMINAL].revents)
            return KEYS_SOCKET;
    }
}
