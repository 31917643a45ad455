// Connections: those of one HTTP server, watched so that none is held for ever.
//
// The library ends a connection that is silent for some seconds, but not one that sends a byte now
// and then. Here each has a time for its whole request, and one for its whole reply.
#pragma once

#include <microhttpd.h>
#include <uv.h>

#include <stdbool.h>

struct connection {
    struct connection *next;
    int fd;
    bool is_answered; // a whole request has come, and its reply is not sent yet
    uint64_t since_ms;
};

struct connections {
    uv_mutex_t lock;
    struct connection *first;
};

void connections_init(struct connections *all);
void connections_deinit(struct connections *all);

// For a server's threads: MHD_OPTION_NOTIFY_CONNECTION, whose closure are the connections.
void connections_notify(void *closure, struct MHD_Connection *connection, void **context,
                        enum MHD_ConnectionNotificationCode code);
// A whole request has come, or its reply was sent.
void connections_turn(struct connections *all, struct MHD_Connection *connection, bool is_answered);

// Ends connections whose time is over. To be called about once a second.
void connections_sweep(struct connections *all);
