#!/usr/bin/env python3
"""Sentinels that contradict each other and themselves, servers that change sides, and reloads, all at
once: the daemon answers each request, and serves again as soon as all agree. SEED repeats a run."""

import os
import random
import threading
import time

import harness
import resp
from sentinel import HOST, NAME, FakeSentinel

SEED = int(os.environ.get("SEED") or random.randrange(1 << 32))
SECONDS = 5
CLIENTS = 6
REQUESTS = (
    ("key.set", "carts", "a", "v"),
    ("key.get", "carts", "a"),
    ("dict.set", "carts", "d", "f", "v"),
    ("memo.get", "carts", "m"),
)


class Turmoil(harness.TestCase):
    def setUp(self):
        super().setUp()
        print(f"SEED={SEED}")
        self.random = random.Random(SEED)
        self.servers = [self.world.redis(f"s{i}", port=harness.free_port()) for i in range(3)]
        self.fakes = [FakeSentinel(self.world, f"f{i}", self.servers[0].port) for i in range(3)]
        for fake in self.fakes:
            self.world.keep(fake)
        hosts = ",".join(f"{HOST}:{fake.port}" for fake in self.fakes)
        self.ini = harness.INI.replace("{redis:main}", f"redis+sentinel://{hosts}/{NAME}")
        self.ini = self.ini.replace("timeout = 20s", "timeout = 300ms\nconnect_timeout = 200ms")
        self.ini += "near = yes\n"
        self.daemon = self.world.daemon(self.ini)
        self.codes, self.is_over = set(), False

    def use(self, number):
        choose = random.Random(number)
        with self.daemon.client() as client:
            while not self.is_over:
                reply = client.call(*choose.choice(REQUESTS))
                self.codes.add(reply.code if isinstance(reply, resp.Error) else "none")

    def stir(self):
        fake, server = self.random.choice(self.fakes), self.random.choice(self.servers)
        other, number = self.random.choice(self.servers), self.random.randrange(200, 400)
        timeout = self.ini.replace("timeout = 300ms", f"timeout = {number}ms", 1)
        acts = {
            lambda: fake.move(server.port): 50,
            fake.drop: 10,
            lambda: server.call("REPLICAOF", HOST, other.port): 5,
            lambda: server.call("REPLICAOF", "NO", "ONE"): 15,
            lambda: server.call("CLIENT", "KILL", "TYPE", "normal"): 5,
            lambda: setattr(fake, "master", self.random.choice([None, server.port])): 5,
            lambda: self.daemon.reload(self.ini + f"max_value = {number}kb\n"): 3,
            lambda: self.daemon.reload(timeout): 2,
        }
        (act,) = self.random.choices(list(acts), list(acts.values()))
        act()

    def test_each_request_is_answered_and_the_daemon_serves_when_all_agree(self):
        users = [threading.Thread(target=self.use, args=(n,), daemon=True) for n in range(CLIENTS)]
        for user in users:
            user.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.stir()
            time.sleep(self.random.random() * 0.02)
        self.is_over = True
        for user in users:
            user.join(harness.LONG)
            self.assertFalse(user.is_alive())
        self.assertLessEqual(self.codes, {"none", "LOST", "UNAVAILABLE", "TIMEOUT"})
        self.servers[0].call("REPLICAOF", "NO", "ONE")
        for fake in self.fakes:
            fake.move(self.servers[0].port)
            fake.drop()
        written = lambda: self.daemon.call("key.set", "carts", "z", "1") == b"OK"
        is_there = lambda: written() and self.servers[0].call("GET", "cart:z") == b"1"
        harness.wait_until(is_there, "the master that all name is served", 10)


if __name__ == "__main__":
    harness.main()
