#include "client/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/complain.h"
#include "client/connection.h"
#include "client/export_line.h"
#include "client/interrupt.h"
#include "client/line_input.h"
#include "client/progress.h"
#include "client/record.h"
#include "client/reply.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

// A request has so many words and bytes of a collection, or a single one that is larger.
enum { MOST_WORDS = 512, MOST_BYTES = 128 * 1024, MOST_TOLD = 10, FIXED_WORDS = 5 };

enum { PATIENCE_MS = 500 };

struct import {
    const struct job *job;
    struct slice name;
    struct record_reader *reader;
    struct progress progress;
    uint64_t line;   // the last one that was read, from 1
    uint64_t *lines; // of the requests under way: a ring of `ahead`
    size_t first;
    char ttl[32];             // the option; "" for the namespace's own
    uint64_t refused, unsure; // requests: not applied, and perhaps applied
    uint64_t unread;          // lines that are none of an export's
    enum exit_code code;
    bool is_over;      // no further line is to be read
    bool is_lost;      // the connection has ended
    bool is_refused;   // the daemon takes no request for the namespace
    bool is_wait_told; // who has pressed Ctrl-C was told what is waited for
};

// --- replies ----------------------------------------------------------------------------------

static void note_refusal(struct import *i, uint64_t line, const struct reply *reply) {
    enum exit_code code = reply_exit_code(reply);
    if (i->code == EXIT_ANSWERED || code == EXIT_PERHAPS)
        i->code = code;
    *(code == EXIT_PERHAPS ? &i->unsure : &i->refused) += 1;
    if (i->is_refused || i->refused + i->unsure > MOST_TOLD)
        return;
    progress_hide(&i->progress);
    complain("line %" PRIu64 ": %.*s", line, (int)reply->text.len, reply->text.data);
    if (slice_equal(reply_error_code(reply), SLICE("NAMESPACE")))
        i->is_refused = i->is_over = true; // so would all further lines be
}

// The connection has ended before the line's reply.
static void end_lost(struct import *i, uint64_t line) {
    progress_hide(&i->progress);
    i->is_lost = i->is_over = true;
    i->code = job_end_lost(i->job,
                           "of the lines from %" PRIu64 " to %" PRIu64
                           " some were perhaps stored, and none behind them",
                           line, i->line);
}

// Waits for a reply. Whoever has pressed Ctrl-C meanwhile is told what he waits for.
static const struct reply *await_reply(struct import *i) {
    struct connection *c = i->job->connection;
    while (!connection_wait(c, PATIENCE_MS)) {
        if (!interrupt_has_come() || i->is_wait_told)
            continue;
        i->is_wait_told = true;
        progress_hide(&i->progress);
        complain("interrupted: the replies to the lines from %" PRIu64 " to %" PRIu64
                 " are waited for; Ctrl-C once more ends at once, and they are perhaps stored",
                 i->lines[i->first % job_ahead(i->job)], i->line);
    }
    return connection_reply(c);
}

static void take_reply(struct import *i) {
    const struct reply *reply = await_reply(i);
    uint64_t line = i->lines[i->first % job_ahead(i->job)];
    if (!reply) {
        end_lost(i, line);
        return;
    }
    i->first++;
    if (reply->type == EVENT_ERROR)
        note_refusal(i, line, reply);
}

// --- requests ---------------------------------------------------------------------------------

static void send_request(struct import *i, const struct slice *words, size_t count) {
    struct connection *c = i->job->connection;
    size_t ahead = job_ahead(i->job);
    while (connection_under_way(c) >= ahead && !i->is_lost)
        take_reply(i);
    if (i->is_lost)
        return;
    i->lines[(i->first + connection_under_way(c)) % ahead] = i->line;
    connection_request(c, words, count);
}

// Begins the words of a write: verb, ttl, namespace and key. Returns how many these are.
static size_t begin_write(const struct import *i, const char *verb, const struct record *record,
                          struct slice *words) {
    size_t count = 0;
    words[count++] = slice_of(verb);
    if (*i->ttl)
        words[count++] = slice_of(i->ttl);
    words[count++] = i->name;
    words[count++] = record->key;
    return count;
}

// Sends the words of the value, `step` of which belong together, in requests that no limit of the
// daemon's refuses for their number.
static void send_words(struct import *i, const char *verb, const struct record *record,
                       size_t step) {
    struct slice words[FIXED_WORDS + MOST_WORDS];
    size_t begin = begin_write(i, verb, record, words), at = 0;
    while (at < record->count && !i->is_lost) {
        size_t count = begin, bytes = 0;
        while (at < record->count && count - begin < MOST_WORDS && bytes < MOST_BYTES)
            for (size_t end = at + step; at < end; at++) {
                words[count++] = record->words[at];
                bytes += record->words[at].len;
            }
        send_request(i, words, count);
    }
}

// counter.set sets one field.
static void send_counter(struct import *i, const struct record *record) {
    struct slice words[FIXED_WORDS + 2];
    size_t begin = begin_write(i, "counter.set", record, words);
    for (size_t at = 0; at + 1 < record->count && !i->is_lost; at += 2) {
        words[begin] = record->words[at];
        words[begin + 1] = record->words[at + 1];
        send_request(i, words, begin + 2);
    }
}

static void send_record(struct import *i, const struct record *record) {
    bool is_collection = record->type != EXPORT_KEY && record->type != EXPORT_MEMO;
    struct slice del[] = {SLICE("del"), i->name, record->key};
    *i->ttl = '\0';
    if (record->has_pttl && record->pttl < 0)
        strcpy(i->ttl, "ttl=forever");
    else if (record->has_pttl)
        snprintf(i->ttl, sizeof(i->ttl), "ttl=%" PRId64 "ms", record->pttl);
    if (is_collection && !record->is_more)
        send_request(i, del, 3);
    switch (record->type) {
    case EXPORT_KEY: send_words(i, "key.set", record, 1); break;
    case EXPORT_MEMO: send_words(i, "memo.set", record, 1); break;
    case EXPORT_DICT: send_words(i, "dict.set", record, 2); break;
    case EXPORT_SET: send_words(i, "set.add", record, 1); break;
    case EXPORT_SORTED: send_words(i, "sorted.add", record, 2); break;
    case EXPORT_COUNTER: send_counter(i, record); break;
    case EXPORT_NONE: break;
    }
}

// --- lines ------------------------------------------------------------------------------------

static void take_line(struct import *i, struct slice line) {
    const char *error;
    i->line++;
    while (line.len > 0 && strchr("\r\n", line.data[line.len - 1]))
        line.len--;
    if (line.len == 0)
        return;
    const struct record *record = record_read(i->reader, line, &error);
    if (record) {
        send_record(i, record);
        return;
    }
    if (i->unread++ < MOST_TOLD) {
        progress_hide(&i->progress);
        complain("line %" PRIu64 ": %s", i->line, error);
    }
    if (i->code == EXIT_ANSWERED)
        i->code = EXIT_USAGE;
    i->is_over = !i->job->options->goes_on;
}

// Takes the lines of standard input. While none comes, replies are taken, so that a refusal is told
// at once.
static void take_lines(struct import *i, struct line_input *input) {
    struct connection *c = i->job->connection;
    enum line_input_result result;
    struct slice line;
    uint64_t bytes = 0;
    while (!i->is_over &&
           (result = line_input_next(input, connection_under_way(c) == 0, &line)) != LINE_END) {
        if (result == LINE_LATER) {
            take_reply(i);
            continue;
        }
        bytes += line.len;
        take_line(i, line);
        progress_tell(&i->progress, i->progress.total > 0 ? bytes : i->line);
    }
}

static void read_all(struct import *i) {
    struct line_input input = {0};
    interrupt_note();
    take_lines(i, &input);
    if (input.error) {
        complain("standard input: %s", strerror(input.error));
        i->code = EXIT_USAGE;
    }
    line_input_deinit(&input);
    while (connection_under_way(i->job->connection) > 0 && !i->is_lost)
        take_reply(i);
}

static void tell_count(uint64_t count, const char *of, uint64_t lines, const char *what) {
    if (count > 0)
        complain("%" PRIu64 " of %s%" PRIu64 " lines %s", count, of, lines, what);
}

static void tell_result(const struct import *i) {
    if (interrupt_has_come() && !i->is_lost)
        complain("interrupted: all lines to %" PRIu64 " were sent, and none behind it", i->line);
    if (i->unread > MOST_TOLD)
        tell_count(i->unread, "", i->line, "are none of an export's");
    if (!i->is_refused)
        tell_count(i->refused, "the requests of ", i->line, "were refused");
    tell_count(i->unsure, "the requests of ", i->line, "were perhaps applied");
}

enum exit_code import_check(char **words, size_t count) {
    (void)count;
    if (!isatty(STDIN_FILENO))
        return EXIT_ANSWERED;
    complain("import reads from standard input what `caches export` wrote: import %s < FILE",
             words[1]);
    return EXIT_USAGE;
}

enum exit_code import_run(const struct job *job) {
    struct import i = {.job = job};
    struct stat input;
    bool is_file = fstat(STDIN_FILENO, &input) == 0 && S_ISREG(input.st_mode);
    i.name = slice_of(job->words[1]);
    i.reader = record_reader_new();
    i.lines = mem_new(job_ahead(job) * sizeof(*i.lines));
    if (!job->options->is_quiet)
        progress_start(&i.progress, is_file ? "import, bytes" : "import, lines",
                       is_file ? (uint64_t)input.st_size : 0);
    read_all(&i);
    progress_hide(&i.progress);
    tell_result(&i);
    record_reader_free(i.reader);
    mem_free(i.lines);
    return i.code;
}
