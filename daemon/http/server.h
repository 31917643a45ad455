// Server: serves HTTP at one address, with a thread of its own.
//
//   server_new(): bound ──server_start()──► a thread accepts and answers
//     ──server_free()──► its waits end ──► another thread ends that thread ──► freed
#pragma once

#include "conf/address.h"
#include "conf/sections.h"
#include "daemon/front/listener.h"
#include "daemon/http/desk.h"
#include "daemon/http/visit.h"
#include "daemon/loop/loop.h"
#include "protocol/bytes.h"

struct MHD_Daemon;

struct server {
    struct entrance entrance;
    struct listener *listener;  // that has bound the socket; the library accepts
    struct MHD_Daemon *library; // NULL: not started
    uv_work_t ending;
};

// Binds a socket as listener_new() does. Returns NULL when that fails: *error says why.
struct server *server_new(struct desk *desk, struct loop *loop, const struct address *address,
                          const struct daemon_conf *conf, struct bytes *error);

// Accepts connections from now on. Returns false when that fails: *error says why.
bool server_start(struct server *s, struct bytes *error) __attribute__((warn_unused_result));

// Ends connections whose time is over.
void server_sweep(struct server *s);

// Accepts no more, and ends. The memory is freed later.
void server_free(struct server *s);
