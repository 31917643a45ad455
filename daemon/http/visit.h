// Visit: one HTTP request, from its header to its reply.
//
//   method, path, Host ──► who asks: a peer, or a token, which may have to wait for its turn
//     ──► the facts, which are waited for ──► the reply
//
// All but the waiting happens on the thread of the server that the request came through.
#pragma once

#include <microhttpd.h>

#include <stddef.h>

#include "daemon/http/connections.h"
#include "daemon/http/desk.h"

// Where visits come in. Its owner, a server, embeds it.
struct entrance {
    struct desk *desk;
    struct door door;
    struct connections connections;
};

// For a server's thread: MHD_AccessHandlerCallback and MHD_OPTION_NOTIFY_COMPLETED, whose closure
// is the entrance.
enum MHD_Result visit_go_on(void *entrance, struct MHD_Connection *connection, const char *url,
                            const char *method, const char *version, const char *upload,
                            size_t *upload_size, void **visit);
void visit_end(void *entrance, struct MHD_Connection *connection, void **visit,
               enum MHD_RequestTerminationCode code);
