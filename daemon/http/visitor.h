// Visitor: who makes an HTTP request, and what that lets them see.
//
// Without [user] sections whoever reaches a local address may see all. With them the visitor is a
// user by the peer of a Unix socket, or by a token.
#pragma once

#include <microhttpd.h>

#include "conf/settings.h"
#include "daemon/http/credentials.h"
#include "daemon/http/desk.h"
#include "daemon/policy/identity.h"
#include "daemon/policy/peer.h"

enum visitor_standing {
    VISITOR_KNOWN,
    VISITOR_UNKNOWN, // is to bring a token
    VISITOR_BAD_HEADER,
    VISITOR_HAS_TOKEN, // which is to be looked at: visitor_wait_ms(), then visitor_try()
};

struct visitor {
    struct identity identity;
    struct credentials credentials;
    struct sockaddr_storage address, local; // of the connection's ends
    char peer[PEER_SIZE];                   // as guesses.h counts it
    size_t peer_len;
};

// Asks the system who is at the other end of the connection.
void visitor_init(struct visitor *v, struct MHD_Connection *connection);
void visitor_deinit(struct visitor *v);

// Finds out who the visitor is. `header` is Authorization; NULL: there is none.
enum visitor_standing visitor_identify(struct visitor *v, const struct settings *settings,
                                       const char *header);

// Returns in how many milliseconds the token may be looked at; GUESS_REFUSED: not at all. To be
// called once for each token.
int64_t visitor_wait_ms(const struct visitor *v, struct desk *desk);

// Returns whether the token is right: from now on the visitor is its user. A wrong one is counted.
bool visitor_try(struct visitor *v, struct desk *desk, const struct settings *settings);
