// Host: whether a request calls the daemon by one of its own names.
//
// A web page can make a browser ask this daemon by the page's own name, when that name's address is
// changed to the daemon's (DNS rebinding): the browser would then let the page read the answer. So
// a name must be known. A number is no name, and can't be changed: it must only be the one that the
// request came to.
#pragma once

#include <sys/socket.h>

#include "conf/sections.h"
#include "protocol/bytes.h"

// `host` is the request's header, which may have a port; `local` is the connection's own address.
bool host_is_ours(struct slice host, const struct http_conf *conf,
                  const struct sockaddr_storage *local);
