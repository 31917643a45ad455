#include "client/script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/complain.h"
#include "client/connection.h"
#include "client/line_input.h"
#include "client/reply.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"
#include "protocol/parser.h"

enum { READ_SIZE = 64 * 1024, MAX_REQUEST = 512 * 1024 * 1024, LONGEST_VERB = 32 };

// A request that has got no reply yet.
struct sent {
    uint64_t line;
    char verb[LONGEST_VERB]; // cut where it is longer: no verb is
};

struct script {
    const struct job *job;
    struct bytes in; // what was read; the request at hand begins at `at`
    size_t at;
    uint64_t line;         // of the request at hand, from 1
    size_t first_line_len; // of the request at hand; 0: its end has not come
    struct parser parser;
    struct slice *words; // of the request at hand
    struct sent *sent;   // a ring of `ahead` requests
    size_t ahead, first;
    uint64_t error_line; // of the error that stopped the script; 0: none
    bool has_quit;       // `quit` was sent
    bool is_ended;       // nothing more is to be sent
    enum exit_code code;
};

// --- requests ---------------------------------------------------------------------------------

// Reads more of standard input. At its end, a last line without its end gets one.
static void read_more(struct script *s) {
    ssize_t n;
    bytes_consume(&s->in, s->at);
    s->at = 0;
    fflush(stdout);
    do
        n = read(STDIN_FILENO, bytes_reserve(&s->in, READ_SIZE), READ_SIZE);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        bytes_grew(&s->in, (size_t)n);
        return;
    }
    s->is_ended = true;
    if (n < 0) {
        complain("standard input: %s", strerror(errno));
        s->code = EXIT_USAGE;
    } else if (s->in.len > 0 && s->in.data[s->in.len - 1] != '\n') {
        bytes_append_literal(&s->in, "\n");
    }
}

static uint64_t count_lines(const char *from, const char *end) {
    uint64_t count = 0;
    while (from < end && (from = memchr(from, '\n', (size_t)(end - from)))) {
        from++;
        count++;
    }
    return count;
}

// Leaves the request at hand, or the line, which has so many bytes. Its first line is counted as
// one, since the parser may have put line ends into its words.
static void pass(struct script *s, size_t size) {
    const char *start = s->in.data + s->at;
    s->line += 1 + count_lines(start + s->first_line_len, start + size);
    s->at += size;
    s->first_line_len = 0;
}

// Finds out where the first line of the request at hand ends. Returns whether it has come.
static bool find_line_end(struct script *s) {
    const char *start = s->in.data + s->at, *end;
    if (s->first_line_len > 0)
        return true;
    end = s->in.len > s->at ? memchr(start, '\n', s->in.len - s->at) : NULL;
    if (end)
        s->first_line_len = (size_t)(end + 1 - start);
    return end != NULL;
}

static void refuse(struct script *s, const char *why) {
    complain("line %" PRIu64 ": %s", s->line, why);
    s->code = EXIT_USAGE;
    s->is_ended = true;
    s->at = s->in.len;
}

// Reads the next request out of the bytes that have come. Returns PARSER_REQUEST when there is one,
// PARSER_MORE when more bytes are needed.
static enum parser_result parse(struct script *s) {
    for (;;) {
        size_t left = s->in.len - s->at;
        bool has_line = find_line_end(s);
        if (has_line && s->in.data[s->at] == '#') {
            pass(s, s->first_line_len);
            continue;
        }
        enum parser_result result =
            left > 0 ? parser_next(&s->parser, s->in.data + s->at, left) : PARSER_MORE;
        if (result == PARSER_ERROR)
            refuse(s, s->parser.error);
        if (result != PARSER_NOTHING)
            return result == PARSER_ERROR ? PARSER_MORE : result;
        pass(s, s->parser.consumed);
    }
}

static void send_request(struct script *s) {
    size_t count = s->parser.count;
    struct connection *c = s->job->connection;
    struct sent *sent = &s->sent[(s->first + connection_under_way(c)) % s->ahead];
    s->words = mem_resize(s->words, (count + 1) * sizeof(*s->words));
    parser_words(&s->parser, s->in.data + s->at, s->words);
    sent->line = s->line;
    snprintf(sent->verb, sizeof(sent->verb), "%.*s", (int)s->words[0].len, s->words[0].data);
    if (slice_equal_nocase(s->words[0], SLICE("tap"))) {
        refuse(s, "a tap replies for ever: use `caches tap` instead");
        return;
    }
    connection_request(c, s->words, count);
    s->has_quit = count == 1 && slice_equal_nocase(s->words[0], SLICE("quit"));
    pass(s, s->parser.consumed);
}

// Sends the next request, when there is one without making replies wait for it. Returns whether it
// did.
static bool send_next(struct script *s) {
    while (!s->is_ended || s->at < s->in.len) {
        if (parse(s) == PARSER_REQUEST) {
            if (s->has_quit)
                refuse(s, "not sent, and none behind it, since it stands behind quit");
            else
                send_request(s);
            return true;
        }
        if (s->is_ended) {
            if (s->at < s->in.len)
                refuse(s, "the input ends inside of a request");
            return false;
        }
        if (connection_under_way(s->job->connection) > 0 && !line_input_is_ready(0))
            return false;
        read_more(s);
    }
    return false;
}

// --- replies ----------------------------------------------------------------------------------

static bool is_graver(enum exit_code code, enum exit_code than) {
    static const int gravity[] = {[EXIT_ANSWERED] = 0, [EXIT_NIL] = 1,       [EXIT_REFUSED] = 2,
                                  [EXIT_USAGE] = 3,    [EXIT_NO_DAEMON] = 4, [EXIT_PERHAPS] = 5};
    return gravity[code] > gravity[than];
}

static void note_error(struct script *s, const struct sent *sent, enum exit_code code) {
    // A request that was sent behind the one that failed may still have been applied.
    bool goes_on = s->job->options->goes_on || code == EXIT_PERHAPS;
    if (goes_on ? is_graver(code, s->code) : s->code == EXIT_ANSWERED)
        s->code = code;
    if (s->job->options->goes_on || s->error_line > 0)
        return;
    s->error_line = sent->line;
    s->is_ended = true;
    s->at = s->in.len; // what was read and not sent is dropped
}

static void show(struct script *s, const struct sent *sent, const struct reply *reply) {
    enum exit_code code = reply_exit_code(reply);
    if (code == EXIT_ANSWERED && s->job->options->wants_value && reply->type == EVENT_NIL)
        code = EXIT_NIL;
    job_write(s->job, slice_of(sent->verb), reply);
    if (code == EXIT_NIL)
        complain("line %" PRIu64 ": nothing is there", sent->line);
    else if (code != EXIT_ANSWERED)
        complain("line %" PRIu64 ": %.*s", sent->line, (int)reply->text.len, reply->text.data);
    if (code != EXIT_ANSWERED)
        note_error(s, sent, code);
}

static void complain_of_loss(struct script *s) {
    size_t count = connection_under_way(s->job->connection);
    const struct sent *from = &s->sent[s->first % s->ahead];
    const struct sent *to = &s->sent[(s->first + count - 1) % s->ahead];
    if (count > 1)
        s->code = job_end_lost(s->job, "lines %" PRIu64 " to %" PRIu64 " were perhaps applied",
                               from->line, to->line);
    else
        s->code = job_end_lost(s->job, "line %" PRIu64 " was perhaps applied", from->line);
}

// Returns false when the connection has ended.
static bool take_reply(struct script *s) {
    const struct reply *reply = connection_reply(s->job->connection);
    if (!reply) {
        complain_of_loss(s);
        return false;
    }
    const struct sent *sent = &s->sent[s->first++ % s->ahead];
    bool was_stopped = s->error_line > 0;
    size_t behind = connection_under_way(s->job->connection);
    show(s, sent, reply);
    if (!was_stopped && s->error_line > 0 && behind > 0)
        complain("stopped there; lines up to %" PRIu64 " had been sent before that reply came",
                 s->sent[(s->first + behind - 1) % s->ahead].line);
    return true;
}

enum exit_code script_run(const struct job *job) {
    struct script s = {.job = job, .line = 1, .ahead = job_ahead(job)};
    bool is_connected = true;
    parser_init(&s.parser, MAX_REQUEST);
    s.sent = mem_new(s.ahead * sizeof(*s.sent));
    while (is_connected) {
        if (connection_under_way(job->connection) < s.ahead && send_next(&s))
            continue;
        if (connection_under_way(job->connection) == 0)
            break;
        is_connected = take_reply(&s);
    }
    parser_deinit(&s.parser);
    bytes_deinit(&s.in);
    mem_free(s.words);
    mem_free(s.sent);
    return s.code;
}
