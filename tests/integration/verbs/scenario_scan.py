#!/usr/bin/env python3
"""scan and type: all keys of a namespace, whoever else writes, and how large a step may be."""

import harness
import resp

INI = """\
[cachesd]
listen = {listen}
client_output = 128kb
workers = 3
[backend main]
url = {redis:main}
[namespace carts]
prefix = cart:
max_key = 64kb
[namespace users]
[namespace misses]
on_error = miss
"""


class Scan(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.client = self.connect(self.daemon, harness.LONG)

    def fill(self, namespace, names):
        self.client.send(b"".join(resp.array("key.set", namespace, name, "v") for name in names))
        self.assertEqual([self.client.read() for _ in names], [b"OK"] * len(names))

    def scan(self, namespace, *words):
        cursor, found, steps = b"0", [], 0
        while cursor != b"0" or steps == 0:
            cursor, keys = self.client.call("scan", *words, namespace, cursor)
            found += keys
            steps += 1
        return found, steps

    def test_every_key_that_is_there_throughout_is_found_while_others_come_and_go(self):
        stay = [b"stay%d" % number for number in range(3000)]
        self.fill("carts", stay)
        self.fill("users", [b"u%d" % number for number in range(3000)])
        cursor, found, steps = b"0", set(), 0
        while cursor != b"0" or steps == 0:
            cursor, keys = self.client.call("scan", "carts", cursor)
            found |= set(keys)
            self.fill("carts", [b"more%d-%d" % (steps, number) for number in range(200)])
            self.client.call("del", "carts", *[b"more%d-%d" % (steps, number) for number in range(100)])
            steps += 1
        self.assertEqual(set(stay) - found, set())
        self.assertTrue(all(key.startswith((b"stay", b"more")) for key in found))

    def test_a_step_is_as_large_as_count_says(self):
        self.fill("carts", [b"%d" % number for number in range(2000)])
        found, many = self.scan("carts", "count=10")
        self.assertEqual(len(set(found)), 2000)
        self.assertGreater(many, 100)
        self.assertLess(self.scan("carts", "count=1000")[1], 10)

    def test_long_keys_come_whole_and_what_is_too_long_is_refused(self):
        long = [bytes([letter]) * 40_000 for letter in b"ab"]
        self.fill("carts", long)
        self.assertEqual(set(self.scan("carts", "count=1")[0]), set(long))
        self.fill("carts", [bytes([letter]) * 40_000 for letter in b"cdef"])
        reply = self.client.call("scan", "carts", "count=1000", "0")
        self.assertEqual(reply.code, "ARGS")
        reply = self.client.call("scan", "count=1000", "carts", "0")
        self.assertEqual(reply.code, "OVERLOADED")
        self.assertEqual(self.client.call("ping"), b"PONG")

    def test_a_pattern_has_its_limit(self):
        reply = self.client.call("scan", "match=" + "*" * 1025, "carts", "0")
        self.assertEqual(reply.code, "ARGS")
        self.assertIn(b"1024 bytes at most", reply)
        self.assertEqual(self.client.call("scan", "match=" + "x" * 1024, "carts", "0"), [b"0", []])

    def test_without_a_backend_it_fails_as_any_read_does(self):
        self.world.redis().kill()
        failed = lambda: isinstance(self.client.call("scan", "carts", "0"), resp.Error)
        harness.wait_until(failed, "the backend is down")
        self.assertEqual(self.client.call("scan", "carts", "0").code, "UNAVAILABLE")
        self.assertEqual(self.client.call("type", "carts", "k").code, "UNAVAILABLE")
        self.assertEqual(self.client.call("scan", "misses", "0"), [b"0", []])
        self.assertIsNone(self.client.call("type", "misses", "k"))


if __name__ == "__main__":
    harness.main()
