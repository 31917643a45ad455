#!/usr/bin/env python3
"""The near cache behind the Redis dialect: what is kept is kept for clients of both dialects, and a write by
any of them voids it."""

import sys
import unittest

import harness
from redis_listener import RedisListener, bound
from valve import Valve

# Ways to write "new" to the key k.
WRITES = {
    "SET": [("SET", "k", "new")],
    "MSET": [("MSET", "other", "1", "k", "new")],
    "GETSET": [("GETSET", "k", "new")],
    "APPEND": [("DEL", "k"), ("APPEND", "k", "new")],
    "RENAME": [("SET", "other", "new"), ("RENAME", "other", "k")],
    "COPY": [("SET", "other", "new"), ("COPY", "other", "k", "REPLACE")],
    "EVAL": [("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", "1", "k", "new")],
    "MULTI": [("MULTI",), ("GET", "k"), ("SET", "k", "new"), ("EXEC",)],
}


class Near(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world, bound(namespace="near = yes\n"))
        self.listener.daemon.wait_near()
        self.client = self.listener.client()
        self.addCleanup(self.client.close)

    def hits(self):
        return int(self.listener.daemon.stats("t")["near_hits"])

    def test_what_one_dialect_has_read_the_other_is_answered_from_memory(self):
        self.client.call("SET", "k", "v")
        self.assertEqual(self.client.call("GET", "k"), b"v")
        before = self.hits()
        self.assertEqual(self.listener.daemon.call("key.get", "t", "k"), b"v")
        self.assertEqual(self.client.call("GET", "k"), b"v")
        self.assertEqual(self.hits(), before + 2)

    def test_mget_of_one_key_is_answered_from_memory(self):
        self.client.call("SET", "k", "v")
        self.assertEqual(self.client.call("MGET", "k"), [b"v"])
        before = self.hits()
        self.assertEqual(self.client.call("MGET", "k"), [b"v"])
        self.assertEqual(self.client.call("GET", "k"), b"v")
        self.assertEqual(self.hits(), before + 1)

    def test_each_way_to_write_voids_what_is_kept(self):
        for name, commands in WRITES.items():
            with self.subTest(name):
                self.client.call("SET", "k", "old")
                self.assertEqual(self.client.call("GET", "k"), b"old")
                self.assertEqual(self.client.call("MGET", "k"), [b"old"])
                for command in commands:
                    self.client.call(*command)
                self.assertEqual(self.client.call("GET", "k"), b"new")
                self.assertEqual(self.client.call("MGET", "k"), [b"new"])
                self.assertEqual(self.listener.daemon.call("key.get", "t", "k"), b"new")

    def test_flushdb_voids_all_that_is_kept(self):
        self.client.call("SET", "k", "v")
        self.assertEqual(self.client.call("GET", "k"), b"v")
        self.assertEqual(self.client.call("FLUSHDB"), b"OK")
        self.assertIsNone(self.client.call("GET", "k"))

    def test_a_client_of_protocol_3_gets_kept_answers_in_its_own_form(self):
        self.client.call("HSET", "h", "f", "v")
        self.assertEqual(self.client.call("HGETALL", "h"), [b"f", b"v"])
        with self.listener.client(protocol=3) as client:
            before = self.hits()
            self.assertEqual(client.call("HGETALL", "h"), {b"f": b"v"})
            self.assertIsNone(client.call("GET", "none"))
            self.assertIsNone(client.call("GET", "none"))
        self.assertEqual(self.hits(), before + 2)


class WithoutNews(harness.TestCase):
    """A client's own write voids what is kept, also while Redis's news of it is on its way."""

    def setUp(self):
        super().setUp()
        self.valve = self.world.keep(Valve(f"{self.world.folder}/valve.sock", self.world.redis().path))
        ini = bound(namespace="near = yes\n").replace("{redis:main}", self.valve.url)
        self.listener = RedisListener(self.world, ini)
        self.daemon = self.listener.daemon
        self.daemon.wait_near()
        self.client = self.world.keep(self.listener.client())

    def hold_news(self):
        """From now on the daemon hears of nothing; its tracking has just begun, and serves for 3 s."""
        lost = int(self.daemon.backend()["tracking_losses"])
        self.valve.open("tracking")
        self.valve.cut("tracking")
        harness.wait_until(lambda: int(self.daemon.backend()["tracking_losses"]) > lost, "tracking is lost")
        self.daemon.wait_near()
        self.valve.shut("tracking")

    def keep_old(self):
        """Has "old" answered from memory."""

        def is_kept():
            before = int(self.daemon.stats("t")["near_hits"])
            self.assertEqual(self.client.call("GET", "k"), b"old")
            return int(self.daemon.stats("t")["near_hits"]) > before

        harness.wait_until(is_kept, "the answer is kept")

    def test_each_way_to_write_is_seen_at_once_by_the_same_worker(self):
        for name, commands in WRITES.items():
            with self.subTest(name):
                self.client.call("SET", "k", "old")
                self.hold_news()
                self.keep_old()
                for command in commands:
                    self.client.call(*command)
                self.assertEqual(self.client.call("GET", "k"), b"new")
                self.assertEqual(self.daemon.backend()["tracking"], "live")  # else nothing was kept anyway


if __name__ == "__main__":
    sys.exit(unittest.main())
