#include "daemon/loop/complaint.h"

#include <assert.h>
#include <uv.h>

#include "conf/sections.h"
#include "protocol/bytes.h"
#include "protocol/mem.h"

enum {
    MOST = 64, // kept apart
    FIRST_INTERVAL_MS = 10 * 1000,
    LONGEST_INTERVAL_MS = 3600 * 1000,
    QUIET_MS = 10 * 1000, // without an occurrence: then the complaint is over
    FORGET_MS = 60 * 1000,
    MOST_VALUES = 12, // of an event, with those that say how often it occurred
    SHOWN_VALUE = 200,
};

struct complaint {
    bool is_used; // false: a free place
    enum log_event event;
    uint64_t identity;                    // the fields that identify it, as bits
    struct log_value values[MOST_VALUES]; // the latest; their texts point into `texts`
    size_t value_count;
    struct bytes texts;
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
    all->rest = (struct complaint){.is_used = true, .event = LOG_MORE_CAUSES};
    return all;
}

static void forget(struct complaint *c) {
    bytes_deinit(&c->texts);
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

// Logs the complaint with the values that the caller has added to its own.
static void write_event(const struct complaint *c, const struct log *log, enum log_level level,
                        size_t added) {
    struct log_values values = {c->values, c->value_count + added};
    log_write(log, level, c->event, &values);
}

static void count(struct complaint *c, size_t at, uint64_t times, uint64_t took_ms) {
    c->values[at] = log_number(FIELD_COUNT, times);
    c->values[at + 1] = log_number(FIELD_SECONDS, (took_ms + 999) / 1000);
}

static void tell(struct complaint *c, const struct log *log, uint64_t now_ms) {
    count(c, c->value_count, c->untold, elapsed(c->untold_ms, now_ms));
    write_event(c, log, c->level, c->untold > 1 ? 2 : 0);
    c->is_told = c->is_on;
    c->untold = 0;
    c->untold_ms = now_ms;
    c->interval_ms = c->interval_ms == 0 ? FIRST_INTERVAL_MS : c->interval_ms * 2;
    if (c->interval_ms > LONGEST_INTERVAL_MS)
        c->interval_ms = LONGEST_INTERVAL_MS;
    c->next_ms = now_ms + c->interval_ms;
}

static void tell_end(struct complaint *c, const struct log *log, uint64_t now_ms) {
    enum log_level level = c->level == LOG_LEVEL_ERROR ? LOG_LEVEL_WARNING : c->level;
    count(c, c->value_count, c->count, elapsed(c->since_ms, now_ms));
    c->values[c->value_count + 2] = log_text(FIELD_STATE, "over");
    write_event(c, log, level, 3);
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

// --- values -----------------------------------------------------------------------------------

static struct slice cut(struct slice text) {
    return (struct slice){text.data, text.len < SHOWN_VALUE ? text.len : SHOWN_VALUE};
}

static struct slice text_of(const struct log_values *values, enum log_field field) {
    for (size_t i = 0; i < values->count; i++)
        if (values->items[i].field == field && values->items[i].text.data)
            return cut(values->items[i].text);
    return (struct slice){0};
}

// Puts copies of the values in the place of the former ones. The texts are moved at most once,
// since room is made for all of them first.
static void keep_values(struct complaint *c, const struct log_values *values) {
    c->value_count = 0;
    c->texts.len = 0;
    bytes_reserve(&c->texts, values->count * SHOWN_VALUE);
    for (size_t i = 0; i < values->count; i++) {
        struct log_value value = values->items[i];
        if (!log_value_is_there(&value))
            continue;
        assert(c->value_count + 3 < MOST_VALUES);
        if (!value.is_number) {
            struct slice text = cut(value.text);
            value.text = (struct slice){c->texts.data + c->texts.len, text.len};
            bytes_append_slice(&c->texts, text);
        }
        c->values[c->value_count++] = value;
    }
}

// Keeps, for the complaint about all others, the line that the event would have been.
static void keep_line(struct complaint *c, enum log_event event, const struct log_values *values) {
    struct bytes line = {0};
    log_event_append(&line, event, values);
    keep_values(c, &LOG_VALUES(log_slice(FIELD_REASON, bytes_slice(&line))));
    bytes_deinit(&line);
}

// --- all complaints ---------------------------------------------------------------------------

static bool is_of(const struct complaint *c, enum log_event event,
                  const struct log_values *values) {
    struct log_values own = {c->values, c->value_count};
    if (!c->is_used || c->event != event)
        return false;
    for (unsigned field = 0; c->identity >> field; field++)
        if (c->identity >> field & 1 && !slice_equal(text_of(&own, field), text_of(values, field)))
            return false;
    return true;
}

static struct complaint *find(struct complaints *all, enum log_event event,
                              const struct log_values *values) {
    struct complaint *free_place = NULL;
    for (size_t i = 0; i < MOST; i++) {
        struct complaint *c = &all->items[i];
        if (is_of(c, event, values))
            return c;
        if (!c->is_used)
            free_place = c;
    }
    if (!free_place)
        return &all->rest;
    free_place->is_used = true;
    free_place->event = event;
    free_place->identity = log_event_identity(event);
    return free_place;
}

void complaints_add(struct complaints *all, const struct log *log, uint64_t now_ms,
                    enum log_event event, const struct log_values *values) {
    uv_mutex_lock(&all->lock);
    struct complaint *c = find(all, event, values);
    if (!c->is_on) {
        c->is_on = true;
        c->since_ms = now_ms;
        c->count = 0;
    }
    if (c->untold == 0 && !c->is_told)
        c->untold_ms = now_ms;
    c->level = log_events[event].level;
    c->count++;
    c->untold++;
    c->last_ms = now_ms;
    if (c == &all->rest)
        keep_line(c, event, values);
    else
        keep_values(c, values);
    if (now_ms >= c->next_ms)
        tell(c, log, now_ms);
    uv_mutex_unlock(&all->lock);
}

bool complaints_end(struct complaints *all, const struct log *log, uint64_t now_ms,
                    enum log_event event, const struct log_values *values) {
    bool was_told = false;
    uv_mutex_lock(&all->lock);
    for (size_t i = 0; i < MOST; i++)
        if (is_of(&all->items[i], event, values))
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
        if (!c->is_used)
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
