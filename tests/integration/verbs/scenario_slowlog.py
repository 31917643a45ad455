#!/usr/bin/env python3
"""slowlog: what took long or was large, with the time it waited and the time at the backend."""

import re
import signal
import time

import harness
import resp

INI = """\
[cachesd]
listen = {listen}
slow = {slow}
large = 10kb
{more}
[backend main]
url = {redis:main}
timeout = {timeout}
max_pending = 4
[namespace carts]
backend = main
[namespace other]
backend = main
"""


class Slowlog(harness.TestCase):
    def start(self, more="", timeout="5s", slow="20ms"):
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI.replace("{more}", more).replace("{timeout}", timeout).replace("{slow}", slow))
        self.client = self.connect(self.daemon)

    def entries(self, *words):
        lines = self.client.call("slowlog", *words).decode().splitlines()
        return [dict(word.split("=", 1) for word in line.split(" ")) for line in lines]

    def hold(self, *requests):
        """Has Redis stand still until all requests have been with the daemon for 30 ms."""
        asker = self.connect(self.daemon)
        self.redis.send_signal(signal.SIGSTOP)
        asker.send(b"".join(resp.array(*request) for request in requests))
        at_once = min(len(requests), 4)
        harness.wait_until(lambda: int(self.daemon.backend()["pending"]) >= at_once, "they are there")
        began = time.monotonic()
        harness.wait_until(lambda: time.monotonic() - began > 0.03, "they are slow")
        self.redis.send_signal(signal.SIGCONT)
        return [asker.read() for _ in requests]

    def test_a_batch_that_was_slow_is_one_entry_that_says_how_many(self):
        self.start()
        self.hold(*[("key.get", "carts", f"k{i}") for i in range(3)])
        (entry,) = self.entries()
        self.assertEqual([entry[name] for name in ("reason", "verb", "namespace", "count")],
                         ["slow", "key.get", "carts", "3"])
        self.assertGreaterEqual(int(entry["backend_us"]), 20_000)
        self.assertEqual(entry["waited_us"], "0")
        self.assertEqual(entry["key"], '""')
        self.assertTrue(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"]))

    def test_what_is_fast_and_small_is_not_there(self):
        self.start(slow="20s")  # a busy machine is no fault
        self.client.call("key.set", "carts", "k", "v")
        self.assertEqual(self.entries(), [])

    def test_a_wait_for_room_is_told_apart(self):
        self.start()
        self.hold(*[("key.get", "carts", f"k{i}") for i in range(5)])
        waits = [int(entry["waited_us"]) for entry in self.entries()]
        self.assertGreaterEqual(max(waits), 20_000)
        self.assertEqual(min(waits), 0)

    def test_keys_are_of_verbs_whose_time_grows_with_the_key(self):
        self.start()
        key = "a key\n" + "k" * 70
        self.hold(("dict.items", "carts", key), ("memo.get", "carts", "m"), ("key.get", "carts", "g"))
        keys = {entry["verb"]: entry["key"] for entry in self.entries_with_keys()}
        self.assertEqual(keys["key.get"], '""')
        self.assertEqual(keys["memo.get"], "m")
        self.assertTrue(keys["dict.items"].startswith('"a key\\nkkk'), keys["dict.items"])
        self.assertTrue(keys["dict.items"].endswith("..."), keys["dict.items"])

    def entries_with_keys(self):
        """Keys may hold spaces: only verb and key are cut out."""
        lines = self.client.call("slowlog").decode().splitlines()
        return [re.search(r"verb=(?P<verb>\S+) .*key=(?P<key>.*) words=", line).groupdict() for line in lines]

    def test_slow_keys_all_keeps_every_key(self):
        self.start("slow_keys = all")
        self.hold(("key.get", "carts", "g"), ("key.set", "carts", "s", "secret"))
        keys = {entry["verb"]: entry["key"] for entry in self.entries()}
        self.assertEqual(keys, {"key.get": "g", "key.set": "s"})
        self.assertNotIn(b"secret", self.client.call("slowlog"))

    def test_large_requests_and_replies_are_marked(self):
        self.start()
        self.client.call("key.set", "carts", "k", "v" * 10_240)
        self.client.call("key.get", "carts", "k")
        got, put = self.entries()
        self.assertEqual((put["reason"], put["verb"]), ("large", "key.set"))
        self.assertEqual((got["reason"], got["verb"]), ("large", "key.get"))
        self.assertGreater(int(put["in"]), 10_240)
        self.assertGreater(int(got["out"]), 10_240)

    def test_a_timeout_is_there_with_its_code(self):
        self.start(timeout="50ms")
        self.redis.send_signal(signal.SIGSTOP)
        self.assertEqual(self.client.call("key.get", "carts", "k").code, "TIMEOUT")
        self.redis.send_signal(signal.SIGCONT)
        self.assertEqual([entry["code"] for entry in self.entries()], ["TIMEOUT"])

    def test_the_ring_keeps_the_last_128(self):
        self.start("slow_keys = all")
        for i in range(130):
            self.client.call("key.set", "carts", f"k{i}", "v" * 10_240)
        entries = self.entries("1000")
        self.assertEqual(len(entries), 128)
        self.assertEqual({entries[0]["key"], entries[-1]["key"]} & {"k0", "k1"}, set())
        self.assertEqual(len(self.entries()), 16)


if __name__ == "__main__":
    harness.main()
