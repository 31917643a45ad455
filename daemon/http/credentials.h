// Credentials: a user's name and token, as the header Authorization of a request brings them.
#pragma once

#include "protocol/bytes.h"

struct credentials {
    struct bytes text;        // that the slices below point into
    struct slice user, token; // `user` is empty with Bearer, which has no name
    bool has_user;
};

// Reads "Basic BASE64(USER:TOKEN)" or "Bearer TOKEN". Returns false when the header is neither.
bool credentials_read(const char *header, struct credentials *credentials)
    __attribute__((warn_unused_result));
void credentials_deinit(struct credentials *credentials);
