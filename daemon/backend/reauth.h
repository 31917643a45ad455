// Reauth: authenticates a living connection again, when the password has changed.
#pragma once

#include "conf/sections.h"
#include "daemon/backend/conn.h"
#include "daemon/loop/endpoint.h"

// Sends AUTH behind what is under way. A refusal is logged, and the connection goes on as it was;
// `node` is the server's name in the log, as in node.h.
void reauth_send(struct backend_conn *c, const struct backend_conf *conf,
                 const struct endpoint *server, const char *node);
