#include "client/talk.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/clock.h"
#include "client/exit_code.h"
#include "client/reply.h"
#include "client/terminal.h"
#include "protocol/answer.h"
#include "protocol/mem.h"

// How long a reply may take before a word is said; how often Ctrl-C is looked for meanwhile; when
// it is worth telling how long it took.
enum { PATIENCE_MS = 2000, LOOK_MS = 50, SLOW_MS = 500 };

static const char PERHAPS[] = ": the request was perhaps applied";

void talk_deinit(struct talk *t) {
    bytes_deinit(&t->user);
    bytes_deinit(&t->token);
}

static void say(const struct talk *t, const char *colour, const char *text) {
    bool has_colour = t->form->has_colour;
    printf("%s%s%s\n", has_colour ? colour : "", text, has_colour ? TERMINAL_PLAIN : "");
}

// --- waiting ----------------------------------------------------------------------------------

enum wait_end { WAIT_READY, WAIT_INTERRUPTED };

// Waits until there is a reply, or none will come, or the person has enough.
static enum wait_end await(struct talk *t) {
    int64_t begun_ms = clock_ms();
    bool is_told = false;
    enum wait_end end = WAIT_READY;
    while (!connection_wait(t->connection, LOOK_MS)) {
        if (editor_is_interrupted(t->editor)) {
            end = WAIT_INTERRUPTED;
            break;
        }
        if (!is_told && clock_ms() - begun_ms >= PATIENCE_MS) {
            is_told = true;
            printf("(waiting for the reply: Ctrl-C gives up)");
            fflush(stdout);
        }
    }
    if (is_told)
        fputs("\r" TERMINAL_ERASE_LINE, stdout);
    return end;
}

// Returns the next reply; NULL when there is none, or the person does not want to wait for it: then
// the connection has ended.
static const struct reply *next_reply(struct talk *t) {
    if (await(t) == WAIT_INTERRUPTED) {
        connection_end(t->connection);
        return NULL;
    }
    return connection_reply(t->connection);
}

// --- connecting again -------------------------------------------------------------------------

static bool is_error(const struct reply *reply) { return !reply || reply->type == EVENT_ERROR; }

void talk_ask_words(struct talk *t) {
    struct slice help = SLICE("help"), namespaces = SLICE("namespaces");
    if (connection_fd(t->connection) < 0)
        return;
    connection_request(t->connection, &help, 1);
    connection_request(t->connection, &namespaces, 1);
    const struct reply *reply = next_reply(t);
    if (!is_error(reply))
        words_take_help(t->words, reply->text);
    if (reply)
        reply = next_reply(t);
    // Before `auth` the daemon may not tell of its namespaces.
    words_take_namespaces(t->words, is_error(reply) ? (struct slice){0} : reply->text);
}

// Says again who asks, where that was said here.
static bool authenticate(struct talk *t, struct bytes *error) {
    struct slice words[] = {SLICE("auth"), bytes_slice(&t->user), bytes_slice(&t->token)};
    if (t->user.len == 0)
        return true;
    connection_request(t->connection, words, 3);
    const struct reply *reply = next_reply(t);
    if (!is_error(reply))
        return true;
    bytes_append_slice(error, reply ? reply->text : slice_of(connection_trouble(t->connection)));
    connection_end(t->connection);
    return false;
}

bool talk_renew(void *owner, struct bytes *error) {
    struct talk *t = owner;
    enum exit_code code;
    t->is_lost = !connection_renew(t->connection, error, &code) || !authenticate(t, error);
    return !t->is_lost;
}

// Connects again. Returns whether requests can be sent, or says why not.
static bool reconnect(struct talk *t) {
    struct bytes error = {0}, text = {0};
    bool is_there = talk_renew(t, &error);
    if (is_there) {
        talk_ask_words(t);
        is_there = connection_fd(t->connection) >= 0;
        if (is_there)
            say(t, TERMINAL_DIM, "(connected again)");
        else
            bytes_append_slice(&error, slice_of(connection_trouble(t->connection)));
    }
    if (!is_there) {
        bytes_printf(&text, "caches: %s: %.*s: the request was not sent",
                     connection_address(t->connection), (int)error.len, error.data);
        bytes_append(&text, "", 1);
        say(t, TERMINAL_RED, text.data);
        t->is_lost = true;
    }
    bytes_deinit(&error);
    bytes_deinit(&text);
    return is_there;
}

// --- a request and its reply ------------------------------------------------------------------

static void show(const struct talk *t, struct slice verb, const struct reply *reply) {
    form_write(t->form, verb, reply, stdout);
}

// Tells why the connection has ended, and what that means for the request.
static enum talk_end lose(struct talk *t, const char *meaning) {
    struct bytes text = {0};
    bytes_printf(&text, "caches: %s%s", connection_trouble(t->connection), meaning);
    bytes_append(&text, "", 1);
    say(t, TERMINAL_RED, text.data);
    bytes_deinit(&text);
    t->is_lost = true;
    return TALK_FAILED;
}

static bool is_verb(struct slice word, const char *name) {
    return slice_equal_nocase(word, slice_of(name));
}

// The daemon may know other verbs, namespaces or rights from now on.
static void learn(struct talk *t, const struct slice *words, size_t count) {
    bool is_auth = is_verb(*words, "auth") && count == 3;
    if (is_auth || is_verb(*words, "reset"))
        t->user.len = t->token.len = 0;
    if (is_auth) {
        bytes_append_slice(&t->user, words[1]);
        bytes_append_slice(&t->token, words[2]);
    }
    if (is_auth || is_verb(*words, "reset") || is_verb(*words, "reload") ||
        is_verb(*words, "hello"))
        talk_ask_words(t);
}

// `tap` goes on replying until the client says more, whose reply is the one that ends it.
static enum talk_end listen_to_tap(struct talk *t, struct slice verb) {
    struct slice ping[] = {SLICE("ping"), SLICE("tap-has-ended")};
    bool is_ending = false;
    say(t, TERMINAL_DIM, "(Ctrl-C ends)");
    for (;;) {
        fflush(stdout);
        bool is_interrupted = await(t) == WAIT_INTERRUPTED;
        if (is_interrupted && !is_ending) {
            connection_request(t->connection, ping, 2);
            is_ending = true;
            continue;
        }
        if (is_interrupted) // once more: the daemon does not even end the tap
            connection_end(t->connection);
        const struct reply *reply = connection_reply(t->connection);
        if (!reply)
            return lose(t, "");
        if (is_ending && reply->type == EVENT_BULK && slice_equal(reply->text, ping[1]))
            return TALK_DONE;
        show(t, verb, reply);
    }
}

static enum talk_end take_reply(struct talk *t, const struct slice *words, size_t count) {
    const struct reply *reply = next_reply(t);
    if (!reply)
        return lose(t, connection_is_refused(t->connection) ? "" : PERHAPS);
    show(t, *words, reply);
    if (reply_exit_code(reply) == EXIT_PERHAPS)
        say(t, TERMINAL_DIM, "(the request was perhaps applied)");
    if (reply_is_of_down(reply))
        say(t, TERMINAL_DIM, "(backends has the reason)");
    if (reply->type == EVENT_ERROR)
        return TALK_FAILED;
    if (is_verb(*words, "tap"))
        return listen_to_tap(t, *words);
    if (is_verb(*words, "quit"))
        return TALK_OVER;
    learn(t, words, count);
    return TALK_DONE;
}

enum talk_end talk_request(struct talk *t, const struct slice *words, size_t count) {
    if (connection_fd(t->connection) < 0 && !reconnect(t))
        return TALK_FAILED;
    int64_t begun_ms = clock_ms();
    connection_request(t->connection, words, count);
    enum talk_end end = take_reply(t, words, count);
    int64_t took_ms = clock_ms() - begun_ms;
    if (took_ms >= SLOW_MS && end == TALK_DONE && !is_verb(*words, "tap")) {
        char text[48];
        snprintf(text, sizeof(text), "(%.1f s)", (double)took_ms / 1000);
        say(t, TERMINAL_DIM, text);
    }
    return end;
}

// --- what is not asked for --------------------------------------------------------------------

static void append_shown(struct talk *t, const struct reply *reply, struct bytes *text) {
    char *shown = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&shown, &len);
    if (!stream)
        mem_out();
    form_write(t->form, SLICE(""), reply, stream);
    fclose(stream);
    bytes_append_literal(text, "the daemon says: ");
    bytes_append(text, shown, len);
    free(shown);
}

void talk_listen(struct talk *t, struct bytes *text) {
    while (connection_wait(t->connection, 0)) {
        if (connection_fd(t->connection) < 0 && t->is_lost)
            return;
        const struct reply *reply = connection_reply(t->connection);
        if (reply) {
            append_shown(t, reply, text);
            continue;
        }
        t->is_lost = true;
        bytes_printf(text, "caches: %s; the next request connects again\n",
                     connection_trouble(t->connection));
        return;
    }
}
