#include "client/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/dial.h"

enum { READ_SIZE = 64 * 1024 };

static const char closed[] = "the daemon closed the connection";
static const char closed_unheard[] =
    "the daemon closed the connection without a word (a TLS port is tls:HOST:PORT)";

static void drop(struct channel *channel) {
    if (channel->tls)
        tls_free(channel->tls);
    if (channel->fd >= 0)
        close(channel->fd);
    *channel = (struct channel){.fd = -1};
}

// --- sending ----------------------------------------------------------------------------------

static const char *send_some(int fd, struct bytes *out) {
    ssize_t n = out->len > 0 ? send(fd, out->data, out->len, MSG_NOSIGNAL) : 0;
    if (n >= 0)
        bytes_consume(out, (size_t)n);
    else if (errno == EPIPE || errno == ECONNRESET)
        out->len = 0;
    else if (errno != EAGAIN && errno != EINTR)
        return strerror(errno);
    return NULL;
}

bool channel_has_unsent(const struct channel *channel, const struct bytes *out) {
    return out->len > 0 || (channel->tls && tls_wire(channel->tls)->len > 0);
}

const char *channel_send(struct channel *channel, struct bytes *out) {
    if (!channel->tls)
        return send_some(channel->fd, out);
    if (out->len > 0 && !tls_seal(channel->tls, bytes_slice(out)))
        return tls_trouble(channel->tls);
    out->len = 0;
    return send_some(channel->fd, tls_wire(channel->tls));
}

// --- receiving --------------------------------------------------------------------------------

// Returns how many bytes came; 0 for none yet. At the end *error says why.
static size_t receive_some(int fd, char *to, const char **error) {
    ssize_t n = recv(fd, to, READ_SIZE, 0);
    if (n > 0)
        return (size_t)n;
    if (n == 0 || errno == ECONNRESET)
        *error = closed;
    else if (errno != EAGAIN && errno != EINTR)
        *error = strerror(errno);
    return 0;
}

static const char *open_records(struct tls *tls, struct bytes *in) {
    enum tls_step step;
    do {
        size_t got = 0;
        step = tls_read(tls, bytes_reserve(in, READ_SIZE), READ_SIZE, &got);
        bytes_grew(in, got);
    } while (step == TLS_DONE);
    tls_keep(tls);
    if (step == TLS_BROKEN)
        return tls_trouble(tls);
    return step == TLS_ENDED ? closed : NULL;
}

const char *channel_receive(struct channel *channel, struct bytes *in) {
    const char *error = NULL;
    if (!channel->tls) {
        size_t got = receive_some(channel->fd, bytes_reserve(in, READ_SIZE), &error);
        bytes_grew(in, got);
        channel->is_unheard &= got == 0;
        return error == closed && channel->is_unheard ? closed_unheard : error;
    }
    char records[READ_SIZE];
    size_t len = receive_some(channel->fd, records, &error);
    if (len == 0)
        return error;
    tls_feed(channel->tls, records, len);
    return open_records(channel->tls, in);
}

// --- opening and closing ----------------------------------------------------------------------

// Goes on with the handshake when something has come, or the records of this side can be sent.
static const char *shake_on(struct channel *channel, int64_t timeout_ms) {
    struct bytes *wire = tls_wire(channel->tls);
    struct pollfd ready = {.fd = channel->fd, .events = wire->len > 0 ? POLLOUT : POLLIN};
    char records[READ_SIZE];
    const char *error = NULL;
    int count = poll(&ready, 1, (int)timeout_ms);
    if (count == 0)
        return "the daemon does not end the TLS handshake";
    if (count < 0)
        return errno == EINTR ? NULL : strerror(errno);
    if (wire->len > 0)
        return send_some(channel->fd, wire);
    size_t len = receive_some(channel->fd, records, &error);
    tls_feed(channel->tls, records, len);
    if (!error && tls_shake(channel->tls) == TLS_BROKEN)
        error = tls_trouble(channel->tls);
    tls_keep(channel->tls);
    return error;
}

static const char *shake(struct channel *channel, int64_t timeout_ms) {
    const char *error = NULL;
    enum tls_step step = tls_shake(channel->tls);
    while (!error && (step == TLS_WANTS || tls_wire(channel->tls)->len > 0)) {
        error = shake_on(channel, timeout_ms);
        if (!error)
            step = tls_shake(channel->tls);
    }
    return error || step == TLS_DONE ? error : tls_trouble(channel->tls);
}

bool channel_open(struct channel *channel, const struct address *address, struct tls_client *client,
                  int64_t timeout_ms, struct bytes *error) {
    *channel = (struct channel){.fd = dial(address, timeout_ms, error)};
    if (channel->fd < 0)
        return false;
    channel->is_unheard = address->kind == ADDRESS_TCP && !address->is_tls;
    if (!address->is_tls)
        return true;
    channel->tls = tls_new_client(client, address->host, NULL);
    const char *why = shake(channel, timeout_ms);
    if (!why)
        return true;
    bytes_append_slice(error, slice_of(why));
    drop(channel);
    return false;
}

void channel_close(struct channel *channel) {
    if (channel->tls) {
        tls_say_end(channel->tls);
        (void)!send_some(channel->fd, tls_wire(channel->tls));
    }
    drop(channel);
}
