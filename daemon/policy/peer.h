// Peer: who is at the other end of an internet connection, however often it connects.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

enum { PEER_SIZE = 9 };

// Returns whether the address is this machine's loopback.
bool peer_is_loopback(const struct sockaddr_storage *address);

// Writes the peer as guesses.h counts it to `peer`, which has PEER_SIZE bytes, and returns how many
// bytes it has.
size_t peer_write(char *peer, const struct sockaddr_storage *address);
// The same for the peer of a Unix socket.
size_t peer_write_uid(char *peer, uid_t uid);
