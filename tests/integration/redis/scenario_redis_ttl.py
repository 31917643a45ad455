#!/usr/bin/env python3
"""Which ttl a key has after each write of the Redis dialect, whatever ttl it had before: healed and cut, never
begun anew unless the client says so."""

import time
import unittest

import harness
from redis_listener import RedisListener, bound

DEFAULT, MOST = 300, 600  # seconds: the namespace's ttl and max_ttl
BEFORE = (None, -1, 60, 400, 1000)  # absent, without ttl, and ttls: 1000 is of before a smaller max_ttl

MAKES = {
    "string": "SET {} 7",
    "hash": "HSET {} f 1",
    "list": "RPUSH {} 2 1",
    "set": "SADD {} 1",
    "sorted": "ZADD {} 1 m",
    "places": "GEOADD {} 13 38 m",
}

HEALED = (DEFAULT, DEFAULT, 60, 400, 1000)
FRESH = (DEFAULT,) * 5
KEPT = BEFORE
GONE = (None,) * 5
# What a write gives another key that comes with the first one's ttl.
BROUGHT = (None, DEFAULT, 60, 400, MOST)


def there(ttl):
    """An absent key stays so."""
    return (None, *(ttl,) * 4)


# What the key holds, the command, and the ttls that `k` has then; behind the kind, another key that is looked at.
RECIPES = [
    ("string", "SET k v", FRESH),
    ("string", "SET k v EX 50", (50,) * 5),
    ("string", "SET k v PX 5000000", (MOST,) * 5),
    ("string", "SET k v EXAT +50", (50,) * 5),
    ("string", "SET k v EXAT +5000", (MOST,) * 5),
    ("string", "SET k v PXAT +50", (50,) * 5),
    ("string", "SET k v KEEPTTL", HEALED),
    ("string", "SET k v NX", (DEFAULT, *KEPT[1:])),
    ("string", "SET k v NX EX 50 GET", (50, *KEPT[1:])),
    ("string", "SET k v NX EXAT +50", (50, MOST, 60, 400, MOST)),
    ("string", "SET k v XX", there(DEFAULT)),
    ("string", "SET k v XX EXAT +5000", there(MOST)),
    ("string", "SET k v GET", FRESH),
    ("string", "SETNX k v", (DEFAULT, *KEPT[1:])),
    ("string", "SETEX k 50 v", (50,) * 5),
    ("string", "PSETEX k 5000000 v", (MOST,) * 5),
    ("string", "GETSET k v", FRESH),
    ("string", "GETDEL k", GONE),
    ("string", "GETEX k", KEPT),
    ("string", "GETEX k EX 50", there(50)),
    ("string", "GETEX k EX 5000", there(MOST)),
    ("string", "GETEX k EXAT +50", there(50)),
    ("string", "GETEX k EXAT +5000", there(MOST)),
    ("string", "GETEX k PERSIST", there(MOST)),
    ("string", "MSET l 1 k v", FRESH),
    ("string", "MSETNX k v", HEALED),
    ("string", "INCR k", HEALED),
    ("string", "DECRBY k 2", HEALED),
    ("string", "INCRBYFLOAT k 1.5", HEALED),
    ("string", "APPEND k x", HEALED),
    ("string", "SETRANGE k 3 x", HEALED),
    ("string", "SETBIT k 3 1", HEALED),
    ("string", "BITFIELD k SET u8 0 1", HEALED),
    ("string", "BITFIELD k GET u8 0", KEPT),
    ("string", "BITOP NOT k k", there(DEFAULT)),
    ("string", "EXPIRE k 50", there(50)),
    ("string", "EXPIRE k 5000", there(MOST)),
    ("string", "PEXPIRE k 50000 XX", (None, -1, 50, 50, 50)),
    ("string", "EXPIRE k 500 GT", (None, -1, 500, 500, 1000)),
    ("string", "EXPIRE k 5000 LT", (None, MOST, 60, 400, MOST)),
    ("string", "EXPIRE k 100 NX", (None, 100, 60, 100, 100)),
    ("string", "EXPIRE k 0", GONE),
    ("string", "PEXPIRE k -1", GONE),
    ("string", "EXPIREAT k +50", there(50)),
    ("string", "EXPIREAT k +5000", there(MOST)),
    ("string", "EXPIREAT k +100 NX", (None, 100, 60, 100, 100)),
    ("string", "PEXPIREAT k +50", there(50)),
    ("string", "EXPIREAT k 1", GONE),
    ("string", "PERSIST k", there(MOST)),
    ("string", "TOUCH k", KEPT),
    ("string l", "RENAME k l", BROUGHT),
    ("string l", "RENAMENX k l", BROUGHT),
    ("string l", "COPY k l", BROUGHT),
    ("hash", "HSET k g v", HEALED),
    ("hash", "HMSET k g v", HEALED),
    ("hash", "HSETNX k g v", HEALED),
    ("hash", "HINCRBY k f 2", HEALED),
    ("hash", "HINCRBYFLOAT k f 2.5", HEALED),
    ("hash", "HDEL k g", KEPT),
    ("list", "LPUSH k v", HEALED),
    ("list", "RPUSH k v", HEALED),
    ("list", "RPUSHX k v", KEPT),
    ("list", "LPOP k", KEPT),
    ("list", "LSET k 0 v", KEPT),
    ("list", "LINSERT k BEFORE 1 v", KEPT),
    ("list", "LREM k 0 v", KEPT),
    ("list", "LTRIM k 0 9", KEPT),
    ("list l", "LMOVE k l LEFT LEFT", there(DEFAULT)),
    ("list l", "RPOPLPUSH k l", there(DEFAULT)),
    ("list", "SORT k STORE k", there(DEFAULT)),
    ("set", "SADD k m", HEALED),
    ("set", "SREM k m", KEPT),
    ("set", "SUNIONSTORE k k", there(DEFAULT)),
    ("set l", "SMOVE k l 1", there(DEFAULT)),
    ("sorted", "ZADD k 2 n", HEALED),
    ("sorted", "ZADD k XX INCR 2 m", there(None)[:1] + HEALED[1:]),
    ("sorted", "ZINCRBY k 2 n", HEALED),
    ("sorted", "ZREM k n", KEPT),
    ("sorted", "ZREMRANGEBYRANK k 5 6", KEPT),
    ("sorted", "ZUNIONSTORE k 1 k", there(DEFAULT)),
    ("sorted", "ZRANGESTORE k k 0 -1", there(DEFAULT)),
    ("places", "GEOADD k 13 38 n", HEALED),
    ("places", "GEORADIUS k 13 38 9 km STORE k", there(DEFAULT)),
    ("places", "GEOSEARCHSTORE k k FROMMEMBER m BYRADIUS 9 km", there(DEFAULT)),
    ("string", "PFADD l m", KEPT),
]


class Ttls(harness.TestCase):
    def start(self, **options):
        options = {"ttl": f"{DEFAULT}s", "max_ttl": f"{MOST}s", **options}
        self.listener = RedisListener(self.world, bound(**options))
        self.redis = self.listener.redis
        self.client = self.world.keep(self.listener.client())

    def prepare(self, kind, before):
        self.redis.call("FLUSHALL")
        if before is not None:
            self.redis.call(*MAKES[kind].format("t:k").split())
        if before is not None and before > 0:
            self.redis.call("EXPIRE", "t:k", before)

    def send(self, command):
        """`+50` is in 50 s, in the command's own unit."""
        scale = 1000 if "PXAT" in command or command.startswith("PEXPIREAT") else 1
        words = command.split()
        return self.client.call(*(
            int((time.time() + int(word)) * scale) if word.startswith("+") else word for word in words
        ))

    def ttl(self, key):
        left = self.redis.call("PTTL", key)
        return None if left == -2 else left / 1000 if left > 0 else -1

    def check_ttl(self, key, wanted):
        got = self.ttl(key)
        if wanted is None or wanted == -1:
            self.assertEqual(got, wanted)
        else:
            self.assertTrue(got is not None and wanted - 20 < got <= wanted + 1, f"{got}, not {wanted}")

    def check_recipes(self, mode):
        self.start(namespace=f"ttl_mode = {mode}\n")
        for kind, command, wanted in RECIPES:
            kind, _, other = kind.partition(" ")
            for before, ttl in zip(BEFORE, wanted):
                with self.subTest(command=command, before=before):
                    self.prepare(kind, before)
                    self.send(command)
                    self.check_ttl(f"t:{other or 'k'}", ttl)

    def test_each_write_after_each_ttl(self):
        self.check_recipes("fixed")

    def test_the_same_where_verbs_of_cachesd_begin_ttls_anew(self):
        self.check_recipes("sliding")

    def test_a_ttl_that_is_too_long_is_refused_where_the_namespace_says_so(self):
        self.start(namespace="over_ttl = reject\n")
        for command in (
            "SET k v EX 5000", "SETEX k 5000 v", "SET k v EXAT +5000", "SET k v PXAT +5000", "GETEX k EX 5000",
            "GETEX k EXAT +5000", "GETEX k PERSIST", "EXPIRE k 5000", "PEXPIREAT k +5000", "EXPIREAT k +5000",
            "PERSIST k",
        ):
            with self.subTest(command=command):
                self.prepare("string", 60)
                self.assertEqual(self.send(command).code, "POLICY")
                self.check_ttl("t:k", 60)
        for command in "SET k v EX 500", "EXPIREAT k +500", "EXPIRE k 500", "SET k v EXAT +500":
            self.prepare("string", 60)
            self.send(command)
            self.check_ttl("t:k", 500)

    def test_a_ttl_that_is_asked_for_has_no_jitter(self):
        self.start(namespace="jitter = 50%\n")
        for _ in range(20):
            self.send("SET k v EX 200")
            self.check_ttl("t:k", 200)

    def test_nothing_is_cut_or_healed_where_keys_may_live_forever(self):
        self.start(ttl="forever", max_ttl="forever")
        for command, before, wanted in (
            ("SET k v", 60, -1), ("SET k v EX 5000", 60, 5000), ("PERSIST k", 60, -1), ("INCR k", -1, -1),
            ("EXPIRE k 500 NX", 60, 60), ("EXPIRE k 500 NX", -1, 500), ("RENAME k k", 1000, 1000),
            ("GETEX k PERSIST", 60, -1), ("SET k v KEEPTTL", 60, 60), ("EXPIREAT k +5000", 60, 5000),
        ):
            with self.subTest(command=command, before=before):
                self.prepare("string", before)
                self.send(command)
                self.check_ttl("t:k", wanted)


if __name__ == "__main__":
    unittest.main()
