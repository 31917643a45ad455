// Endpoint: where a server is reached.
#pragma once

#include <stdbool.h>

struct sockaddr_storage;
struct tls_client;
struct tls_session;

// The owner of the texts keeps them as long as the endpoint is in use.
struct endpoint {
    const char *host; // a name or a number; NULL: the server is at `path`
    int port;
    const char *path;                    // a Unix socket
    const struct sockaddr_storage *peer; // one of the host's addresses; NULL: the host is looked up
    // The rules of TLS when a connection is made: a reload changes them. NULL, or NULL there: the
    // server is reached without TLS, as a Unix socket is.
    struct tls_client *const *tls;
    struct tls_session *session; // of connections to this server; NULL: none is kept
    // The password now, which may change; NULL, or NULL there: the URL's, if it has one.
    const char *const *password;
};
