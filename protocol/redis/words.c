#include "protocol/redis/words.h"

#include "protocol/bytes.h"
#include "protocol/redis_error.h"
#include "protocol/refusal.h"
#include "protocol/reply.h"

enum { LONGEST_ERROR = 4096 }; // of Redis's; a script's may be of any length

// How a code is told: what stands before the refusal's text, or instead of it.
struct words {
    const char *before;
    const char *whole; // unless NULL
};

static const struct words words_of_codes[REPLY_CODE_COUNT] = {
    [REPLY_PROTOCOL] = {"ERR Protocol error: ", NULL},
    [REPLY_NOPROTO] = {"NOPROTO ", NULL},
    [REPLY_VERB] = {"ERR ", NULL},
    [REPLY_ARGS] = {"ERR ", NULL},
    [REPLY_NAMESPACE] = {"NOPERM ", NULL},
    [REPLY_POLICY] = {"POLICY ", NULL},
    [REPLY_NOAUTH] = {NULL, "NOAUTH Authentication required."},
    [REPLY_NOPERM] = {"NOPERM ", NULL},
    [REPLY_WRONGTYPE] = {NULL, "WRONGTYPE Operation against a key holding the wrong kind of value"},
    // "Not applied, come again": libraries know LOADING as such, and wait a little.
    [REPLY_UNAVAILABLE] = {"LOADING cachesd: ", NULL},
    [REPLY_OVERLOADED] = {"OVERLOADED ", NULL},
    [REPLY_TIMEOUT] = {"TIMEOUT ", NULL},
    [REPLY_LOST] = {"LOST ", NULL},
    [REPLY_LEASE] = {"LEASE ", NULL},
    [REPLY_INTERNAL] = {"ERR INTERNAL ", NULL},
    [REPLY_CROSSSLOT] = {NULL, "CROSSSLOT Keys in request don't hash to the same slot"},
    [REPLY_EXECABORT] = {NULL, "EXECABORT Transaction discarded because of previous errors."},
    [REPLY_NOSCRIPT] = {NULL, "NOSCRIPT No matching script. Please use EVAL."},
};

// Refusals that Redis tells in other words than others of their code.
static const struct {
    enum reply_code code;
    const char *text; // begins so
    struct words words;
} exceptions[] = {
    {REPLY_NOAUTH,
     REFUSAL_WRONG_TOKEN,
     {NULL, "WRONGPASS invalid username-password pair or user is disabled."}},
    {REPLY_NOAUTH, REFUSAL_HELLO, {"NOAUTH ", NULL}},
    {REPLY_NOAUTH, REFUSAL_GUESSES, {"WRONGPASS ", NULL}},
    {REPLY_NOAUTH,
     REFUSAL_NO_USERS,
     {NULL, "ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?"}},
    {REPLY_OVERLOADED, REFUSAL_CLIENTS, {NULL, "ERR max number of clients reached"}},
    {REPLY_WRONGTYPE, ANSWER_NO_NUMBER, {NULL, "ERR value is not an integer or out of range"}},
};

// A right that the caller lacks, as Redis's own ACL tells it. What is wrong with a key or a value
// has another first word, because some libraries take an ERR for a mere "no" in silence.
static bool is_right(enum refusal_reason reason) {
    return reason == REFUSED_COLLECTION || reason == REFUSED_VERB || reason == REFUSED_READONLY;
}

static struct words words_of(const struct refusal *refusal) {
    struct slice text = bytes_slice(&refusal->text);
    if (refusal->code == REPLY_POLICY && is_right(refusal->reason))
        return words_of_codes[REPLY_NOPERM];
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++)
        if (exceptions[i].code == refusal->code && slice_begins(text, slice_of(exceptions[i].text)))
            return exceptions[i].words;
    return words_of_codes[refusal->code];
}

static void write_refusal(struct bytes *out, const struct refusal *refusal) {
    struct words words = words_of(refusal);
    bytes_append_literal(out, "-");
    bytes_append_slice(out, slice_of(words.whole ? words.whole : words.before));
    if (!words.whole)
        bytes_append_slice(out, bytes_slice(&refusal->text));
    bytes_append_literal(out, "\r\n");
}

// Whether libraries would look for another server, or connect anew: a script can return any error.
static bool starts_failover(struct slice error) {
    static const char *const names[] = {"READONLY",   "MOVED",    "ASK",       "CLUSTERDOWN",
                                        "MASTERDOWN", "TRYAGAIN", "NOREPLICAS"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_begins(error, slice_of(names[i])))
            return true;
    return false;
}

static void write_error(struct bytes *out, struct slice error) {
    if (error.len > LONGEST_ERROR)
        error.len = LONGEST_ERROR;
    bytes_append_literal(out, "-");
    if (error.len == 0 || starts_failover(error))
        bytes_append_literal(out, "ERR ");
    size_t start = out->len;
    bytes_append_slice(out, error);
    for (char *c = out->data + start; c < out->data + out->len; c++)
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    bytes_append_literal(out, "\r\n");
}

const struct dialect redis_dialect = {
    .name = "redis", .write_refusal = write_refusal, .write_error = write_error};
