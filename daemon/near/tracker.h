// Tracker: hears from a backend which keys have changed, so that the near cache may hold answers.
//
//   DOWN ──dial, AUTH, CLIENT ID, CLIENT TRACKING ON REDIRECT id BCAST PREFIX …, SUBSCRIBE──► LIVE
//    ▲                                                                                        │
//    └── end of file, no pong for 3 s, a refusal, the data connection lost ◄──────────────────┘
//
// The tracker has one connection, which redirects Redis's invalidations to itself (redis.io,
// "Client-side caching", broadcasting mode over RESP2): with two connections, the tracked one could
// break while the subscribed one stays silent and well.
//
// While the tracker is down no answer of the near cache is served. `epoch` is raised when the
// tracker becomes live, after too long a silence, and when Redis says that everything is void, so
// that no older answer is ever served again.
//
// How old may an answer be? Each second a PING is sent, and its pong proves that all messages that
// Redis sent before the pong have arrived. So a served answer was right at most NEAR_FRESH_MS
// ago.
#pragma once

#include "conf/sections.h"
#include "daemon/loop/endpoint.h"
#include "daemon/loop/loop.h"
#include "daemon/near/source.h"
#include "protocol/bytes.h"

struct tracking; // the connection

// The prefixes of the keys to hear of. No prefix may begin with another one: Redis refuses that,
// and the check of the settings prevents it.
struct prefixes {
    struct bytes words; // of a command: PREFIX p PREFIX q …
    size_t count;
};

void prefixes_add(struct prefixes *p, struct slice prefix);
void prefixes_deinit(struct prefixes *p);

struct tracker {
    struct loop *loop;
    const struct backend_conf *conf;
    const char *node;             // the server's name in the log; NULL: the backend has but one
    struct endpoint server;       // a Unix socket, or else `peer`
    struct sockaddr_storage peer; // ss_family 0: the tracker waits for tracker_aim()
    struct prefixes prefixes;
    // Its epoch begins at random, so that answers kept under an earlier tracker are not found. It
    // is proven until the moment when the last ping that was answered was sent.
    struct near_source source;
    bool has_been_live;
    struct tracking *tracking;               // NULL: not connected
    uv_timer_t timer;                        // to connect again, or to ping
    unsigned failures;                       // in a row
    uint64_t invalidations, flushes, losses; // counters
};

// Begins to connect. Takes over the prefixes; `conf`, `node` and the texts of `server` must
// outlive the tracker.
struct tracker *tracker_new(struct loop *loop, const struct backend_conf *conf, const char *node,
                            const struct endpoint *server, struct prefixes prefixes);

// Stops the tracker at once; its memory is freed when the loop has closed its handles.
void tracker_free(struct tracker *t);

// To be called when the password has changed.
void tracker_authenticate(struct tracker *t);

// To be called when the backend was lost: it may be another server when it comes back, so the
// tracker connects anew.
void tracker_restart(struct tracker *t);

// Tells the tracker the address of the backend's present server: a host's name may have several,
// and the tracker must hear of changes from the same server. Not for Unix sockets.
void tracker_aim(struct tracker *t, const struct sockaddr_storage *peer);

// Returns the salt of the hashes of the backend's keys: the same for all its trackers, so that any
// of them voids what was kept of a key.
uint64_t tracker_salt(const struct backend_conf *conf);
