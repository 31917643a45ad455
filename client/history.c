#include "client/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/draft.h"
#include "client/request_line.h"

static bool is_word(struct slice word, const char *name) {
    return slice_equal_nocase(word, slice_of(name));
}

// Returns whether the words are a request that may bring a token, or one that has another
// explained.
static bool has_token(const struct slice *words, size_t count) {
    while (count > 0 && is_word(*words, "explain")) {
        words++;
        count--;
    }
    return count > 0 && (is_word(*words, "auth") || is_word(*words, "hello"));
}

bool history_may_keep(struct slice line) {
    struct request_line read;
    struct bytes error = {0};
    struct draft draft;
    if (line.len == 0 || *line.data == ' ')
        return false;
    bool is_good = request_line_read(&read, line, &error);
    bool is_secret = has_token(read.words, read.count);
    if (!is_good) { // a slip of the hand may still hold a token
        draft_read(&draft, line);
        size_t count = draft.count < DRAFT_WORDS ? draft.count : DRAFT_WORDS;
        for (size_t i = 0; i < count; i++)
            is_secret = is_secret || has_token(&draft.words[i], 1);
        is_secret = is_secret || *line.data == '"';
    }
    request_line_deinit(&read);
    bytes_deinit(&error);
    return !is_secret;
}

// Makes the folders of a path, where they are not there.
static bool make_folders(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool is_there = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!is_there)
            return false;
    }
    return true;
}

static bool find_path(struct bytes *path) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        bytes_printf(path, "%s/caches/history", state);
    else if (home && *home == '/')
        bytes_printf(path, "%s/.local/state/caches/history", home);
    bytes_append(path, "", 1);
    return path->len > 1;
}

static bool refuse(struct bytes *error, const char *path, const char *why) {
    bytes_printf(error, "%s: %s", path, why);
    return false;
}

static bool open_file(struct history *h, struct bytes *error) {
    struct stat stat;
    if (!find_path(&h->path))
        return refuse(error, "history", "neither $HOME nor $XDG_STATE_HOME is an absolute path");
    const char *path = h->path.data;
    if (!make_folders(h->path.data))
        return refuse(error, path, strerror(errno));
    h->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (h->fd < 0 || fstat(h->fd, &stat) < 0)
        return refuse(error, path, strerror(errno));
    if (!S_ISREG(stat.st_mode))
        return refuse(error, path, "it is no file");
    if ((stat.st_mode & 0777) != 0600 && fchmod(h->fd, 0600) < 0)
        return refuse(error, path, strerror(errno));
    return true;
}

static void read_file(int fd, struct bytes *text) {
    enum { STEP = 64 * 1024 };
    ssize_t n;
    while ((n = read(fd, bytes_reserve(text, STEP), STEP)) > 0)
        bytes_grew(text, (size_t)n);
}

// Returns where the last `count` lines begin; `all` is set to how many there are.
static size_t last_lines(const struct bytes *text, size_t count, size_t *all) {
    size_t begin = 0;
    *all = 0;
    for (size_t i = text->len; i-- > 0;) {
        if (text->data[i] == '\n' && ++*all == count + 1)
            begin = i + 1;
    }
    return begin;
}

// Writes the lines to a file beside, which then takes the place of the old one.
static void replace_file(struct history *h, const struct bytes *lines) {
    struct bytes path = {0};
    bytes_printf(&path, "%s.%d", h->path.data, (int)getpid());
    bytes_append(&path, "", 1);
    int fd = open(path.data, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_written = fd >= 0 && write(fd, lines->data, lines->len) == (ssize_t)lines->len;
    if (is_written && rename(path.data, h->path.data) == 0) {
        close(h->fd);
        h->fd = fd;
    } else if (fd >= 0) {
        unlink(path.data);
        close(fd);
    }
    bytes_deinit(&path);
}

void history_open(struct history *h, struct bytes *lines, struct bytes *error) {
    size_t all;
    *h = (struct history){.fd = -1};
    if (!open_file(h, error)) {
        history_close(h);
        return;
    }
    read_file(h->fd, lines);
    bytes_consume(lines, last_lines(lines, HISTORY_LINES, &all));
    if (all > 2 * HISTORY_LINES)
        replace_file(h, lines);
}

void history_add(struct history *h, struct slice line) {
    struct bytes text = {0};
    if (h->fd < 0)
        return;
    bytes_append_slice(&text, line);
    bytes_append_literal(&text, "\n");
    // A line that can't be written is not worth a word: it has run.
    ssize_t written = write(h->fd, text.data, text.len);
    (void)written;
    bytes_deinit(&text);
}

void history_close(struct history *h) {
    if (h->fd >= 0)
        close(h->fd);
    bytes_deinit(&h->path);
    *h = (struct history){.fd = -1};
}
