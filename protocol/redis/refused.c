// Commands of Redis that are known and refused, and why.
#include "protocol/redis/groups.h"
#include "protocol/redis/row.h"

#define REFUSED(why) .refused = "is not supported here: " why
#define WAITS                                                                                      \
    REFUSED("it would wait on the one connection that all clients share; a queue is no cache")
#define CHANNELS REFUSED("messages between clients are no keys of a namespace")
#define WATCHES                                                                                    \
    REFUSED("it needs a connection to Redis that no one shares; a script can do the same")
#define STREAM REFUSED("a stream is a queue, and a queue is no cache")
#define SERVER REFUSED("Redis's server is its operator's, not its clients'")
#define LIBRARIES                                                                                  \
    REFUSED("all of Redis's clients share one set of functions; EVAL has the same use")
#define PAYLOADS  REFUSED("what it stores cannot be held against the namespace's rules")
#define DATABASES REFUSED("it reaches keys beyond those of the namespace")

const struct redis_row redis_refused[] = {
    {.name = "BLMOVE", WAITS},
    {.name = "BLMPOP", WAITS},
    {.name = "BLPOP", WAITS},
    {.name = "BRPOP", WAITS},
    {.name = "BRPOPLPUSH", WAITS},
    {.name = "BZMPOP", WAITS},
    {.name = "BZPOPMAX", WAITS},
    {.name = "BZPOPMIN", WAITS},
    {.name = "SUBSCRIBE", CHANNELS},
    {.name = "UNSUBSCRIBE", CHANNELS},
    {.name = "PSUBSCRIBE", CHANNELS},
    {.name = "PUNSUBSCRIBE", CHANNELS},
    {.name = "SSUBSCRIBE", CHANNELS},
    {.name = "SUNSUBSCRIBE", CHANNELS},
    {.name = "PUBLISH", CHANNELS},
    {.name = "SPUBLISH", CHANNELS},
    {.name = "PUBSUB", CHANNELS},
    {.name = "WATCH", WATCHES},
    {.name = "XACK", STREAM},
    {.name = "XADD", STREAM},
    {.name = "XAUTOCLAIM", STREAM},
    {.name = "XCLAIM", STREAM},
    {.name = "XDEL", STREAM},
    {.name = "XGROUP", STREAM},
    {.name = "XINFO", STREAM},
    {.name = "XLEN", STREAM},
    {.name = "XPENDING", STREAM},
    {.name = "XRANGE", STREAM},
    {.name = "XREAD", STREAM},
    {.name = "XREADGROUP", STREAM},
    {.name = "XREVRANGE", STREAM},
    {.name = "XSETID", STREAM},
    {.name = "XTRIM", STREAM},
    {.name = "BGREWRITEAOF", SERVER},
    {.name = "BGSAVE", SERVER},
    {.name = "DEBUG", SERVER},
    {.name = "FAILOVER", SERVER},
    {.name = "LATENCY", SERVER},
    {.name = "MODULE", SERVER},
    {.name = "MONITOR", SERVER, .instead = "tap"},
    {.name = "PFDEBUG", SERVER},
    {.name = "PFSELFTEST", SERVER},
    {.name = "PSYNC", SERVER},
    {.name = "REPLCONF", SERVER},
    {.name = "REPLICAOF", SERVER},
    {.name = "SAVE", SERVER},
    {.name = "SHUTDOWN", SERVER},
    {.name = "SLAVEOF", SERVER},
    {.name = "SLOWLOG", SERVER},
    {.name = "SYNC", SERVER},
    {.name = "FCALL", LIBRARIES},
    {.name = "FCALL_RO", LIBRARIES},
    {.name = "FUNCTION", LIBRARIES},
    {.name = "RESTORE", PAYLOADS},
    {.name = "RESTORE-ASKING", PAYLOADS},
    {.name = "MIGRATE", PAYLOADS},
    {.name = "ASKING", REFUSED("clients see one server, whatever is behind it")},
    {.name = "MOVE", DATABASES},
    {.name = "SWAPDB", DATABASES},
    {.name = "RANDOMKEY", DATABASES},
    {0},
};
