// Hello: the arguments of `hello`, the handshake of Redis's clients.
#pragma once

#include "protocol/bytes.h"

struct hello { // NULL: not given
    const struct slice *name;
    const struct slice *credentials; // two: user and token
    size_t wrong;                    // the index of the word that is wrong, when one is
};

// Reads `[version] [AUTH USER TOKEN] [SETNAME NAME]`. Returns false for anything else.
bool hello_read(const struct slice *args, size_t count, struct hello *h)
    __attribute__((warn_unused_result));
