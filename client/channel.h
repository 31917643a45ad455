// Channel: the bytes between the client and the daemon, plain or over TLS. The descriptor does not
// block: whoever owns the channel waits with poll().
#pragma once

#include "conf/address.h"
#include "conf/tls_context.h"
#include "protocol/bytes.h"
#include "transport/tls.h"

struct channel {
    int fd;          // -1: closed
    struct tls *tls; // NULL: none
    bool is_unheard; // plain TCP, from which nothing has come: perhaps the daemon expects TLS
};

// Connects within the time for each attempt, and shakes hands where the address wants TLS, by the
// rules in `client`. Returns false, and appends to *error why.
bool channel_open(struct channel *channel, const struct address *address, struct tls_client *client,
                  int64_t timeout_ms, struct bytes *error) __attribute__((warn_unused_result));

// Closes the channel, in TLS with a word of that. A closed one stays closed.
void channel_close(struct channel *channel);

// Returns whether bytes wait to be sent: those in `out`, or records.
bool channel_has_unsent(const struct channel *channel, const struct bytes *out);

// Sends from the beginning of `out` as much as goes at once. Returns NULL, or a text that says why
// the channel is broken. That the daemon reads no more is not told, since its last word may be
// still to be received: then `out` is emptied.
const char *channel_send(struct channel *channel, struct bytes *out)
    __attribute__((warn_unused_result));

// Appends to `in` what has come. Returns NULL, or a text that says why nothing more will.
const char *channel_receive(struct channel *channel, struct bytes *in)
    __attribute__((warn_unused_result));
