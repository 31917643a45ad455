#!/usr/bin/env python3
"""What a namespace's section says of values, keys, collections and verbs holds for Redis's commands."""

import re
import unittest

import harness
from redis_listener import RedisListener, bound, prefixed
from resp import Error

# Their result is not seen by the daemon.
PARTS = (
    "APPEND k 1", "SETRANGE k 0 1", "SETBIT k 0 1", "BITFIELD k SET u8 0 1", "INCRBYFLOAT k 1.5", "PFADD k m",
    "PFMERGE k l", "BITOP NOT k l", "HINCRBYFLOAT h f 1.5",
)
# Each stores a value, which is the word V.
STORES = (
    "SET k V", "SET k V NX", "SET k V XX GET", "SET k V KEEPTTL", "SET k V PXAT 9999999999999", "SETNX k V",
    "SETEX k 9 V", "PSETEX k 9 V", "GETSET k V", "MSET l 1 k V", "MSETNX k V l 1", "HSET h f V", "HMSET h f V",
    "HSETNX h f V", "LPUSH a V", "RPUSH a 1 V", "LPUSHX a V", "RPUSHX a V", "LSET a 0 V", "LINSERT a BEFORE 1 V",
)
# Each stores a field or a member.
MEMBERS = ("SADD s V", "ZADD z 1 V", "ZADD z NX CH 1 V", "ZINCRBY z 1 V", "GEOADD g NX 1 2 V", "APPEND k V",
           "SETRANGE k 0 V", "SMOVE s s2 V")


def put(command, value):
    return re.sub(r"\bV\b", value, command)


class Values(harness.TestCase):
    def start(self, ini):
        self.listener = RedisListener(self.world, ini)
        self.client = self.world.keep(self.listener.client())
        self.redis = self.listener.redis

    def refuse(self, command, code, word):
        reply = self.client.call(*command.split())
        self.assertIsInstance(reply, Error, command)
        self.assertEqual(reply.code, code, f"{command}: {reply}")
        self.assertIn(word, str(reply), command)

    def accept(self, command):
        reply = self.client.call(*command.split())
        self.assertNotIsInstance(reply, Error, f"{command}: {reply}")
        return reply

    def check_kind(self, kind, right, wrong):
        self.start(bound(namespace=f"value = {kind}\n"))
        for command in PARTS:
            self.refuse(command, "POLICY", "may leave another")
        for command in STORES:
            self.refuse(put(command, wrong), "POLICY", "as a value")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        for command in STORES:
            self.accept(put(command, right))
        for command in "INCR n", "HINCRBY h n 2", "LREM a 0 text", "LPOS a text", "SADD s text":
            self.accept(command)

    def test_values_are_whole_numbers_where_the_namespace_says_so(self):
        self.check_kind("int", "7", "seven")

    def test_values_are_json_where_the_namespace_says_so(self):
        self.check_kind("json", '{"a":1}', "{a}")

    def test_values_fields_and_members_are_no_longer_than_max_value(self):
        self.start(bound(namespace="max_value = 10\n"))
        for command in STORES + MEMBERS:
            self.refuse(put(command, "x" * 11), "POLICY", "max_value")
        for command in ("SETRANGE k 9 xx", "SETBIT k 80 1", "BITFIELD k GET u8 0 SET u8 73 1",
                        "BITFIELD k INCRBY i16 #5 1", "SETRANGE k 9223372036854775807 x"):
            self.refuse(command, "POLICY", "max_value")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        for command in ("SETRANGE k 9 x", "SETBIT k 79 1", "BITFIELD k SET u8 72 1", "BITFIELD k GET u8 900",
                        "SADD s " + "x" * 10):
            self.accept(command)

    def test_each_key_is_no_longer_than_max_key(self):
        self.start(bound(namespace="max_key = 6\n"))
        long = "x" * 5
        for command in ("GET V", "MGET a V", "MSET a 1 V 1", "RENAME a V", "BITOP NOT a V", "LMPOP 2 a V LEFT",
                        "ZUNIONSTORE a 2 b V", "SORT a STORE V", "GEORADIUS a 1 2 3 km STORE V", "OBJECT FREQ V"):
            self.refuse(put(command, long), "POLICY", "max_key")
        self.accept("SORT a BY " + "x" * 50)

    def test_collections_and_denied_commands(self):
        self.start(bound(namespace="collections = key, dict\ndeny = key.add, redis.append, del\n"))
        for command in "SADD k m", "ZADD k 1 m", "LPUSH k v", "GEOADD k 1 2 m", "SINTER k l":
            self.refuse(command, "NOPERM", "does not hold this collection")
        for command in ("SETNX k v", "SET k v NX", "SET k v NX KEEPTTL", "MSETNX k v", "APPEND k v", "DEL k",
                        "UNLINK k"):
            self.refuse(command, "NOPERM", "denies this verb")
        for command in "SET k v", "HSET h f v", "SETBIT k 1 1", "PFADD p m", "TYPE k", "SORT l":
            self.accept(command)

    def test_a_read_only_namespace_takes_reads_alone(self):
        self.start(bound(namespace="readonly = yes\n"))
        for command in STORES + PARTS + MEMBERS + (
            "EXPIRE k 9", "EXPIRE k 0", "PERSIST k", "GETEX k EX 9", "GETDEL k", "SORT k STORE d", "RENAME k l",
            "GEORADIUS g 1 2 3 km STORE d", "LMPOP 1 k LEFT", "COPY k l",
        ):
            self.refuse(command, "NOPERM", "read-only")
        for command in ("GET k", "GETEX k", "SORT k", "GEORADIUS g 1 2 3 km", "BITFIELD k GET u8 0", "TOUCH k",
                        "PFCOUNT k", "SINTER k l"):
            self.accept(command)

    def test_patterns_of_sort_stay_within_the_namespace(self):
        self.start(prefixed())
        self.redis.call("SET", "secret:1", "x")
        self.accept("RPUSH sess:l 2 1")
        self.accept("MSET sess:w1 2 sess:w2 1 sess:v1 one sess:v2 two")
        self.assertEqual(self.accept("SORT sess:l BY sess:w* GET # GET sess:v*"), [b"2", b"two", b"1", b"one"])
        self.refuse("SORT sess:l GET secret:*", "NOPERM", "secret:*")
        self.refuse("SORT_RO sess:l BY secret:*", "NOPERM", "secret:*")
        self.refuse("SORT sess:l GET *", "NOPERM", "'*'")
        self.refuse("SORT sess:l STORE secret:2", "NOPERM", "secret:2")
        self.assertEqual(self.accept("SORT sess:l GET secret:1"), [None, None])  # no '*': no key

    def test_refused_commands_say_why(self):
        self.start(bound())
        self.refuse("BLPOP k 1", "NOPERM", "cachesd: 'BLPOP' is not supported here: ")
        self.refuse("xadd k * f v", "NOPERM", "cachesd: 'XADD' is not supported here: a stream is a queue")
        self.refuse("RESTORE k 0 x", "NOPERM", "cannot be held against the namespace's rules")
        self.refuse("MEMORY DOCTOR k", "NOPERM", "'MEMORY DOCTOR' is not allowed here: MEMORY USAGE alone is")
        self.refuse("COPY k l DB 1", "ERR", "leave out DB")


if __name__ == "__main__":
    unittest.main()
