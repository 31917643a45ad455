// Search: finds the daemon, by the address that was given or at the places where daemons listen.
#pragma once

#include "client/connection.h"
#include "client/exit_code.h"
#include "conf/address.h"
#include "protocol/bytes.h"

// The port of a daemon without a configuration.
#define SEARCH_DEFAULT_TCP "127.0.0.1:7379"

// Reads an address as -s and $CACHESD_ADDRESS take it: a path, HOST:PORT, unix:PATH, tcp:HOST:PORT
// or tls:HOST:PORT. Returns NULL, or a text that says why it is wrong.
const char *search_read_address(const char *text, struct address *address)
    __attribute__((warn_unused_result));

// Connects to the daemon at `given`; NULL: at $CACHESD_ADDRESS; else at the first place of the
// default ones where somebody listens. options->address becomes the address. Returns NULL with a
// text in *error, which lists all places that were tried, and an exit code.
struct connection *search_connect(struct connection_options *options, const char *given,
                                  struct bytes *error, enum exit_code *code)
    __attribute__((warn_unused_result));
