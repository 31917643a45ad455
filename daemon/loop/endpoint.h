// Endpoint: where a server is reached.
#pragma once

#include <stdbool.h>

struct sockaddr_storage;

// The owner of the texts keeps them as long as the endpoint is in use.
struct endpoint {
    const char *host; // a name or a number; NULL: the server is at `path`
    int port;
    const char *path;                    // a Unix socket
    const struct sockaddr_storage *peer; // one of the host's addresses; NULL: the host is looked up
};
