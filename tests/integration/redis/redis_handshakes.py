"""What client libraries say first, and what each of them needs to hear.

A line is a command, `->`, and what its reply must be: a name in scenario_redis_handshakes.py. Lines that begin
with [auth], [name] or [db] are said only by a client that was given a user, a name or a database; {auth} and
{name} stand for the words of HELLO that say so. Libraries send any other line always. What was seen is what they
sent to redis-server 7.0.15; where it was read in a library's source, the line before says `read`.

A reply is `tolerated` when the library goes on after an error; any error but one that is fatal will do.
"""

HANDSHAKES = {
    "ioredis 4.31, iovalkey 0.4": """
        [auth] auth web secret -> ok
        [db] select 1 -> ok
        [name] client setname app -> ok
        info -> ready
        quit -> ok
    """,
    "ioredis 5.11": """
        [auth] auth web secret -> ok
        [db] select 1 -> ok
        [name] client setname app -> ok
        client SETINFO LIB-NAME ioredis -> tolerated
        client SETINFO LIB-VER 5.11.1 -> tolerated
        info -> ready
        quit -> ok
    """,
    "ioredis 6.0": """
        hello 3{auth} -> greeting_3
        [db] select 1 -> ok
        [name] client setname app -> ok
        client SETINFO LIB-NAME ioredis -> tolerated
        client SETINFO LIB-VER 6.0.0 -> tolerated
        info -> ready
        quit -> ok
    """,
    "node-redis 3": """
        [auth] auth web secret -> ok
        info -> ready
        [db] select 1 -> ok
        quit -> ok
    """,
    "node-redis 4.7, node-redis 5.12 with RESP 2": """
        [auth] AUTH web secret -> ok
        [name] CLIENT SETNAME app -> ok
        [db] SELECT 1 -> ok
        CLIENT SETINFO LIB-NAME node-redis -> tolerated
        CLIENT SETINFO LIB-VER 4.7.0 -> tolerated
        QUIT -> ok
    """,
    "node-redis 5.12 with RESP 3, node-redis 6.3": """
        HELLO 3{auth}{name} -> greeting_3
        [db] SELECT 1 -> ok
        CLIENT SETINFO LIB-NAME node-redis -> tolerated
        CLIENT SETINFO LIB-VER 6.3.0 -> tolerated
        CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type external-ip -> tolerated
    """,
    "redis-py 4.3": """
        [auth] AUTH web secret -> ok
        [name] CLIENT SETNAME app -> ok
        [db] SELECT 1 -> ok
    """,
    "redis-py 8.0": """
        HELLO 3{auth} -> greeting_3
        CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip -> tolerated
        [name] CLIENT SETNAME app -> ok
        CLIENT SETINFO LIB-NAME redis-py -> tolerated
        CLIENT SETINFO LIB-VER 8.0.0 -> tolerated
        [db] SELECT 1 -> ok
        PING -> pong
    """,
    "redis-py 8.0 with protocol 2": """
        [auth] AUTH web secret -> ok
        [name] CLIENT SETNAME app -> ok
        CLIENT SETINFO LIB-NAME redis-py -> tolerated
        CLIENT SETINFO LIB-VER 8.0.0 -> tolerated
        [db] SELECT 1 -> ok
    """,
    "aioredis 1.3": """
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
        PING -> pong
    """,
    "go-redis 9.7": """
        hello 3{auth} -> greeting_3
        [db] select 1 -> ok
        [name] client setname app -> ok
        client setinfo LIB-NAME go-redis(,go1.19.8) -> tolerated
        client setinfo LIB-VER 9.7.3 -> tolerated
    """,
    "go-redis 9.22": """
        read
        hello 3{auth} -> greeting_3
        [db] select 1 -> ok
        [name] client setname app -> ok
        client setinfo LIB-NAME go-redis(,go1.24) -> tolerated
        client setinfo LIB-VER 9.22.0 -> tolerated
        client maint_notifications on moving-endpoint-type internal-ip -> tolerated
    """,
    "redigo 1.8": """
        [auth] AUTH web secret -> ok
        [name] CLIENT SETNAME app -> ok
        [db] SELECT 1 -> ok
        PING -> pong
    """,
    "rueidis 1.0 without its cache": """
        read
        HELLO 3{auth}{name} -> greeting_3
        [db] SELECT 1 -> ok
        CLIENT NO-TOUCH ON -> ok
        CLIENT NO-EVICT ON -> ok
        CLIENT CAPA redirect -> tolerated
        CLIENT SETINFO LIB-NAME rueidis -> tolerated
        CLIENT SETINFO LIB-VER 1.0.76 -> tolerated
    """,
    "phpredis 5.3, Predis 1.1, lua-redis 2.0": """
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
    """,
    "phpredis with a password alone": """
        [auth] AUTH secret -> ok
        [db] SELECT 1 -> ok
    """,
    "Predis 3.6": """
        HELLO 2{auth} SETNAME predis -> greeting_2
        CLIENT SETINFO LIB-NAME predis -> tolerated
        CLIENT SETINFO LIB-VER 3.6.0 -> tolerated
        [db] SELECT 1 -> ok
    """,
    "Predis 3.6 with protocol 3": """
        HELLO 3{auth} SETNAME predis -> greeting_3
        CLIENT SETINFO LIB-NAME predis -> tolerated
        CLIENT SETINFO LIB-VER 3.6.0 -> tolerated
        [db] SELECT 1 -> ok
    """,
    "redis-rb 4.8": """
        [auth] auth web secret -> ok
        [db] select 1 -> ok
        [name] client setname app -> ok
    """,
    "redis-rb 6.0": """
        HELLO 3{auth} -> greeting_3
        [db] SELECT 1 -> ok
        CLIENT SETINFO LIB-NAME redis-rb -> tolerated
        CLIENT SETINFO LIB-VER 6.0.0 -> tolerated
        CLIENT SETINFO LIB-NAME redis-client(redis-rb) -> tolerated
        CLIENT SETINFO LIB-VER 0.30.0 -> tolerated
    """,
    "Jedis 8": """
        read
        HELLO 3{auth} -> greeting_3
        [name] CLIENT SETNAME app -> ok
        CLIENT SETINFO LIB-NAME jedis -> tolerated
        CLIENT SETINFO LIB-VER 8.0.0 -> tolerated
        [db] SELECT 1 -> ok
        PING -> pong
    """,
    "lettuce 7.7": """
        read
        HELLO 3{auth}{name} -> greeting_3
        [db] SELECT 1 -> ok
        CLIENT SETINFO lib-name Lettuce -> tolerated
        CLIENT SETINFO lib-ver 7.7.0.RELEASE/0123456 -> tolerated
        CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip -> tolerated
    """,
    "Redisson 4.7": """
        read
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
        [name] CLIENT SETNAME app -> ok
        CLIENT CAPA redirect -> tolerated
        READONLY -> ok
        PING -> pong
    """,
    "StackExchange.Redis 3.1": """
        read
        [auth] AUTH web secret -> ok
        HELLO 3{auth} -> greeting_3
        [name] CLIENT SETNAME app -> ok
        CLIENT SETINFO LIB-NAME SE.Redis -> tolerated
        CLIENT SETINFO LIB-VER 3.1.0 -> tolerated
        CLIENT ID -> number
        CONFIG GET timeout -> timeout
        CONFIG GET replica-read-only -> replica_read_only
        CONFIG GET databases -> databases
        SENTINEL MASTERS -> tolerated
        INFO replication -> master
        INFO server -> version
        CLUSTER NODES -> no_cluster
        GET __Booksleeve_TieBreak -> nil
        ECHO 0123456789abcdef -> echo
        SUBSCRIBE __Booksleeve_MasterChanged -> tolerated
        QUIT -> ok
    """,
    "redis-rs 1.6": """
        read
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
        CLIENT SETINFO LIB-NAME redis-rs -> tolerated
        CLIENT SETINFO LIB-VER 1.6.0 -> tolerated
    """,
    "redis-rs 1.6 with protocol 3": """
        read
        HELLO 3{auth} -> greeting_3
        [db] SELECT 1 -> ok
        CLIENT SETINFO LIB-NAME redis-rs -> tolerated
        CLIENT SETINFO LIB-VER 1.6.0 -> tolerated
    """,
    "Perl's Redis 2.0, Redis::Fast": """
        [auth] AUTH web secret -> ok
        [name] CLIENT SETNAME app -> ok
        [db] SELECT 1 -> ok
        QUIT -> ok
    """,
    "redis-cli 7.0 with -3": """
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
        HELLO 3 -> greeting_3
        COMMAND DOCS -> docs
    """,
    "redis-cli 7.0 on a terminal": """
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
        COMMAND DOCS -> docs
    """,
    "redis-benchmark": """
        [auth] AUTH web secret -> ok
        [db] SELECT 1 -> ok
        CONFIG GET save -> save
        CONFIG GET appendonly -> appendonly
        PING -> pong
    """,
}
