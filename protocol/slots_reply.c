#include "protocol/slots_reply.h"

#include "protocol/bytes.h"
#include "protocol/hash_slot.h"

enum {
    HAS_RANGE = 1 << 0, // a range has begun
    HAS_FIRST = 1 << 1,
    HAS_LAST = 1 << 2,
    HAS_MASTER = 1 << 3,
    HAS_HOST = 1 << 4,
    HAS_PORT = 1 << 5,
    HAS_ALL = (1 << 6) - 1,
};

void slots_reply_begin(struct slots_reply *r, slots_take *take, void *owner) {
    *r = (struct slots_reply){.take = take, .owner = owner};
}

static void end_range(struct slots_reply *r) {
    const struct slots_range *range = &r->range;
    if (r->found != HAS_ALL || range->first > range->last)
        r->is_wrong = true;
    else
        r->slots += (uint32_t)(range->last - range->first + 1);
    if (r->slots > HASH_SLOTS) // some belong to two ranges
        r->is_wrong = true;
    if (r->is_wrong || range->port == 0)
        return;
    r->ranges++;
    r->take(r->owner, range);
}

static void begin_range(struct slots_reply *r, const struct event *e) {
    if (r->found)
        end_range(r);
    r->found = HAS_RANGE;
    r->range = (struct slots_range){0};
    if (e->type != EVENT_ARRAY || e->count < 3)
        r->is_wrong = true;
}

static void read_slot(struct slots_reply *r, const struct event *e, uint16_t *slot, uint32_t part) {
    if (e->type != EVENT_INTEGER || e->integer < 0 || e->integer >= HASH_SLOTS) {
        r->is_wrong = true;
        return;
    }
    *slot = (uint16_t)e->integer;
    r->found |= part;
}

static void read_element(struct slots_reply *r, const struct event *e) {
    r->element = e->index;
    r->field = 0;
    if (e->index == 0)
        read_slot(r, e, &r->range.first, HAS_FIRST);
    else if (e->index == 1)
        read_slot(r, e, &r->range.last, HAS_LAST);
    else if (e->type != EVENT_ARRAY || e->count < 2)
        r->is_wrong = true;
    else
        r->found |= HAS_MASTER;
}

// Copies a text that has come as a whole and is not too long.
static void read_text(struct slots_reply *r, const struct event *e, char *to, size_t most,
                      struct slice *text) {
    if (e->type != EVENT_BULK || e->rest > 0 || e->text.len > most) {
        r->is_wrong = true;
        return;
    }
    if (e->text.len > 0)
        memcpy(to, e->text.data, e->text.len);
    *text = (struct slice){to, e->text.len};
}

static void read_host(struct slots_reply *r, const struct event *e) {
    struct slots_range *range = &r->range;
    r->found |= HAS_HOST;
    range->kind = SLOTS_HOST_ASKED;
    if (e->type == EVENT_NIL)
        return;
    read_text(r, e, r->host, sizeof(r->host), &range->host);
    if (slice_equal(range->host, SLICE("?")))
        range->kind = SLOTS_HOST_UNKNOWN;
    else if (range->host.len > 0)
        range->kind = SLOTS_HOST_NAMED;
    if (range->kind != SLOTS_HOST_NAMED)
        range->host.len = 0;
}

static void read_port(struct slots_reply *r, const struct event *e) {
    if (e->type != EVENT_INTEGER || e->integer < 0 || e->integer > 65535) {
        r->is_wrong = true;
        return;
    }
    r->range.port = (int)e->integer;
    r->found |= HAS_PORT;
}

// Of the master's fields, those behind its id are metadata; a server may add more.
static void read_field(struct slots_reply *r, const struct event *e) {
    r->field = e->index;
    r->is_ip = false;
    if (e->index == 0)
        read_host(r, e);
    else if (e->index == 1)
        read_port(r, e);
    else if (e->index == 2)
        read_text(r, e, r->id, sizeof(r->id), &r->range.id);
}

// Metadata are names, each with its value behind it.
static void read_metadata(struct slots_reply *r, const struct event *e) {
    if (e->index % 2 == 1 && r->is_ip && e->type == EVENT_BULK)
        read_text(r, e, r->ip, sizeof(r->ip), &r->range.ip);
    r->is_ip = e->index % 2 == 0 && e->type == EVENT_BULK && slice_equal(e->text, SLICE("ip"));
}

void slots_reply_event(struct slots_reply *r, const struct event *e) {
    if (r->is_wrong)
        return;
    bool is_of_master = r->element == 2;
    if (e->type == EVENT_ERROR || (e->depth == 0 && e->type != EVENT_ARRAY))
        r->is_wrong = true;
    else if (e->depth == 1)
        begin_range(r, e);
    else if (e->depth == 2)
        read_element(r, e);
    else if (e->depth == 3 && is_of_master)
        read_field(r, e);
    else if (e->depth == 4 && is_of_master && r->field == 3)
        read_metadata(r, e);
}

bool slots_reply_end(struct slots_reply *r) {
    if (r->found && !r->is_wrong)
        end_range(r);
    return !r->is_wrong;
}
