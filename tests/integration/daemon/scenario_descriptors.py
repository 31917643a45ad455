#!/usr/bin/env python3
"""No file descriptors left, in earnest: the limit is lowered while it runs."""

import contextlib
import os
import re
import resource
import unittest

import harness
import resp


class Descriptors(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon()
        self.client = self.connect(self.daemon)
        self.assertEqual(self.client.call("key.set", "carts", "k", "v"), b"OK")
        self.before = resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE)

    def allow(self, soft):
        resource.prlimit(self.daemon.pid, resource.RLIMIT_NOFILE, (soft, self.before[1]))

    def used(self):
        return {int(name) for name in os.listdir(f"/proc/{self.daemon.pid}/fd")}

    def is_served(self):
        try:
            return self.daemon.call("ping") == b"PONG"
        except (OSError, resp.Closed):
            return False

    @unittest.skipIf(harness.UNDER, "valgrind tells its program the limit of the start")
    def test_newcomers_are_told_when_few_are_left(self):
        self.allow(max(self.used()) + 10)
        for _ in range(200):
            with self.daemon.client() as newcomer:
                self.assertEqual(newcomer.read().code, "OVERLOADED")
            self.assertEqual(self.client.call("key.get", "carts", "k"), b"v")
        self.assertEqual(self.daemon.log().count("few file descriptors"), 1)
        self.allow(self.before[0])
        harness.wait_until(self.is_served, "newcomers are served again")

    def exhaust(self):
        """No number below the limit is free."""
        used = self.used()
        self.allow(next(number for number in range(len(used) + 1) if number not in used))

    def test_who_is_connected_is_served_when_none_is_left(self):
        self.exhaust()
        for _ in range(200):
            self.assertFalse(self.is_served())
            self.assertEqual(self.client.call("key.get", "carts", "k"), b"v")
        self.allow(self.before[0])
        harness.wait_until(self.is_served, "newcomers are served again")
        self.assertEqual(self.client.call("key.get", "carts", "k"), b"v")

    def test_a_backend_that_comes_back_meanwhile_is_used(self):
        self.exhaust()
        self.redis.kill()
        harness.wait_until(
            lambda: getattr(self.client.call("key.get", "carts", "k"), "code", "") == "UNAVAILABLE",
            "the backend is down",
        )
        self.redis.start()
        back = lambda: self.client.call("key.set", "carts", "k", "v") == b"OK"
        harness.wait_until(back, "the backend's own descriptor is free")
        self.allow(self.before[0])
        harness.wait_until(self.is_served, "newcomers are served again")


@unittest.skipIf(harness.UNDER, "valgrind needs descriptors of its own")
class Limits(unittest.TestCase):
    """Of the start. Workers and their backends need some beside those of clients."""

    def limited(self, soft, hard):
        def prepare():
            harness.end_with_parent()
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        return {"preexec_fn": prepare}

    def with_options(self, workers, clients):
        options = f"workers = {workers}\nmax_clients = {clients}"
        return harness.INI.replace("{listen}", "{listen}\n" + options)

    def test_max_clients_are_served_beside_many_workers(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with harness.World() as world, contextlib.ExitStack() as clients:
            daemon = world.daemon(self.with_options(32, 100), **self.limited(64, hard))
            for _ in range(100):
                client = clients.enter_context(daemon.client())
                self.assertEqual(client.call("ping"), b"PONG")

    def clients_beside(self, url, more=""):
        """How many clients are allowed with that backend, which need not be there. `more`: sections."""
        ini = self.with_options(2, 10000).replace("{redis:main}", url + "\nconnect_timeout = 50ms") + more
        with harness.World() as world:
            daemon = world.daemon(ini, **self.limited(600, 600))
            return int(re.search(r"max_clients: (\d+) instead of 10000", daemon.log())[1])

    def test_sentinels_and_nodes_leave_room_for_fewer_clients(self):
        one, nobody = self.clients_beside("redis://127.0.0.1:1"), "127.0.0.1:1,127.0.0.1:2"
        self.assertEqual(self.clients_beside(f"redis+sentinel://{nobody}/m"), one - 2 * 2)

    def test_listeners_leave_room_for_fewer_clients(self):
        url = "redis://127.0.0.1:1"
        apps = "[listener apps]\nlisten = unix:{folder}/a.sock, unix:{folder}/b.sock\n"
        more = apps + "[listener more]\nlisten = unix:{folder}/c.sock\nspeak = redis\n"
        self.assertEqual(self.clients_beside(url, more), self.clients_beside(url) - 3)

    def test_too_few_for_the_workers_are_an_error(self):
        with harness.World() as world:
            daemon = world.start_daemon(self.with_options(64, 10), **self.limited(100, 100))
            daemon.is_expected_to_fail = True
            self.assertEqual(daemon.wait(), 1)
            self.assertIn("can't start", daemon.log())


if __name__ == "__main__":
    harness.main()
