#!/usr/bin/env python3
"""Replies that nobody has read yet: what they cost, and whom they close."""

import contextlib
import pathlib
import re
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
PING = resp.array("ping", bytes(16_000))
PONG = b"$16000\r\n" + bytes(16_000) + b"\r\n"


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
                self.assertLess(time.monotonic() - begin, harness.SOON)
                for _ in range(count):
                    self.assertEqual(greedy.read().count(b"\n"), 502)
                self.assertEqual(greedy.call("ping"), b"PONG")
            self.expect_little_growth(daemon, before, 8 * MB)

    def test_every_reply_before_quit_comes(self):
        with harness.World() as world:
            daemon = world.daemon(settings("256kb"))
            for count in range(30, 110, 4):
                with daemon.client() as client:
                    client.send(b"help\n" * count + b"quit\n")
                    replies = [client.read() for _ in range(count)]
                    self.assertEqual(replies, replies[:1] * count)
                    self.assertEqual(client.read(), b"OK")
                    self.assertTrue(client.is_closed())

    def test_a_flood_of_reports_costs_little_and_all_come(self):
        count = 3000  # of about 10 kB each
        with harness.World() as world:
            daemon = world.daemon(settings("64mb"))
            with daemon.client(harness.LONG) as greedy, daemon.client() as other:
                before = peak_memory(daemon)
                greedy.send(b"help\n" * count)
                for _ in range(100):
                    self.assertEqual(other.call("ping"), b"PONG")
                self.expect_little_growth(daemon, before, 8 * MB)
                first = greedy.read()
                for _ in range(count - 1):
                    self.assertEqual(greedy.read(), first)

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

    def test_what_is_not_sent_yet_has_not_stalled(self):
        """A timeout, right before the daemon looks for those who do not read."""
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(settings("64kb", stall="100ms", timeout="400ms"))
            for _ in range(8):
                with daemon.client() as client:
                    harness.wait_until(lambda: client.call("key.get", "carts", "head") is None, "Redis answers")
                    redis.send_signal(signal.SIGSTOP)
                    self.hold(daemon, client, b"quit\n")
                    time.sleep(0.3)  # the client has been looked at
                    daemon.send_signal(signal.SIGSTOP)
                    time.sleep(0.4)  # the timeout is due, and the next look
                    daemon.send_signal(signal.SIGCONT)
                    self.assertEqual(client.read().code, "TIMEOUT")
                    self.assertEqual(client.read(), b"OK")
                    redis.send_signal(signal.SIGCONT)

    def test_near_questions_behind_a_slow_reply_are_bounded(self):
        """What each asked is kept until its turn. Those under way when it is too much are refused."""
        ini = settings("1mb") + "near = yes\n[namespace memo]\nlease = 1m\n"
        fields = [b"%d" % i + bytes(64 * 1024) for i in range(1000)]
        questions = b"".join(resp.array("dict.has", "carts", "k", field) for field in fields)
        with harness.World() as world:
            daemon = world.daemon(ini)
            daemon.wait_near()
            with daemon.client() as holder, daemon.client() as greedy:
                lease = holder.call("memo.get", "memo", "k")[2]
                before = peak_memory(daemon)
                greedy.send(resp.array("memo.get", "wait=30s", "memo", "k"))
                sender = threading.Thread(target=greedy.send, args=(questions,))
                sender.start()
                is_over = lambda: self.unread(daemon, b"dict.has") >= MB or not sender.is_alive()
                harness.wait_until(is_over, "it is no longer read, or has sent all")
                # client_output, an eighth of near_memory, and what may wait to be written to a busy
                # backend: max_request, in a buffer that grows by doubling. 64 MB are asked.
                self.expect_little_growth(daemon, before, (1 + 8 + 2 * 16) * MB)
                self.assertEqual(holder.call("memo.put", "memo", "k", lease, "v"), b"OK")
                self.assertEqual(greedy.read(), [b"HIT", b"v", None])
                replies = [greedy.read() for _ in fields]
                self.assertEqual({getattr(r, "code", r) for r in replies} - {"OVERLOADED"}, {0})
                sender.join()

    def unread(self, daemon, verb):
        """Bytes kept for the one whose last request was of that verb."""
        found = re.search(rb" out=(\d+) .* verb=%s\n" % verb, daemon.call("clients"))
        return int(found[1]) if found else 0

    def read_slowly(self, client, requests, expected, seconds):
        """Without a pause, in so many seconds altogether."""
        threading.Thread(target=client.socket.sendall, args=(requests,)).start()
        begin, data = time.monotonic(), bytearray()
        while len(data) < len(expected):
            part = client.socket.recv(16 * 1024)
            self.assertTrue(part, f"closed with {len(data)} of {len(expected)} bytes")
            data += part
            due = begin + seconds * len(data) / len(expected)
            time.sleep(max(0, due - time.monotonic()))
        self.assertTrue(data == expected)  # too long to be shown

    def test_who_reads_slowly_is_not_stalled(self):
        """What was taken of one large write counts before all of it is."""
        with harness.World() as world:
            with world.daemon(settings("1536kb", stall="1s")).client() as client:
                self.read_slowly(client, PING * 140, PONG * 140, seconds=2.3)
                self.assertEqual(client.call("ping"), b"PONG")

    def test_who_reads_slowly_behind_quit_gets_all(self):
        with harness.World() as world:
            with world.daemon(settings("64mb", stall="1s")).client() as client:
                requests, expected = PING * 140 + b"quit\n", PONG * 140 + b"+OK\r\n"
                self.read_slowly(client, requests, expected, seconds=2.3)
                self.assertTrue(client.is_closed())

    def test_a_reply_that_is_gathered_first_is_bounded_too(self):
        fill = "for i = 1, 400000 do redis.call('HSET', KEYS[1], 'field' .. i, i) end"
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(settings("64kb"))
            with redis.client(harness.LONG) as direct:
                direct.call("EVAL", fill, "1", "carts:c")
            with daemon.client(harness.LONG) as client:
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
