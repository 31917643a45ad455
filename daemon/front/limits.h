// Limits: how many bytes a client may send and leave unread. A client whose user is not known yet
// may do less.
#pragma once

#include "conf/sections.h"
#include "protocol/bytes.h"

enum {
    STRANGER_REQUEST = 128 * 1024, // a token has at most 64 KiB
    STRANGER_OUTPUT = 256 * 1024,
};

// Return the bytes of a request, and of replies that are not read.
static inline size_t limits_request(const struct daemon_conf *conf, bool is_known) {
    size_t most = (size_t)conf->max_request;
    return is_known ? most : bytes_smaller(most, STRANGER_REQUEST);
}

static inline size_t limits_output(const struct daemon_conf *conf, bool is_known) {
    size_t most = (size_t)conf->client_output;
    return is_known ? most : bytes_smaller(most, STRANGER_OUTPUT);
}
