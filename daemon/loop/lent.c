#include "daemon/loop/lent.h"

#include <assert.h>

#include "daemon/loop/spares.h"
#include "protocol/mem.h"

enum { MOST_BUFFERS = 128 }; // of one call of the system

struct part {
    size_t before; // the place of that one of the own bytes
    struct slice bytes;
    lent_give_back *give_back;
    void *loan;
};

// The parts among the bytes of one of the stream's buffers.
struct parts {
    struct part *items; // in their order; NULL: there are none
    size_t count;
    size_t first;    // of those that are not wholly taken
    size_t of_first; // bytes of the first part that are taken
    size_t own;      // bytes of the buffer that are taken
};

struct lent {
    struct stream_lent functions;
    struct parts out, writing; // among the bytes of stream->out and stream->writing
};

// Bytes of parts and between them, in their order.
struct run {
    uv_buf_t buffers[MOST_BUFFERS];
    unsigned count;
    size_t size; // bytes of all buffers
};

static struct lent *lent_of(struct stream *s) {
    return CONTAINER_OF(s->lent, struct lent, functions);
}

// --- parts ------------------------------------------------------------------------------------

static void free_parts(struct parts *p) {
    for (; p->first < p->count; p->first++)
        p->items[p->first].give_back(p->items[p->first].loan);
    mem_free(p->items);
    *p = (struct parts){0};
}

// Returns how many own bytes there are before that part, or before the end.
static size_t own_until(const struct parts *p, struct slice own, size_t part) {
    return part < p->count ? p->items[part].before : own.len;
}

static void add_buffer(struct run *run, const char *data, size_t len) {
    if (len == 0)
        return;
    run->buffers[run->count++] = (uv_buf_t){.base = (char *)data, .len = len};
    run->size += len;
}

// Collects what is to be sent next, as much as there are buffers for.
static void gather(const struct parts *p, struct slice own, struct run *run) {
    size_t at = p->own, skip = p->of_first;
    run->count = 0;
    run->size = 0;
    for (size_t i = p->first; run->count + 2 <= MOST_BUFFERS; i++) {
        size_t until = own_until(p, own, i);
        if (until > at)
            add_buffer(run, own.data + at, until - at);
        at = until;
        if (i == p->count)
            break;
        add_buffer(run, p->items[i].bytes.data + skip, p->items[i].bytes.len - skip);
        skip = 0;
    }
}

static size_t take_own(struct parts *p, struct slice own, size_t most) {
    size_t step = bytes_smaller(most, own_until(p, own, p->first) - p->own);
    p->own += step;
    return step;
}

static size_t take_part(struct parts *p, size_t most) {
    struct part *part = &p->items[p->first];
    size_t step = bytes_smaller(most, part->bytes.len - p->of_first);
    p->of_first += step;
    if (p->of_first == part->bytes.len) {
        part->give_back(part->loan);
        p->first++;
        p->of_first = 0;
    }
    return step;
}

// The next `count` bytes are sent: gives back the parts that are sent as a whole.
static void take(struct parts *p, struct slice own, size_t count) {
    while (count > 0) {
        count -= take_own(p, own, count);
        if (count > 0)
            count -= take_part(p, count);
    }
}

// --- the stream -------------------------------------------------------------------------------

static void free_lent(struct stream *s) {
    struct lent *lent = lent_of(s);
    free_parts(&lent->out);
    free_parts(&lent->writing);
    mem_free(lent);
    s->lent = NULL;
}

static void accept_bytes(struct stream *s, size_t count) {
    s->accepted += count;
    s->beside -= count;
    take(&lent_of(s)->writing, bytes_slice(&s->writing), count);
}

// Makes the output that which is written, when all that was written before is taken. Returns
// whether there is any.
static bool has_more(struct stream *s) {
    struct lent *lent = lent_of(s);
    struct parts *p = &lent->writing;
    if (p->first < p->count || p->own < s->writing.len)
        return true;
    spares_return(&s->flusher->spares, &s->writing);
    free_parts(p);
    s->writing = s->out;
    s->out = (struct bytes){0};
    s->beside += s->writing.len;
    lent->writing = lent->out;
    lent->out = (struct parts){0};
    return s->beside > 0;
}

static void on_taken(uv_write_t *write, int status);

// Writes what comes next as far as the socket takes it, and hands the rest of that to libuv.
// Returns 0 or a libuv error.
static int write_run(struct stream *s) {
    struct lent *lent = lent_of(s);
    struct run run;
    gather(&lent->writing, bytes_slice(&s->writing), &run);
    int written = uv_try_write(&s->uv.stream, run.buffers, run.count);
    if (written < 0 && written != UV_EAGAIN)
        return written;
    size_t taken = written < 0 ? 0 : (size_t)written;
    accept_bytes(s, taken);
    if (taken == run.size)
        return 0;
    gather(&lent->writing, bytes_slice(&s->writing), &run);
    s->handed = run.size;
    return uv_write(&s->write, &s->uv.stream, run.buffers, run.count, on_taken);
}

static void flush(struct stream *s) {
    if (s->is_corked || s->is_closing || s->handed > 0)
        return;
    while (has_more(s)) {
        int error = write_run(s);
        if (error)
            s->events->on_end(s, error);
        if (error || s->handed > 0)
            return;
    }
    spares_return(&s->flusher->spares, &s->writing);
    free_lent(s);
    s->events->on_written(s);
}

// libuv has written what it was handed: that, or the stream's own bytes before there were parts.
static void on_handed_taken(struct stream *s) {
    size_t count = s->handed;
    s->handed = 0;
    accept_bytes(s, count);
    flush(s);
}

static void on_taken(uv_write_t *write, int status) {
    struct stream *s = write->data;
    if (s->is_closing)
        return;
    if (status < 0)
        s->events->on_end(s, status);
    else
        on_handed_taken(s);
}

void stream_lend(struct stream *s, struct slice bytes, lent_give_back *give_back, void *loan) {
    assert(bytes.len > 0);
    if (s->tls) {
        bytes_append_slice(stream_out(s), bytes);
        give_back(loan);
        return;
    }
    if (!s->is_closing)
        flusher_add(s->flusher, s);
    if (!s->lent) {
        struct lent *lent = mem_new(sizeof(*lent));
        lent->functions = (struct stream_lent){flush, on_handed_taken, free_lent};
        lent->writing.own = s->writing.len - s->handed;
        s->lent = &lent->functions;
    }
    struct parts *p = &lent_of(s)->out;
    p->items = mem_grow(p->items, p->count, sizeof(*p->items));
    p->items[p->count++] = (struct part){s->out.len, bytes, give_back, loan};
    s->beside += bytes.len;
}
