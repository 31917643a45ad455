#include "client/watch.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/columns.h"
#include "client/complain.h"
#include "client/exit_code.h"
#include "client/keys.h"
#include "client/look.h"
#include "client/reading.h"
#include "client/signals.h"
#include "client/table.h"
#include "client/terminal.h"
#include "client/watch_table.h"

// The terminal's second screen, which leaves the first as it was; without a cursor.
#define SCREEN_BEGIN "\033[?1049h\033[?25l"
#define SCREEN_END   "\033[?25h\033[?1049l"
#define HOME         "\033[H"

enum { PATIENCE_MS = 1000 };

static const char help_line[] =
    "q ends, p pauses, j k scroll; sorts by: n name, r req, h hit, m near, w write, "
    "e error, l p50, s p99, i in, o out";

struct watch {
    const struct watch_options *options;
    struct look look;
    struct keys keys;
    struct termios terminal;
    struct watch_order order;
    size_t first; // how many lines are scrolled away
    bool is_paused, is_over;
    bool is_on_screen;
    bool is_late;              // the daemon has not answered for a while
    int64_t asked_ms, next_ms; // when it was asked, and is to be asked again
};

// Appends the lines for the namespaces, below those for the daemon.
static void append_body(const struct watch *w, struct watch_lines *out) {
    const struct reading *before = look_before(&w->look), *now = &w->look.now;
    watch_append_namespaces(out, before, now, w->order);
    if (w->options->namespace && now->namespace_count == 1)
        watch_append_counters(out, before, now);
}

// --- one plain table --------------------------------------------------------------------------

static enum exit_code print_once(struct watch *w) {
    struct timespec interval = {w->options->interval_ms / 1000,
                                w->options->interval_ms % 1000 * 1000000};
    struct watch_lines lines = {0};
    bool is_seen = look_again(&w->look);
    if (is_seen) {
        nanosleep(&interval, NULL);
        is_seen = look_again(&w->look);
    }
    if (!is_seen) {
        complain("%.*s", (int)w->look.trouble.len, w->look.trouble.data);
        return w->look.code;
    }
    watch_append_daemon(&lines, look_before(&w->look), &w->look.now);
    append_body(w, &lines);
    fwrite(lines.text.data, 1, lines.text.len, stdout);
    watch_lines_deinit(&lines);
    return EXIT_ANSWERED;
}

// --- a frame ----------------------------------------------------------------------------------

// Appends a line in its style, cut to the screen's width.
static void append_line(const struct watch *w, struct bytes *frame, struct slice line,
                        const char *style, size_t columns) {
    bool has_style = w->options->has_colour && *style;
    if (has_style)
        bytes_append_slice(frame, slice_of(style));
    bytes_append_slice(frame, columns_cut(line, columns));
    if (has_style)
        bytes_append_literal(frame, TERMINAL_PLAIN);
    bytes_append_literal(frame, TERMINAL_ERASE_LINE "\r\n");
}

static const char *look_of(enum watch_style style) {
    static const char *const looks[] = {[WATCH_STYLE_PLAIN] = "",
                                        [WATCH_STYLE_HEAD] = TERMINAL_INVERT,
                                        [WATCH_STYLE_ALARM] = TERMINAL_RED};
    return looks[style];
}

// Appends the lines from the one at `first` on, `room` of them at most. Returns how many.
static size_t append_lines(const struct watch *w, struct bytes *frame,
                           const struct watch_lines *lines, size_t first, size_t room,
                           size_t columns) {
    struct slice rest = bytes_slice(&lines->text), line;
    size_t shown = 0;
    for (size_t i = 0; table_next_line(&rest, &line); i++)
        if (i >= first && shown < room) {
            append_line(w, frame, line, look_of(lines->styles[i]), columns);
            shown++;
        }
    return shown;
}

static void append_status(const struct watch *w, struct bytes *frame, size_t hidden,
                          size_t columns) {
    struct bytes line = {0};
    const struct bytes *trouble = &w->look.trouble;
    if (trouble->len > 0)
        bytes_printf(&line, "%.*s: trying again", (int)trouble->len, trouble->data);
    else if (w->is_late)
        bytes_append_literal(&line, "the daemon does not answer: q ends");
    else if (w->is_paused)
        bytes_append_literal(&line, "paused: p goes on");
    else if (hidden > 0)
        bytes_printf(&line, "%zu more lines below: j k scroll; q ends", hidden);
    else
        bytes_append_slice(&line, slice_of(help_line));
    bool has_style = w->options->has_colour;
    if (has_style)
        bytes_append_slice(frame, slice_of(trouble->len > 0 ? TERMINAL_RED : TERMINAL_DIM));
    bytes_append_slice(frame, columns_cut(bytes_slice(&line), columns));
    if (has_style)
        bytes_append_literal(frame, TERMINAL_PLAIN);
    bytes_append_literal(frame, TERMINAL_ERASE_DOWN);
    bytes_deinit(&line);
}

// The frame is one write, so that no half of one is seen. The last row has the status, and no line
// end: the screen would scroll.
static void draw(struct watch *w) {
    struct bytes frame = {0};
    struct watch_lines top = {0}, body = {0};
    struct terminal_size size = terminal_size(STDOUT_FILENO);
    size_t room = size.rows - 1;
    if (w->look.has_one) {
        watch_append_daemon(&top, look_before(&w->look), &w->look.now);
        append_body(w, &body);
    }
    bytes_append_literal(&frame, HOME);
    room -= append_lines(w, &frame, &top, 0, room, size.columns);
    size_t hideable = body.count > room ? body.count - room : 0;
    w->first = w->first < hideable ? w->first : hideable;
    append_lines(w, &frame, &body, w->first, room, size.columns);
    append_status(w, &frame, hideable - w->first, size.columns);
    ssize_t written = write(STDOUT_FILENO, frame.data, frame.len);
    (void)written; // a terminal that is gone is noticed where keys are read
    bytes_deinit(&frame);
    watch_lines_deinit(&top);
    watch_lines_deinit(&body);
}

// --- keys -------------------------------------------------------------------------------------

static void begin_screen(void) {
    fputs(SCREEN_BEGIN, stdout);
    fflush(stdout);
}

static void end_screen(void) {
    fputs(SCREEN_END, stdout);
    fflush(stdout);
}

static void suspend(struct watch *w) {
    struct termios ours;
    end_screen();
    terminal_restore(STDIN_FILENO, &w->terminal);
    signals_suspend();
    if (terminal_set_raw(STDIN_FILENO, &ours))
        begin_screen();
}

static void take_signal(struct watch *w) {
    if (w->keys.signal == SIGNALS_SUSPEND)
        suspend(w);
    else if (w->keys.signal != SIGNALS_RESIZE)
        w->is_over = true;
}

// The same key again turns the order round.
static void sort_by(struct watch *w, enum watch_column column) {
    bool is_same = w->order.column == column;
    w->order = (struct watch_order){column, is_same && !w->order.is_reversed};
}

static void take_letter(struct watch *w, wchar_t letter) {
    char key = letter > 0 && letter < 0x7f ? (char)letter : '\0';
    switch (key) {
    case 'q': w->is_over = true; break;
    case 'p': w->is_paused = !w->is_paused; break;
    case 'j': w->first++; break;
    case 'k': w->first -= w->first > 0; break;
    default:
        if (watch_column_of_key(key) != WATCH_COLUMNS)
            sort_by(w, watch_column_of_key(key));
    }
}

// Waits until there is something to do, and does it. Returns false when there was nothing.
static bool take_key(struct watch *w, int timeout_ms) {
    wchar_t letter = 0;
    switch (keys_next(&w->keys, -1, timeout_ms, &letter)) {
    case KEYS_LETTER: take_letter(w, letter); return true;
    case KEYS_SIGNAL: take_signal(w); return true;
    case KEYS_END: w->is_over = true; return true;
    case KEYS_PASTE: return true; // means nothing here
    default: return false;
    }
}

static void wait_for_more(struct watch *w) {
    int64_t left_ms = w->next_ms - clock_ms();
    take_key(w, w->is_paused ? -1 : left_ms > 0 ? (int)left_ms : 0);
}

// A daemon that does not answer must not keep the person from leaving.
static bool is_enough(void *waiter) {
    struct watch *w = waiter;
    bool was_late = w->is_late, has_key = false;
    while (!w->is_over && take_key(w, 0))
        has_key = true;
    w->is_late = clock_ms() - w->asked_ms >= PATIENCE_MS;
    if (w->is_on_screen && !w->is_over && (has_key || w->is_late != was_late))
        draw(w);
    return w->is_over;
}

static void look_in_time(struct watch *w) {
    int64_t now_ms = clock_ms();
    if (w->is_paused || now_ms < w->next_ms)
        return;
    w->next_ms = now_ms + w->options->interval_ms;
    // The status line tells of a fault.
    w->asked_ms = now_ms;
    bool is_seen = look_again(&w->look);
    (void)is_seen;
    w->is_late = false;
}

static void end_session(struct watch *w) {
    terminal_restore(STDIN_FILENO, &w->terminal);
    signals_leave();
}

static enum exit_code show_screen(struct watch *w) {
    if (!terminal_set_raw(STDIN_FILENO, &w->terminal))
        return print_once(w);
    signals_take();
    w->look.is_enough = is_enough;
    w->look.waiter = w;
    w->asked_ms = clock_ms();
    // A namespace that is not there is told before the screen is taken.
    if (!look_again(&w->look)) {
        end_session(w);
        complain("%.*s", (int)w->look.trouble.len, w->look.trouble.data);
        return w->look.code;
    }
    begin_screen();
    w->is_on_screen = true;
    w->is_late = false;
    w->next_ms = clock_ms() + w->options->interval_ms;
    while (!w->is_over) {
        draw(w);
        wait_for_more(w);
        look_in_time(w);
    }
    end_screen();
    end_session(w);
    return EXIT_ANSWERED;
}

int watch_run(struct connection *connection, const struct watch_options *options) {
    struct watch w = {
        .options = options,
        .look = {.connection = connection,
                 .namespace = options->namespace,
                 .renew = options->renew,
                 .owner = options->owner},
        .keys = {.fd = STDIN_FILENO},
        .order = {.column = WATCH_REQUESTS},
    };
    terminal_set_locale();
    bool is_plain = options->is_once || !isatty(STDOUT_FILENO);
    enum exit_code code = is_plain ? print_once(&w) : show_screen(&w);
    look_deinit(&w.look);
    keys_deinit(&w.keys);
    return (int)code;
}
