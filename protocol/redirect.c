#include "protocol/redirect.h"

#include "protocol/hash_slot.h"
#include "protocol/number.h"

static const struct turn_word {
    const char *word;
    enum turn turn;
    bool has_target;
} turn_words[] = {
    {"MOVED", TURN_MOVED, true},        {"ASK", TURN_ASK, true},
    {"TRYAGAIN", TURN_TRYAGAIN, false}, {"CLUSTERDOWN", TURN_CLUSTERDOWN, false},
    {"READONLY", TURN_READONLY, false}, {"LOADING", TURN_LOADING, false},
};

// Cuts the first word off, and the space behind it.
static struct slice take_word(struct slice *s) {
    const char *space = s->len > 0 ? memchr(s->data, ' ', s->len) : NULL;
    struct slice word = {s->data, space ? (size_t)(space - s->data) : s->len};
    size_t used = word.len + (space ? 1 : 0);
    *s = (struct slice){s->data + used, s->len - used};
    return word;
}

static bool is_host(struct slice host) {
    for (size_t i = 0; i < host.len; i++)
        if ((unsigned char)host.data[i] <= ' ' || host.data[i] == 0x7f)
            return false;
    return host.len <= REDIRECT_LONGEST_HOST;
}

// Redis writes an IPv6 address without brackets, so the last colon begins the port.
static bool read_address(struct slice address, struct redirect *to) {
    int64_t port;
    const char *colon = address.len > 0 ? memrchr(address.data, ':', address.len) : NULL;
    if (!colon)
        return false;
    struct slice host = {address.data, (size_t)(colon - address.data)};
    struct slice digits = {colon + 1, address.len - host.len - 1};
    if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = (struct slice){host.data + 1, host.len - 2};
    if (!is_host(host) || !number_parse_int(digits, &port) || port < 1 || port > 65535)
        return false;
    to->host = host;
    to->port = (int)port;
    return true;
}

static bool read_target(struct slice rest, struct redirect *to) {
    int64_t slot;
    if (!number_parse_int(take_word(&rest), &slot) || slot < 0 || slot >= HASH_SLOTS)
        return false;
    to->slot = (uint16_t)slot;
    return read_address(rest, to);
}

bool redirect_read(struct slice error, struct redirect *to) {
    struct slice word = take_word(&error);
    *to = (struct redirect){0};
    for (size_t i = 0; i < sizeof(turn_words) / sizeof(*turn_words); i++) {
        const struct turn_word *row = &turn_words[i];
        if (!slice_equal(word, slice_of(row->word)) || (row->has_target && !read_target(error, to)))
            continue;
        to->turn = row->turn;
        return true;
    }
    *to = (struct redirect){0};
    return false;
}
