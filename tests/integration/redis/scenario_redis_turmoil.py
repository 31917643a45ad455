#!/usr/bin/env python3
"""Random commands of Redis, by clients of both dialects and in blocks: no key is without its ttl after any of them,
and nobody is told from memory what another client has changed."""

import os
import random
import shlex
import unittest

import harness
import keyspace
import resp
import resp3
from redis_listener import RedisListener, bound
from resp3_forms import forms
from scenario_redis_keys import MORE

INI = """\
[cachesd]
listen = {listen}
workers = WORKERS
[backend main]
url = {redis:main}
[namespace one]
prefix = one:
ttl = 100s
max_ttl = 200s
MORE
[namespace two]
prefix = two:
ttl = 1000s
max_ttl = 2000s
MORE
[listener apps]
listen = unix:{folder}/redis.sock
speak = redis
namespaces = one
rest = two
[listener bound]
listen = unix:{folder}/bound.sock
speak = redis
namespace = one
"""
PREFIXES = ("one:", "")  # as clients of `apps` write the keys of both namespaces
WRITES = """\
SET k v EX 5000
SET k v PX 5000000 NX
SET k v EXAT 9999999999
SET k v PXAT 9999999999999 XX GET
SET k v KEEPTTL
GETEX k PERSIST
GETEX k EX 999999
GETEX k EXAT 9999999999
EXPIRE k 999999
EXPIRE k 999999 NX
EXPIRE k 999999 GT
EXPIRE k 999999 LT
PEXPIREAT k 9999999999999 GT
PEXPIREAT k 9999999999999 NX
EXPIREAT k 9999999999
EXPIREAT k 9999999999 XX
PERSIST k
RENAME k l
RENAMENX k l
RENAME k k
COPY k l
COPY k l REPLACE
MSETNX k 1 l 2
MSET k 1 l 2 k 3
INCR k
APPEND k x
SETRANGE k 3 x
SETBIT k 9 1
BITFIELD k SET u8 0 1 INCRBY u8 8 3
BITFIELD k OVERFLOW FAIL INCRBY u2 0 9
PFADD k
PFADD k a b
PFMERGE k l
PFMERGE k
BITOP AND k l m
BITOP NOT k l
LMOVE k l LEFT RIGHT
LMOVE k k LEFT RIGHT
RPOPLPUSH k l
SMOVE k l a
SORT k ALPHA STORE l
SORT k BY nosort GET # STORE k
SUNIONSTORE k l m
SINTERSTORE k k
SDIFFSTORE k l
ZUNIONSTORE k 2 l m
ZINTERSTORE k 1 k
ZDIFFSTORE k 1 l
ZRANGESTORE k l 0 -1
GEOSEARCHSTORE k l FROMLONLAT 15 37 BYRADIUS 9999 km
GEORADIUS k 15 37 9999 km STORE l
GEORADIUS k 15 37 9999 km STOREDIST l
ZADD k XX 1 a
ZADD k NX INCR 1 a
ZINCRBY k 1 a
ZPOPMIN k
HSETNX k f v
HINCRBYFLOAT k f 1.5
HINCRBY k f 1
LPUSHX k a
LPUSH k a b
RPUSH k a
LINSERT k BEFORE a b
SADD k a
SPOP k
GETDEL k
GETSET k v
SETEX k 999999 v
PSETEX k 999999999 v
SETNX k v
DEL k
UNLINK k l
EVAL 'redis.call("SET", KEYS[1], "v")' 1 k
EVAL 'redis.call("SET", KEYS[1], "v") redis.call("PERSIST", KEYS[1])' 1 k
EVAL 'redis.call("SET", KEYS[1], "v") error("x")' 1 k
EVAL 'redis.call("SADD", KEYS[1], "v") redis.call("EXPIRE", KEYS[1], 999999)' 1 k
EVAL 'redis.pcall("INCR", KEYS[1]) redis.pcall("RENAME", KEYS[1], KEYS[2])' 2 k l
"""
READS = (
    "GET k", "MGET k", "MGET k l", "STRLEN k", "GETRANGE k 0 9", "HGET k f", "HGETALL k", "HLEN k", "SMEMBERS k", "SCARD k",
    "LRANGE k 0 -1", "LLEN k", "LINDEX k 0", "ZRANGE k 0 -1", "ZRANGE k 0 -1 WITHSCORES", "ZCARD k", "ZSCORE k a",
    "EXISTS k", "TYPE k", "GETBIT k 3", "BITCOUNT k", "PFCOUNT k", "LPOS k a", "SISMEMBER k a", "SMISMEMBER k a b",
    "GEOPOS k a", "HVALS k", "HKEYS k", "HMGET k f g", "ZRANGEBYSCORE k -inf +inf WITHSCORES", "ZREVRANGE k 0 -1",
)
NATIVE = ("key.get", "dict.items", "set.members", "sorted.len", "exists")
ROUNDS = int(os.environ.get("ROUNDS", 1))
WORKERS = int(harness.WORKERS or 1)


class Blocks(harness.TestCase):
    """The memory of a client's MULTI."""

    def open(self, max_request):
        ini = bound().replace("[cachesd]\n", f"[cachesd]\nmax_request = {max_request}\n")
        ini = ini.replace("timeout = 20s", "timeout = 60s")  # under a thread sanitizer
        # A sanitized daemon would keep what it has freed.
        self.listener = RedisListener(self.world, ini, env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
        return self.world.keep(self.listener.client())

    def block(self, client, count):
        client.send(b"MULTI\r\n" + count * b"PING\r\n" + b"EXEC\r\n")
        return [client.read() for _ in range(count + 2)]

    def test_a_block_has_no_more_commands_than_max_request_has_room_for(self):
        client = self.open("1mb")
        replies = self.block(client, 20000)  # of 80,000 bytes as they are written
        self.assertEqual(replies[1000], b"QUEUED")
        self.assertEqual(replies[-2].code, "OVERLOADED")
        self.assertEqual(replies[-1].code, "EXECABORT")
        self.assertEqual(self.block(client, 1000)[-1], 1000 * [b"PONG"])

    def test_a_block_is_forgotten_when_its_reply_is_there(self):
        clients = [self.open("100mb")] + [self.world.keep(self.listener.client()) for _ in range(WORKERS - 1)]
        for client in clients:  # so that each worker has had one
            self.assertEqual(len(self.block(client, 100000)[-1]), 100000)
        before = self.listener.daemon.memory("VmRSS")
        others = [self.world.keep(self.listener.client()) for _ in range(4)]
        for other in others:
            self.assertEqual(len(self.block(other, 100000)[-1]), 100000)
        grown = self.listener.daemon.memory("VmRSS") - before
        self.assertLess(grown, 4 * 100000 * 300 // 2)


class Turmoil(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(int(os.environ.get("SEED", 1)))

    def start(self, more="", workers=1):
        ini = INI.replace("MORE", more).replace("WORKERS", str(workers))
        self.listener = RedisListener(self.world, ini)
        self.redis = self.connect(self.world.redis())

    def open(self, socket="redis", protocol=2):
        kind = resp3.Client3 if protocol == 3 else resp.Client
        client = self.world.keep(kind(f"{self.world.folder}/{socket}.sock"))
        client.call("HELLO", protocol)
        return client

    def lines(self):
        lines = [shlex.split(line) for line in (MORE + WRITES).splitlines()]
        lines += [shlex.split(before) for _, _, befores in forms() for before in befores]
        return lines + [shlex.split(command) for _, command, _ in forms()]

    def placed(self, words, prefixes):
        names = tuple("klmn")
        return [self.random.choice(prefixes) + w if i > 0 and w in names else w for i, w in enumerate(words)]

    def write(self, client, lines, prefixes):
        """Some commands, one by one or in a block; gives them."""
        several = [self.placed(self.random.choice(lines), prefixes) for _ in range(self.random.randint(1, 4))]
        if self.random.random() < 0.5:
            several = [["MULTI"], *several, [self.random.choice(("EXEC", "EXEC", "EXEC", "DISCARD"))]]
        for words in several:
            client.call(*words)
        return several

    def check_ttls(self):
        keyspace.check(self.redis, "one:", 200)
        keyspace.check(self.redis, "two:", 2000)

    def play(self, more, socket, prefixes):
        self.start(more)
        client = self.open(socket)
        lines = self.lines()
        for _ in range(ROUNDS * 1500):
            said = self.write(client, lines, prefixes)
            try:
                self.check_ttls()
            except AssertionError as e:
                raise AssertionError(f"{said}: {e}") from None

    def test_ttls(self):
        self.play("", "redis", PREFIXES)

    def test_ttls_of_sliding(self):
        self.play("ttl_mode = sliding\njitter = 50%\n", "redis", PREFIXES)

    def test_ttls_of_fixed_where_too_long_is_refused(self):
        self.play("ttl_mode = fixed\nover_ttl = reject\n", "bound", ("",))

    def ask(self, client, read, key, prefix):
        """The reply to a read of that key; in any order where Redis has none."""
        words = [prefix + {"k": key}.get(w, w) if i and w in ("k", "l") else w for i, w in enumerate(read.split())]
        reply = client.call(*words)
        if isinstance(reply, list) and read.split()[0] in ("SMEMBERS", "HGETALL", "HKEYS", "HVALS"):
            reply = sorted(reply)
        return str(reply)

    def test_what_is_told_from_memory_is_what_redis_has(self):
        self.start("near = yes\n", workers=3)
        self.listener.daemon.wait_near()
        writer, lines = self.open(), self.lines()
        readers = [(self.open("bound"), ""), (self.open("bound"), ""), (self.open(), "one:")]
        native = self.world.keep(self.listener.daemon.client())
        for _ in range(ROUNDS * 400):
            reads, key = self.random.sample(READS, 4), self.random.choice("klm")
            for reader, prefix in 2 * readers:
                native.call("key.get", "one", key)
                native.call("exists", "one", key)
                for read in reads:
                    self.ask(reader, read, key, prefix)
            said = self.write(writer, lines, PREFIXES)
            for reader, prefix in readers:
                for read in reads:
                    wanted = self.ask(self.redis, read, key, "one:")
                    self.assertEqual(self.ask(reader, read, key, prefix), wanted, (said, read, key))
            self.assertEqual(native.call("exists", "one", key), self.redis.call("EXISTS", f"one:{key}"), said)
            wanted, got = self.redis.call("GET", f"one:{key}"), native.call("key.get", "one", key)
            self.assertEqual(getattr(got, "code", got), getattr(wanted, "code", wanted), said)


if __name__ == "__main__":
    unittest.main()
