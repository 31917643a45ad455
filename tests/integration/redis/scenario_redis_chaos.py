#!/usr/bin/env python3
"""Pools of client libraries while the backend dies and comes back: no reply reaches another request.

`FAULTS` says how often it dies, 8 times by default.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

import harness
from redis_listener import RedisListener, bound

sys.path.insert(0, str(harness.ROOT / "tests" / "chaos"))
from relay import Relay  # noqa: E402

DRIVERS = harness.ROOT / "tests" / "drivers"
POOLS = DRIVERS / "redis_pools"
FAULTS = int(os.environ.get("FAULTS", 8))
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
TIMEOUT_MS = 300
MOST_SECONDS = 60 + 5 * FAULTS

PROGRAMS = {
    "redis-py": ["/usr/bin/python3", str(POOLS / "pool.py")],
    "ioredis5": ["node", str(POOLS / "pool.js")],
    "ioredis6": ["node", str(POOLS / "pool.js")],
}


def setUpModule():
    done = harness.run("sh", str(DRIVERS / "libraries" / "install"))
    assert done.returncode == 0, f"can't install the libraries for Node: {done.stdout}{done.stderr}"


class Backend:
    """Redis behind a relay, and what can happen to both."""

    def __init__(self, redis, relay, rng):
        self.redis, self.relay, self.rng = redis, relay, rng
        self.kinds = [self.kill, self.relay.cut_in_a_reply, self.stop, self.relay.cut]

    def strike(self, turn):
        self.kinds[turn % len(self.kinds)]()

    def kill(self):
        self.redis.kill()
        time.sleep(self.rng.random())  # it is away so long
        self.redis.start()

    def stop(self):
        """For less than a request's timeout, or for longer."""
        self.redis.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(0, 4) * TIMEOUT_MS / 1000)
        self.redis.send_signal(signal.SIGCONT)


class Pools(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.relay = self.world.keep(Relay(f"{self.world.folder}/relay.sock", self.redis.path))
        timeouts = f"timeout = {TIMEOUT_MS}ms\nconnect_timeout = {TIMEOUT_MS}ms"
        ini = bound().replace("{redis:main}", self.relay.url).replace("timeout = 20s", timeouts)
        self.listener = RedisListener(self.world, ini)

    def start(self, name):
        return subprocess.Popen(
            [*PROGRAMS[name], *[self.listener.path, name]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=harness.end_with_parent,
        )

    def strike_all(self):
        rng = random.Random(SEED)
        print(f"SEED={SEED}")
        backend = Backend(self.redis, self.relay, rng)
        with self.listener.client() as client:
            self.wait_served(client)
            for turn in range(FAULTS):
                backend.strike(turn)
                self.wait_served(client)
                time.sleep(rng.random())  # as long as all is well

    def wait_served(self, client):
        harness.wait_until(lambda: client.call("SET", "probe", "v") == b"OK", "service")

    def test_each_reply_belongs_to_its_request_while_the_backend_dies_and_comes_back(self):
        programs = {name: self.start(name) for name in PROGRAMS}
        try:
            self.strike_all()
            said = {name: p.communicate(timeout=MOST_SECONDS)[0] for name, p in programs.items()}
        finally:
            for program in programs.values():
                program.kill()
        for name, text in said.items():
            with self.subTest(library=name):
                self.check(name, json.loads(text))
        print(self.listener.check_ttls(), "keys, each with a ttl")

    def check(self, name, report):
        print(name, {key: value for key, value in report.items() if key != "wrong"})
        self.assertFalse(report["wrong"], "\n".join(report["wrong"]))
        self.assertGreater(report["replies"], 0)
        self.assertGreater(report["read_back"], 0)
        self.assertTrue(report["failed"], "no fault was noticed")


if __name__ == "__main__":
    harness.main()
