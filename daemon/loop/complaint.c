#include "daemon/loop/complaint.h"

#include <inttypes.h>
#include <uv.h>

#include "protocol/mem.h"

enum {
    MOST = 64, // kept apart
    FIRST_INTERVAL_MS = 10 * 1000,
    LONGEST_INTERVAL_MS = 3600 * 1000,
    QUIET_MS = 10 * 1000, // without an occurrence: then the complaint is over
    FORGET_MS = 60 * 1000,
    SHOWN_DETAIL = 200,
};

struct complaint {
    char *subject, *cause; // NULL: a free place
    struct bytes detail;
    enum log_level level;
    bool is_on;
    bool is_told;         // the log has told of its beginning
    uint64_t since_ms;    // when it began, this time
    uint64_t last_ms;     // when it last occurred
    uint64_t count;       // occurrences since since_ms
    uint64_t untold;      // of these, occurrences that the log does not count yet
    uint64_t untold_ms;   // when the first of the untold ones occurred
    uint64_t next_ms;     // no line is written before
    uint64_t interval_ms; // from the next line to the line after that
};

struct complaints {
    uv_mutex_t lock; // of all below
    struct complaint items[MOST];
    struct complaint rest;
};

struct complaints *complaints_new(void) {
    struct complaints *all = mem_new(sizeof(*all));
    uv_mutex_init(&all->lock);
    all->rest.subject = mem_text("log");
    all->rest.cause = mem_text("more causes at once than are told apart; the latest");
    return all;
}

static void forget(struct complaint *c) {
    mem_free(c->subject);
    mem_free(c->cause);
    bytes_deinit(&c->detail);
    *c = (struct complaint){0};
}

void complaints_free(struct complaints *all) {
    for (size_t i = 0; i < MOST; i++)
        forget(&all->items[i]);
    forget(&all->rest);
    uv_mutex_destroy(&all->lock);
    mem_free(all);
}

// Workers' clocks differ, since each stands still for a turn of its loop: `now_ms` may be earlier.
static uint64_t elapsed(uint64_t from_ms, uint64_t now_ms) {
    return now_ms > from_ms ? now_ms - from_ms : 0;
}

static void append_count(struct bytes *line, uint64_t count, uint64_t took_ms) {
    if (count == 1) {
        bytes_append_literal(line, " (once)");
        return;
    }
    bytes_printf(line, " (%" PRIu64 " times in %" PRIu64 " s)", count, (took_ms + 999) / 1000);
}

static void tell(struct complaint *c, const struct log *log, uint64_t now_ms) {
    struct bytes line = {0};
    bytes_printf(&line, "%s: %s", c->subject, c->cause);
    if (c->detail.len > 0)
        bytes_printf(&line, ": %.*s", (int)c->detail.len, c->detail.data);
    if (c->untold > 1)
        append_count(&line, c->untold, elapsed(c->untold_ms, now_ms));
    log_write(log, c->level, "%.*s", (int)line.len, line.data);
    bytes_deinit(&line);
    c->is_told = c->is_on;
    c->untold = 0;
    c->untold_ms = now_ms;
    c->interval_ms = c->interval_ms == 0 ? FIRST_INTERVAL_MS : c->interval_ms * 2;
    if (c->interval_ms > LONGEST_INTERVAL_MS)
        c->interval_ms = LONGEST_INTERVAL_MS;
    c->next_ms = now_ms + c->interval_ms;
}

static void tell_end(const struct complaint *c, const struct log *log, uint64_t now_ms) {
    struct bytes count = {0};
    enum log_level level = c->level == LOG_LEVEL_ERROR ? LOG_LEVEL_WARNING : c->level;
    append_count(&count, c->count, elapsed(c->since_ms, now_ms));
    log_write(log, level, "%s: over: %s%.*s", c->subject, c->cause, (int)count.len, count.data);
    bytes_deinit(&count);
}

static bool end(struct complaint *c, const struct log *log, uint64_t now_ms) {
    bool was_told = c->is_told;
    if (was_told && log)
        tell_end(c, log, now_ms);
    if (was_told)
        c->untold = 0;
    c->is_on = c->is_told = false;
    return was_told;
}
static bool is_of(const struct complaint *c, const char *subject, const char *cause) {
    return c->subject && strcmp(c->subject, subject) == 0 &&
           (!cause || strcmp(c->cause, cause) == 0);
}

static struct complaint *find(struct complaints *all, const char *subject, const char *cause) {
    struct complaint *free_place = NULL;
    for (size_t i = 0; i < MOST; i++) {
        struct complaint *c = &all->items[i];
        if (is_of(c, subject, cause))
            return c;
        if (!c->subject)
            free_place = c;
    }
    if (!free_place)
        return &all->rest;
    free_place->subject = mem_text(subject);
    free_place->cause = mem_text(cause);
    return free_place;
}

void complaints_add(struct complaints *all, const struct log *log, enum log_level level,
                    uint64_t now_ms, const char *subject, const char *cause, struct slice detail) {
    uv_mutex_lock(&all->lock);
    struct complaint *c = find(all, subject, cause);
    if (!c->is_on) {
        c->is_on = true;
        c->since_ms = now_ms;
        c->count = 0;
    }
    if (c->untold == 0 && !c->is_told)
        c->untold_ms = now_ms;
    c->level = level;
    c->count++;
    c->untold++;
    c->last_ms = now_ms;
    c->detail.len = 0;
    if (c == &all->rest)
        bytes_printf(&c->detail, "%s: %s: ", subject, cause);
    bytes_append(&c->detail, detail.data, detail.len < SHOWN_DETAIL ? detail.len : SHOWN_DETAIL);
    if (now_ms >= c->next_ms)
        tell(c, log, now_ms);
    uv_mutex_unlock(&all->lock);
}

bool complaints_end(struct complaints *all, const struct log *log, uint64_t now_ms,
                    const char *subject, const char *cause) {
    bool was_told = false;
    uv_mutex_lock(&all->lock);
    for (size_t i = 0; i < MOST; i++)
        if (is_of(&all->items[i], subject, cause))
            was_told = end(&all->items[i], log, now_ms) || was_told;
    uv_mutex_unlock(&all->lock);
    return was_told;
}

static void sweep(struct complaint *c, const struct log *log, uint64_t now_ms) {
    if (c->is_on && elapsed(c->last_ms, now_ms) >= QUIET_MS)
        end(c, log, now_ms);
    if (c->untold > 0 && now_ms >= c->next_ms)
        tell(c, log, now_ms);
}

void complaints_sweep(struct complaints *all, const struct log *log, uint64_t now_ms) {
    uv_mutex_lock(&all->lock);
    for (size_t i = 0; i < MOST; i++) {
        struct complaint *c = &all->items[i];
        if (!c->subject)
            continue;
        sweep(c, log, now_ms);
        // Before its next line is due, a cause that comes and goes is not forgotten: otherwise each
        // return would be logged as a new fault.
        if (!c->is_on && c->untold == 0 && elapsed(c->last_ms, now_ms) >= FORGET_MS &&
            now_ms >= c->next_ms)
            forget(c);
    }
    sweep(&all->rest, log, now_ms);
    uv_mutex_unlock(&all->lock);
}
