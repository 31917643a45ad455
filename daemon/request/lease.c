#include "daemon/request/lease.h"

#include "daemon/backend/backend.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/room.h"
#include "daemon/backend/slot.h"
#include "daemon/policy/policy.h"
#include "daemon/request/request.h"
#include "protocol/answer.h"
#include "protocol/bytes.h"
#include "protocol/call.h"
#include "protocol/mem.h"
#include "protocol/memo.h"

struct drop {
    struct slot slot;
    struct policy *policy; // a reference, so that the backend lives on
    struct bytes key;
    struct bytes reply; // which nobody reads
    char token[MEMO_TOKEN_SIZE + 1];
};

static void begin_dropped(struct slot *slot, struct answer *a) {
    struct drop *drop = CONTAINER_OF(slot, struct drop, slot);
    answer_begin(a, &slot->command, render_as_is, &drop->reply);
}

static void free_drop(struct drop *drop) {
    policy_unref(drop->policy);
    bytes_deinit(&drop->key);
    bytes_deinit(&drop->reply);
    mem_free(drop);
}

static void on_dropped(struct slot *slot, const struct answer *answer) {
    (void)answer;
    free_drop(CONTAINER_OF(slot, struct drop, slot));
}

// A lease that was not dropped ends with its own ttl.
static void on_not_dropped(struct slot *slot, enum slot_failure failure) {
    if (failure != SLOT_TIMEOUT)
        free_drop(CONTAINER_OF(slot, struct drop, slot));
}

static const struct slot_owner drop_owner = {
    .begin = begin_dropped, .answered = on_dropped, .failed = on_not_dropped};

void lease_give_back(struct request *r) {
    struct backend *backend = r->namespace->backend;
    enum backend_room room;
    struct backend_conn *conn = backend_pick(backend, r->hash_slot, &room);
    bool may_send = room == BACKEND_ROOM || room == BACKEND_TURNING;
    if (!*r->wait.token || !may_send)
        return;
    struct drop *drop = mem_new(sizeof(*drop));
    drop->slot.owner = &drop_owner;
    drop->policy = policy_ref(r->policy);
    bytes_append_slice(&drop->key, bytes_slice(&r->key));
    memcpy(drop->token, r->wait.token, sizeof(drop->token));
    backend_conn_begin(conn, &drop->slot);
    memo_build_drop(&drop->slot.command, bytes_slice(&drop->key), slice_of(drop->token));
    backend_conn_push(conn, &drop->slot);
}
