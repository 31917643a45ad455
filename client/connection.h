// Connection: requests to the daemon, many at a time, and their replies.
//
// connection_request() puts a request into the output, connection_reply() sends all of the output
// and reads the next reply. While the daemon takes no more, replies are read all the same, so that
// neither side can wait for the other for ever.
#pragma once

#include "client/exit_code.h"
#include "client/reply.h"
#include "conf/address.h"
#include "protocol/bytes.h"

struct connection;
struct tls_client;

// All of it is borrowed, and must outlive the connection.
struct connection_options {
    struct address address;
    const char *user;       // NULL: no authentication
    const char *token;      // of the user
    struct tls_client *tls; // of an address with is_tls
    int64_t timeout_ms;     // how long a reply may take; INT64_MAX: as long as it takes
};

// Connects, and authenticates the user if there is one. Returns NULL, and appends a text that says
// why to *error and sets *code to EXIT_NO_DAEMON or, where a daemon answered, to another code.
struct connection *connection_new(const struct connection_options *options, struct bytes *error,
                                  enum exit_code *code) __attribute__((warn_unused_result));
// Makes another connection to the same daemon, as connection_new() does.
struct connection *connection_twin(const struct connection *c, struct bytes *error,
                                   enum exit_code *code) __attribute__((warn_unused_result));
// Takes NULL, too.
void connection_free(struct connection *c);

// Connects anew in place of a connection that has ended: requests under way are forgotten. Returns
// false as connection_new() returns NULL; then it may be tried again.
bool connection_renew(struct connection *c, struct bytes *error, enum exit_code *code)
    __attribute__((warn_unused_result));

// Hangs up: for whoever does not want to wait any longer for the replies that are missing. Then
// only connection_renew() is of use.
void connection_end(struct connection *c);

// Puts a request into the output, in array form. Nothing is sent yet.
void connection_request(struct connection *c, const struct slice *words, size_t count);

// Returns how many requests have got no reply yet, those in the output included.
size_t connection_under_way(const struct connection *c);

// Sends the output and reads the next reply, which lives until the next call. Returns NULL when the
// connection has ended or the reply took longer than the timeout, which ends it:
// connection_trouble() says why. There must be a request under way, or a `tap`.
const struct reply *connection_reply(struct connection *c) __attribute__((warn_unused_result));

// Sends one request, and returns its reply as connection_reply(). No other may be under way.
const struct reply *connection_call(struct connection *c, const struct slice *words, size_t count)
    __attribute__((warn_unused_result));

// Sends the output, and waits for so long that connection_reply() would have something to read or
// to tell. Returns whether it has. For whoever has something else to do meanwhile, or listens to a
// `tap`.
bool connection_wait(struct connection *c, int64_t timeout_ms) __attribute__((warn_unused_result));

// Returns the descriptor, for poll(); -1 when the connection has ended. What was read before may
// hold whole replies that poll() does not tell of: connection_wait() with 0 does.
int connection_fd(const struct connection *c);

bool connection_is_tls(const struct connection *c);

// Returns why the connection has ended, as a text for people; NULL while it has not.
const char *connection_trouble(const struct connection *c);

// Returns whether an answer had the code ERR, which is Redis's, and none of cachesd's protocol.
bool connection_speaks_redis(const struct connection *c);

// Returns whether it has ended since the daemon did not want it, and so has read no request.
bool connection_is_refused(const struct connection *c);

// Returns the address as a text that -s would take.
const char *connection_address(const struct connection *c);
