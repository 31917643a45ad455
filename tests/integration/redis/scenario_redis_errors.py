#!/usr/bin/env python3
"""Errors as clients of Redis's protocol read them: Redis's own words where the client has caused them, and never a
word by which a library looks for another server."""

import unittest

import harness
from fake_redis import FakeRedis, answer_with, stall
from redis_listener import RedisListener, bound, prefixed
from resp import Client, Error

# What Redis says of itself, and what a client of the listener hears then.
OF_THE_SERVER = [
    ("READONLY You can't write against a read only replica.", "LOADING cachesd: backend main is a read-only replica"),
    ("MASTERDOWN Link with MASTER is down", "LOADING cachesd: backend main has lost its master"),
    ("LOADING Redis is loading the dataset in memory", "LOADING cachesd: backend main is loading its data"),
    ("CLUSTERDOWN The cluster is down", "LOADING cachesd: backend main is part of a cluster that is down"),
    ("NOREPLICAS Not enough good replicas to write.", "LOADING cachesd: backend main has too few replicas"),
    ("MISCONF Redis is configured to save RDB snapshots", "LOADING cachesd: backend main can't save its data"),
    ("MOVED 1 127.0.0.1:1", "LOADING cachesd: backend main is part of a cluster: use redis+cluster://"),
    ("ASK 1 127.0.0.1:1", "LOADING cachesd: backend main is part of a cluster: use redis+cluster://"),
    ("TRYAGAIN Multiple keys", "LOADING cachesd: backend main is part of a cluster: use redis+cluster://"),
    ("BUSY Redis is busy running a script", "OVERLOADED backend main is busy with a script"),
    (
        "NOPERM this user has no permissions to run the 'get' command",
        "LOADING cachesd: backend main refuses this daemon's account: get",
    ),
]
OF_THE_CLIENT = [
    "WRONGTYPE Operation against a key holding the wrong kind of value",
    "ERR value is not an integer or out of range",
    "ERR some new error",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "CROSSSLOT Keys in request don't hash to the same slot",
    "BUSYKEY Target key name already exists.",
]
FAILOVERS = ("READONLY", "MOVED", "ASK", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS")
POLICED = """\
[namespace ro]
prefix = ro:
readonly = yes
[namespace small]
prefix = small:
ttl = 1h
max_ttl = 1h
over_ttl = reject
max_value = 4
max_key = 12
value = int
deny = redis.append, key.get
collections = key
"""


class Case(harness.TestCase):
    def listen(self, ini):
        self.listener = RedisListener(self.world, ini)
        self.client = self.listener.client()
        self.addCleanup(self.client.close)

    def check(self, wanted, *words):
        reply = self.client.call(*words)
        self.assertIsInstance(reply, Error, words)
        self.assertEqual(harness.text_of(reply), wanted)


class OfTheBackend(Case):
    def setUp(self):
        super().setUp()
        self.fake = self.world.keep(FakeRedis(self.world))
        self.listen(bound().replace("{redis:main}", self.fake.url).replace("timeout = 20s", "timeout = 1s"))

    def test_what_the_client_has_caused(self):
        for said in OF_THE_CLIENT:
            with self.subTest(said=said):
                self.fake.behave = answer_with(f"-{said}\r\n".encode())
                self.check(said, "GET", "k")
                self.check(said, "HGET", "k", "f")

    def test_no_answer(self):
        self.fake.behave = stall
        self.check("TIMEOUT backend main did not answer in time", "GET", "k")

    def test_an_answer_that_the_command_does_not_have(self):
        self.fake.behave = answer_with(b"*0\r\n")
        self.check("ERR INTERNAL backend main gave an unknown answer", "GET", "k")


class OfTheServer(unittest.TestCase):
    def test_what_the_server_has_caused(self):
        for said, wanted in OF_THE_SERVER:
            # Each in a world of its own: a daemon waits before it asks an unfit server again.
            with self.subTest(said=said), harness.World() as world:
                fake = world.keep(FakeRedis(world))
                listener = RedisListener(world, bound().replace("{redis:main}", fake.url))
                fake.behave = answer_with(f"-{said}\r\n".encode())
                self.assertEqual(harness.text_of(listener.call("GET", "k")), wanted)


class OfAScript(Case):
    """A script may return what it likes; the daemon's connection is not given up for that, nor a server looked for."""

    def connections(self):
        """The daemon's, by their ids."""
        clients = harness.text_of(self.listener.redis.call("CLIENT", "LIST")).splitlines()
        return [line.split()[0] for line in clients if " name=cachesd " in line]

    def test_a_script_starts_no_failover(self):
        self.listen(bound(namespace="scripts = yes\n"))
        self.client.call("SET", "k", "v")
        connections = self.connections()
        for name in FAILOVERS:
            for said in (f"{name} 1 127.0.0.1:1", name):
                for script in (f"return redis.error_reply('{said}')", f"return {{err='{said}'}}"):
                    with self.subTest(script=script):
                        reply = self.client.call("EVAL", script, 1, "k")
                        self.assertIsInstance(reply, Error)
                        self.assertIn(reply.code, ("ERR", "LOADING"))
                        inner = self.client.call("EVAL", "return {1, {err='%s'}}" % said, 1, "k")
                        self.assertEqual(harness.text_of(inner[1]), f"ERR {said}")
        self.assertEqual(self.client.call("GET", "k"), b"v")
        self.assertTrue(connections)
        self.assertEqual(self.connections(), connections)

    def test_its_own_errors_are_its_own(self):
        self.listen(bound(namespace="scripts = yes\n"))
        self.check("MINE own words", "EVAL", "return redis.error_reply('MINE own words')", 1, "k")
        reply = self.client.call("EVAL", "return redis.call('INCR', KEYS[1], 'x')", 1, "k")
        self.assertEqual(reply.code, "ERR")


class OfTheDaemon(Case):
    def test_commands_and_arguments(self):
        self.listen(bound())
        self.check("ERR unknown command 'nosuch', with args beginning with: 'a' 'b' ", "nosuch", "a", "b")
        few = "".join(f"'{number}' " for number in range(18))
        self.check(f"ERR unknown command 'nosuch', with args beginning with: {few}", "nosuch", *map(str, range(40)))
        self.check("ERR unknown command 'nosuch', with args beginning with: " + "'' " * 19, "nosuch", *[""] * 40)
        self.check("ERR unknown command 'nosuch', with args beginning with: ", "nosuch")
        self.check("ERR wrong number of arguments for 'get' command", "GET")
        self.check("ERR syntax error", "SET", "k", "v", "NOSUCH")
        self.check("ERR value is not an integer or out of range", "SET", "k", "v", "EX", "x")
        self.check("ERR invalid expire time in 'set' command", "SET", "k", "v", "EX", "0")
        self.assertEqual(self.client.call("SET", "k", "v"), b"OK", "the connection lives on")

    def test_policy(self):
        self.listen(prefixed("sess").replace("[listener", POLICED + "[listener"))
        reply = self.client.call("GET", "other:1")
        self.assertEqual(reply.code, "NOPERM")
        self.assertIn("no namespace holds the key 'other:1'", harness.text_of(reply))
        for code, words in [
            ("NOPERM", ("SET", "ro:a", "1")),
            ("NOPERM", ("GET", "small:a")),
            ("NOPERM", ("APPEND", "small:a", "1")),
            ("NOPERM", ("HSET", "small:a", "f", "1")),
            ("POLICY", ("SET", "small:a", "12345")),
            ("POLICY", ("SET", "small:a", "x")),
            ("POLICY", ("SET", "small:aaaaaaaaaaaa", "1")),
            ("POLICY", ("SET", "small:a", "1", "EX", "7200")),
        ]:
            with self.subTest(words=words):
                self.assertEqual(self.client.call(*words).code, code)

    def test_a_backend_that_is_down(self):
        self.listen(bound())
        self.listener.redis.kill()
        harness.wait_until(lambda: self.listener.daemon.backend()["state"] != "up", "the backend is down")
        for words in (("GET", "k"), ("SET", "k", "v"), ("MGET", "k", "l")):
            reply = self.client.call(*words)
            self.assertEqual(reply.code, "LOADING")
            self.assertIn("cachesd: backend main", harness.text_of(reply))

    def test_too_many_clients(self):
        self.listen(bound().replace("[cachesd]\n", "[cachesd]\nmax_clients = 1\n"))
        with Client(self.listener.path) as other:
            self.assertEqual(harness.text_of(other.read()), "ERR max number of clients reached")

    def test_those_that_only_this_dialect_has_are_counted(self):
        self.listen(bound(namespace="backend = main\n") + "[backend other]\nurl = {redis:other}\n"
                    "[namespace far]\nbackend = other\n[listener two]\nlisten = unix:{folder}/two.sock\n"
                    "speak = redis\n")
        self.assertEqual(self.client.call("EVALSHA", "0" * 40, "1", "k").code, "NOSCRIPT")
        with Client(f"{self.world.folder}/two.sock") as two:
            self.assertEqual(two.call("MSET", "t:a", "1", "far:a", "1").code, "CROSSSLOT")
        self.client.call("MULTI")
        self.client.call("GET")
        self.assertEqual(self.client.call("EXEC").code, "EXECABORT")
        counted = harness.sections(self.listener.daemon.call("stats"))["requests"]
        for code in ("NOSCRIPT", "CROSSSLOT", "EXECABORT"):
            self.assertEqual(counted[f"errors_{code}"], "1", code)

    def test_no_request(self):
        self.listen(bound())
        self.client.send(b"*1\r\n$x\r\n")
        self.assertRegex(harness.text_of(self.client.read()), "^ERR Protocol error: ")


if __name__ == "__main__":
    unittest.main()
