#!/usr/bin/env python3
"""SIGTERM and SIGINT end the daemon in good order."""

import os
import re
import signal
import time
import unittest

import harness
import resp


class Signals(unittest.TestCase):
    def end_with_request_in_flight(self, number):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(harness.INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "a") * 3)
                self.wait_until_pending(daemon)
                daemon.send_signal(number)
                daemon.wait_logged(": ending")
                redis.send_signal(signal.SIGCONT)
                self.assertEqual([client.read() for _ in range(3)], [b"1"] * 3)
                self.assertEqual(daemon.wait(), 0)
                self.assertTrue(client.is_closed())
            self.assertFalse(os.path.exists(daemon.path))

    def wait_until_pending(self, daemon):
        with daemon.client() as other:
            harness.wait_until(
                lambda: re.search(rb"pending=[3-9] ", other.call("backends")),  # a PING may be one
                "three requests are pending",
            )

    def test_sigterm_lets_requests_in_flight_end_and_removes_the_socket(self):
        self.end_with_request_in_flight(signal.SIGTERM)

    def test_sigint_lets_requests_in_flight_end_and_removes_the_socket(self):
        self.end_with_request_in_flight(signal.SIGINT)

    def test_drain_is_the_longest_wait(self):
        ini = harness.INI.replace("[backend", "drain = 200ms\n[backend", 1)
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "a") * 3)
                self.wait_until_pending(daemon)
                started = time.monotonic()
                daemon.send_signal(signal.SIGTERM)
                replies = [client.read() for _ in range(3)]
                self.assertEqual(daemon.wait(), 0)
                self.assertLess(time.monotonic() - started, 5)
                for reply in replies:
                    self.assertIn(reply.code, ("TIMEOUT", "LOST", "UNAVAILABLE"))

    def test_a_purge_behind_an_auth_is_answered_when_the_drain_is_over(self):
        ini = harness.INI.replace("[backend", "drain = 200ms\n[backend", 1)
        rights = f"uid = {os.getuid()}\ntoken = {harness.token_hash('t')}\naccess = admin\n"
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(f"{ini}[user me]\nnamespaces = *\n{rights}")
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "a") * 3)
                client.send(resp.array("auth", "me", "t") + resp.array("purge", "carts"))
                self.wait_until_pending(daemon)
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual([client.read().code for _ in range(3)], ["LOST"] * 3)
                self.assertEqual(client.read(), b"OK")
                self.assertEqual(client.read().code, "UNAVAILABLE")
            self.assertEqual(daemon.wait(), 0)

    def test_requests_that_come_while_draining_are_unavailable(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(harness.INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "a") * 3)
                self.wait_until_pending(daemon)
                daemon.send_signal(signal.SIGTERM)
                daemon.wait_logged("SIGTERM")
                self.send_late_request(client)
                redis.send_signal(signal.SIGCONT)
                self.assertEqual([client.read() for _ in range(3)], [b"1"] * 3)
                self.expect_refusal_or_end(client)

    def end_beside_newcomer(self, use):
        """Calls `use` with a client that had connected less than 0.5 s before the daemon was told to end."""
        for _ in range(10):
            with harness.World() as world:
                daemon = world.daemon()
                with daemon.client() as old:
                    begin = time.monotonic()
                    with daemon.client() as newcomer:
                        harness.wait_until(lambda: old.call("clients").count(b" addr=") == 2, "both are accepted")
                        daemon.send_signal(signal.SIGTERM)
                        daemon.wait_logged("SIGTERM")
                        if time.monotonic() - begin > 0.4:
                            continue  # the machine is busy
                        use(newcomer)
                        self.assertTrue(newcomer.is_closed())
                self.assertEqual(daemon.wait(), 0)
                return
        self.skipTest("the machine is too busy for a newcomer")

    def test_who_has_just_connected_is_answered(self):
        """So that clients which make a connection for each request do not notice a restart behind a passed socket."""
        stores = lambda client: self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
        self.end_beside_newcomer(stores)

    def test_who_has_just_connected_and_asks_nothing_does_not_keep_it(self):
        self.end_beside_newcomer(lambda client: None)

    def test_a_reload_while_draining_opens_no_listener(self):
        ini = harness.INI.replace("{listen}", "{listen}, tcp:127.0.0.1:{port}")
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(harness.INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "a") * 3)
                self.wait_until_pending(daemon)
                daemon.configure(ini)
                daemon.send_signal(signal.SIGTERM)
                daemon.wait_logged("SIGTERM")
                daemon.send_signal(signal.SIGHUP)
                client.send(resp.array("reload"))
                redis.send_signal(signal.SIGCONT)
                self.assertEqual([client.read() for _ in range(3)], [b"1"] * 3)
                self.assertEqual(client.read().code, "UNAVAILABLE")
            self.assertEqual(daemon.wait(), 0)
            self.assertNotIn(f":{world.port}", daemon.log())
            self.assertFalse(os.path.exists(daemon.path))

    def send_late_request(self, client):
        try:
            client.send(resp.array("key.set", "carts", "late", "1"))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def expect_refusal_or_end(self, client):
        try:
            self.assertEqual(client.read().code, "UNAVAILABLE")
        except resp.Closed:
            pass

    def test_an_idle_daemon_ends_at_once(self):
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as client:
                client.call("ping")
                started = time.monotonic()
                daemon.stop()
                self.assertLess(time.monotonic() - started, 1 + harness.SOON, "drain is 10 s")
                self.assertTrue(client.is_closed())


if __name__ == "__main__":
    harness.main()
