#include "client/import.h"

#include <errno.h>
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
#include "client/progress.h"
#include "client/record.h"
#include "client/reply.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

// A request has so many words and bytes of a collection, or a single one that is larger.
enum { MOST_WORDS = 512, MOST_BYTES = 128 * 1024, MOST_TOLD = 10, FIXED_WORDS = 5 };

struct import {
    const struct job *job;
    struct slice name;
    struct record_reader *reader;
    struct progress progress;
    uint64_t line;   // the last one that was read, from 1
    uint64_t *lines; // of the requests under way: a ring of `ahead`
    size_t first;
    char ttl[32]; // the option; "" for the namespace's own
    uint64_t refused;
    uint64_t unread; // lines that are none of an export's
    enum exit_code code;
    bool is_lost; // the connection has ended
};

// --- replies ----------------------------------------------------------------------------------

static void note_refusal(struct import *i, uint64_t line, const struct reply *reply) {
    enum exit_code code = reply_exit_code(reply);
    if (i->code == EXIT_ANSWERED || code == EXIT_PERHAPS)
        i->code = code;
    if (i->refused++ >= MOST_TOLD)
        return;
    progress_hide(&i->progress);
    complain("line %" PRIu64 ": %.*s", line, (int)reply->text.len, reply->text.data);
}

// The connection has ended before the line's reply.
static void end_lost(struct import *i, uint64_t line) {
    const struct connection *c = i->job->connection;
    progress_hide(&i->progress);
    i->is_lost = true;
    i->code = EXIT_PERHAPS;
    if (connection_is_refused(c))
        i->code = job_end_lost(i->job);
    else
        complain("%s: %s; of the lines from %" PRIu64 " to %" PRIu64
                 " some were perhaps stored, and none behind them",
                 connection_address(c), connection_trouble(c), line, i->line);
}

static void take_reply(struct import *i) {
    const struct reply *reply = connection_reply(i->job->connection);
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

// Returns false when the import is to end.
static bool take_line(struct import *i, struct slice line) {
    const char *error;
    i->line++;
    while (line.len > 0 && strchr("\r\n", line.data[line.len - 1]))
        line.len--;
    if (line.len == 0)
        return true;
    const struct record *record = record_read(i->reader, line, &error);
    if (record) {
        send_record(i, record);
        return !i->is_lost;
    }
    if (i->unread++ < MOST_TOLD) {
        progress_hide(&i->progress);
        complain("line %" PRIu64 ": %s", i->line, error);
    }
    if (i->code == EXIT_ANSWERED)
        i->code = EXIT_USAGE;
    return i->job->options->goes_on;
}

// Reads the next line. Returns false at the end, or by Ctrl-C, which may have cut the line.
static bool next_line(char **line, size_t *room, ssize_t *len) {
    *len = interrupt_has_come() ? 0 : getline(line, room, stdin);
    return *len > 0 && !interrupt_has_come();
}

static void read_lines(struct import *i) {
    char *line = NULL;
    size_t room = 0;
    uint64_t bytes = 0;
    ssize_t len;
    errno = 0;
    interrupt_note();
    while (next_line(&line, &room, &len)) {
        bytes += (uint64_t)len;
        if (!take_line(i, (struct slice){line, (size_t)len}))
            break;
        progress_tell(&i->progress, i->progress.total > 0 ? bytes : i->line);
    }
    // A line may also be longer than there is memory.
    if (len < 0 && !feof(stdin) && !interrupt_has_come()) {
        complain("standard input: %s", strerror(errno));
        i->code = EXIT_USAGE;
    }
    free(line);
    while (connection_under_way(i->job->connection) > 0 && !i->is_lost)
        take_reply(i);
}

static void tell_result(const struct import *i) {
    if (interrupt_has_come() && !i->is_lost)
        complain("interrupted: all lines to %" PRIu64 " were sent, and none behind it", i->line);
    if (i->unread > MOST_TOLD)
        complain("%" PRIu64 " of %" PRIu64 " lines are none of an export's", i->unread, i->line);
    if (i->refused > 0)
        complain("%" PRIu64 " of the requests of %" PRIu64 " lines were refused", i->refused,
                 i->line);
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
    read_lines(&i);
    progress_hide(&i.progress);
    tell_result(&i);
    record_reader_free(i.reader);
    mem_free(i.lines);
    return i.code;
}
