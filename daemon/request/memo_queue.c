#include "daemon/request/memo_queue.h"

#include "daemon/policy/policy.h"
#include "daemon/request/ledger.h"
#include "daemon/request/request.h"
#include "protocol/hash.h"
#include "protocol/mem.h"

static uint64_t hash_of(const struct context *context, struct slice key) {
    return hash_slice(key, context->memo_waits->seed);
}

// Returns the pointer to the queue in its slot's list, or the pointer at the end of the list.
static struct memo_queue **find(const struct context *context, const struct backend *backend,
                                struct slice key, uint64_t hash) {
    struct memo_queue **at = &context->memo_waits->slots[hash % MEMO_SLOTS];
    while (*at && !((*at)->hash == hash && (*at)->backend == backend &&
                    slice_equal(bytes_slice(&(*at)->key), key)))
        at = &(*at)->next;
    return at;
}

struct memo_queue *memo_queue_find(const struct context *context, const struct backend *backend,
                                   struct slice key) {
    return *find(context, backend, key, hash_of(context, key));
}

struct memo_queue *memo_queue_of(const struct request *r) {
    struct slice key = bytes_slice(&r->key);
    struct backend *backend = r->namespace->backend;
    uint64_t hash = hash_of(r->context, key);
    struct memo_queue **at = find(r->context, backend, key, hash);
    if (*at)
        return *at;
    struct memo_queue *queue = *at = mem_new(sizeof(*queue));
    queue->hash = hash;
    queue->backend = backend;
    queue->visit_ms = UINT64_MAX;
    bytes_append_slice(&queue->key, key);
    r->context->awaited_keys++;
    return queue;
}

void memo_queue_free_if_empty(struct context *context, struct memo_queue *queue) {
    if (queue->first || queue->asking)
        return;
    struct memo_queue **at = &context->memo_waits->slots[queue->hash % MEMO_SLOTS];
    while (*at != queue)
        at = &(*at)->next;
    *at = queue->next;
    context->awaited_keys--;
    bytes_deinit(&queue->key);
    mem_free(queue);
}

void memo_queue_put(struct memo_queue *queue, struct request *r, bool is_first) {
    r->wait.queue = queue;
    r->wait.next = is_first ? queue->first : NULL;
    if (is_first || !queue->first)
        queue->first = r;
    else
        queue->last->wait.next = r;
    if (!queue->last || !is_first)
        queue->last = r;
}

struct request *memo_queue_take_first(struct memo_queue *queue) {
    struct request *r = queue->first;
    queue->first = r->wait.next;
    if (!queue->first)
        queue->last = NULL;
    if (queue->asked_to == r)
        queue->asked_to = NULL;
    r->wait.next = NULL;
    r->wait.queue = NULL;
    ledger_wait_ends(r->namespace);
    return r;
}
