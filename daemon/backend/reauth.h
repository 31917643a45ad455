// Reauth: authenticates a living connection again, when the password has changed.
#pragma once

#include "conf/url.h"
#include "daemon/backend/conn.h"
#include "daemon/loop/endpoint.h"

// Sends AUTH behind what is under way. A refusal is logged, and the connection goes on as it was;
// `subject` is that of the complaint.
void reauth_send(struct backend_conn *c, const struct url *url, const struct endpoint *server,
                 const char *subject);
