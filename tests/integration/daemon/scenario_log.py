#!/usr/bin/env python3
"""The log when nobody reads it, and lines about clients."""

import fcntl
import os
import threading
import unittest

import harness
import resp

INI = harness.INI.replace("{listen}", "{listen}\nlog_level = debug")


class Unread(unittest.TestCase):
    def start(self, world, write_end):
        daemon = world.start_daemon(INI, stderr=write_end)
        harness.wait_until(lambda: harness.accepts(daemon.path), "it accepts clients")
        return daemon

    def fill(self, daemon):
        """Has it write more than a pipe and its own buffer hold."""
        for _ in range(2000):
            with daemon.client() as client:
                self.assertEqual(client.call("ping"), b"PONG")

    def test_a_full_pipe_stops_nothing_and_is_told_of(self):
        with harness.World() as world:
            read_end, write_end = os.pipe()
            daemon = self.start(world, write_end)
            self.fill(daemon)
            self.assertEqual(daemon.call("key.set", "carts", "a", "1"), b"OK")
            text = bytearray()
            while b"lines of log were lost: nobody read them\n" not in text:
                text += os.read(read_end, 65536)
            self.assertTrue(text.endswith(b"\n"))
            for line in text.splitlines():
                self.assertIn(b"cachesd: ", line)
                self.assertEqual(line.count(b"cachesd: "), 1, line)  # none is torn
            # Once read, it goes on.
            threading.Thread(target=daemon.send_signal, args=[15]).start()
            while b"ended\n" not in text:
                text += os.read(read_end, 65536)
            self.assertEqual(daemon.wait(), 0)
            os.close(read_end)
            os.close(write_end)

    def test_a_full_pipe_does_not_keep_it_from_ending(self):
        with harness.World() as world:
            read_end, write_end = os.pipe()
            daemon = self.start(world, write_end)
            self.fill(daemon)
            daemon.send_signal(15)
            self.assertEqual(daemon.wait(), 0)
            # The pipe is others' too: for them it is as it was.
            self.assertFalse(fcntl.fcntl(write_end, fcntl.F_GETFL) & os.O_NONBLOCK)
            os.close(read_end)
            os.close(write_end)


class AboutClients(unittest.TestCase):
    def test_a_protocol_error_is_told_once_for_many(self):
        with harness.World() as world:
            daemon = world.daemon()
            for _ in range(50):
                with daemon.client() as client:
                    client.send(b"$x\n")
                    self.assertEqual(client.read().code, "PROTOCOL")
            self.assertEqual(len(daemon.lines("closed: protocol error: a word may begin")), 1)

    def test_what_is_not_permitted_is_told_once_for_many(self):
        users = f"[user me]\nuid = {os.getuid()}\nnamespaces = carts\n"
        with harness.World() as world:
            with world.daemon(harness.INI + users).client() as client:
                client.send(resp.array("key.set", "carts", "a", "1") * 500)
                self.assertEqual([client.read().code for _ in range(500)], ["NOPERM"] * 500)
                self.assertEqual(
                    len(world.daemons[0].lines("NOPERM: user me: key.set (client unix:")), 1
                )


if __name__ == "__main__":
    harness.main()
