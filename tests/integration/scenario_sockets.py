#!/usr/bin/env python3
"""The socket's file: stale ones are replaced, anything else is left alone. And TCP."""

import os
import pathlib
import socket
import stat
import unittest

import harness
from resp import Client

TCP = harness.INI.replace("{listen}", "{listen}\nlisten = tcp:127.0.0.1:{port}")


class Sockets(unittest.TestCase):
    def expect_refusal(self, world, ini=harness.INI):
        daemon = world.start_daemon(ini)
        daemon.is_expected_to_fail = True
        self.assertEqual(daemon.wait(), 1)
        self.assertNotRegex(daemon.log(), r"\bready\b")
        return daemon.log()

    def test_a_stale_socket_file_is_replaced(self):
        with harness.World() as world:
            first = world.daemon()
            first.kill()
            self.assertTrue(os.path.exists(first.path))
            self.assertEqual(world.daemon().call("ping"), b"PONG")

    def test_a_socket_that_another_daemon_serves_is_refused(self):
        with harness.World() as world:
            first = world.daemon()
            self.assertIn(first.path, self.expect_refusal(world))
            self.assertEqual(first.call("ping"), b"PONG")

    def test_a_daemon_leaves_the_socket_of_another_that_took_its_place(self):
        with harness.World() as world:
            first = world.daemon()
            os.unlink(first.path)
            second = world.daemon()
            first.stop()
            self.assertEqual(second.call("ping"), b"PONG")
            second.stop()
            self.assertFalse(os.path.exists(second.path))

    def test_a_file_that_is_no_socket_is_refused_and_stays(self):
        with harness.World() as world:
            path = pathlib.Path(world.folder, "cachesd.sock")
            path.write_text("precious")
            self.assertIn(str(path), self.expect_refusal(world))
            self.assertEqual(path.read_text(), "precious")

    def test_a_folder_that_is_not_there_is_an_error(self):
        with harness.World() as world:
            ini = harness.INI.replace("{listen}", "unix:{folder}/no/such/cachesd.sock")
            self.assertIn("no/such", self.expect_refusal(world, ini))

    def test_socket_mode_is_the_mode_of_the_file(self):
        for mode in ("0600", "0660", "0666"):
            ini = harness.INI.replace("[backend", f"socket_mode = {mode}\n[backend", 1)
            with harness.World() as world:
                found = os.stat(world.daemon(ini).path)
                self.assertEqual(stat.S_IMODE(found.st_mode), int(mode, 8))

    def test_it_listens_on_several_addresses(self):
        with harness.World() as world:
            daemon = world.daemon(TCP)
            with daemon.client() as unix, Client(("127.0.0.1", world.port)) as tcp:
                self.assertEqual(unix.call("key.set", "carts", "a", "1"), b"OK")
                self.assertEqual(tcp.call("key.get", "carts", "a"), b"1")

    def test_a_port_that_is_taken_is_refused(self):
        with harness.World() as world, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            world.port = other.getsockname()[1]
            self.assertIn(str(world.port), self.expect_refusal(world, TCP))


if __name__ == "__main__":
    harness.main()
