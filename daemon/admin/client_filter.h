// Client filter: picks lines of `clients` by their columns.
#pragma once

#include "protocol/bytes.h"
#include "protocol/refusal.h"

enum { CLIENT_FILTER_MOST = 16 };

// A line must have this value in that column. Of a duration the line must have at least as much.
struct client_test {
    const char *column;
    size_t start, len;  // of the value, in client_filter.values
    int64_t at_least_s; // of `age` and `idle`
    bool is_duration;
};

struct client_filter {
    struct client_test tests[CLIENT_FILTER_MOST];
    size_t count;
    struct bytes values;
};

// Reads words of the form name=value into a filter that is all zero, and copies what it needs of
// them. Returns false with a refusal when one is wrong.
bool client_filter_read(struct client_filter *filter, const struct slice *words, size_t count,
                        struct refusal *refusal) __attribute__((warn_unused_result));
void client_filter_deinit(struct client_filter *filter);

// Returns whether the line, " name=value" pairs behind each other, passes all tests.
bool client_filter_passes(const struct client_filter *filter, struct slice line);
