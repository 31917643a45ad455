#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/columns.h"
#include "client/terminal.h"

enum { BAR = 30, DRAW_EACH_MS = 100, SETTLED_MS = 1000 };

void progress_start(struct progress *p, const char *what, uint64_t total) {
    *p = (struct progress){.what = what, .total = total, .started_ms = clock_ms()};
    p->is_shown = isatty(STDERR_FILENO);
    p->drawn_ms = p->started_ms - DRAW_EACH_MS;
}

// Appends a number with a comma behind each thousand.
static void append_number(struct bytes *out, uint64_t number) {
    if (number >= 1000) {
        append_number(out, number / 1000);
        bytes_printf(out, ",%03" PRIu64, number % 1000);
    } else {
        bytes_printf(out, "%" PRIu64, number);
    }
}

static void append_bar(struct bytes *out, const struct progress *p, uint64_t done) {
    size_t filled = (size_t)((double)done / (double)p->total * BAR);
    bytes_append_literal(out, " [");
    for (size_t i = 0; i < BAR; i++)
        bytes_append(out, i < filled ? "#" : "-", 1);
    bytes_printf(out, "] %3u %%", (unsigned)((double)done / (double)p->total * 100));
}

static void append_left(struct bytes *out, uint64_t seconds) {
    if (seconds >= 3600)
        bytes_printf(out, "  %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", seconds / 3600,
                     seconds / 60 % 60, seconds % 60);
    else
        bytes_printf(out, "  %" PRIu64 ":%02" PRIu64 " left", seconds / 60, seconds % 60);
}

void progress_append(struct bytes *out, const struct progress *p, int64_t now_ms, size_t columns) {
    struct bytes line = {0};
    int64_t took_ms = now_ms - p->started_ms;
    // More than was expected may be done: keys are written meanwhile.
    uint64_t done = p->total > 0 && p->done > p->total ? p->total : p->done;
    bytes_append_slice(&line, slice_of(p->what));
    if (p->total > 0)
        append_bar(&line, p, done);
    bytes_append_literal(&line, "  ");
    append_number(&line, p->done);
    if (p->total > 0) {
        bytes_append_literal(&line, " of ");
        append_number(&line, p->total);
    }
    if (took_ms >= SETTLED_MS && p->done > 0) {
        double each_second = (double)p->done * 1000 / (double)took_ms;
        bytes_append_literal(&line, "  ");
        append_number(&line, (uint64_t)each_second);
        bytes_append_literal(&line, "/s");
        if (p->total > 0)
            append_left(&line, (uint64_t)((double)(p->total - done) / each_second));
    }
    bytes_append_slice(out, columns_cut(bytes_slice(&line), columns));
    bytes_deinit(&line);
}

void progress_tell(struct progress *p, uint64_t done) {
    int64_t now_ms = clock_ms();
    p->done = done;
    if (!p->is_shown || now_ms - p->drawn_ms < DRAW_EACH_MS)
        return;
    struct bytes text = {0};
    p->drawn_ms = now_ms;
    bytes_append_literal(&text, "\r");
    progress_append(&text, p, now_ms, terminal_size(STDERR_FILENO).columns - 1);
    bytes_append_literal(&text, TERMINAL_ERASE_LINE);
    fwrite(text.data, 1, text.len, stderr);
    bytes_deinit(&text);
}

void progress_hide(struct progress *p) {
    if (p->is_shown && p->drawn_ms >= p->started_ms)
        fputs("\r" TERMINAL_ERASE_LINE, stderr);
    p->drawn_ms = p->started_ms - DRAW_EACH_MS;
}
