// Eviction: what a server does when its memory is full, as its maxmemory-policy says. Some
// libraries ask for it, and refuse to work with a server that may drop any key.
#pragma once

enum { EVICTION_SIZE = 24 };

struct backend_conn;

// Asks the server behind the connection, and writes its policy to `to`, of EVICTION_SIZE bytes,
// which must outlive the connection. An account that may not ask INFO learns nothing, and nobody is
// told.
void eviction_ask(struct backend_conn *conn, char *to);
