#!/usr/bin/env python3
"""embedded: a private Redis that lives and dies with the daemon."""

import contextlib
import os
import pathlib
import re
import signal
import unittest

import harness
import resp

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = embedded:
[namespace demo]
ttl = 1h
"""


def embedded_of(daemon):
    """The process id of its redis-server."""
    return next((pid for pid, name in harness.children(daemon.pid).items() if "redis" in name), 0)


class Embedded(unittest.TestCase):
    def serves(self, daemon):
        return daemon.call("key.set", "demo", "a", "1") == b"OK"

    def start(self, world):
        daemon = world.daemon(INI)
        harness.wait_until(lambda: self.serves(daemon), "it serves")
        return daemon, embedded_of(daemon)

    def test_it_serves_every_collection(self):
        with harness.World() as world:
            daemon, _ = self.start(world)
            self.assertEqual(daemon.call("dict.set", "demo", "d", "f", "v"), 1)
            self.assertEqual(daemon.call("dict.popitem", "demo", "d"), [b"f", b"v"])
            self.assertEqual(daemon.call("counter.update", "demo", "c", "f", "5"), [5])
            self.assertIn(daemon.call("ttl", "demo", "c"), range(3590, 3601))

    def test_its_command_line_shows_no_address_of_the_daemons_memory(self):
        with harness.World() as world:
            daemon, redis = self.start(world)
            words = pathlib.Path(f"/proc/{redis}/cmdline").read_text()
            numbers = [int(n, 16) for n in re.findall(r"[0-9a-f]{9,}", words)]  # no pid
            maps = pathlib.Path(f"/proc/{daemon.pid}/maps").read_text()
            for low, high in re.findall(r"^(\w+)-(\w+)", maps, re.MULTILINE):
                for number in numbers:
                    self.assertFalse(int(low, 16) <= number < int(high, 16), words)
            self.assertIn(f"cachesd-{daemon.pid}-", words)

    def test_its_name_may_be_as_long_as_any(self):
        ini = INI.replace("[backend main]", f"[backend {'m' * 64}]")
        with harness.World() as world:
            daemon = world.daemon(ini)
            self.assertEqual(daemon.call("key.set", "demo", "a", "1"), b"OK")
            self.assertEqual(daemon.call("key.get", "demo", "a"), b"1")

    def test_it_is_started_again_when_it_dies(self):
        with harness.World() as world:
            daemon, first = self.start(world)
            os.kill(first, signal.SIGKILL)
            harness.wait_until(lambda: not harness.is_running(first), "the first has ended")
            harness.wait_until(lambda: self.serves(daemon), "it serves again")
            self.assertNotIn(embedded_of(daemon), (0, first))

    def hold_requests(self, daemon, client):
        """Three of its requests are at the server, which stands still."""
        self.assertEqual(client.call("key.set", "demo", "k", "v"), b"OK")
        os.kill(embedded_of(daemon), signal.SIGSTOP)
        client.send(resp.array("key.get", "demo", "k") * 3)
        pending = lambda: re.search(rb"pending=[3-9] ", daemon.call("backends"))  # a PING may be one
        harness.wait_until(pending, "three requests are pending")

    def test_a_server_that_a_reload_replaces_answers_what_is_in_flight(self):
        """At whichever worker."""
        for workers, holder in ((1, 0), (2, 0), (2, 1)):
            ini = INI.replace("{listen}", f"{{listen}}\nworkers = {workers}")
            ini = ini.replace("embedded:", "embedded:\ntimeout = %ds")
            with self.subTest(workers=workers, holder=holder), harness.World() as world:
                daemon = world.daemon(ini % 20)
                with contextlib.ExitStack() as stack:
                    clients = [stack.enter_context(daemon.client()) for _ in range(workers)]
                    client, first = clients[holder], embedded_of(daemon)
                    self.hold_requests(daemon, client)
                    self.assertEqual(daemon.reload(ini % 21), b"OK")
                    self.assertEqual(harness.signals_waiting(first), set())
                    os.kill(first, signal.SIGCONT)
                    self.assertEqual([client.read() for _ in range(3)], [b"v"] * 3)
                    harness.wait_until(lambda: not harness.is_running(first), "it has ended")

    def test_ctrl_c_lets_what_is_in_flight_end_first(self):
        """A terminal sends SIGINT to the whole process group."""
        ini = INI.replace("embedded:", "embedded:\ntimeout = 20s")
        with harness.World() as world:
            daemon = world.daemon(ini, start_new_session=True)
            with daemon.client() as client:
                self.hold_requests(daemon, client)
                redis = embedded_of(daemon)
                os.killpg(daemon.pid, signal.SIGINT)
                daemon.wait_logged("SIGINT")
                self.assertEqual(harness.signals_waiting(redis), set())
                os.kill(redis, signal.SIGCONT)
                self.assertEqual([client.read() for _ in range(3)], [b"v"] * 3)
            self.assertEqual(daemon.wait(), 0)
            self.assertFalse(harness.is_running(redis))

    def test_it_ends_with_the_daemon(self):
        with harness.World() as world:
            daemon, redis = self.start(world)
            daemon.stop()
            self.assertFalse(harness.is_running(redis))

    def test_it_ends_even_when_the_daemon_is_killed(self):
        with harness.World() as world:
            daemon, redis = self.start(world)
            daemon.kill()
            harness.wait_until(lambda: not harness.is_running(redis), "redis-server has ended", 5)

    def test_a_second_daemon_has_its_own(self):
        with harness.World() as one, harness.World() as other:
            first, first_redis = self.start(one)
            second, second_redis = self.start(other)
            self.assertNotEqual(first_redis, second_redis)
            self.assertEqual(first.call("key.set", "demo", "only", "1"), b"OK")
            self.assertEqual(second.call("exists", "demo", "only"), 0)

    def test_after_a_crash_the_next_daemon_starts_in_the_same_folder(self):
        with harness.World() as world:
            daemon, _ = self.start(world)
            daemon.kill()
            self.start(world)

    def test_it_leaves_nothing_behind(self):
        with harness.World() as world:
            daemon, _ = self.start(world)
            daemon.stop()
            left = [name for name in os.listdir(world.folder) if not name.startswith("cachesd-")]
            self.assertEqual(left, [])


if __name__ == "__main__":
    harness.main()
