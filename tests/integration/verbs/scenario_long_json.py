#!/usr/bin/env python3
"""Long values of a namespace that takes JSON: they are looked at while everybody else goes on."""

import fcntl
import select
import signal
import struct
import termios
import unittest

import harness
import resp

MB = 1 << 20
AT_ONCE = 64 * 1024  # a request with more bytes of values is looked at beside the loop
HEAD = """\
[cachesd]
listen = {listen}
max_request = 64mb
[backend main]
url = {redis:main}
timeout = 1m
"""
SPACE = "[namespace carts]\nmax_value = 64mb\nvalue = "
INI = HEAD + SPACE + "json\n"


def numbers(size):
    """An array of so many bytes: many small tokens, which take the longest to look at."""
    return b"[" + b"1," * ((size - 3) // 2) + b"1" * (2 - size % 2) + b"]"


def text(size):
    return b'"' + b"a" * (size - 2) + b'"'


LONG_GOOD = numbers(12 * MB)
LONG_BAD = LONG_GOOD[:-1] + b"}"


def unread(client):
    """How many bytes of what it sent are not read."""
    return struct.unpack("i", fcntl.ioctl(client.socket, termios.TIOCOUTQ, bytes(4)))[0]


def has_reply(client):
    return bool(select.select([client.socket], [], [], 0)[0])


class LongJson(unittest.TestCase):
    def pings_until_reply(self, daemon, request):
        """The reply, and how many pings of another client were answered before it came."""
        with daemon.client(harness.LONG) as client, daemon.client() as other:
            client.send(request)
            pings = 0
            while not has_reply(client):
                other.call("ping")
                pings += 1
            return client.read(), pings

    def test_others_are_answered_while_a_long_value_is_looked_at(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            reply, pings = self.pings_until_reply(
                daemon, resp.array("key.set", "carts", "k", LONG_BAD)
            )
            print(f"{pings} pings")
            self.assertEqual(reply.code, "POLICY")
            self.assertIn("takes JSON as a value", str(reply))
            self.assertGreater(pings, 20)
            self.assertEqual(daemon.stats("carts")["refused_value"], 1)
            self.assertEqual(daemon.call("exists", "carts", "k"), 0)

    def test_others_are_answered_while_many_values_are_looked_at(self):
        pairs = [word for i in range(12000) for word in (b"%d" % i, numbers(1001))]
        with harness.World() as world:
            daemon = world.daemon(INI)
            bad = resp.array("dict.set", "carts", "d", *pairs[:-1], numbers(1000)[1:])
            reply, pings = self.pings_until_reply(daemon, bad)
            print(f"{pings} pings")
            self.assertEqual(reply.code, "POLICY")
            self.assertGreater(pings, 20)
            good = resp.array("dict.set", "carts", "d", *pairs)
            self.assertEqual(self.pings_until_reply(daemon, good)[0], 12000)

    def test_long_values_are_judged_as_short_ones(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client(harness.LONG) as client:
                for size in (1000, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, MB):
                    for make in (numbers, text):
                        with self.subTest(size=size, make=make.__name__):
                            self.judge(client, make(size))

    def judge(self, client, good):
        wrong = (good[:-1], good + b"1", b"\xff" + good, good[:-2] + b"\xc0\x80" + good[-1:])
        for encode in (resp.array, resp.blocks):
            for value in wrong:
                client.send(encode("key.set", "carts", "k", value))
                self.assertEqual(client.read().code, "POLICY")
            client.send(encode("key.set", "carts", "k", good))
            self.assertEqual(client.read(), b"OK")
            self.assertEqual(client.call("key.take", "carts", "k"), good)

    def test_the_order_of_a_clients_replies_stays(self):
        value = numbers(MB)
        with harness.World() as world:
            with world.daemon(INI).client(harness.LONG) as client:
                request = [resp.array("ping", "before")]
                for last in (value, value[:-1]):
                    request.append(resp.array("key.get", "carts", "k"))
                    request.append(resp.array("key.set", "carts", "k", last))
                request.append(resp.array("ping", "behind"))
                client.send(b"".join(request))
                replies = [client.read() for _ in range(6)]
                self.assertEqual(replies[4].code, "POLICY")
                del replies[4]
                self.assertEqual(replies, [b"before", None, b"OK", value, b"behind"])

    def begin(self, daemon, client, value=LONG_GOOD):
        """Sends a long value until the daemon has read the last byte, and so looks at it."""
        client.send(resp.array("key.set", "carts", "k", value))
        harness.wait_until(lambda: unread(client) == 0, "the daemon has read the value")
        daemon.call("ping")

    def test_a_client_may_leave_meanwhile(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            for _ in range(3):
                client = daemon.client()
                self.begin(daemon, client, LONG_BAD)
                client.close()
            harness.wait_until(
                lambda: daemon.call("clients").count(b"\n") <= 1, "they are noticed to be gone"
            )
            self.assertEqual(daemon.call("exists", "carts", "k"), 0)

    def test_a_reload_meanwhile_counts(self):
        for kind, code in (("bytes", None), ("int", "POLICY")):
            with self.subTest(kind=kind), harness.World() as world:
                daemon = world.daemon(INI)
                with daemon.client(harness.LONG) as client:
                    self.begin(daemon, client, LONG_BAD)
                    self.assertEqual(daemon.reload(HEAD + SPACE + kind + "\n"), b"OK")
                    self.assertEqual(getattr(client.read(), "code", None), code)
                    self.assertEqual(daemon.reload(INI), b"OK")
                    client.send(resp.array("key.set", "carts", "k", numbers(MB)))
                    self.assertEqual(client.read(), b"OK")

    def test_a_daemon_that_ends_meanwhile_answers_first(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client(harness.LONG) as client:
                client.call("ping")  # or it would be a newcomer, whose first request is waited for
                self.begin(daemon, client)
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual(client.read().code, "UNAVAILABLE")
                self.assertTrue(client.is_closed())
            self.assertEqual(daemon.wait(), 0)

    def test_explain_does_not_look_at_a_long_value(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            long = daemon.call("explain", "key.set", "carts", "k", numbers(AT_ONCE + 1)[1:] + b"]")
            self.assertIn(b"\nvalue: too long for explain", long)
            short = daemon.call("explain", "key.set", "carts", "k", b"[")
            self.assertIn(b"\nrefused: ", short)


if __name__ == "__main__":
    harness.main()
