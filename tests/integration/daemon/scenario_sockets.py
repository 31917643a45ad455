#!/usr/bin/env python3
"""The socket's file: stale ones are replaced, anything else is left alone. And TCP."""

import os
import pathlib
import signal
import socket
import stat
import unittest

import harness
from resp import Client

TCP = harness.INI.replace("{listen}", "{listen}\nlisten = tcp:127.0.0.1:{port}")


class Sockets(unittest.TestCase):
    def expect_refusal(self, world, ini=harness.INI, **options):
        daemon = world.start_daemon(ini, **options)
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
            log = self.expect_refusal(world)
            self.assertIn(first.path, log)
            if not harness.UNDER:
                self.assertIn(f"process {first.pid};", log)
            self.assertEqual(first.call("ping"), b"PONG")

    def test_a_socket_of_another_type_is_refused_and_stays(self):
        for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            with self.subTest(kind), harness.World() as world:
                self.expect_refusal_beside(world, kind)

    def expect_refusal_beside(self, world, kind):
        path = f"{world.folder}/cachesd.sock"
        with socket.socket(socket.AF_UNIX, kind) as other:
            other.bind(path)
            if kind == socket.SOCK_SEQPACKET:
                other.listen()
            inode = os.stat(path).st_ino
            self.assertIn(path, self.expect_refusal(world))
            self.assertEqual(os.stat(path).st_ino, inode)

    @harness.NEEDS_ROOT
    def test_a_socket_that_may_not_be_connected_to_is_refused_and_stays(self):
        with harness.World() as world:
            world.open_to_others()
            first = world.daemon(harness.INI.replace("{listen}", "{listen}\nsocket_mode = 0600"))
            inode = os.stat(first.path).st_ino
            self.assertIn(first.path, self.expect_refusal(world, **harness.AS_OTHER))
            self.assertEqual(os.stat(first.path).st_ino, inode)
            self.assertEqual(first.call("ping"), b"PONG")

    @harness.NOT_UNDER
    def test_of_two_that_start_at_once_the_one_whose_socket_was_taken_ends(self):
        """The first has bound, and waits for its backend: nobody listens there yet."""
        ini = harness.INI.replace("[namespace", "connect_timeout = 30s\n[namespace")
        with harness.World() as world:
            redis = world.redis()
            redis.send_signal(signal.SIGSTOP)
            first = world.start_daemon(ini)
            first.is_expected_to_fail = True
            bound = harness.wait_until(lambda: self.file_at(first.path), "the first has bound")
            second = world.start_daemon(ini)
            changed = lambda: self.file_at(first.path) not in (None, bound)
            harness.wait_until(changed, "the second has bound")
            redis.send_signal(signal.SIGCONT)
            self.assertEqual(first.wait(), 1)
            self.assertIn(first.path, first.log())
            self.assertNotRegex(first.log(), r"\bready\b")
            self.assertEqual(second.wait_ready().call("ping"), b"PONG")

    def file_at(self, path):
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_ctime_ns

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

    def test_a_folder_that_is_not_there_is_an_error_that_names_the_cure(self):
        with harness.World() as world:
            ini = harness.INI.replace("{listen}", "unix:{folder}/no/such/cachesd.sock")
            log = self.expect_refusal(world, ini)
            self.assertIn(f"there is no folder {world.folder}/no/such: make it", log)

    @harness.NEEDS_ROOT
    def test_a_folder_that_may_not_be_written_in_is_an_error_that_names_the_cure(self):
        with harness.World() as world:
            world.open_to_others()
            os.mkdir(f"{world.folder}/closed", 0o755)
            ini = harness.INI.replace("{listen}", "unix:{folder}/closed/cachesd.sock")
            log = self.expect_refusal(world, ini, **harness.AS_OTHER)
            self.assertIn(f"user {harness.OTHER} may not write in {world.folder}/closed:", log)

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

    def test_an_address_that_is_not_this_machines_is_an_error_that_names_the_cure(self):
        with harness.World() as world:  # 192.0.2.0/24 is nobody's: RFC 5737
            ini = TCP.replace("tcp:127.0.0.1:{port}", "tcp:192.0.2.1:{port}")
            ini += f"[user web]\ntoken = {harness.token_hash('t')}\naccess = write\nnamespaces = *\n"
            self.assertIn("no interface of this machine has it", self.expect_refusal(world, ini))

    def test_a_port_that_is_taken_is_refused_and_the_cure_is_named(self):
        with harness.World() as world, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            world.port = other.getsockname()[1]
            log = self.expect_refusal(world, TCP)
            self.assertIn(f"ss -ltnp sport = :{world.port}", log)


if __name__ == "__main__":
    harness.main()
