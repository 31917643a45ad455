#!/usr/bin/env python3
"""Replies that nobody has read yet: what they cost, and whom they close."""

import contextlib
import pathlib
import signal
import threading
import time
import unittest

import harness
import resp

MB = 1 << 20
INI = """\
[cachesd]
listen = {listen}
client_output = LIMIT
client_stall = STALL
[backend main]
url = {redis:main}
timeout = TIMEOUT
[namespace carts]
"""


def settings(limit, stall="1m", timeout="20s"):
    return INI.replace("LIMIT", limit).replace("STALL", stall).replace("TIMEOUT", timeout)


def peak_memory(daemon):
    for line in pathlib.Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


class ClientOutput(unittest.TestCase):
    def expect_little_growth(self, daemon, before, most):
        grown = peak_memory(daemon) - before
        print(f"grown by {grown / MB:.1f} MB")
        if not harness.is_sanitized():  # which gives nothing back
            self.assertLess(grown, most)

    def hold(self, daemon, client, rest):
        """Sends a request that the stopped Redis does not answer, and others behind it."""
        client.send(resp.array("key.get", "carts", "head") + rest)
        self.assertEqual(daemon.call("ping"), b"PONG")  # it is taken by now

    def test_many_long_reports_for_one_client_cost_little_and_hold_up_nobody(self):
        count = 2000  # of about 50 kB each
        with harness.World() as world, contextlib.ExitStack() as crowd:
            daemon = world.daemon(settings("64kb"))
            for _ in range(500):
                crowd.enter_context(daemon.client())
            with daemon.client() as greedy, daemon.client() as other:
                self.assertEqual(len(other.call("clients").splitlines()), 502)
                before = peak_memory(daemon)
                greedy.send(b"clients\n" * count)
                begin = time.monotonic()
                self.assertEqual(other.call("ping"), b"PONG")
                self.assertLess(time.monotonic() - begin, 1)
                for _ in range(count):
                    self.assertEqual(greedy.read().count(b"\n"), 502)
                self.assertEqual(greedy.call("ping"), b"PONG")
            self.expect_little_growth(daemon, before, 8 * MB)

    def test_what_is_taken_and_not_read_is_bounded_and_all_comes(self):
        count = 60
        take = [resp.array("key.take", "carts", f"k{i}") for i in range(count)]
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(settings("1mb"))
            fill = "for i = 0, 59 do redis.call('SET', 'carts:k' .. i, string.rep('v', 900000) .. i) end"
            redis.call("EVAL", fill, "0")
            left = lambda: redis.call("DBSIZE")
            with daemon.client(harness.LONG) as greedy:
                before = peak_memory(daemon)
                greedy.send(b"".join(take))
                harness.wait_until(lambda: left() < count, "it has begun")
                for i in range(count):
                    self.assertEqual(greedy.read(), b"v" * 900_000 + b"%d" % i)
            self.assertEqual(left(), 0)
            self.expect_little_growth(daemon, before, 12 * MB)

    def test_replies_behind_a_slow_one_are_bounded_and_all_come(self):
        pings = b"ping\n" * 100_000
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(settings("1mb", timeout="400ms"))
            with daemon.client() as client:
                self.assertIsNone(client.call("key.get", "carts", "head"))
                before = peak_memory(daemon)
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "head"))
                sender = threading.Thread(target=client.socket.sendall, args=(pings,))
                sender.start()
                self.assertEqual(client.read().code, "TIMEOUT")
                for _ in range(100_000):
                    self.assertEqual(client.read(), b"PONG")
                sender.join()
            self.expect_little_growth(daemon, before, 6 * MB)

    def test_who_waits_behind_a_slow_reply_is_not_stalled(self):
        """The slow one takes several times client_stall."""
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(settings("64kb", stall="200ms", timeout="900ms"))
            with daemon.client() as many, daemon.client() as last:
                self.assertIsNone(many.call("key.get", "carts", "head"))
                redis.send_signal(signal.SIGSTOP)
                self.hold(daemon, many, b"ping\n" * 2000)
                self.hold(daemon, last, b"ping\nquit\n")
                self.assertEqual(many.read().code, "TIMEOUT")
                self.assertEqual([many.read() for _ in range(2000)], [b"PONG"] * 2000)
                self.assertEqual(last.read().code, "TIMEOUT")
                self.assertEqual([last.read(), last.read()], [b"PONG", b"OK"])
                self.assertTrue(last.is_closed())
                self.assertEqual(many.call("ping"), b"PONG")

    def test_a_reply_that_is_gathered_first_is_bounded_too(self):
        fill = "for i = 1, 400000 do redis.call('HSET', KEYS[1], 'field' .. i, i) end"
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(settings("64kb"))
            redis.call("EVAL", fill, "1", "carts:c")
            with daemon.client() as client:
                before = peak_memory(daemon)
                for verb, *rest in (("counter.top", "400000"), ("counter.items",)):
                    reply = client.call(verb, "carts", "c", *rest)
                    self.assertEqual(getattr(reply, "code", len(reply)), "OVERLOADED", verb)
                    self.assertEqual(client.call("ping"), b"PONG")
                self.assertEqual(client.call("counter.len", "carts", "c"), 400_000)
            self.expect_little_growth(daemon, before, 4 * MB)

    def test_a_reply_that_is_gathered_first_comes_when_it_fits(self):
        with harness.World() as world:
            with world.daemon(settings("64kb")).client() as client:
                words = [word for i in range(2000) for word in (f"field{i:04}", str(i))]
                self.assertEqual(len(client.call("counter.update", "carts", "c", *words)), 2000)
                top = client.call("counter.top", "carts", "c", "2000")
                self.assertEqual(top[:4], [b"field1999", 1999, b"field1998", 1998])
                self.assertEqual(len(top), 4000)


if __name__ == "__main__":
    harness.main()
