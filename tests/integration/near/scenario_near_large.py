#!/usr/bin/env python3
"""Large kept replies, which are sent from the near cache's own memory: they come whole, in order, and as they
were when they were given, whatever becomes of them there before the client has read them."""

import random
import re
import unittest

import harness
import resp
import resp3
import tls

MB = 1 << 20
INI = """\
[cachesd]
listen = {listen}, tls:127.0.0.1:{port}
listen = tcp:127.0.0.1:TCP
tls_cert = server.crt
tls_key = server.key
workers = 1
near_memory = 64mb
max_request = 32mb
client_output = OUTPUT
client_stall = STALL
drain = 1s
[backend main]
url = {redis:main}
timeout = 20s
[namespace near]
prefix = n:
ttl = 2h
max_ttl = 1d
near = yes
max_value = 16mb
[namespace far]
prefix = f:
[listener apps]
listen = unix:{folder}/redis.sock
speak = redis
namespace = near
"""
E = 6_000_000  # more than TCP takes by itself
WAYS = ["unix", "tcp", "tls", "redis", "resp3"]
SIZES = [0, 1, 100, 2000, 2039, 2040, 2041, 3000, 4096, 9000, 70_000, 300_000]


def value_of(key, size, round=0):
    """Bytes that no other key, place or round has."""
    return (b"%s.%d." % (key.encode(), round) * (size // 4 + 1))[:size]


class Large(harness.TestCase):
    def start(self, output="64mb", stall="1m"):
        self.authority = tls.Authority(self.world.folder)
        self.authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
        self.tcp = ("127.0.0.1", harness.free_port())
        self.ini = INI.replace("TCP", str(self.tcp[1])).replace("OUTPUT", output).replace("STALL", stall)
        self.daemon = self.world.daemon(self.ini)
        self.other = self.connect(self.daemon, harness.LONG)
        self.daemon.wait_near()

    def open(self, way):
        if way == "unix":
            client = self.daemon.client(harness.LONG)
        elif way == "tcp":
            client = resp.Client(self.tcp, harness.LONG)
        elif way == "tls":
            client = tls.Client(("127.0.0.1", self.world.port), self.authority.context(), timeout=harness.LONG)
        else:
            kind = resp3.Client3 if way == "resp3" else resp.Client
            client = kind(f"{self.world.folder}/redis.sock", harness.LONG)
            client.call("HELLO", 3 if way == "resp3" else 2)
        self.world.close_first(client)
        self.addCleanup(client.close)
        return client

    def get(self, way, key):
        return resp.array("GET", key) if way in ("redis", "resp3") else resp.array("key.get", "near", key)

    def keep(self, key, value):
        """Writes the value, and reads it until it is kept."""
        self.assertEqual(self.other.call("key.set", "near", key, value), b"OK")
        self.expect_kept(key, value)

    def expect_kept(self, key, value):
        def is_kept():
            before = self.daemon.stats("near")["near_hits"]
            self.assertEqual(self.other.call("key.get", "near", key), value)
            return self.daemon.stats("near")["near_hits"] > before

        harness.wait_until(is_kept, f"{key} is kept")

    def out(self):
        """Bytes that the daemon has for the client that has most."""
        return max(int(out) for out in re.findall(rb" out=(\d+)", self.other.call("clients")))

    # --- order ----------------------------------------------------------------------------------

    def test_small_and_large_replies_kept_or_not_come_whole_and_in_order(self):
        self.start()
        values = {f"k{size}": value_of(f"k{size}", size) for size in SIZES}
        for key, value in values.items():
            self.keep(key, value)
        self.assertIsNone(self.other.call("key.get", "near", "none"))
        fields = {f"field {i}".encode(): value_of(f"f{i}", 50) for i in range(200)}
        self.other.call("dict.set", "near", "d", *sum(fields.items(), ()))
        values["none"] = None
        tap = self.connect(self.daemon, harness.LONG)
        for is_tapped in (False, True):
            if is_tapped:
                tap.call("tap")
            for way in WAYS:
                self.check_order(way, values, fields, random.Random(f"{way} {is_tapped}"))

    def check_order(self, way, values, fields, chance):
        is_redis = way in ("redis", "resp3")
        pairs = [word for pair in fields.items() for word in pair]
        requests, wanted = [], []
        for _ in range(300):
            key = chance.choice([*values, "d", "far"])
            if key == "d":
                requests.append(resp.array("HGETALL", "d") if is_redis else resp.array("dict.items", "near", "d"))
                wanted.append(fields)
            elif key == "far":  # which Redis has to be asked for; those behind it wait
                requests.append(resp.array("TTL", "none") if is_redis else resp.array("ttl", "far", "none"))
                wanted.append(-2)
            else:
                requests.append(self.get(way, key))
                wanted.append(values[key])
        client = self.open(way)
        before = self.daemon.stats("near")["near_hits"]
        for _ in range(2):
            client.send(b"".join(requests))
            for number, want in enumerate(wanted):
                got = client.read()
                if want is fields:
                    self.assertEqual(isinstance(got, dict), way == "resp3")
                    got = got if way == "resp3" else dict(zip(got[::2], got[1::2]))
                self.assertTrue(got == want, f"{way}: reply {number} of {len(wanted)}")
        self.assertGreater(self.daemon.stats("near")["near_hits"], before + 300)

    # --- slow clients ---------------------------------------------------------------------------

    def keep_much(self, round=0):
        """What one turn of the loop answers at once, and no socket takes."""
        values = [("a", 10), ("b", 250_000), ("c", 100), ("d", 3000), ("e", E)]
        kept = [(key, value_of(key, size, round)) for key, size in values]
        for key, value in kept:
            self.keep(key, value)
        return kept

    def ask_much(self, way, kept):
        """Asks for that, and reads nothing of it; returns the client once the daemon has answered."""
        client = self.open(way)
        client.send(b"".join(self.get(way, key) for key, _ in kept))
        harness.wait_until(lambda: self.out() > 500_000, f"{way}: the replies wait")
        return client

    def check_slow(self, change):
        self.start()
        for round, way in enumerate(WAYS):
            kept = self.keep_much(round)
            client = self.ask_much(way, kept)
            change(kept, round)
            self.assertGreater(self.out(), 500_000, way)
            for key, value in kept:
                self.assertTrue(client.read() == value, f"{way}: {key}")
            client.send(self.get(way, "a"))
            self.assertEqual(client.read(), self.other.call("key.get", "near", "a"))
            client.close()

    def overwrite(self, kept, round):
        for key, value in kept:
            self.keep(key, value[::-1])
            self.other.call("del", "near", key)

    def evict(self, kept, round):
        evictions = lambda: self.daemon.metric("cachesd_near_evictions_total")
        before = evictions()
        for i in range(20):
            if evictions() > before + 5:
                break
            self.keep(f"x{round}.{i}", value_of("x", E))
        self.assertGreater(evictions(), before + 5)

    def resize(self, kept, round):
        for memory in ("1mb", "64mb"):
            self.assertEqual(self.daemon.reload(self.ini.replace("64mb", memory, 1))[:2], b"OK")
            self.daemon.wait_near()

    def test_a_slow_client_gets_what_was_answered_although_it_is_overwritten(self):
        self.check_slow(self.overwrite)

    def test_a_slow_client_gets_what_was_answered_although_it_is_evicted(self):
        self.check_slow(self.evict)

    def test_a_slow_client_gets_what_was_answered_although_the_near_cache_is_resized(self):
        self.check_slow(self.resize)

    def test_a_daemon_ends_although_a_client_has_not_read_what_was_answered(self):
        self.start()
        kept = self.keep_much()
        clients = [self.open(way) for way in WAYS]
        for way, client in zip(WAYS, clients):
            client.send(b"".join(self.get(way, key) for key, _ in kept))
        harness.wait_until(lambda: self.out() > 500_000, "the replies wait")
        self.daemon.stop()

    # --- clients that go ------------------------------------------------------------------------

    def test_clients_that_leave_in_the_midst_of_a_reply_harm_nobody(self):
        self.start()
        kept = self.keep_much()
        for way in WAYS:
            for is_killed in (False, True):
                client = self.ask_much(way, kept)
                for key, value in kept[:1]:
                    self.assertEqual(client.read(), value)
                if is_killed:
                    found = re.search(rb"^id=(\d+) .* out=\d{6,} ", self.other.call("clients"), re.MULTILINE)
                    self.other.call("kill", found[1])
                else:
                    client.close()
                harness.wait_until(lambda: self.out() == 0, f"{way}: the client has gone")
                client.close()
        for key, value in kept:
            self.expect_kept(key, value)

    # --- bounds ---------------------------------------------------------------------------------

    def test_client_output_bounds_what_a_client_borrows(self):
        self.start(output="300kb")
        value = value_of("k", 100_000)
        self.keep("k", value)
        for way in WAYS:
            client = self.open(way)
            client.send(self.get(way, "k") * 60)
            for _ in range(60):
                self.assertLessEqual(self.out(), 300 * 1024)
                self.assertTrue(client.read() == value, way)
            client.close()

    def test_a_client_that_reads_nothing_is_closed_after_client_stall(self):
        self.start(output="300kb", stall="500ms")
        self.keep("k", value_of("k", 100_000))
        for way in WAYS:
            client = self.open(way)
            client.send(self.get(way, "k") * 200)
            harness.wait_until(lambda: self.out() > 0, f"{way}: replies wait")
            harness.wait_until(lambda: self.out() == 0, f"{way}: the client is closed")
            client.close()
        self.assertIn("client_stall", self.daemon.log())

    @unittest.skipIf(harness.is_sanitized(), "which needs memory of its own")
    def test_many_slow_clients_of_a_reply_share_it(self):
        self.start()
        self.keep("k", value_of("k", E))
        before = self.daemon.memory("VmRSS")
        clients = [self.open(way) for way in ("unix", "tcp", "redis", "resp3") for _ in range(15)]
        for way, client in zip(("unix",) * 15 + ("tcp",) * 15 + ("redis",) * 15 + ("resp3",) * 15, clients):
            client.send(self.get(way, "k"))
        is_waiting = lambda: len(re.findall(rb" out=\d{6,}", self.other.call("clients"))) == 60
        harness.wait_until(is_waiting, "all replies wait")
        grown = self.daemon.memory("VmRSS") - before
        print(f"grown by {grown / MB:.1f} MB")
        self.assertLess(grown, 8 * MB)
        for client in clients:
            self.assertTrue(client.read() == value_of("k", E))


if __name__ == "__main__":
    harness.main()
