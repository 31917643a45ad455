#include "client/editor.h"

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/columns.h"
#include "client/hint.h"
#include "client/history.h"
#include "client/keys.h"
#include "client/listing.h"
#include "client/paste.h"
#include "client/signals.h"
#include "client/terminal.h"
#include "client/wide.h"
#include "protocol/mem.h"

enum { CTRL_D = 4, BACKSPACE = 8, TAB = 9, ESCAPE = 27, DELETE = 0x7f };

// Why libedit was told that no key will come any more.
enum pending { PENDING_NONE, PENDING_LINES, PENDING_INTERRUPT, PENDING_END };

struct editor {
    const struct editor_options *options;
    EditLine *el;
    History *history;
    struct keys keys;
    struct termios cooked; // the terminal's mode before and behind the editor
    const char *prompt;
    enum pending pending;
    enum keys_kind kept; // what else came, and is still to be taken; KEYS_LETTER: nothing
    struct bytes lines;  // of a paste, for PENDING_LINES
};

// --- the line as it stands --------------------------------------------------------------------

static void append_line(const struct editor *e, struct bytes *before, struct bytes *after) {
    const LineInfoW *line = el_wline(e->el);
    wide_append(before, line->buffer, (size_t)(line->cursor - line->buffer));
    wide_append(after, line->cursor, (size_t)(line->lastchar - line->cursor));
}

// Returns the column of the cursor behind the prompt and the text before it, counted on from the
// first row.
static size_t cursor_column(const struct editor *e, struct slice before, size_t columns) {
    size_t at = columns_of(slice_of(e->prompt)), width;
    for (size_t i = 0; i < before.len; at += width) {
        i += columns_first((struct slice){before.data + i, before.len - i}, &width);
        if (at % columns + width > columns) // a wide letter does not fit the row's last column
            at += 1;
    }
    return at;
}

// Moves to where the prompt begins, and wipes away all from there on.
static void wipe_line(const struct editor *e) {
    struct bytes before = {0}, after = {0};
    size_t columns = terminal_size(STDOUT_FILENO).columns;
    append_line(e, &before, &after);
    size_t rows = cursor_column(e, bytes_slice(&before), columns) / columns;
    if (rows > 0)
        printf("\033[%zuA", rows);
    fputs("\r" TERMINAL_ERASE_DOWN, stdout);
    bytes_deinit(&before);
    bytes_deinit(&after);
}

static void draw_again(struct editor *e) {
    el_set(e->el, EL_REFRESH);
    fflush(stdout);
}

// Inserts a text at the cursor.
static void insert(struct editor *e, struct slice text) {
    char *copy = mem_text_of(text.data, text.len);
    wipe_line(e);
    el_insertstr(e->el, copy); // one that is longer than libedit's line is left out
    draw_again(e);
    mem_free(copy);
}

// Returns whether Ctrl-R asks for a text: libedit keeps that question in the line, behind a line
// end.
static bool is_searching(const struct editor *e) {
    const LineInfoW *line = el_wline(e->el);
    return wmemchr(line->buffer, L'\n', (size_t)(line->lastchar - line->buffer)) != NULL;
}

// Shows a text where the line is, and the line below.
static void show_above(struct editor *e, struct slice text) {
    wipe_line(e);
    fwrite(text.data, 1, text.len, stdout);
    draw_again(e);
}

// --- hints ------------------------------------------------------------------------------------

// Draws the hint and returns whether there is one. It must not reach the row's end: the terminal
// would go on in the next.
static bool show_hint(const struct editor *e) {
    struct bytes before = {0}, after = {0}, hint = {0};
    if (!e->options->has_colour)
        return false;
    append_line(e, &before, &after);
    if (after.len == 0 && !is_searching(e))
        hint_append(&hint, e->options->words, bytes_slice(&before));
    size_t columns = terminal_size(STDOUT_FILENO).columns;
    size_t room = columns - cursor_column(e, bytes_slice(&before), columns) % columns - 1;
    struct slice shown = columns_cut(bytes_slice(&hint), room);
    if (shown.len > 0)
        printf("\0337" TERMINAL_DIM "%.*s" TERMINAL_PLAIN "\0338", (int)shown.len, shown.data);
    fflush(stdout);
    bytes_deinit(&before);
    bytes_deinit(&after);
    bytes_deinit(&hint);
    return shown.len > 0;
}

static void hide_hint(void) {
    fputs(TERMINAL_ERASE_LINE, stdout);
    fflush(stdout);
}

// --- what comes beside keys -------------------------------------------------------------------

static bool ends_in_quotes(struct slice line) {
    bool is_quoted = false;
    for (size_t i = 0; i < line.len; i++) {
        if (is_quoted && line.data[i] == '\\')
            i++;
        else if (line.data[i] == '"')
            is_quoted = !is_quoted;
    }
    return is_quoted;
}

// Makes the lines of a paste whole by what stands around them. None of them runs before the person
// has seen them.
static enum pending take_lines(struct editor *e, struct slice before, struct slice after) {
    e->lines.len = 0;
    bytes_append_slice(&e->lines, before);
    bytes_append_slice(&e->lines, bytes_slice(&e->keys.paste));
    bytes_append_slice(&e->lines, after);
    return PENDING_LINES;
}

// Within quotes a paste is data, and stays one word. Elsewhere one line is typing that has not been
// run.
static enum pending take_paste(struct editor *e) {
    struct bytes before = {0}, after = {0}, text = {0};
    enum pending pending = PENDING_NONE;
    append_line(e, &before, &after);
    if (ends_in_quotes(bytes_slice(&before))) {
        paste_append_quoted(&text, bytes_slice(&e->keys.paste));
        insert(e, bytes_slice(&text));
    } else {
        paste_clean(&e->keys.paste);
        if (paste_count_lines(bytes_slice(&e->keys.paste)) > 1)
            pending = take_lines(e, bytes_slice(&before), bytes_slice(&after));
        else
            insert(e, bytes_slice(&e->keys.paste));
    }
    bytes_deinit(&before);
    bytes_deinit(&after);
    bytes_deinit(&text);
    return pending;
}

static enum pending take_any_paste(struct editor *e) {
    if (!e->keys.is_paste_cut)
        return take_paste(e);
    show_above(e,
               SLICE("caches: a paste of more than 1 MB was dropped: `caches -` reads a script\n"));
    return PENDING_NONE;
}

// Between two lines, what is typed is not shown: it will be, behind the next prompt.
static void hush(void) {
    struct termios before;
    bool is_terminal = terminal_set_raw(STDIN_FILENO, &before);
    (void)is_terminal; // one that has gone is noticed where keys are read
}

static void suspend(struct editor *e, bool is_editing) {
    if (is_editing)
        el_set(e->el, EL_PREP_TERM, 0);
    terminal_restore(STDIN_FILENO, &e->cooked);
    keys_mark_pastes(STDOUT_FILENO, false);
    signals_suspend();
    keys_mark_pastes(STDOUT_FILENO, true);
    hush();
    if (is_editing)
        el_set(e->el, EL_PREP_TERM, 1);
}

static void resize(struct editor *e) {
    wipe_line(e);
    el_resize(e->el);
    draw_again(e);
}

static enum pending take_signal(struct editor *e) {
    switch (e->keys.signal) {
    case SIGNALS_RESIZE: resize(e); return PENDING_NONE;
    case SIGNALS_SUSPEND:
        suspend(e, true);
        draw_again(e);
        return PENDING_NONE;
    case SIGNALS_INTERRUPT: return PENDING_INTERRUPT;
    case SIGNALS_END: return PENDING_END;
    default: return PENDING_NONE;
    }
}

static void take_watched(struct editor *e) {
    struct bytes text = {0};
    e->options->on_watched(e->options->owner, &text);
    if (text.len > 0)
        show_above(e, bytes_slice(&text));
    bytes_deinit(&text);
}

static enum pending take_other(struct editor *e, enum keys_kind kind) {
    switch (kind) {
    case KEYS_PASTE: return take_any_paste(e);
    case KEYS_SIGNAL: return take_signal(e);
    case KEYS_SOCKET: take_watched(e); return PENDING_NONE;
    default: return PENDING_END;
    }
}

// --- Tab --------------------------------------------------------------------------------------

static void show_list(struct editor *e, struct slice list) {
    struct bytes before = {0}, after = {0}, text = {0};
    append_line(e, &before, &after);
    bytes_printf(&text, "%s", e->prompt);
    bytes_append_slice(&text, bytes_slice(&before));
    bytes_append_slice(&text, bytes_slice(&after));
    bytes_append_literal(&text, "\n");
    bytes_append_slice(&text, list);
    show_above(e, bytes_slice(&text));
    bytes_deinit(&before);
    bytes_deinit(&after);
    bytes_deinit(&text);
}

static void complete(struct editor *e) {
    struct bytes before = {0}, after = {0}, more = {0}, list = {0};
    append_line(e, &before, &after);
    listing_complete(e->options->words, bytes_slice(&before), &more,
                     terminal_size(STDOUT_FILENO).columns, &list);
    if (more.len > 0)
        insert(e, bytes_slice(&more));
    else if (list.len > 0)
        show_list(e, bytes_slice(&list));
    else
        el_beep(e->el);
    bytes_deinit(&before);
    bytes_deinit(&after);
    bytes_deinit(&more);
    bytes_deinit(&list);
}

// --- libedit's question for the next key -------------------------------------------------------

static enum keys_kind next_of_any(struct editor *e, wchar_t *letter) {
    bool has_hint = show_hint(e);
    int watched = e->options->watched(e->options->owner);
    enum keys_kind kind = keys_next(&e->keys, watched, -1, letter);
    if (has_hint)
        hide_hint();
    return kind;
}

// Returns 1 when there is a key, else 0: libedit then ends the line, and `pending` says why.
static int next_key(EditLine *el, wchar_t *letter) {
    struct editor *e;
    el_get(el, EL_CLIENTDATA, &e);
    while (e->pending == PENDING_NONE) {
        enum keys_kind kind = e->kept != KEYS_LETTER ? e->kept : next_of_any(e, letter);
        e->kept = KEYS_LETTER;
        if (kind == KEYS_LETTER && (*letter != TAB || is_searching(e)))
            return 1;
        if (is_searching(e)) { // the search ends first: it has a line of its own
            e->kept = kind;
            *letter = ESCAPE;
            return 1;
        }
        if (kind == KEYS_LETTER)
            complete(e);
        else
            e->pending = take_other(e, kind);
    }
    return 0;
}

// --- life -------------------------------------------------------------------------------------

static char *show_prompt(EditLine *el) {
    struct editor *e;
    el_get(el, EL_CLIENTDATA, &e);
    return (char *)e->prompt;
}

// The keys that terminals send for these differ, and libedit binds only some.
static void bind_keys(EditLine *el) {
    static const char *const keys[][2] = {
        {"^R", "em-inc-search-prev"}, {"\\e[1~", "ed-move-to-beg"},
        {"\\e[H", "ed-move-to-beg"},  {"\\eOH", "ed-move-to-beg"},
        {"\\e[4~", "ed-move-to-end"}, {"\\e[F", "ed-move-to-end"},
        {"\\eOF", "ed-move-to-end"},  {"\\e[3~", "ed-delete-next-char"},
        {"\\e[1;5C", "em-next-word"}, {"\\e[1;5D", "ed-prev-word"},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
}

struct editor *editor_new(const struct editor_options *options) {
    struct editor *e = mem_new(sizeof(*e));
    HistEvent event;
    *e = (struct editor){.options = options, .keys = {.fd = STDIN_FILENO}, .prompt = ""};
    signals_take();
    tcgetattr(STDIN_FILENO, &e->cooked);
    e->el = el_init("caches", stdin, stdout, stderr);
    e->history = history_init();
    if (!e->el || !e->history)
        mem_out();
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_PROMPT, show_prompt);
    history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->el, EL_HIST, history, e->history);
    bind_keys(e->el);
    el_source(e->el, NULL); // what the person likes better: ~/.editrc
    el_wset(e->el, EL_GETCFN, next_key);
    keys_mark_pastes(STDOUT_FILENO, true);
    hush();
    return e;
}

void editor_free(struct editor *e) {
    keys_mark_pastes(STDOUT_FILENO, false);
    el_end(e->el);
    terminal_restore(STDIN_FILENO, &e->cooked);
    history_end(e->history);
    keys_deinit(&e->keys);
    bytes_deinit(&e->lines);
    signals_leave();
    mem_free(e);
}

void editor_remember(struct editor *e, struct slice line) {
    HistEvent event;
    char *text = mem_text_of(line.data, line.len);
    history(e->history, &event, H_ENTER, text);
    mem_free(text);
}

enum editor_result editor_read(struct editor *e, const char *prompt, struct bytes *line) {
    int count = 0;
    e->prompt = prompt;
    e->pending = PENDING_NONE;
    e->kept = KEYS_LETTER;
    line->len = 0;
    el_resize(e->el); // the size may have changed while nobody typed
    const wchar_t *typed = el_wgets(e->el, &count);
    hush();
    enum pending pending = e->pending;
    e->pending = PENDING_NONE;
    if (pending == PENDING_NONE && typed && count > 0) {
        wide_append(line, typed, (size_t)count);
        while (line->len > 0 &&
               (line->data[line->len - 1] == '\n' || line->data[line->len - 1] == '\r'))
            line->len--;
        return EDITOR_LINE;
    }
    fputs("\n", stdout);
    if (pending == PENDING_LINES)
        bytes_append_slice(line, bytes_slice(&e->lines));
    if (pending == PENDING_INTERRUPT)
        return EDITOR_INTERRUPT;
    return pending == PENDING_LINES ? EDITOR_PASTE : EDITOR_END;
}

// --- beside lines -----------------------------------------------------------------------------

// Waits for a key or a paste; KEYS_END for whatever ends the question.
static enum keys_kind plain_key(struct editor *e, wchar_t *letter) {
    for (;;) {
        enum keys_kind kind = keys_next(&e->keys, -1, -1, letter);
        if (kind == KEYS_LETTER && *letter == CTRL_D)
            return KEYS_END;
        if (kind != KEYS_SIGNAL)
            return kind;
        if (e->keys.signal == SIGNALS_SUSPEND)
            suspend(e, false);
        else if (e->keys.signal != SIGNALS_RESIZE)
            return KEYS_END;
    }
}

// A paste is no answer.
static wchar_t answer_of(struct editor *e) {
    wchar_t letter = 0;
    enum keys_kind kind;
    do
        kind = plain_key(e, &letter);
    while (kind == KEYS_PASTE);
    return kind == KEYS_LETTER ? letter : 0;
}

char editor_ask(struct editor *e, const char *question) {
    fputs(question, stdout);
    fflush(stdout);
    wchar_t letter = answer_of(e);
    bool is_plain = letter > ' ' && letter < 0x7f;
    char answer = is_plain ? slice_lower((char)letter) : '\0';
    printf("%.*s\n", is_plain, &answer);
    return answer;
}

// Takes the last letter away, which may have several bytes.
static void erase_letter(struct bytes *line) {
    while (line->len > 0 && (line->data[line->len - 1] & 0xc0) == 0x80)
        line->len--;
    line->len -= line->len > 0;
}

static bool collect_secret(struct editor *e, struct bytes *line) {
    enum keys_kind kind;
    wchar_t letter;
    while ((kind = plain_key(e, &letter)) != KEYS_END) {
        if (kind == KEYS_PASTE) {
            paste_clean(&e->keys.paste);
            bytes_append_slice(line, bytes_slice(&e->keys.paste));
        } else if (letter == L'\n' || letter == L'\r') {
            return true;
        } else if (letter == BACKSPACE || letter == DELETE) {
            erase_letter(line);
        } else {
            wide_append(line, &letter, 1);
        }
    }
    return false;
}

bool editor_read_secret(struct editor *e, const char *prompt, struct bytes *line) {
    line->len = 0;
    fputs(prompt, stdout);
    fflush(stdout);
    bool is_whole = collect_secret(e, line);
    fputs("\n", stdout);
    return is_whole;
}

bool editor_is_interrupted(struct editor *e) {
    switch (signals_next()) {
    case SIGNALS_SUSPEND: suspend(e, false); return false;
    case SIGNALS_INTERRUPT:
    case SIGNALS_END: return true;
    default: return false;
    }
}
