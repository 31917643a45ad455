#!/usr/bin/env python3
"""A reload every 100 ms under full load: no failed request, no lost reply, no growth of memory.

RELOAD_SECONDS=60 for the long form.
"""

import itertools
import os
import pathlib
import re
import threading
import time
import unittest

import harness
import resp

SECONDS = float(os.environ.get("RELOAD_SECONDS", 5))
EVERY = 0.1
WORKERS = 4
BATCH = 50
GROWTH_MB = 4

HEAD = "[cachesd]\nlisten = {listen}\n"
# They take turns. Redis stays the same, so that what was stored is there under each of them.
CONFIGURATIONS = [
    HEAD + "[backend main]\nurl = {redis:main}\ntimeout = 20s\n[namespace carts]\nttl = 2h\n",
    HEAD + "listen = tcp:127.0.0.1:{port}\nmax_clients = 500\n"
    "[backend first]\nurl = {redis:main}\ntimeout = 20s\n"
    "[backend second]\nurl = {redis:other}\n"
    "[namespace carts]\nbackend = first\nttl = 1h\nttl_mode = fixed\n"
    "[namespace users]\nbackend = second\n",
    HEAD + "listen = unix:{folder}/second.sock\nclient_output = 32mb\n"
    "[backend main]\nurl = {redis:main}\ntimeout = 30s\nmax_pending = 20\n"
    "[namespace carts]\nttl = 3h\nmax_ttl = forever\njitter = 10%\n[namespace other]\n",
]


class Worker(threading.Thread):
    """Writes a batch and reads the one before; each reply must be right to the byte."""

    def __init__(self, daemon, number, stopping):
        super().__init__()
        self.daemon = daemon
        self.number = number
        self.stopping = stopping
        self.requests = 0
        self.wrong = None

    def run(self):
        try:
            while not self.stopping.is_set() and not self.wrong:
                self.run_connection()
        except Exception as error:  # a thread's exception would be lost
            self.wrong = repr(error)

    def run_connection(self):
        """A hundred batches, then a new connection."""
        with self.daemon.client(timeout=30) as client:
            for batch in range(100):
                if self.stopping.is_set() or self.wrong:
                    return
                self.run_batch(client, batch)

    def run_batch(self, client, batch):
        parts, right = [resp.array("key.incr", "carts", f"count{self.number}")], [b""]
        for i in range(BATCH):
            key, value = f"{self.number}.{batch % 2}.{i}", f"{batch}.{i}"
            parts.append(resp.array("key.set", "carts", key, value))
            right.append(b"+OK\r\n")
            if batch > 0:
                key, value = f"{self.number}.{(batch - 1) % 2}.{i}", f"{batch - 1}.{i}".encode()
                parts.append(resp.array("key.get", "carts", key))
                right.append(b"$%d\r\n%s\r\n" % (len(value), value))
        client.send(b"".join(parts))
        self.count = client.read()
        self.requests += len(parts)
        self.check(client, b"".join(right))

    def check(self, client, right):
        got = bytes(client.input)
        while len(got) < len(right) and right.startswith(got):
            client._receive(time.monotonic() + client.timeout)
            got = bytes(client.input)
        if got != right:
            at = len(os.path.commonprefix([got, right]))
            self.wrong = f"got {got[at:at + 100]!r} for {right[at:at + 100]!r}"
        client.input.clear()


def resident_mb(daemon):
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


class UnderLoad(unittest.TestCase):
    def test_nothing_fails_and_memory_does_not_grow(self):
        with harness.World() as world:
            daemon = world.daemon(CONFIGURATIONS[0])
            stopping = threading.Event()
            workers = [Worker(daemon, number, stopping) for number in range(WORKERS)]
            for worker in workers:
                worker.start()
            try:
                early, late, count = self.reload_again_and_again(daemon, workers)
            finally:
                stopping.set()
                for worker in workers:
                    worker.join()
            self.assertEqual([worker.wrong for worker in workers], [None] * WORKERS)
            self.check_counts(world, workers)
            self.check_errors(daemon)
            requests = sum(worker.requests for worker in workers)
            print(f"{count} reloads, {requests} requests; {early:.1f} MB, then {late:.1f} MB")
            if not harness.is_sanitized():
                self.assertLess(late - early, GROWTH_MB)

    def reload_again_and_again(self, daemon, workers):
        """The memory after a third of the time and at its end, and how many reloads there were."""
        begin = time.monotonic()
        early = None
        configurations = itertools.cycle(CONFIGURATIONS[1:] + CONFIGURATIONS[:1])
        with daemon.client() as client:
            for count in itertools.count():
                due = begin + count * EVERY
                if due > begin + SECONDS or any(worker.wrong for worker in workers):
                    return early or 0, resident_mb(daemon), count
                time.sleep(max(0, due - time.monotonic()))
                daemon.configure(next(configurations))
                self.assertEqual(client.call("reload"), b"OK")
                if not early and time.monotonic() > begin + SECONDS / 3:
                    early = resident_mb(daemon)

    def check_counts(self, world, workers):
        """Each increment was done, and only once."""
        for worker in workers:
            stored = world.redis().call("GET", f"carts:count{worker.number}")
            self.assertEqual(int(stored), worker.count)

    def check_errors(self, daemon):
        stats = harness.sections(daemon.call("stats"))
        for heading in ("requests", "namespace carts"):
            errors = [name for name in stats[heading] if name.startswith("errors_")]
            self.assertEqual([name for name in errors if stats[heading][name] != "0"], [])


if __name__ == "__main__":
    harness.main()
