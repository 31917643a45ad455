#include "client/export.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "client/clock.h"
#include "client/complain.h"
#include "client/connection.h"
#include "client/export_line.h"
#include "client/namespace_facts.h"
#include "client/progress.h"
#include "client/reply.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum { CURSOR_SIZE = 40, MOST_TOLD = 10, MOST_TRIES = 6, FIRST_PAUSE_MS = 100 };

#define KEYS_AT_ONCE    "count=500"
#define MEMBERS_AT_ONCE "count=1000"

struct key {
    char *text;
    size_t len;
    enum export_type type;
    int64_t pttl;
    bool is_gone, is_failed;
    bool is_begun; // a line of it has been written
};

// A value, or a part of a collection, that is to be asked for.
struct part {
    size_t key;               // its index
    char cursor[CURSOR_SIZE]; // of a collection's scan; or the lease that is to be given back
    bool is_lease;
    unsigned tries; // so far
    int64_t due_ms; // not to be asked before, by the clock
};

struct export {
    const struct job *job;
    struct slice name, match;
    struct namespace_facts facts;
    struct progress progress;
    struct bytes cursor; // of the scan of keys
    struct key *keys;    // of the step at hand
    size_t key_count;
    struct part *parts; // of these keys: parts grow while they are asked for
    size_t part_count;
    unsigned tries; // of the questions for these keys, so far
    bool is_again;  // some of them have to be asked again
    uint64_t exported, left_out, failed;
    enum exit_code code;
};

// Sends the requests 0, 1, … of so many as *count says when it is looked at, and takes their
// replies, with so many under way as may be. Returns false when the connection has ended.
static bool pump(struct export *e, const size_t *count, void (*send)(struct export *, size_t),
                 void (*take)(struct export *, size_t, const struct reply *)) {
    struct connection *c = e->job->connection;
    size_t sent = 0;
    for (size_t taken = 0; taken < *count; taken++) {
        while (sent < *count && connection_under_way(c) < job_ahead(e->job))
            send(e, sent++);
        const struct reply *reply = connection_reply(c);
        if (!reply) {
            progress_hide(&e->progress);
            complain("%s: %s", connection_address(c), connection_trouble(c));
            e->code = EXIT_NO_DAEMON;
            return false;
        }
        take(e, taken, reply);
    }
    return true;
}

// Returns whether the error may be over soon. A read can be repeated, whatever became of it.
static bool is_passing(const struct reply *reply) {
    struct slice code = reply_error_code(reply);
    return slice_equal(code, SLICE("TIMEOUT")) || slice_equal(code, SLICE("LOST")) ||
           slice_equal(code, SLICE("UNAVAILABLE")) || slice_equal(code, SLICE("OVERLOADED"));
}

static void pause_after(unsigned tries) { poll(NULL, 0, FIRST_PAUSE_MS << tries); }

// Tells of the first errors, and counts all.
static void note_failure(struct export *e, const struct key *key, const struct reply *reply) {
    struct bytes shown = {0};
    if (e->failed++ < MOST_TOLD) {
        bytes_append_readable(&shown, (struct slice){key->text, key->len}, 64);
        progress_hide(&e->progress);
        complain("%.*s: %.*s", (int)shown.len, shown.data, (int)reply->text.len, reply->text.data);
    }
    bytes_deinit(&shown);
    e->code = EXIT_REFUSED;
}

// --- types and ttls ---------------------------------------------------------------------------

static void ask_key(struct export *e, struct slice verb, const struct key *key) {
    struct slice words[] = {verb, e->name, {key->text, key->len}};
    connection_request(e->job->connection, words, 3);
}

static void send_question(struct export *e, size_t i) {
    ask_key(e, i % 2 == 0 ? SLICE("type") : SLICE("pttl"), &e->keys[i / 2]);
}

static enum export_type type_of(const struct namespace_facts *facts, struct slice type) {
    if (slice_equal(type, SLICE("key")))
        return facts->has_key ? EXPORT_KEY : facts->has_memo ? EXPORT_MEMO : EXPORT_NONE;
    if (slice_equal(type, SLICE("dict")))
        return facts->has_dict ? EXPORT_DICT : facts->has_counter ? EXPORT_COUNTER : EXPORT_NONE;
    if (slice_equal(type, SLICE("set")))
        return facts->has_set ? EXPORT_SET : EXPORT_NONE;
    if (slice_equal(type, SLICE("sorted")))
        return facts->has_sorted ? EXPORT_SORTED : EXPORT_NONE;
    return EXPORT_NONE;
}

static void take_answer(struct export *e, size_t i, const struct reply *reply) {
    struct key *key = &e->keys[i / 2];
    if (key->is_failed) // and was told, when it was asked before
        return;
    if (is_passing(reply) && e->tries + 1 < MOST_TRIES) {
        e->is_again = true;
    } else if (reply->type == EVENT_ERROR) {
        note_failure(e, key, reply);
        key->is_failed = true;
    } else if (i % 2 == 0) {
        key->is_gone = reply->type == EVENT_NIL;
        key->type = key->is_gone ? EXPORT_NONE : type_of(&e->facts, reply->text);
    } else {
        key->pttl = reply->integer;
        // Redis keeps a result for the time that it may be stale, too.
        if (key->type == EXPORT_MEMO && key->pttl > 0)
            key->pttl = key->pttl > e->facts.stale_ms ? key->pttl - e->facts.stale_ms : 0;
    }
}

// --- values -----------------------------------------------------------------------------------

static struct part *add_part(struct export *e, size_t key, struct slice cursor, bool is_lease) {
    e->parts = mem_grow(e->parts, e->part_count, sizeof(*e->parts));
    struct part *part = &e->parts[e->part_count++];
    *part = (struct part){.key = key, .is_lease = is_lease};
    snprintf(part->cursor, sizeof(part->cursor), "%.*s", (int)cursor.len, cursor.data);
    return part;
}

static bool has_cursor(enum export_type type) {
    return type == EXPORT_DICT || type == EXPORT_SET || type == EXPORT_SORTED;
}

static void send_part(struct export *e, size_t i) {
    static const char *const verbs[] = {
        [EXPORT_KEY] = "key.get",    [EXPORT_MEMO] = "memo.get",
        [EXPORT_DICT] = "dict.scan", [EXPORT_COUNTER] = "counter.items",
        [EXPORT_SET] = "set.scan",   [EXPORT_SORTED] = "sorted.scan"};
    const struct part *part = &e->parts[i];
    const struct key *key = &e->keys[part->key];
    int64_t early_ms = part->due_ms - clock_ms();
    if (early_ms > 0)
        poll(NULL, 0, (int)early_ms);
    struct slice verb = part->is_lease ? SLICE("memo.drop") : slice_of(verbs[key->type]);
    struct slice name = {key->text, key->len}, cursor = slice_of(part->cursor);
    if (part->is_lease) {
        connection_request(e->job->connection, (struct slice[]){verb, e->name, name, cursor}, 4);
        return;
    }
    if (!has_cursor(key->type)) {
        ask_key(e, verb, key);
        return;
    }
    struct slice words[] = {verb, SLICE(MEMBERS_AT_ONCE), e->name, name, cursor};
    connection_request(e->job->connection, words, 5);
}

// Returns the value in the reply; NULL when nothing is there any more, or no result.
static const struct reply *value_in(const struct key *key, const struct reply *reply) {
    switch (key->type) {
    case EXPORT_KEY: return reply->type == EVENT_BULK ? reply : NULL;
    case EXPORT_MEMO:
        return reply->count == 3 && slice_equal(reply->items[0].text, SLICE("HIT"))
                   ? &reply->items[1]
                   : NULL;
    case EXPORT_COUNTER: return reply->count > 0 ? reply : NULL;
    default: return reply->count == 2 && reply->items[1].count > 0 ? &reply->items[1] : NULL;
    }
}

// Redis may give the members of a collection only in a later step of its scan than the first.
static void write_part(struct export *e, struct key *key, const struct reply *value) {
    export_line_write(
        &(struct export_line){{key->text, key->len}, key->type, key->pttl, key->is_begun}, value,
        stdout);
    e->exported += !key->is_begun;
    key->is_begun = true;
}

static void take_part(struct export *e, size_t i, const struct reply *reply) {
    struct part part = e->parts[i];
    struct key *key = &e->keys[part.key];
    if (part.is_lease)
        return;
    if (is_passing(reply) && part.tries + 1 < MOST_TRIES) {
        struct part *again = add_part(e, part.key, slice_of(part.cursor), false);
        again->tries = part.tries + 1;
        again->due_ms = clock_ms() + (FIRST_PAUSE_MS << part.tries);
        return;
    }
    if (reply->type == EVENT_ERROR) {
        note_failure(e, key, reply);
        return;
    }
    const struct reply *value = value_in(key, reply);
    if (value)
        write_part(e, key, value);
    else if (key->type == EXPORT_MEMO)
        e->left_out++;
    if (key->type == EXPORT_MEMO && reply->count == 3 && reply->items[2].type == EVENT_BULK)
        add_part(e, part.key, reply->items[2].text, true);
    else if (has_cursor(key->type) && !slice_equal(reply->items[0].text, SLICE("0")))
        add_part(e, part.key, reply->items[0].text, false);
    progress_tell(&e->progress, e->exported);
}

// --- steps ------------------------------------------------------------------------------------

static void add_key(struct export *e, struct slice text) {
    e->keys = mem_grow(e->keys, e->key_count, sizeof(*e->keys));
    e->keys[e->key_count++] =
        (struct key){.text = mem_text_of(text.data, text.len), .len = text.len};
}

static void forget_keys(struct export *e) {
    for (size_t i = 0; i < e->key_count; i++)
        mem_free(e->keys[i].text);
    e->key_count = e->part_count = 0;
}

static const struct reply *ask_for_step(struct export *e) {
    struct slice words[5] = {SLICE("scan"), SLICE(KEYS_AT_ONCE)};
    size_t count = 2;
    if (e->match.len > 0)
        words[count++] = e->match;
    words[count++] = e->name;
    words[count++] = bytes_slice(&e->cursor);
    const struct reply *reply = connection_call(e->job->connection, words, count);
    for (unsigned tries = 0; reply && is_passing(reply) && tries + 1 < MOST_TRIES; tries++) {
        pause_after(tries);
        reply = connection_call(e->job->connection, words, count);
    }
    return reply;
}

// Takes the next step of the scan of keys. Returns false when that failed.
static bool scan(struct export *e) {
    const struct reply *reply = ask_for_step(e);
    if (!reply || reply->type == EVENT_ERROR) {
        progress_hide(&e->progress);
        complain("%.*s", reply ? (int)reply->text.len : INT_MAX,
                 reply ? reply->text.data : connection_trouble(e->job->connection));
        e->code = reply ? EXIT_REFUSED : EXIT_NO_DAEMON;
        return false;
    }
    e->cursor.len = 0;
    bytes_append_slice(&e->cursor, reply->items[0].text);
    for (size_t i = 0; i < reply->items[1].count; i++)
        add_key(e, reply->items[1].items[i].text);
    return true;
}

// Returns false when the connection has ended.
static bool ask_of_keys(struct export *e) {
    size_t questions = 2 * e->key_count;
    for (e->tries = 0; e->tries < MOST_TRIES; e->tries++) {
        e->is_again = false;
        if (!pump(e, &questions, send_question, take_answer))
            return false;
        if (!e->is_again)
            break;
        pause_after(e->tries);
    }
    return true;
}

// Returns false when the connection has ended.
static bool write_keys(struct export *e) {
    if (!ask_of_keys(e))
        return false;
    for (size_t i = 0; i < e->key_count; i++) {
        const struct key *key = &e->keys[i];
        bool is_stale = key->type == EXPORT_MEMO && key->pttl == 0;
        bool is_over = key->pttl == -2 || (key->pttl == 0 && !is_stale);
        bool is_there = !key->is_gone && !key->is_failed && !is_over;
        if (is_there && key->type != EXPORT_NONE && !is_stale)
            add_part(e, i, SLICE("0"), false);
        else if (is_there)
            e->left_out++;
    }
    return pump(e, &e->part_count, send_part, take_part);
}

static void write_all(struct export *e) {
    bool goes_on = true;
    bytes_append_literal(&e->cursor, "0");
    while (goes_on && scan(e)) {
        goes_on = write_keys(e) && !slice_equal(bytes_slice(&e->cursor), SLICE("0"));
        forget_keys(e);
        if (ferror(stdout)) // told at the end of the program
            goes_on = false;
    }
}

static void tell_of_rest(const struct export *e) {
    if (e->failed > MOST_TOLD)
        complain("%llu keys could not be read", (unsigned long long)e->failed);
    if (e->left_out > 0)
        complain("%llu keys left out, which hold what no verb of cachesd's reads here",
                 (unsigned long long)e->left_out);
}

enum exit_code export_run(const struct job *job) {
    struct export e = {.job = job};
    struct bytes match = {0};
    e.name = slice_of(job->words[1]);
    if (job->count == 3) {
        bytes_printf(&match, "match=%s", job->words[2]);
        e.match = bytes_slice(&match);
    }
    e.code = namespace_facts_read(&e.facts, job->connection, e.name);
    if (e.code == EXIT_ANSWERED) {
        progress_start(&e.progress, "export", 0);
        write_all(&e);
        progress_hide(&e.progress);
        tell_of_rest(&e);
    }
    forget_keys(&e);
    mem_free(e.keys);
    mem_free(e.parts);
    bytes_deinit(&e.cursor);
    bytes_deinit(&match);
    return e.code;
}
