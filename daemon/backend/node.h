// Node: one Redis server of a backend, with its connection, which is made again when it is lost,
// and its tracker.
//
//   CONNECTING ──ready──► UP ──lost──► CONNECTING (at once; requests are kept meanwhile)
//        └──failed, at each address of its name──► DOWN ──delay──► CONNECTING (requests are
//                                                  refused at once meanwhile)
//
// The delay grows with each failure and is jittered, so that many daemons do not come back
// together.
//
// A server may answer that it does not serve (read-only, loading …) while the node is UP. It is
// asked further, and a second connection is made beside the first: the host's name is looked up
// again, and may mean another server by now. The new connection takes over once all answers of the
// old one have come, so that no request overtakes an earlier one.
#pragma once

#include "conf/sections.h"
#include "conf/tls_context.h"
#include "daemon/backend/account.h"
#include "daemon/backend/conn.h"
#include "daemon/backend/room.h"
#include "daemon/backend/secret.h"
#include "daemon/backend/slot.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/loop.h"
#include "daemon/loop/stream.h"
#include "daemon/near/tracker.h"
#include "protocol/answer.h"

struct node;

// The backend is told here of what happens to its nodes.
struct node_events {
    // The node has a connection that serves, or another one than before.
    void (*on_up)(void *owner, struct node *node);
    // The connection was lost, or could not be made: `node->reason` says why. The node connects
    // again by itself, unless it is stopped or freed in here.
    void (*on_lost)(void *owner, struct node *node, bool was_up);
    // An answer tells of a fault of the server (answer.h).
    void (*on_fault)(void *owner, struct node *node, const struct answer *answer);
    // Returns why the server cannot be there; NULL when the node's own reason is as good.
    const char *(*why_gone)(void *owner);
    // As in struct backend_conn_owner; NULL as well.
    void (*carry)(void *owner, struct node *node, struct slot *slot);
    const struct introduction *introduction; // whose `take` is given the node; NULL: none
};

// The things that all nodes of a backend share.
struct node_family {
    struct loop *loop;
    const struct backend_conf *conf;
    struct account *account;
    const struct node_events *events;
    void *owner;
    struct tls_client *const *tls; // as in struct endpoint
    struct secret *secret;         // the password's file
    char *eviction;                // as eviction_ask() writes it
};

struct node {
    const struct node_family *family;
    void *tag;  // the route's own
    char *name; // "HOST:PORT", as the log names the server; NULL: the backend has but one
    struct endpoint server;
    struct tls_session session;
    struct tracker *tracker;      // NULL: none of the backend's namespaces has near = yes
    struct backend_conn *conn;    // NULL while DOWN
    struct backend_conn *reserve; // a second connection that is being made; or NULL
    struct backend_conn *former;  // the connection before `conn`, until its last answer; or NULL
    bool is_up;
    bool is_stopping;
    uint64_t starting_until_ms;    // the server may still be starting until then
    unsigned failures;             // to connect, in a row
    unsigned setbacks;             // failures, and connections that served no request, in a row
    uint64_t since_ms;             // since when the node is up, or is not
    char reason[CONN_REASON_SIZE]; // why the node is not up; "" while the reason is not known
    uint64_t renew_ms;             // no reserve is made before
    unsigned renewals;             // how many reserves were made of late
    unsigned attempt;              // chooses among the host's addresses
    unsigned tried;                // of these, since the last failure: all of them are one
    uv_timer_t retry;
    struct conn_counters past; // of the connections before this one
    uint64_t connects;         // counters
};

// Makes a node and begins to connect. The node copies the texts of `server` and `name`; the
// family must outlive it. `starting_ms`: for how long from now the server may be starting.
struct node *node_new(const struct node_family *family, const struct endpoint *server,
                      const char *name, uint64_t starting_ms);

// Closes all connections at once, whose requests fail, and connects to another server.
void node_move(struct node *n, const struct endpoint *server, const char *name);

// The same server has another address from now on: a connection that serves stays.
void node_readdress(struct node *n, const struct endpoint *server, const char *name);

// Closes all connections at once, and connects to the same server, whose name is looked up anew.
void node_reconnect(struct node *n);

// For on_lost() of struct node_events: the node connects again after this delay, and not after the
// one that it has chosen itself.
void node_retry_in(struct node *n, uint64_t delay_ms);

// Fails all requests under way, and takes no more.
void node_stop(struct node *n);

// Stops the node. Its memory is freed when the loop has closed its timer.
void node_free(struct node *n);

// Has the node's tracker follow the keys of the prefixes, of which it takes a copy. With no prefix
// the node has no tracker.
void node_track(struct node *n, const struct prefixes *prefixes);

// Makes a second connection beside the first, unless one was made lately.
void node_renew(struct node *n);

// Sends the password again over all connections: it has changed.
void node_authenticate(struct node *n);

// Asks again which commands the account may not run.
void node_check_account(struct node *n);

// Returns whether too many requests or bytes are under way at the node's connection, which it must
// have. `most_output` is how many bytes may wait to be written.
static inline bool node_is_full(const struct node *n, size_t most_output) {
    return n->conn->pending >= (size_t)n->family->conf->max_pending ||
           stream_unread(&n->conn->stream) >= most_output;
}
enum backend_room node_room(const struct node *n, size_t most_output);

// To be called once a turn of the loop: a second connection may take over.
void node_wake(struct node *n);

size_t node_pending(const struct node *n);

// Adds the counters of all connections that the node has had.
void node_add_counters(const struct node *n, struct conn_counters *sum);
