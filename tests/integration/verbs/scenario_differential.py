#!/usr/bin/env python3
"""Random operations on every collection through the daemon, and the plain Redis commands that they
stand for on a second key: replies, what the keys hold and their ttl are compared after each.

OPERATIONS says how many (2,000 by default), SEED repeats a run. REDIS_SERVER names another server.
"""

import os
import random

import harness
import resp

OPERATIONS = int(os.environ.get("OPERATIONS", "2000"))
TTL_MS = 7_200_000
INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 10s
[namespace sliding]
[namespace fixed]
ttl_mode = fixed
"""
TOP, LOW = 2**63 - 1, -(2**63)
INTEGERS = [b"%d" % n for n in (0, 1, -1, 7, -40, 2**53 + 1, TOP, LOW, TOP - 1, LOW + 1)]
VALUES = [b"", b"v", b"hello world", b"3.5", b" 7", b"007", b"+5", b"-0", b"\0memo", b"\0memoV1 x"]
VALUES += [bytes(range(256)), b"x" * 5000]
SCORES = [b"0", b"1", b"-2.5", b"1e3", b".5", b"5.", b"+3", b"-inf", b"inf", b"+Infinity", b"1e-320"]
SCORES += [b"9007199254740993", b"%f" % 1.7e308, b"-%f" % 1.7e308]
NO_SCORES = [b"0x10", b"nan", b"1e400", b" 1", b"1 ", b"", b"1e", b"0x1p3", b"--1", b"1_0"]
NO_INTEGERS = [b"9223372036854775808", b"1.0", b"+1", b"01", b"-0", b"", b"0x1", b" 1"]
NAMES = [b"a", b"b", b"c", b"", b"d e\r\n", b"7"]
READS = (
    *(("PTTL",), ("TYPE",), ("GET",), ("HGETALL",), ("SMEMBERS",)),
    ("ZRANGE", "0", "-1", "WITHSCORES"),
)


def code_of(error):
    """The daemon's code for what Redis says."""
    text = str(error)
    if "would overflow" in text or "not a number (NaN)" in text:
        return "ARGS"
    known = ("WRONGTYPE", "not an integer", "hash value is not", "not a valid float")
    return "WRONGTYPE" if any(word in text for word in known) else text


def is_integer(value):
    """As Redis reads the numbers that it adds to."""
    try:
        return b"%d" % int(value) == value and LOW <= int(value) <= TOP
    except ValueError:
        return False


class Operation:
    """Words behind the key for the daemon, the command for Redis, and what becomes of its reply."""

    def __init__(self, verb, words, command, convert=None, options=(), is_write=False, sets=None):
        self.verb, self.words, self.command, self.options = verb, words, command, options
        self.convert = convert or (lambda reply: reply)
        self.is_write = is_write  # followed by PEXPIRE
        self.sets = sets  # it is one SET, with the ttl inside


class Operations:
    """Draws them."""

    def __init__(self, rng):
        self.rng = rng
        self.drawers = [getattr(self, name) for name in dir(type(self)) if name.startswith("draw_")]

    def draw(self):
        return self.rng.choice(self.drawers)()

    def name(self):
        return self.rng.choice(NAMES)

    def names(self):
        return [self.name() for _ in range(self.rng.randint(1, 4))]

    def value(self):
        return self.rng.choice(VALUES if self.rng.random() < 0.5 else INTEGERS)

    def integer(self):
        return self.rng.choice(INTEGERS)

    def score(self):
        return self.rng.choice(SCORES)

    def draw_any(self):
        verb, command = self.rng.choice([("exists", "EXISTS"), ("del", "DEL"), ("del", "DEL")])
        return Operation(verb, [], [command])

    def draw_touch(self):
        return Operation("touch", [], ["PEXPIRE", TTL_MS])

    def draw_read(self):
        verb, *command = self.rng.choice(
            [
                ("key.get", "GET"),
                ("dict.len", "HLEN"),
                ("dict.items", "HGETALL"),
                ("dict.keys", "HKEYS"),
                ("dict.values", "HVALS"),
                ("set.len", "SCARD"),
                ("set.members", "SMEMBERS"),
                ("sorted.len", "ZCARD"),
                ("counter.len", "HLEN"),
            ]
        )
        return Operation(verb, [], command)

    def draw_field(self):
        verb, command = self.rng.choice(
            [("dict.get", "HGET"), ("dict.has", "HEXISTS"), ("set.has", "SISMEMBER"),
             ("sorted.score", "ZSCORE"), ("sorted.rank", "ZRANK"), ("dict.mget", "HMGET")]
        )
        name = self.name()
        return Operation(verb, [name], [command, name])

    def draw_set(self):
        verb, condition = self.rng.choice(
            [("key.set", None), ("key.add", "NX"), ("key.replace", "XX"), ("key.swap", "GET")]
        )
        value = self.value()
        tail = [condition] if condition else []
        convert = None if verb in ("key.set", "key.swap") else lambda reply: int(reply is not None)
        return Operation(verb, [value], ["SET"], convert, sets=[value, *tail])

    def draw_take(self):
        return Operation("key.take", [], ["GETDEL"])

    def draw_increment(self):
        n = self.integer()
        if self.rng.random() < 0.3:
            return Operation("key.incr", [n], ["INCRBY", n], is_write=True)
        verb, name = self.rng.choice(("dict.incr", "counter.incr")), self.name()
        return Operation(verb, [name, n], ["HINCRBY", name, n], is_write=True)

    def draw_dict(self):
        if self.rng.random() < 0.3:
            pair = [self.name(), self.value()]
            return Operation("dict.add", pair, ["HSETNX", *pair], is_write=True)
        pairs = [word for name in self.names() for word in (name, self.value())]
        return Operation("dict.set", pairs, ["HSET", *pairs], is_write=True)

    def draw_remove(self):
        verb, command = self.rng.choice(
            [("dict.del", "HDEL"), ("set.del", "SREM"), ("sorted.del", "ZREM"), ("counter.del", "HDEL")]
        )
        names = self.names()
        return Operation(verb, names, [command, *names], is_write=True)

    def draw_set_add(self):
        names = self.names()
        return Operation("set.add", names, ["SADD", *names], is_write=True)

    def draw_sorted_add(self):
        words = [word for name in self.names() for word in (self.score(), name)]
        option, flag = self.rng.choice(
            [(None, None), ("absent", "NX"), ("present", "XX"), ("greater", "GT"), ("less", "LT")]
        )
        command = ["ZADD", *([flag] if flag else []), *words]
        options = [f"if={option}"] if option else []
        return Operation("sorted.add", words, command, options=options, is_write=True)

    def draw_sorted_more(self):
        name, score = self.name(), self.score()
        if self.rng.random() < 0.5:
            return Operation("sorted.incr", [name, score], ["ZINCRBY", score, name], is_write=True)
        verb, command = self.rng.choice([("sorted.pop", "ZPOPMIN"), ("sorted.rpop", "ZPOPMAX")])
        count = [b"%d" % self.rng.randint(0, 3)] if self.rng.random() < 0.5 else []
        return Operation(verb, count, [command, *count], is_write=True)

    def draw_range(self):
        if self.rng.random() < 0.5:
            ends = [b"%d" % self.rng.randint(-4, 4) for _ in range(2)]
            return Operation("sorted.range", ends, ["ZRANGE", *ends, "WITHSCORES"])
        ends = [self.rng.choice([b"", b"("]) + self.score() for _ in range(2)]
        return Operation("sorted.between", ends, ["ZRANGE", *ends, "BYSCORE", "WITHSCORES"])

    def draw_counter(self):
        name, n = self.name(), self.integer()
        return Operation("counter.set", [name, n], ["HSET", name, n], lambda _: b"OK", is_write=True)

    def draw_counter_get(self):
        name = self.name()
        return Operation("counter.get", [name], ["HGET", name], number_or_code)

    def draw_counter_total(self):
        return Operation("counter.total", [], ["HVALS"], total_of)


def number_or_code(reply):
    if reply is None:
        return 0
    return int(reply) if is_integer(reply) else "WRONGTYPE"


def total_of(values):
    if not all(map(is_integer, values)):
        return "WRONGTYPE"
    total = sum(map(int, values))
    return total if LOW <= total <= TOP else "ARGS"


class Differential(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)
        self.client = self.connect(self.daemon, harness.LONG)
        self.direct = self.connect(self.redis)
        seed = os.environ.get("SEED") or str(random.SystemRandom().randrange(2**32))
        print(f"SEED={seed}")
        self.rng = random.Random(int(seed))

    def ask_redis(self, operation, key, is_fixed):
        """The commands that the verb stands for; the reply as the daemon should give it."""
        name, *arguments = operation.command
        call = self.direct.call
        if operation.sets is not None:
            reply = call("SET", key, *map(wrapped, operation.sets), "PX", TTL_MS)
        else:
            reply = call(name, key, *arguments)
        if operation.is_write:  # also behind an error: EXEC runs it
            call("PEXPIRE", key, TTL_MS, *(["NX"] if is_fixed else []))
        return code_of(reply) if isinstance(reply, resp.Error) else operation.convert(plain(reply))

    def states(self, *keys):
        """What each holds, and its ttl: all asked for at once."""
        asked = [(name, key, *rest) for key in keys for name, *rest in READS]
        self.direct.send(b"".join(resp.array(*words) for words in asked))
        replies = [self.direct.read() for _ in asked]
        replies = [getattr(reply, "code", reply) for reply in replies]
        each = len(READS)
        return [replies[at : at + each] for at in range(0, len(replies), each)]

    def compare(self, operation, space, key):
        reply = self.client.call(operation.verb, *operation.options, space, key, *operation.words)
        reply = reply.code if isinstance(reply, resp.Error) else reply
        right = self.ask_redis(operation, f"plain:{space}:{key}", space == "fixed")
        case = (operation.verb, space, key, operation.words)
        if operation.verb in ("set.members", "dict.keys", "dict.values") and isinstance(reply, list):
            reply, right = sorted(reply), sorted(right)
        self.assertEqual(reply, right, case)
        ours, theirs = self.states(f"{space}:{key}", f"plain:{space}:{key}")
        self.assertEqual(ours[1:], theirs[1:], case)
        self.assertLess(abs(ours[0] - theirs[0]), 2000, case)
        self.assertNotEqual(ours[0], -1, case)

    def age(self, space, key):
        """So that a ttl that is left alone differs from one that is new."""
        left = self.rng.randrange(1_000_000, 5_000_000)
        for name in (f"{space}:{key}", f"plain:{space}:{key}"):
            self.direct.call("PEXPIRE", name, left)

    def test_every_verb_does_what_its_commands_do(self):
        operations = Operations(self.rng)
        for _ in range(OPERATIONS):
            space, key = self.rng.choice(("sliding", "fixed")), self.rng.choice("pqr")
            if self.rng.random() < 0.3:
                self.age(space, key)
            self.compare(operations.draw(), space, key)

    def test_an_update_is_the_sum_in_any_order(self):
        for _ in range(OPERATIONS // 20):
            held = {name: self.rng.choice(INTEGERS) for name in self.rng.sample(NAMES, 3)}
            if self.rng.random() < 0.1:
                held[b"a"] = b"word"
            adds = [(self.rng.choice(NAMES), self.rng.choice(INTEGERS)) for _ in range(5)]
            self.direct.call("DEL", "sliding:u")
            self.direct.call("HSET", "sliding:u", *[word for pair in held.items() for word in pair])
            self.direct.call("PEXPIRE", "sliding:u", "1000000")
            right = {name: held.get(name, b"0") for name in {*held, *(name for name, _ in adds)}}
            expected = "WRONGTYPE" if any(not is_integer(right[name]) for name, _ in adds) else None
            for name, n in adds if not expected else ():
                right[name] = b"%d" % (int(right[name]) + int(n))
            if not expected and not all(is_integer(n) or n == b"word" for n in right.values()):
                expected = "ARGS"
            words = [word for pair in adds for word in pair]
            reply = self.client.call("counter.update", "sliding", "u", *words)
            self.assertEqual(getattr(reply, "code", None), expected, (held, adds))
            found = self.direct.call("HGETALL", "sliding:u")
            found = dict(zip(found[::2], found[1::2]))
            self.assertEqual(found, held if expected else right, (held, adds))
            if not expected:
                self.assertEqual(reply, [int(right[name]) for name, _ in adds])

    def test_what_is_drawn_was_there_and_is_gone(self):
        for _ in range(OPERATIONS // 40):
            names = self.rng.sample(NAMES, self.rng.randint(0, 5))
            self.direct.call("DEL", "sliding:s", "sliding:d")
            for name in names:
                self.client.call("set.add", "sliding", "s", name)
                self.client.call("dict.set", "sliding", "d", name, b"v" + name)
            count = self.rng.randint(0, 6)
            taken = self.client.call("set.pop", "sliding", "s", str(count))
            self.assertEqual(len(taken), min(count, len(names)))
            left = self.direct.call("SMEMBERS", "sliding:s")
            self.assertEqual(sorted(taken + left), sorted(names))
            item = self.client.call("dict.popitem", "sliding", "d")
            self.assertEqual(len(item), 2 if names else 0)
            self.assertTrue(not item or item[1] == b"v" + item[0])
            left = self.direct.call("HKEYS", "sliding:d")
            self.assertEqual(sorted(item[:1] + left), sorted(names))
        self.assertEqual(harness.keys_without_ttl(self.redis, "sliding:")[0], [])

    def test_arguments_that_are_no_numbers_are_refused_and_nobody_hears_of_it(self):
        self.client.call("sorted.add", "sliding", "z", "1", "m")
        before = self.daemon.log()
        for bad in NO_SCORES:
            for words in (
                *(("sorted.add", "sliding", "z", bad, "m"), ("sorted.incr", "sliding", "z", "m", bad)),
                *(("sorted.between", "sliding", "z", bad, "1"), ("sorted.between", "sliding", "z", "1", b"(" + bad)),
            ):
                self.assertEqual(self.client.call(*words).code, "ARGS", words)
        for bad in NO_INTEGERS:
            for words in (
                *(("key.incr", "sliding", "k", bad), ("dict.incr", "sliding", "d", "f", bad)),
                *(("counter.set", "sliding", "c", "f", bad), ("counter.update", "sliding", "c", "f", bad)),
                *(("sorted.range", "sliding", "z", bad, "1"), ("set.pop", "sliding", "s", bad)),
                *(("sorted.pop", "sliding", "z", bad), ("counter.top", "sliding", "c", bad)),
            ):
                self.assertEqual(self.client.call(*words).code, "ARGS", words)
        for extreme in INTEGERS:
            for words in (
                *(("sorted.range", "sliding", "z", extreme, extreme), ("set.random", "sliding", "s", extreme)),
                *(("set.pop", "sliding", "s", extreme), ("sorted.pop", "sliding", "y", extreme)),
            ):
                reply = self.client.call(*words)
                self.assertIn(getattr(reply, "code", "ARGS"), ("ARGS",), words)
        self.assertEqual(self.client.call("dict.get", "sliding", "z", "f").code, "WRONGTYPE")
        self.assertEqual(self.daemon.log(), before)


def wrapped(value):
    """As the daemon stores what would be taken for a memo's."""
    is_ours = isinstance(value, bytes) and value.startswith(b"\0memo")
    return b"\0memoV0 " + value if is_ours else value


def plain(reply):
    """And reads it."""
    start = b"\0memoV0 "
    if isinstance(reply, bytes) and reply.startswith(start):
        return reply[len(start):]
    return reply


if __name__ == "__main__":
    harness.main()
