#!/usr/bin/env python3
"""Nobody reads or writes through Redis's commands what is not theirs: every form of every command, with its keys
and further words in the user's own namespaces and in others."""

import os
import random
import shlex
import unittest

import harness
import resp
from redis_listener import RedisListener
from resp3_forms import SETUPS, forms
from scenario_redis_keys import MORE

TOKEN = "sha256:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[namespace own]
prefix = own:
near = yes
[namespace other]
prefix = other:
near = yes
[namespace rest]
prefix = rest:
near = yes
[user web]
token = TOKEN
access = write
namespaces = own, rest
[user reader]
token = TOKEN
access = read
namespaces = *
[user all]
token = TOKEN
access = admin
namespaces = *
[listener apps]
listen = unix:{folder}/redis.sock
speak = redis
namespaces = own, other
rest = rest
[listener bound]
listen = unix:{folder}/bound.sock
speak = redis
namespace = own
select = 1: other
""".replace("TOKEN", TOKEN)

SECRET = "SeCrEt"
# What holds the values of each type that nobody else may see, under the names of the forms' keys.
HELD = (
    "SET {} {}", "RPUSH {} {} 1", "HSET {} {} {}", "SADD {} {} 1", "ZADD {} 1 {}", "GEOADD {} 15 37 {}",
)
READ_ALL = {
    b"string": "GET {}", b"list": "LRANGE {} 0 -1", b"hash": "HGETALL {}", b"set": "SMEMBERS {}",
    b"zset": "ZRANGE {} 0 -1 WITHSCORES",
}
READS = ("GET", "MGET", "HGETALL", "SMEMBERS", "LRANGE", "ZRANGE", "EXISTS", "STRLEN", "TYPE", "GETRANGE")
ROUNDS = int(os.environ.get("ROUNDS", 2))

# Further words, by which some commands write, or read other keys.
WORDS = ("STORE", "STOREDIST", "BY", "GET", "REPLACE", "WITHSCORES", "COUNT", "LIMIT", "ALPHA", "NX", "KEEPTTL")
WHOLE = """\
DUMP k
OBJECT ENCODING k
MEMORY USAGE k
TYPE k
SORT k ALPHA
SORT k BY k* GET k* GET # ALPHA
SORT k BY nosort GET l*->f STORE m
SORT_RO k BY nosort GET l* ALPHA
EVAL 'return redis.call("GET", KEYS[1])' 1 k
EVAL 'return redis.call("KEYS", "*")' 1 k
EVAL 'return redis.call("SCAN", "0")' 1 k
EVAL 'return redis.call("SET", ARGV[1], "x")' 1 k l
EVAL 'return redis.call("SORT", KEYS[1], "BY", "nosort", "GET", ARGV[1], "STORE", ARGV[2])' 1 k l* m
EVAL 'return redis.call("RENAME", KEYS[1], ARGV[1])' 1 k l
EVAL_RO 'return redis.call("GET", ARGV[1])' 1 k l
EVAL 'return redis.call("GET", ARGV[1])' 0 k
KEYS *
KEYS k
KEYS *k*
KEYS ?*
KEYS [a-z]*
SCAN 0 COUNT 1000
SCAN 0 MATCH k COUNT 1000
SCAN 1 COUNT 1000
SCAN 2 MATCH *k COUNT 1000
DBSIZE
FLUSHDB
FLUSHALL
key.get other k
key.set other k v
scan other 0
type other k
explain key.get other k
stats other
purge other
memo.get other k
slowlog
hotkeys
tap
settings
"""


class Walls(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world, INI)
        self.redis = self.connect(self.world.redis())
        self.random = random.Random(int(os.environ.get("SEED", 1)))

    def login(self, user, socket="redis", protocol=2):
        client = self.world.keep(resp.Client(f"{self.world.folder}/{socket}.sock"))
        self.assertEqual(client.call("AUTH", user, "secret"), b"OK")
        return client

    def snapshot(self, *prefixes):
        return {
            key: (self.redis.call(*READ_ALL[self.redis.call("TYPE", key)].format(key.decode()).split()),
                  self.redis.call("EXPIRETIME", key))
            for prefix in prefixes for key in self.redis.call("KEYS", prefix + "*")
        }

    def fill(self, prefix, value):
        for name in "klmn":
            words = self.random.choice(HELD).replace("{}", prefix + name, 1).replace("{}", value).split()
            self.redis.call(*words)
            self.redis.call("EXPIRE", prefix + name, 1000)

    def lines(self):
        for _, command, befores in forms():
            yield shlex.split(command), befores
        for line in (MORE + WHOLE).splitlines():
            yield shlex.split(line), []

    def mixed(self, words, prefixes):
        """The words with their keys in any of the namespaces, and sometimes one word more."""
        def placed(word):
            is_key = word.rstrip("*f>-") in tuple("klmn") or word.startswith(("w_", "n_"))
            return self.random.choice(prefixes) + word if is_key else word

        words = [words[0], *map(placed, words[1:])]
        if self.random.random() < 0.4:
            words.append(self.random.choice(WORDS))
            words.append(self.random.choice(prefixes) + self.random.choice(("k", "l", "k*", "*", "*->f")))
        return words

    def attempts(self, prefixes):
        for _ in range(ROUNDS):
            for words, befores in self.lines():
                yield self.mixed(words, prefixes), befores

    def call_raw(self, client, words):
        """The reply's text, whatever it is."""
        return repr(client.call(*words))

    def check(self, user, socket, prefixes, kept, is_blind=True):
        """That the user changes nothing under the prefixes `kept`, and sees, if blind, nothing of `other`."""
        client = self.login(user, socket)
        all_client = self.login("all")
        for prefix in ("own:", "rest:"):
            self.fill(prefix, "v")
        self.fill("other:", SECRET)
        before = self.snapshot(*kept)
        for words, befores in self.attempts(prefixes):
            if user == "web":
                for setup in befores:
                    client.call(*self.mixed(setup.split(), ("own:",)))
            if words[0] in READS:  # so that the answer is kept near
                all_client.call(*words)
            in_block = self.random.random() < 0.3
            if in_block:
                client.call("MULTI")
            reply = self.call_raw(client, words)
            if in_block:
                reply += self.call_raw(client, ["EXEC"])
                client.call("DISCARD")
            if is_blind:
                self.assertNotIn(SECRET, reply, words)
                if socket == "redis" and "other:" not in "".join(words):
                    self.assertNotIn("other:k", reply, words)
            if self.random.random() < 0.2 or "FLUSH" in words[0]:
                self.assertEqual(self.snapshot(*kept), before, words)
        self.assertEqual(self.snapshot(*kept), before)
        client.call("PING")

    def test_a_user_reaches_nothing_of_others_by_prefixes(self):
        self.check("web", "redis", ("own:", "other:", "", "own:", "other:*"), ("other:",))

    def test_a_user_reaches_nothing_of_others_where_all_keys_are_of_one_namespace(self):
        self.check("web", "bound", ("own:", "other:", ""), ("other:", "rest:"))

    def test_a_reader_changes_nothing(self):
        self.check("reader", "redis", ("own:", "other:", ""), ("own:", "other:", "rest:"), is_blind=False)

    def test_a_reader_may_say_what_only_reads_of_a_command_that_writes(self):
        self.redis.call("SET", "own:text", "v")
        client = self.login("reader")
        self.assertEqual(client.call("GETEX", "own:text"), b"v")
        self.assertEqual(client.call("BITFIELD", "own:text", "GET", "u8", "0"), [ord("v")])
        for words in (("GETEX", "own:text", "EX", "9"), ("BITFIELD", "own:text", "SET", "u8", "0", "1")):
            self.assertEqual(client.call(*words).code, "NOPERM", words)


# What holds more, or other things, than the namespaces beside it take.
STRICT = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[namespace all]
[namespace keys]
collections = key
[namespace sets]
collections = set
[namespace small]
max_value = 100
[namespace ints]
value = int
[namespace star]
prefix = s*r:
[listener apps]
listen = unix:{folder}/redis.sock
speak = redis
[listener star]
listen = unix:{folder}/star.sock
speak = redis
namespace = star
"""


class Strict(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(STRICT)
        self.redis = self.connect(self.world.redis())
        self.client = self.world.keep(resp.Client(f"{self.world.folder}/redis.sock"))

    def test_a_value_does_not_come_into_a_namespace_that_would_not_take_it(self):
        self.client.call("RPUSH", "all:list", "text")
        self.client.call("SADD", "all:set", "text")
        self.client.call("SET", "all:long", "x" * 1000)
        for command in (
            "RENAME all:list keys:x", "RENAMENX all:list keys:x", "COPY all:list keys:x", "COPY all:long small:x",
            "COPY all:long ints:x", "LMOVE all:list ints:x LEFT LEFT", "RPOPLPUSH all:list small:x",
            "SORT all:set ALPHA STORE sets:x", "SORT all:set ALPHA STORE ints:x", "SMOVE all:set small:x text",
            "SUNIONSTORE small:x all:set", "SORT all:set BY nosort GET all:long* STORE small:x",
        ):
            with self.subTest(command):
                key = next(word for word in command.split() if word.endswith(":x"))
                self.assertIn(self.client.call(*command.split()).code, ("POLICY", "NOPERM"))
                self.assertEqual(self.redis.call("EXISTS", key), 0)

    def test_a_value_comes_into_a_namespace_that_takes_it(self):
        self.client.call("RPUSH", "keys:list", "text")
        self.client.call("SADD", "sets:set", "text")
        self.client.call("SET", "small:k", "x")
        self.client.call("SET", "ints:k", "7")
        for command, wanted in (
            ("COPY small:k all:x", 1), ("COPY ints:k all:y", 1), ("SUNIONSTORE all:set sets:set", 1),
            ("RENAME small:k all:z", b"OK"), ("COPY all:z all:w", 1), ("MGET all:x ints:k", [b"x", b"7"]),
        ):
            self.assertEqual(self.client.call(*command.split()), wanted, command)

    def test_sort_makes_no_list_where_there_are_to_be_none(self):
        self.client.call("SADD", "sets:set", "text")
        self.assertEqual(self.client.call("SORT", "sets:set", "ALPHA"), [b"text"])
        self.assertEqual(self.client.call("SORT", "sets:set", "ALPHA", "STORE", "sets:x").code, "NOPERM")
        self.assertEqual(self.redis.call("EXISTS", "sets:x"), 0)

    def test_the_patterns_of_sort_reach_no_other_prefix(self):
        bound = self.world.keep(resp.Client(f"{self.world.folder}/star.sock"))
        self.redis.call("SET", "s1r:w_*", SECRET)
        for client, prefix in (bound, ""), (self.client, "s*r:"):
            self.assertEqual(client.call("RPUSH", prefix + "l", "1"), 1)
            for words in (
                ("SORT", prefix + "l", "BY", "nosort", "GET", prefix + "w_*"), ("SORT_RO", prefix + "l", "GET", prefix + "w_*"),
                ("SORT", prefix + "l", "BY", prefix + "w_*", "STORE", prefix + "m"),
                ("EVAL", "return redis.call('SORT', KEYS[1], 'BY', 'nosort', 'GET', ARGV[1])", 1, prefix + "l", prefix + "w_*"),
            ):
                with self.subTest(words):
                    reply = client.call(*words)
                    self.assertIsInstance(reply, resp.Error)
                    self.assertIn(getattr(reply, "code", ""), ("POLICY", "NOPERM"))
            self.assertEqual(client.call("SORT", prefix + "l"), [b"1"])
            client.call("DEL", prefix + "l")

class Pops(harness.TestCase):
    def test_the_key_in_the_reply_to_a_pop_is_the_clients(self):
        ini = INI.replace("[listener apps]", "[listener all]\nlisten = unix:{folder}/all.sock\nspeak = redis\n"
                          "namespaces = own, other\nrest = rest\n[listener apps]")
        self.world.daemon(ini)
        client = self.world.keep(resp.Client(f"{self.world.folder}/all.sock"))
        client.call("AUTH", "all", "secret")
        redis = self.connect(self.world.redis())
        for kind, push, word in ("LMPOP", "RPUSH", "LEFT"), ("ZMPOP", "ZADD", "MIN"):
            for key in "own:k", "other:k", "k":
                client.call(push, key, *("1", "m", "2", "n")[kind == "LMPOP" :])
            for keys, wanted in (("own:x", "other:k"), b"other:k"), (("x", "k"), b"k"), (("own:k", "own:x"), b"own:k"):
                self.assertEqual(client.call(kind, 2, *keys, word)[0], wanted)
            for keys in ("own:k", "k"), ("k", "own:k"), ("own:x", "k"), ("x", "other:k"):
                with self.subTest((kind, keys)):
                    before = redis.call("EVAL", SIZES, 0)
                    refusal = client.call(kind, 2, *keys, word)
                    self.assertEqual(refusal.code, "ERR")
                    self.assertIn(f"'{kind}' takes no keys", str(refusal))
                    client.call("MULTI")
                    self.assertEqual(client.call(kind, 2, *keys, word).code, "ERR")
                    self.assertEqual(client.call("EXEC").code, "EXECABORT")
                    self.assertEqual(redis.call("EVAL", SIZES, 0), before)
            redis.call("FLUSHALL")


SIZES = """\
local sizes = {}
for i, key in ipairs(redis.call('KEYS', '*')) do
    local is_list = redis.call('TYPE', key).ok == 'list'
    sizes[i] = key .. redis.call(is_list and 'LLEN' or 'ZCARD', key)
end
table.sort(sizes)
return sizes
"""


if __name__ == "__main__":
    unittest.main()
