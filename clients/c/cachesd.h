// A client of cachesd in C11 for POSIX systems; it needs nothing but cachesd.c beside it.
//
//     struct cachesd *cachesd = cachesd_new(NULL);
//     cachesd_call(cachesd, "key.set", "ttl=90s", "demo", "greeting", "hello", NULL);
//     puts(cachesd_call(cachesd, "key.get", "demo", "greeting", NULL)->bytes);
//     cachesd_free(cachesd);
//
// Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes
// will do, and nothing is ever quoted. A client has one connection and no lock: one client for each
// thread. It is made at the first request, and made anew when the daemon has closed it; a forked
// child gets a connection of its own.
#ifndef CACHESD_H
#define CACHESD_H

#include <stdbool.h>
#include <stddef.h>

struct cachesd;

// Options of a connection. The environment has those that are NULL: CACHESD_ADDRESS, CACHESD_USER,
// CACHESD_TOKEN.
struct cachesd_options {
    const char *address; // the path of a socket, HOST:PORT or [IPV6]:PORT; without one it looks
                         // where a daemon usually is
    const char *user;
    const char *token;
    int timeout_ms; // to connect, and for each answer; 0: 5,000
};

enum cachesd_kind { CACHESD_NIL, CACHESD_NUMBER, CACHESD_BYTES, CACHESD_ITEMS, CACHESD_ERROR };

struct cachesd_reply {
    enum cachesd_kind kind;
    long long number;
    char *bytes; // of CACHESD_BYTES and CACHESD_ERROR, a zero byte behind them; else NULL
    size_t size;
    struct cachesd_reply *items; // of CACHESD_ITEMS
    size_t count;
    // Of CACHESD_ERROR: the daemon's own word (WRONGTYPE, POLICY, …), or that of the client itself:
    // UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in time), LOST (the
    // connection broke before the answer).
    char code[32];
};

struct cachesd_word {
    const void *bytes;
    size_t size;
};

// NULL where memory is short, and with errno EINVAL for an address that is none or a token without
// a user. `options` may be NULL, and is not needed afterwards.
struct cachesd *cachesd_new(const struct cachesd_options *options);
void cachesd_free(struct cachesd *cachesd); // or NULL

// The reply to these words, strings that NULL ends. It is never NULL; it belongs to the client, and
// lives until its next request.
const struct cachesd_reply *cachesd_call(struct cachesd *cachesd, const char *verb, ...)
    __attribute__((sentinel));

// The same of any bytes, for a request that may take so long, as memo.get with wait= does; 0: as
// usual.
const struct cachesd_reply *cachesd_call_words(struct cachesd *cachesd, int timeout_ms,
                                               size_t count, const struct cachesd_word *words);

// Whether a write with this reply may have been applied, though it is an error; after other errors
// it was not.
bool cachesd_is_perhaps_applied(const struct cachesd_reply *reply);

// --- results that are kept: each is computed once, whoever asks, in whatever process --------

struct cachesd_memo {
    const char *namespace;
    const char *key;
    const char *ttl; // "10m", or NULL: as the namespace says
    int wait_ms;     // for what another computes; 0: 10,000
};

// Sets *value to bytes of malloc() and *size, or leaves it NULL for "nothing", which is kept, too.
// Returns 0, or what cachesd_cached() shall return: then nothing is kept.
typedef int cachesd_compute(void *context, char **value, size_t *size);

// The result that is kept, or what `compute` gives: *value of malloc(), for the caller to free, a
// zero byte behind a kept one. A caller that asks while another computes waits for that result.
// When the daemon is away or refuses, `compute` is simply called; what is not 0 is always its own.
int cachesd_cached(struct cachesd *cachesd, const struct cachesd_memo *memo,
                   cachesd_compute *compute, void *context, char **value, size_t *size);

// The next call computes. Returns whether the daemon could be told.
bool cachesd_forget(struct cachesd *cachesd, const struct cachesd_memo *memo);

#endif
