#!/usr/bin/env python3
"""100,000 keys are purged while others see no reply later than 20 ms more than before."""

import time
import unittest

import harness
import resp

MANY = 100_000
LATER_MS = 20
TRIES = 3  # the machine may be busy with other tests
BEFORE = 3000  # requests

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 20s
[namespace carts]
[namespace users]
"""


class Latencies:
    """How long each reply took, in milliseconds."""

    def __init__(self, client):
        self.client = client
        self.took = []

    def measure(self):
        started = time.perf_counter()
        reply = self.client.call("key.get", "users", "k")
        self.took.append((time.perf_counter() - started) * 1000)
        assert reply == b"v", reply

    @property
    def max(self):
        return max(self.took)

    def __str__(self):
        took = sorted(self.took)
        middle, late = took[len(took) // 2], took[len(took) * 999 // 1000]
        return f"{len(took)} replies: median {middle:.2f}, p99.9 {late:.2f}, max {took[-1]:.2f} ms"


class PurgeLatency(unittest.TestCase):
    def test_others_see_no_reply_later_than_20_ms_more_than_before(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            self.assertEqual(daemon.call("key.set", "users", "k", "v"), b"OK")
            later = []
            for _ in range(TRIES):
                before, during = self.purge(redis, daemon)
                later.append(during.max - before.max)
                print(f"\nbefore: {before}\nduring: {during}")
                if later[-1] < LATER_MS:
                    break
            self.assertLess(min(later), LATER_MS)

    def purge(self, redis, daemon):
        """Latencies before and during it."""
        redis.call("DEBUG", "POPULATE", MANY, "carts", 100)
        with daemon.client() as client, daemon.client() as admin:
            before, during = Latencies(client), Latencies(client)
            for _ in range(BEFORE):
                before.measure()
            admin.send(resp.array("purge", "carts"))
            while not self.is_answered(admin):
                during.measure()
            self.assertEqual(admin.read(), MANY)
        self.assertEqual(redis.call("DBSIZE"), 1)
        return before, during

    def is_answered(self, client):
        client.socket.setblocking(False)
        try:
            client.input += client.socket.recv(100)
        except BlockingIOError:
            pass
        return b"\r\n" in client.input


if __name__ == "__main__":
    harness.main()
