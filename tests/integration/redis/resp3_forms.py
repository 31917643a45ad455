"""Commands of Redis, in each form whose reply might look otherwise in protocol 3.

A line is a command, and behind " : " what the keys hold before it: names of SETUPS, several at once
with "+", and "-" for nothing. Another word is another form. The paragraphs are named by the shapes of protocol/redis/resp3.h.
"""

SETUPS = {
    "string": "SET k v",
    "list": "RPUSH k a b c a",
    "number": "SET k 7",
    "ohmytext": "SET k ohmytext",
    "mynewtext": "SET l mynewtext",
    "hash": "HSET k f v g 2",
    "numbers": "RPUSH k 3 1 2",
    "two": "RPUSH k 1 2",
    "n_1": "SET n_1 x",
    "set": "SADD k a b c",
    "sorted": "ZADD k 1 a 2.5 b 1e300 c 3.0000000000000004 d -inf e inf f",
    "bits": "SET k foobar",
    "log": "PFADD k a b",
    "field": "HSET k f v",
    "other_set": "SADD l b c d",
    "member": "SADD k a",
    "other_sorted": "ZADD l 7 a 0.1 x",
    "scored": "ZADD k 1 a",
    "places": "GEOADD k 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "text": "SET k text",
    "ints": "SADD k 1 2 3",
    "half": "ZADD k 1.5 a",
    "number_field": "HSET k f 1.5",
    "numbered": "ZADD k 1.5 2 2.5 3",
}

TABLE = r"""
[SAME]
GET k : string - list
GETDEL k : string -
GETEX k : string -
GETEX k PERSIST : string
GETRANGE k 0 1 : string -
SUBSTR k 0 1 : string
GETSET k w : string -
SET k w : string
SET k w NX : string
SET k w XX : -
SET k w GET : string -
SET k w NX GET : string
SETNX k w : string
SETEX k 10 v : -
PSETEX k 10000 v : -
SETRANGE k 2 x : string
APPEND k x : string
STRLEN k : string
MGET k l m : string
MGET k l : list
MSET k a l b : -
MSETNX k a l b : string
INCR k : number string
INCRBY k 3 : number
DECR k : number
DECRBY k 3 : number
INCRBYFLOAT k 1.5 : number
LCS k l : ohmytext+mynewtext -
LCS k l LEN : ohmytext+mynewtext
DEL k l : string
UNLINK k : string
EXISTS k l k : string
TOUCH k l : string
TYPE k : hash -
RENAME k l : string -
RENAMENX k l : string
COPY k l : string
OBJECT ENCODING k : string -
OBJECT REFCOUNT k : string
OBJECT IDLETIME k : string -
OBJECT FREQ k : string
DUMP k : -
RANDOMKEY : string -
KEYS * : string -
SCAN 0 : string -
SCAN 0 MATCH k* COUNT 10 TYPE string : string
EXPIRE k 10 : string
PEXPIRE k 10000 NX : string
EXPIREAT k 4000000000 : string
PEXPIREAT k 4000000000000 : string
TTL k : string -
PTTL k : string
EXPIRETIME k : string
PEXPIRETIME k : string
PERSIST k : string -
SORT k : numbers -
SORT k BY w_* GET # GET n_* : two+n_1
SORT k ALPHA STORE l : list
SORT_RO k ALPHA : set
SORT k BY nosort : sorted
BITCOUNT k : bits
BITPOS k 1 : bits
BITFIELD k GET u8 0 SET u8 0 1 INCRBY u8 8 3 : bits
BITFIELD k OVERFLOW FAIL INCRBY u2 0 4 : bits
BITFIELD_RO k GET u8 0 : bits
BITOP AND l k k : bits
GETBIT k 3 : bits
SETBIT k 3 1 : bits
PFADD k a b : -
PFCOUNT k : log
PFMERGE l k : log
HDEL k f : hash
HEXISTS k f : hash
HGET k f : hash -
HGET k x : hash
HINCRBY k g 3 : hash
HINCRBYFLOAT k g 1.5 : hash
HKEYS k : hash -
HLEN k : hash
HMGET k f x g : hash
HMGET k f : -
HMSET k f w : hash
HRANDFIELD k : field -
HRANDFIELD k 9 : hash -
HSCAN k 0 : hash -
HSET k f x h y : hash
HSETNX k f x : hash
HSTRLEN k f : hash
HVALS k : hash
LINDEX k 0 : list
LINDEX k 9 : list
LINSERT k BEFORE b x : list
LLEN k : list
LMOVE k l LEFT RIGHT : list -
RPOPLPUSH k l : list -
LMPOP 2 x k LEFT : list
LMPOP 1 k LEFT COUNT 2 : list
LMPOP 1 k LEFT : -
LPOP k : list -
LPOP k 2 : list -
LPOP k 0 : list
RPOP k : list
RPOP k 2 : list -
LPOS k a : list -
LPOS k x : list
LPOS k a COUNT 0 : list
LPOS k x COUNT 0 : list
LPUSH k x : list
LPUSHX k x : -
RPUSH k x : list
RPUSHX k x : -
LRANGE k 0 -1 : list -
LREM k 0 a : list
LSET k 0 x : list -
LTRIM k 0 1 : list
SADD k d : set
SCARD k : set
SDIFFSTORE m k l : set
SINTERSTORE m k l : set
SUNIONSTORE m k l : set
SINTERCARD 2 k l : set+other_set
SISMEMBER k a : set
SMISMEMBER k a x : set
SMOVE k l a : set
SPOP k : member -
SRANDMEMBER k : member -
SRANDMEMBER k 9 : set -
SREM k a : set
SSCAN k 0 : set -
ZADD k 1 a : -
ZADD k XX CH 1 a : sorted
ZCARD k : sorted
ZCOUNT k 0 5 : sorted
ZLEXCOUNT k - + : sorted
ZDIFF 2 k l : sorted
ZINTER 2 k l : sorted+other_sorted
ZUNION 2 k l : sorted
ZDIFFSTORE m 2 k l : sorted
ZINTERSTORE m 2 k l : sorted
ZUNIONSTORE m 2 k l : sorted
ZRANGESTORE m k 0 1 : sorted
ZINTERCARD 2 k l : sorted
ZRANDMEMBER k : scored -
ZRANDMEMBER k 9 : sorted -
ZRANGE k 0 -1 : sorted -
ZRANGE k - + BYLEX LIMIT 0 2 : sorted
ZRANGEBYLEX k - + : sorted
ZRANGEBYSCORE k 0 5 : sorted
ZREVRANGE k 0 -1 : sorted
ZREVRANGEBYLEX k + - : sorted
ZREVRANGEBYSCORE k 5 0 : sorted
ZRANK k b : sorted -
ZRANK k x : sorted
ZREVRANK k b : sorted
ZREVRANK k x : sorted
ZREM k a : sorted
ZREMRANGEBYLEX k - + : sorted
ZREMRANGEBYRANK k 0 1 : sorted
ZREMRANGEBYSCORE k 0 5 : sorted
ZSCAN k 0 : sorted -
GEOADD k 13.361389 38.115556 Palermo : -
GEODIST k Palermo Catania : places
GEODIST k Palermo Catania km : places
GEODIST k Palermo x : places
GEODIST k a b : -
GEOHASH k Palermo x : places
GEOHASH k a : -
GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC : places -
GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST WITHHASH : places
GEOSEARCHSTORE l k FROMLONLAT 15 37 BYRADIUS 200 km ASC : places
GEORADIUS k 15 37 200 km ASC : places
GEORADIUS k 15 37 200 km WITHDIST : places
GEORADIUS_RO k 15 37 200 km : -
GEORADIUSBYMEMBER k Palermo 200 km ASC : places
GEORADIUSBYMEMBER k x 200 km : places
GEORADIUS k 15 37 200 km STORE l : places
GEORADIUSBYMEMBER_RO k Palermo 200 km WITHHASH ASC : places
EVAL 'return 1' 0 : -
EVAL 'return false' 0 : -
EVAL 'return true' 0 : -
EVAL 'return {1,"a",{false,2},false}' 0 : -
EVAL 'return redis.call("HGETALL",KEYS[1])' 1 k : hash
EVAL 'return redis.call("ZSCORE",KEYS[1],"a")' 1 k : sorted
EVAL 'return {1.9,"1.9"}' 0 : -
EVAL 'return {ok="FINE"}' 0 : -
EVAL 'return {err="MINE own"}' 0 : -
EVAL 'return {}' 0 : -
EVAL 'return {{err="MINE own"}}' 0 : -
EVAL 'return nil' 0 : -
EVAL_RO 'return redis.call("GET",KEYS[1])' 1 k : -
EVALSHA 0123456789012345678901234567890123456789 0 : -
SCRIPT LOAD 'return 1' : -
SCRIPT EXISTS a b : -
SCRIPT FLUSH : -
PING : -
PING x : -
ECHO x : -
ROLE : -
SELECT 0 : -
DBSIZE : string
FLUSHDB : -
FLUSHALL : -
CLIENT SETNAME x : -
CLIENT NO-EVICT off : -
CLUSTER MYID : -
COMMAND GETKEYS MSET a b c d : -
READONLY : -
COMMAND LIST FILTERBY PATTERN geosearch* : -
NOSUCH a : -
GET : -
UNWATCH : -
MEMORY USAGE k : -

[MAP]
HGETALL k : hash - text
CONFIG GET maxmem* : -
CONFIG GET nosuch : -
LCS k l IDX : ohmytext+mynewtext -
LCS k l IDX MINMATCHLEN 4 WITHMATCHLEN : ohmytext+mynewtext

[SET]
SMEMBERS k : set ints - text
SPOP k 9 : set -
SPOP k 0 : set
SINTER k l : set+other_set set
SUNION k l : set+other_set -
SDIFF k l : set+other_set -
SINTER k : text

[DOUBLE]
ZSCORE k a : sorted - text
ZSCORE k b : sorted
ZSCORE k c : sorted
ZSCORE k d : sorted
ZSCORE k e : sorted
ZSCORE k f : sorted
ZSCORE k x : sorted
ZINCRBY k 1.5 a : sorted
ZINCRBY k 1e-9 a : sorted
ZINCRBY k 3.3 x : -
ZINCRBY k -inf f : sorted
ZINCRBY k x a : sorted
ZADD k INCR 1.5 a : sorted
ZADD k XX INCR 1.5 x : sorted
ZADD k NX INCR 1.5 a : sorted
ZADD k NX INCR 0.1 x : -
ZADD k GT INCR -1 a : sorted

[DOUBLES]
ZMSCORE k a x b c d e f : sorted
ZMSCORE k a b : -
ZMSCORE k a : text

[PAIRS]
ZRANGE k 0 -1 WITHSCORES : sorted - text
ZRANGE k -inf +inf BYSCORE LIMIT 0 2 WITHSCORES : sorted
ZRANGE k 0 1 REV WITHSCORES : sorted
ZREVRANGE k 0 -1 WITHSCORES : sorted
ZRANGEBYSCORE k -inf +inf WITHSCORES : sorted
ZRANGEBYSCORE k 0 5 WITHSCORES LIMIT 0 2 : sorted
ZREVRANGEBYSCORE k +inf -inf WITHSCORES : sorted
ZRANGEBYSCORE k 1 2 WITHSCORES : -
ZPOPMIN k 2 : sorted -
ZPOPMIN k 1 : sorted
ZPOPMIN k 0 : sorted
ZPOPMAX k 2 : sorted
ZPOPMAX k 9 : sorted
ZUNION 2 k l WITHSCORES : sorted+other_sorted
ZINTER 2 k l WITHSCORES : sorted+other_sorted
ZINTER 2 k l WEIGHTS 2 3 AGGREGATE MAX WITHSCORES : sorted+other_sorted
ZDIFF 2 k l WITHSCORES : sorted+other_sorted -
ZRANDMEMBER k 9 WITHSCORES : sorted -
ZRANDMEMBER k -3 WITHSCORES : half

[PAIRS_TEXT]
HRANDFIELD k 9 WITHVALUES : hash - text
HRANDFIELD k -3 WITHVALUES : number_field
HRANDFIELD k 0 WITHVALUES : hash

[PAIR]
ZPOPMIN k : sorted -
ZPOPMAX k : sorted - text
ZRANK k b WITHSCORE : sorted
ZRANK k x WITHSCORE : sorted
ZREVRANK k b WITHSCORE : sorted -

[MPOP]
ZMPOP 1 k MIN : sorted - text
ZMPOP 2 l k MAX COUNT 9 : sorted
ZMPOP 1 k MIN COUNT 2 : numbered

[POSITIONS]
GEOPOS k Palermo x Catania : places
GEOPOS k a b : -
GEOPOS k : places
GEOPOS k a : text

[GEO]
GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD : places - text
GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST : places
GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHHASH : places
GEOSEARCH k FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHCOORD WITHDIST WITHHASH COUNT 1 : places
GEORADIUS k 15 37 200 km ASC WITHCOORD : places
GEORADIUS k 15 37 200 km ASC WITHCOORD WITHDIST : places
GEORADIUS k 15 37 200 km ASC WITHCOORD WITHHASH : places
GEORADIUS k 15 37 200 km ASC WITHCOORD WITHDIST WITHHASH COUNT 1 : places
GEORADIUS_RO k 15 37 200 km ASC WITHCOORD : places
GEORADIUS_RO k 15 37 200 km ASC WITHCOORD WITHDIST : places
GEORADIUS_RO k 15 37 200 km ASC WITHCOORD WITHHASH : places
GEORADIUS_RO k 15 37 200 km ASC WITHCOORD WITHDIST WITHHASH COUNT 1 : places
GEORADIUSBYMEMBER k Palermo 200 km ASC WITHCOORD : places
GEORADIUSBYMEMBER k Palermo 200 km ASC WITHCOORD WITHDIST : places
GEORADIUSBYMEMBER k Palermo 200 km ASC WITHCOORD WITHHASH : places
GEORADIUSBYMEMBER k Palermo 200 km ASC WITHCOORD WITHDIST WITHHASH COUNT 1 : places
GEORADIUSBYMEMBER_RO k Palermo 200 km ASC WITHCOORD : places
GEORADIUSBYMEMBER_RO k Palermo 200 km ASC WITHCOORD WITHDIST : places
GEORADIUSBYMEMBER_RO k Palermo 200 km ASC WITHCOORD WITHHASH : places
GEORADIUSBYMEMBER_RO k Palermo 200 km ASC WITHCOORD WITHDIST WITHHASH COUNT 1 : places

[VERBATIM]
INFO nosuch : -
INFO keyspace : -
INFO cluster : -
LOLWUT VERSION 1 : -
LATENCY DOCTOR : -

"""


def forms():
    """Each form: its shape, the command, and the commands before it."""
    for line in filter(None, TABLE.split("\n")):
        if line.startswith("["):
            shape = line.strip("[]")
            continue
        command, _, befores = line.rpartition(" : ")
        for before in befores.split():
            yield shape, command, [SETUPS[name] for name in before.split("+") if name != "-"]
