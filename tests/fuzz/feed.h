// Feed: gives a fuzz target's input to the reader of Redis's answers.
#pragma once

#include "fuzz.h"
#include "protocol/resp.h"

// Feeds the reader, whole when `pieces` is NULL. Returns as resp_feed().
static inline const char *feed(struct resp *resp, struct slice said, struct pieces *pieces) {
    const char *error = NULL;
    while (said.len > 0 && !error) {
        size_t len = pieces ? next_piece(pieces, said.len) : said.len;
        char *exact = copy_exactly(said.data, len);
        error = resp_feed(resp, exact, len);
        free(exact);
        said = (struct slice){said.data + len, said.len - len};
    }
    return error;
}
