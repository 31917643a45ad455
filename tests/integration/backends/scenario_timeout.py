#!/usr/bin/env python3
"""A Redis that does not answer in time."""

import os
import signal
import time
import unittest

import fake_redis
import harness
import resp
from fake_redis import FakeRedis

TIMEOUT_MS = 200
SLACK_MS = int(os.environ.get("SLACK_MS", 50))
INI = harness.INI.replace("timeout = 20s", f"timeout = {TIMEOUT_MS}ms")


class Timeout(unittest.TestCase):
    def measure(self, client):
        started = time.monotonic()
        self.assertEqual(client.call("key.get", "carts", "a").code, "TIMEOUT")
        return (time.monotonic() - started) * 1000

    def measure_stopped(self, client, redis):
        redis.send_signal(signal.SIGSTOP)
        took = self.measure(client)
        redis.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: self.get(client, "a") == b"1", "it answers")
        return took

    def test_a_backend_that_hangs_is_refused_at_once_and_then_comes_back(self):
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(INI.replace("timeout =", "connect_timeout = 200ms\ntimeout ="))
            with daemon.client() as client:
                client.call("key.set", "carts", "a", "1")
                redis.send_signal(signal.SIGSTOP)
                harness.wait_until(
                    lambda: client.call("key.get", "carts", "a").code == "UNAVAILABLE",
                    "the connection is given up",
                )
                started = time.monotonic()
                for _ in range(20):
                    self.assertEqual(client.call("key.get", "carts", "a").code, "UNAVAILABLE")
                self.assertLess((time.monotonic() - started) * 1000, TIMEOUT_MS)
                redis.send_signal(signal.SIGCONT)
                harness.wait_until(lambda: self.get(client, "a") == b"1", "it is back", seconds=1)

    def test_a_hanging_backend_is_noticed_before_anybody_asks(self):
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(INI.replace("timeout =", "connect_timeout = 200ms\ntimeout ="))
            with daemon.client() as client:
                redis.send_signal(signal.SIGSTOP)
                harness.wait_until(lambda: b"state=down" in client.call("backends"), "it is down")
                redis.send_signal(signal.SIGCONT)
                harness.wait_until(lambda: b"state=up" in client.call("backends"), "it is up")

    def test_the_reply_comes_by_its_deadline(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                took = [self.measure_stopped(client, redis) for _ in range(3)]
            print("timeouts took", *(f"{ms:.1f} ms" for ms in took))
            self.assertGreaterEqual(min(took), TIMEOUT_MS - 5)
            # The best of three: the machine may be busy with other tests.
            self.assertLessEqual(min(took), TIMEOUT_MS + SLACK_MS)

    def test_one_sent_after_a_timeout_has_its_own_deadline(self):
        """A request is answered late in its time, the next never: what follows is no later."""
        took = []
        while not took or (min(took) > TIMEOUT_MS + SLACK_MS and len(took) < 3):
            took.append(self.measure_after_a_timeout())
        print("timeouts took", *(f"{ms:.1f} ms" for ms in took))
        self.assertLessEqual(min(took), TIMEOUT_MS + SLACK_MS)

    def measure_after_a_timeout(self):
        def answer_one_late(connection, words, right):
            if words[1] == b"cart:late":
                time.sleep(TIMEOUT_MS * 0.75 / 1000)
                connection.send(right)

        with harness.World() as world, FakeRedis(world) as fake:
            fake.behave = answer_one_late
            with world.daemon(INI.replace("{redis:main}", fake.url)).client() as client:
                for name in ("late", "never"):
                    client.send(resp.array("key.get", "carts", name))
                self.assertEqual(client.read(), fake_redis.value_of(b"cart:late"))
                self.assertEqual(client.read().code, "TIMEOUT")
                return self.measure(client)

    def test_late_answers_are_not_taken_for_those_of_later_requests(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client, redis.client() as sleeper:
                for name in ("a", "b", "c"):
                    client.call("key.set", "carts", name, f"value of {name}")
                sleeper.send(resp.array("DEBUG", "SLEEP", "0.5"))
                for name in ("a", "b"):
                    client.send(resp.array("key.get", "carts", name))
                self.assertEqual([client.read().code for _ in range(2)], ["TIMEOUT"] * 2)
                harness.wait_until(lambda: self.get(client, "c") == b"value of c", "it answers")
                for name in ("b", "a", "c", "b"):
                    self.assertEqual(self.get(client, name), f"value of {name}".encode())

    def get(self, client, name):
        reply = client.call("key.get", "carts", name)
        return None if isinstance(reply, resp.Error) else reply

    def test_a_write_that_timed_out_may_still_have_been_applied_but_never_twice(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client, redis.client() as sleeper:
                client.call("key.incr", "carts", "n")
                sleeper.send(resp.array("DEBUG", "SLEEP", "0.5"))
                self.assertEqual(client.call("key.incr", "carts", "n").code, "TIMEOUT")
                self.assertEqual(sleeper.read(), b"OK")
                harness.wait_until(lambda: self.get(client, "n"), "it answers")
                self.assertIn(self.get(client, "n"), (b"1", b"2"))

    def test_others_are_not_held_up(self):
        ini = INI.replace("[namespace", "[backend other]\nurl = {redis:other}\n[namespace", 1)
        ini = ini.replace("prefix", "backend = main\nprefix")
        ini += "[namespace users]\nbackend = other\n"
        with harness.World() as world:
            daemon = world.daemon(ini)
            with daemon.client() as held, daemon.client() as client:
                held.call("key.set", "carts", "a", "1")
                client.call("key.set", "users", "a", "1")
                world.redis("main").send_signal(signal.SIGSTOP)
                held.send(resp.array("key.get", "carts", "a"))
                started = time.monotonic()
                for _ in range(100):
                    self.assertEqual(client.call("key.get", "users", "a"), b"1")
                took = (time.monotonic() - started) * 1000
                self.assertEqual(held.read().code, "TIMEOUT")
                world.redis("main").send_signal(signal.SIGCONT)
                self.assertLess(took, TIMEOUT_MS)


if __name__ == "__main__":
    harness.main()
