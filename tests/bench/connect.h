// Connecting to an address as cachesd's `listen` writes them.
#pragma once

// A connected, non-blocking socket, or -1 with errno. `address`: unix:PATH or tcp:HOST:PORT, HOST
// in numbers.
int connect_to(const char *address);
