// Aim: the daemon that the command line means, and who asks there: the connection with all that it
// borrows.
#pragma once

#include "client/connection.h"
#include "client/exit_code.h"
#include "client/options.h"
#include "protocol/bytes.h"

struct local;

struct aim {
    struct connection *connection;
    struct connection_options to;
    struct bytes token;
    struct tls_client *tls;
    struct local *local;
};

// Connects as the options say. Returns EXIT_ANSWERED; or another code, and appends to *error why it
// failed. To be given back by aim_close() in either case.
enum exit_code aim_open(struct aim *aim, const struct options *options, struct bytes *error);

void aim_close(struct aim *aim);
