#!/usr/bin/env python3
"""Commands of Redis's dialect reply what Redis replies, byte for byte, and have their keys where Redis has them."""

import re
import shlex
import unittest

import harness
import redis_rows
import resp
import resp3
from redis_listener import RedisListener, bound
from resp3_forms import forms

# What the daemon answers itself, or refuses: other tests are about it.
OTHERS = set(
    "CLIENT CLUSTER COMMAND CONFIG DBSIZE ECHO EVAL EVALSHA EVAL_RO FLUSHALL FLUSHDB INFO KEYS LATENCY LOLWUT "
    "NOSUCH PING RANDOMKEY READONLY ROLE SCAN SCRIPT SELECT UNWATCH".split()
)
# Their replies tell of the key's name, of its ttl, or of the server.
UNLIKE = {"DUMP", "MEMORY"}
ARITIES = (
    # A wrong number of arguments is found before a subcommand.
    set(redis_rows.names()) - {"OBJECT", "MEMORY"}
)


COUNTS = "SINTERCARD {} k", "ZINTERCARD {} k", "LMPOP {} k LEFT", "ZMPOP {} k MIN", "ZUNION {} k", "ZDIFFSTORE d {} k"
WRONG = [command.format(count) for command in COUNTS for count in ("0", "-1", "x", "9")] + [
    "SET k v NX XX", "SET k v EX", "SET k v EX 0", "SET k v PX -1", "SET k v EX x", "SET k v EX 9223372036854775807",
    "SET k v EXAT 0", "SET k v EX 1 PX 1", "SET k v KEEPTTL EX 1", "SET k v WHAT", "SETEX k 0 v", "SETEX k x v",
    "PSETEX k 0 v", "GETEX k WHAT", "GETEX k PERSIST EX 1", "INCRBY k x",
    "DECRBY k x", "INCRBYFLOAT k x", "EXPIRE k x", "EXPIRE k 9223372036854775807", "PEXPIRE k 9223372036854775807",
    "EXPIRE k -9223372036854775808", "EXPIRE k 1 NX XX", "EXPIRE k 1 GT LT", "EXPIRE k 1 WHAT", "EXPIREAT k x",
    "EXPIREAT k 9223372036854775807", "SETRANGE k -1 v", "SETBIT k -1 1", "SETBIT k 0 2", "BITFIELD k GET",
    "BITFIELD k WHAT u8 0", "BITFIELD k SET u65 0 1", "BITOP WHAT d k", "BITPOS k 2", "HSET k f", "HSET k f v g",
    "HINCRBY k f x", "MSET k", "MSET k v l", "MSETNX k v l", "LPOP k -1", "LPOP k x", "LRANGE k a b",
    "LINSERT k NEAR a b", "LMOVE k l UP DOWN", "LPOS k v RANK 0", "LMPOP 1 k UP", "SPOP k -1", "SPOP k 1 2",
    "SRANDMEMBER k x", "SRANDMEMBER k 1 2", "ZADD k NX XX 1 m", "ZADD k x m", "ZADD k 1", "ZADD k 1 m 2",
    "ZADD k INCR 1 m 2 n", "ZADD k GT NX 1 m", "ZINCRBY k x m", "ZRANGE k a b", "ZRANGE k 0 1 LIMIT 0 1",
    "ZRANGE k 0 1 WHAT", "ZRANGEBYSCORE k x 1", "ZRANGEBYSCORE k x 1 WITHSCORES", "ZREVRANGEBYSCORE k x 1 WITHSCORES",
    "ZRANGEBYLEX k a b", "ZCOUNT k x 1", "ZPOPMIN k x", "ZPOPMIN k 1 2", "ZUNION 1 k WEIGHTS x", "ZUNIONSTORE d 1 k WITHSCORES",
    "HSCAN k x", "SORT k BY", "SORT k LIMIT 0", "SORT k WHAT", "SORT_RO k STORE d",
    "OBJECT WHAT k", "RENAME k l", "GEOADD k 1 2", "GEOADD k NX XX 1 2 m", "GEOADD k 999 2 m", "GEODIST k a b WHAT",
    "GEOSEARCH k FROMMEMBER m BYRADIUS 1 WHAT", "GEORADIUS k 1 2 3 km STORE", "GEORADIUS k 1 2 3 km WITHDIST STORE d",
    "LCS k l WHAT", "HRANDFIELD k x", "HRANDFIELD k 1 WHAT", "ZRANDMEMBER k 1 WHAT",
]


class RawClient(resp3.Client3):
    """Its replies are the bytes themselves."""

    @staticmethod
    def parse(data, at=0):
        parsed = resp3.parse(data, at)
        return parsed and (bytes(data[at : parsed[1]]), parsed[1])

    def ask(self, line):
        return self.call(*shlex.split(line))


def in_order(reply):
    """Sets and hashes have an order of their own in each server."""
    return sorted(reply.split(b"\r\n"))


class BesideRedis(harness.TestCase):
    def start(self, protocol, **options):
        self.listener = RedisListener(self.world, bound(**options))
        self.real = self.world.redis("other")
        self.ours = self.world.keep(RawClient(self.listener.path))
        self.theirs = self.world.keep(RawClient(self.real.path))
        for client in self.ours, self.theirs:
            if protocol == 3:
                self.assertFalse(client.call("HELLO", 3).startswith(b"-"))

    def replies(self, setup, command):
        """What both reply to the command after the others on empty servers; None: just to the command."""
        if setup is not None:
            self.real.call("FLUSHALL")
            self.listener.redis.call("FLUSHALL")
        for line in setup or ():
            self.assertEqual(self.ours.ask(line), self.theirs.ask(line), line)
        return self.ours.ask(command), self.theirs.ask(command)


class Replies(BesideRedis):
    def compare(self, command, ours, theirs, line=None):
        if command.startswith("OBJECT IDLETIME"):  # in seconds, of which a busy machine may let one pass
            ours, theirs = (re.sub(rb"^:[0-9]\b", b":0", reply, flags=re.M) for reply in (ours, theirs))
        if ours != theirs:
            self.assertEqual(in_order(ours), in_order(theirs), line)

    def check(self, protocol, leaves_out=(), **options):
        self.start(protocol, **options)
        for _, command, setup in forms():
            name = command.split()[0]
            if name in OTHERS | UNLIKE or name in leaves_out:
                continue
            with self.subTest(command=command, setup=setup):
                self.compare(command, *self.replies(setup, command))

    def test_each_form_of_each_command(self):
        self.check(2, ttl="forever", max_ttl="forever")

    def test_each_form_for_a_client_of_protocol_3(self):
        self.check(3, ttl="forever", max_ttl="forever")

    def test_each_form_where_keys_have_a_ttl(self):
        self.check(2, {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"}, max_ttl="36500d")

    def test_each_form_in_a_transaction(self):
        self.start(2, max_ttl="36500d")
        for _, command, setup in forms():
            name = command.split()[0]
            if name in OTHERS | UNLIKE | {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "PERSIST"}:
                continue
            if "WITHSCORE" in command.split():  # Redis before 7.2 would not queue it
                continue
            with self.subTest(command=command, setup=setup):
                for line in "MULTI", command, "SET other v", "EXEC":
                    self.compare(command, *self.replies(setup if line == "MULTI" else None, line), line)

    def test_too_few_and_too_many_words(self):
        self.start(2, ttl="forever", max_ttl="forever")
        known = {}
        for info in self.real.call("COMMAND"):
            known[info[0].decode().upper()] = info[1]
        for name in sorted(ARITIES & set(known)):
            arity = known[name]
            counts = range(1, abs(arity) + (2 if arity > 0 else 0))
            for words in counts:
                command = " ".join([name] + ["7"] * (words - 1))
                if words == arity:
                    continue
                with self.subTest(command=command):
                    ours, theirs = self.replies([], command)
                    self.assertEqual(ours, theirs)
                    self.assertTrue(theirs.startswith(b"-ERR wrong number"), theirs)

    def test_wrong_words_are_refused_in_the_words_of_redis(self):
        self.start(2, ttl="forever", max_ttl="forever")
        for command in WRONG:
            with self.subTest(command=command):
                ours, theirs = self.replies([], command)
                self.assertEqual(ours, theirs)
                self.assertTrue(theirs.startswith(b"-"), theirs)

    def test_values_of_any_bytes_come_back(self):
        self.start(2)
        for value in b"", b"\0memo", b"\0memoV1 x", b"a\r\nb", bytes(range(256)), b"x" * 300000:
            for command, read in (
                (("SET", "k", value), ("GET", "k")),
                (("SET", "k", value, "KEEPTTL"), ("GET", "k")),
                (("MSET", "l", "x", "k", value), ("MGET", "k", "l")),
                (("GETSET", "k", value), ("GETEX", "k", "EX", "9")),
                (("SET", "k", value, "EX", 9, "GET"), ("SET", "k", "x", "GET")),
                (("HSET", "h", "f", value), ("HGETALL", "h")),
                (("RPUSH", "k", value), ("LRANGE", "k", 0, -1)),
            ):
                with self.subTest(command=command[0], value=value[:20]):
                    for redis in self.real, self.listener.redis:
                        redis.call("FLUSHALL")
                    self.ours.call(*command)
                    self.theirs.call(*command)
                    self.assertEqual(self.ours.call(*read), self.theirs.call(*read))

    def test_keys_in_replies_are_without_their_prefix(self):
        self.start(2)
        for setup, command in (
            ("RPUSH k a b c", "LMPOP 2 x k LEFT COUNT 2"),
            ("ZADD k 1 a", "ZMPOP 2 x k MIN"),
            ("RPUSH '' a", "LMPOP 1 '' RIGHT"),
        ):
            ours, theirs = self.replies([setup], command)
            self.assertEqual(ours, theirs)


# Reads whose reply for an absent key depends on their words: they fail when the server is down.
WITHOUT_MISS = {"BITPOS", "BITFIELD_RO", "LCS"}


class Misses(BesideRedis):
    def test_reads_reply_as_if_nothing_were_there_when_the_server_is_down(self):
        self.start(2, namespace="on_error = miss\n")
        reads = {info[0].decode().upper() for info in self.real.call("COMMAND") if b"readonly" in info[2]}
        self.ours.call("PING")
        self.listener.redis.kill()
        failed = set()
        for request, _ in redis_rows.samples():
            name = request[0].upper()
            if name not in reads or "WITHSCORE" in request:
                continue
            ours, theirs = self.ours.call(*request), self.theirs.call(*request)
            if theirs.startswith(b"-"):
                continue
            if ours.startswith(b"-LOADING"):
                failed.add(name)
                continue
            with self.subTest(request=" ".join(request)):
                self.assertEqual(ours.replace(b"*-1", b"$-1"), theirs.replace(b"*-1", b"$-1"))
        self.assertEqual(failed, WITHOUT_MISS)


class Keys(harness.TestCase):
    def test_the_keys_are_the_words_that_redis_says(self):
        redis = self.world.redis()
        known = {info[0].decode().upper() for info in redis.call("COMMAND")}
        checked = set()
        for request, sent in redis_rows.samples():
            if request[0].upper() not in known or sent[0] not in known:
                continue
            checked.add(request[0].upper())
            ours = [word.encode() for word in sent if word.startswith("p:") and "*" not in word]
            got = redis.call("COMMAND", "GETKEYS", *sent)
            if "WITHSCORE" in sent and isinstance(got, resp.Error):
                continue  # before Redis 7.2
            with self.subTest(request=" ".join(request)):
                self.assertEqual(got, ours)
        self.assertEqual(sorted(checked), [name for name in redis_rows.names() if name in known])


if __name__ == "__main__":
    unittest.main()
