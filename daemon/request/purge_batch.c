#include "daemon/request/purge_batch.h"

#include <stdio.h>

#include "daemon/backend/conn.h"
#include "protocol/mem.h"
#include "protocol/redis_error.h"

static struct purge_part *part_of(struct slot *slot) {
    return CONTAINER_OF(slot, struct purge_part, slot);
}

static bool is_awaited(const struct purge_part *part) {
    return part->batch->owner && !part->has_ended;
}

static void leave(struct purge_batch *batch) {
    if (--batch->queued > 0)
        return;
    for (size_t i = 0; i < batch->count; i++)
        bytes_deinit(&batch->parts[i].out);
    mem_free(batch);
}

static void end(struct purge_batch *batch) {
    void *owner = batch->owner;
    if (--batch->unended > 0 || !owner || batch->count == 0)
        return;
    batch->owner = NULL;
    batch->on_end(owner, batch);
}

static void end_part(struct purge_part *part) {
    if (part->has_ended)
        return;
    part->has_ended = true;
    end(part->batch);
}

// Notes an error of Redis's, which stands in the part's output as "-CODE TEXT".
static void note_error(struct purge_part *part, enum fault fault) {
    struct purge_batch *batch = part->batch;
    struct slice line = bytes_slice(&part->out);
    const char *text = memchr(line.data, ' ', line.len);
    batch->has_failed = true;
    batch->is_denied |= fault == FAULT_DENIED;
    if (text && !*batch->why)
        snprintf(batch->why, sizeof(batch->why), "%.*s",
                 (int)(line.data + line.len - strlen("\r\n") - (text + 1)), text + 1);
}

static void render(struct answer *a, const struct event *e) {
    struct purge_part *part = a->context;
    if (is_awaited(part))
        part->batch->render(a, e);
}

static void begin(struct slot *slot, struct answer *a) {
    struct purge_part *part = part_of(slot);
    answer_begin(a, &slot->command, render, &part->out);
    a->context = part;
    a->is_failed = !is_awaited(part);
}

static void answered(struct slot *slot, const struct answer *answer) {
    struct purge_part *part = part_of(slot);
    struct purge_batch *batch = part->batch;
    if (answer->is_failed && is_awaited(part))
        note_error(part, answer->fault);
    end_part(part);
    leave(batch);
}

static void failed(struct slot *slot, enum slot_failure failure) {
    struct purge_part *part = part_of(slot);
    struct purge_batch *batch = part->batch;
    batch->has_failed = batch->is_unsure = true;
    end_part(part);
    if (failure != SLOT_TIMEOUT)
        leave(batch);
}

static const struct slot_owner slot_owner = {
    .begin = begin, .answered = answered, .failed = failed};

struct purge_batch *purge_batch_new(size_t most, answer_render *render_part,
                                    void (*on_end)(void *owner, struct purge_batch *batch),
                                    void *owner) {
    struct purge_batch *batch = mem_new(sizeof(*batch) + most * sizeof(struct purge_part));
    batch->render = render_part;
    batch->on_end = on_end;
    batch->owner = owner;
    batch->unended = batch->queued = 1; // until it is closed
    return batch;
}

struct purge_part *purge_batch_begin(struct purge_batch *batch, struct backend_conn *conn) {
    struct purge_part *part = &batch->parts[batch->count++];
    part->slot.owner = &slot_owner;
    part->batch = batch;
    batch->unended++;
    batch->queued++;
    backend_conn_begin(conn, &part->slot);
    return part;
}

bool purge_batch_close(struct purge_batch *batch) {
    bool has_parts = batch->count > 0;
    end(batch);
    leave(batch);
    return has_parts;
}

void purge_batch_give_up(struct purge_batch *batch) { batch->owner = NULL; }
