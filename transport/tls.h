// Tls: the TLS of one connection, as a filter between plain bytes and records.
//
//   the peer's records ──tls_feed()──► tls_read() ──► plain bytes
//   plain bytes ──tls_seal()──► tls_wire(), which holds the records for the peer
//
// It knows no socket: stream.c moves the records. OpenSSL writes records of its own into the wire
// at any call: the handshake, alerts, new keys.
#pragma once

#include <stddef.h>

#include "conf/tls_context.h"
#include "protocol/bytes.h"

struct tls;

// How far a call came.
enum tls_step {
    TLS_DONE,  // as far as it was asked to
    TLS_WANTS, // more records of the peer are needed
    TLS_ENDED, // the peer has ended its side, by saying so
    TLS_BROKEN // tls_trouble() says why
};

// Returns the client's side of a connection to `host`, a name or a number. `session` is used and
// renewed, must outlive the calls below, and belongs to the same thread; NULL: none is kept.
struct tls *tls_new_client(struct tls_client *client, const char *host,
                           struct tls_session *session);
struct tls *tls_new_server(struct tls_server *server);
void tls_free(struct tls *t);

// Hands the peer's records over. They are borrowed, until the calls below have taken them all or
// tls_keep() has copied the rest.
void tls_feed(struct tls *t, const char *records, size_t len);
void tls_keep(struct tls *t);

// Returns whether tls_read() may have something to return without more records: bytes, or the end.
bool tls_has_rest(const struct tls *t);

// Goes on with the handshake, or begins it.
enum tls_step tls_shake(struct tls *t) __attribute__((warn_unused_result));

// Reads plain bytes, up to `room` of them. TLS_DONE when the room is full.
enum tls_step tls_read(struct tls *t, char *to, size_t room, size_t *got)
    __attribute__((warn_unused_result));

// Adds the plain bytes to the wire as records. Returns false when TLS is broken.
bool tls_seal(struct tls *t, struct slice plain) __attribute__((warn_unused_result));

// Adds the word that no more bytes will come.
void tls_say_end(struct tls *t);

// Returns the records for the peer, which the caller takes out.
struct bytes *tls_wire(struct tls *t);

// Returns why TLS is broken, as a text for people; "" while it is not.
const char *tls_trouble(const struct tls *t);

// Returns whether the server has refused our certificate, or that there is none. In TLS 1.3 it does
// so when the handshake is over for us, and something may have been sent, which it then does not
// read.
bool tls_is_cert_refused(const struct tls *t);

// Appends the names in the peer's certificate, each with a zero byte behind it: the DNS names and
// URIs that it is for, then the common name of its subject. Appends nothing when it has shown none,
// or its certificate is not to be trusted.
void tls_append_peer_names(const struct tls *t, struct bytes *names);

// Returns whether the handshake was shortened by a kept session.
bool tls_is_resumed(const struct tls *t);
