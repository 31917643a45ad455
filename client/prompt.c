#include "client/prompt.h"

#include <stdio.h>
#include <unistd.h>

#include "client/columns.h"
#include "client/connection.h"
#include "client/editor.h"
#include "client/exit_code.h"
#include "client/form.h"
#include "client/history.h"
#include "client/manual.h"
#include "client/paste.h"
#include "client/request_line.h"
#include "client/table.h"
#include "client/talk.h"
#include "client/terminal.h"
#include "client/watch.h"
#include "client/words.h"
#include "protocol/bytes.h"

struct prompt {
    struct words words;
    struct talk talk;
    struct editor *editor;
    struct history history;
};

enum step {
    STEP_ON,   // the line did what it should
    STEP_FAIL, // it did not; the person has been told why
    STEP_OVER, // it was the last
};

static void complain_here(const struct prompt *p, const char *text) {
    bool has_colour = p->talk.form->has_colour;
    printf("%scaches: %s%s\n", has_colour ? TERMINAL_RED : "", text,
           has_colour ? TERMINAL_PLAIN : "");
}

// --- own commands -----------------------------------------------------------------------------

static void print_bytes(struct bytes *text) {
    fwrite(text->data, 1, text->len, stdout);
    bytes_deinit(text);
}

// The daemon is asked about what is not known here, as `help redis`.
static enum step run_help(struct prompt *p, const struct slice *words, size_t count) {
    struct bytes text = {0};
    if (count == 1)
        manual_append_overview(&text, &p->words, terminal_size(STDOUT_FILENO).columns);
    else if (count > 2 || !manual_append_topic(&text, &p->words, words[1]))
        return talk_request(&p->talk, words, count) == TALK_DONE ? STEP_ON : STEP_FAIL;
    print_bytes(&text);
    return STEP_ON;
}

static enum step run_watch(struct prompt *p, const struct slice *words, size_t count) {
    struct bytes name = {0};
    if (count > 2) {
        complain_here(p, "use watch [N]");
        return STEP_FAIL;
    }
    if (count == 2)
        bytes_append_slice(&name, words[1]);
    bytes_append(&name, "", 1);
    int code = watch_run(p->talk.connection, &(struct watch_options){
                                                 .namespace = count == 2 ? name.data : NULL,
                                                 .interval_ms = WATCH_INTERVAL_MS,
                                                 .has_colour = p->talk.form->has_colour,
                                                 .renew = talk_renew,
                                                 .owner = &p->talk,
                                             });
    bytes_deinit(&name);
    return code == EXIT_ANSWERED ? STEP_ON : STEP_FAIL;
}

static enum step run_clear(struct prompt *p, const struct slice *words, size_t count) {
    (void)p, (void)words, (void)count;
    fputs("\033[H\033[2J", stdout);
    return STEP_ON;
}

static enum step run_exit(struct prompt *p, const struct slice *words, size_t count) {
    (void)p, (void)words, (void)count;
    return STEP_OVER;
}

static const struct own_command {
    const char *name, *syntax, *summary;
    enum step (*run)(struct prompt *p, const struct slice *words, size_t count);
} own_commands[] = {
    {"help", "[verb]", "this, or what is known of a verb, or of a collection's", run_help},
    {"watch", "[N]", "rates of all namespaces, or of one, until q", run_watch},
    {"clear", "", "an empty screen", run_clear},
    {"exit", "", "ends, as Ctrl-D does", run_exit},
};
enum { OWN_COMMANDS = sizeof(own_commands) / sizeof(*own_commands) };

// --- a line -----------------------------------------------------------------------------------

// `auth USER` alone asks for the token, which then is not seen.
static enum step run_auth(struct prompt *p, const struct slice *words) {
    struct bytes token = {0};
    enum step step = STEP_FAIL;
    if (editor_read_secret(p->editor, "Token (not shown): ", &token)) {
        struct slice all[] = {words[0], words[1], bytes_slice(&token)};
        step = talk_request(&p->talk, all, 3) == TALK_DONE ? STEP_ON : STEP_FAIL;
    }
    bytes_deinit(&token);
    return step;
}

// The daemon's own answer to an unknown verb names those of its verbs that are near; it does not
// know the commands of this prompt.
static void guess_own(const struct prompt *p, struct slice name) {
    const struct words_verb *meant =
        words_find(&p->words, name) ? NULL : words_guess(&p->words, name);
    if (meant && meant->is_own)
        printf("did you mean %.*s?\n", (int)meant->name.len, meant->name.data);
}

static enum step run_words(struct prompt *p, const struct slice *words, size_t count) {
    for (size_t i = 0; i < OWN_COMMANDS; i++)
        if (slice_equal_nocase(words[0], slice_of(own_commands[i].name)))
            return own_commands[i].run(p, words, count);
    if (count == 2 && slice_equal_nocase(words[0], SLICE("auth")))
        return run_auth(p, words);
    switch (talk_request(&p->talk, words, count)) {
    case TALK_DONE: return STEP_ON;
    case TALK_OVER: return STEP_OVER;
    default: guess_own(p, words[0]); return STEP_FAIL;
    }
}

static enum step run_line(struct prompt *p, struct slice line) {
    struct request_line request;
    struct bytes error = {0};
    enum step step = STEP_ON;
    if (history_may_keep(line)) {
        editor_remember(p->editor, line);
        history_add(&p->history, line);
    }
    if (!request_line_read(&request, line, &error)) {
        bytes_append(&error, "", 1);
        complain_here(p, error.data);
        step = STEP_FAIL;
    } else if (request.count > 0) {
        step = run_words(p, request.words, request.count);
    }
    request_line_deinit(&request);
    bytes_deinit(&error);
    fflush(stdout);
    return step;
}

// --- a paste ----------------------------------------------------------------------------------

static void show_numbered(size_t number, struct slice line) {
    struct bytes text = {0};
    bytes_printf(&text, "%4zu  ", number);
    columns_append_safe(&text, line);
    bytes_append_literal(&text, "\n");
    print_bytes(&text);
}

static bool ask_whether_to_run(const struct prompt *p, struct slice lines) {
    struct slice rest = lines, line;
    struct bytes question = {0};
    for (size_t number = 1; table_next_line(&rest, &line); number++)
        show_numbered(number, line);
    bytes_printf(&question,
                 "%zu lines were pasted, and none has run. y runs them, any other key drops them: ",
                 paste_count_lines(lines));
    bytes_append(&question, "", 1);
    bool is_wanted = editor_ask(p->editor, question.data) == 'y';
    bytes_deinit(&question);
    return is_wanted;
}

// The first line that fails is the last that runs.
static enum step run_lines(struct prompt *p, struct slice lines) {
    size_t all = paste_count_lines(lines), number = 0;
    struct slice line;
    enum step step = STEP_ON;
    while (step == STEP_ON && table_next_line(&lines, &line)) {
        show_numbered(++number, line);
        step = run_line(p, line);
    }
    if (step == STEP_FAIL && number < all) {
        char text[80];
        snprintf(text, sizeof(text), "stopped there: %zu of %zu lines have not run", all - number,
                 all);
        complain_here(p, text);
    }
    return step;
}

static enum step take_paste(struct prompt *p, struct slice lines) {
    if (ask_whether_to_run(p, lines))
        return run_lines(p, lines);
    printf("dropped\n");
    return STEP_ON;
}

// --- life -------------------------------------------------------------------------------------

static int socket_of(void *owner) {
    const struct prompt *p = owner;
    return connection_fd(p->talk.connection);
}

static void on_socket(void *owner, struct bytes *text) {
    struct prompt *p = owner;
    talk_listen(&p->talk, text);
}

static void load_history(struct prompt *p) {
    struct bytes lines = {0}, error = {0};
    history_open(&p->history, &lines, &error);
    struct slice rest = bytes_slice(&lines), line;
    while (table_next_line(&rest, &line))
        if (line.len > 0)
            editor_remember(p->editor, line);
    if (error.len > 0)
        printf("(no history: %.*s)\n", (int)error.len, error.data);
    bytes_deinit(&lines);
    bytes_deinit(&error);
}

static void greet(const struct prompt *p) {
    printf("%s; help tells more, Ctrl-D ends\n", connection_address(p->talk.connection));
}

static void converse(struct prompt *p) {
    struct bytes line = {0};
    enum step step = STEP_ON;
    while (step != STEP_OVER) {
        bool is_lost = connection_fd(p->talk.connection) < 0;
        switch (editor_read(p->editor, is_lost ? "caches (not connected)> " : "caches> ", &line)) {
        case EDITOR_LINE: step = run_line(p, bytes_slice(&line)); break;
        case EDITOR_PASTE: step = take_paste(p, bytes_slice(&line)); break;
        case EDITOR_INTERRUPT: break;
        case EDITOR_END: step = STEP_OVER; break;
        }
    }
    bytes_deinit(&line);
}

int prompt_run(struct connection *connection, const struct form *form) {
    struct prompt p = {.talk = {.connection = connection, .form = form}};
    struct editor_options options = {
        .words = &p.words,
        .has_colour = form->has_colour,
        .watched = socket_of,
        .on_watched = on_socket,
        .owner = &p,
    };
    terminal_set_locale();
    for (size_t i = 0; i < OWN_COMMANDS; i++)
        words_add(&p.words, own_commands[i].name, own_commands[i].syntax, own_commands[i].summary);
    p.talk.words = &p.words;
    p.editor = p.talk.editor = editor_new(&options);
    talk_ask_words(&p.talk);
    load_history(&p);
    greet(&p);
    converse(&p);
    history_close(&p.history);
    editor_free(p.editor);
    talk_deinit(&p.talk);
    words_deinit(&p.words);
    return EXIT_ANSWERED;
}
