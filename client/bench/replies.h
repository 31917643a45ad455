// Replies: counts the whole replies in a stream of Redis's reply types, and the errors and nils
// among them, also inside arrays.
//
// Nothing is kept of a reply but the first error's text, so a reply may be of any size and come in
// any pieces. An array is not followed by depth: it only adds its elements to those awaited.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Where one connection's stream stands. All zero at its start.
struct replies {
    uint64_t skip;    // bytes of a bulk and its CRLF that are still to come
    uint64_t awaited; // elements until the reply at hand is whole; 0 between replies
    int64_t number;   // the digits of the header at hand
    char type;        // of the element whose header is being read; 0 between elements
    char code[12];    // of the error at hand, cut where it is longer, with what follows it
    uint8_t code_len;
    bool is_negative;
};

// What was seen, summed over connections.
struct replies_seen {
    uint64_t errors;
    uint64_t unsure; // of them, after which a request may have been applied
    uint64_t nils;
    char first_error[200]; // NUL-terminated, cut where it is longer
    bool has_first_error;  // it is whole
};

// Returns how many replies ended within the `len` bytes, or -1 when they are no replies at all.
int64_t replies_scan(struct replies *r, const char *data, size_t len, struct replies_seen *seen);
