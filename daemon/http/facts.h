// Facts: what a request needs to know of the daemon, gathered on the main thread and the workers'.
//
//   a thread of HTTP: facts_ask() ──message──► the main thread ──► all workers (totals.h) ──►
//     the main thread ──► the guest (desk.h) goes on, and owns the facts
//
// From then on the facts belong to the guest alone: its thread writes the reply from them, so that
// no loop is held up by a long one.
#pragma once

#include "daemon/admin/totals.h"
#include "daemon/http/desk.h"
#include "daemon/http/history.h"
#include "daemon/loop/mailbox.h"
#include "daemon/policy/identity.h"
#include "protocol/bytes.h"

struct facts {
    struct totals totals; // the first member
    struct message message;
    struct desk *desk;
    uint64_t guest;           // the id of the wait
    struct identity reader;   // identified among the settings of the totals
    bool has_view;            // whether all below but `view` is filled in, for /status
    bool is_admin;            // of the reader: may see keys and other clients
    bool sees_all;            // likewise: all namespaces
    uint64_t now_ms;          // in the loops' time
    uint64_t started_ms;      // likewise
    struct history_view view; // facts_look_back() fills it in
    struct bytes *routes; // for each backend what its route tells (route.h), as the main thread's
                          // worker sees it; empty: nothing, or it may not be seen
};

// Asks for the facts that `reader`, which is taken over, may see. The guest must wait already.
void facts_ask(struct desk *desk, const struct guest *guest, struct identity *reader,
               bool has_view);
void facts_free(struct facts *facts);

// Adds the view of the history. Returns false when none is kept. Not to be called on a
// loop.
bool facts_look_back(struct facts *facts);

// Has the main thread look for the next wait whose time is over.
void facts_ask_to_look(struct desk *desk);
