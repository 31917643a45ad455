#!/usr/bin/env python3
"""A reload that can't be: the old settings stay in force, whole, and everybody is told why."""

import os
import signal
import socket
import unittest

import harness
import resp

INI = """\
[cachesd]
listen = {listen}
drain = 300ms
[backend main]
url = {redis:main}
[namespace carts]
ttl = 2h
max_ttl = 1d
"""
BAD = {
    "a bad value": (INI.replace("2h", "soon"), 7),
    "an unknown option": (INI + "colour = red\n", 9),
    "an unknown section": (INI + "[nonsense]\n", 9),
    "a backend that is not there": (INI + "backend = nosuch\n", 9),
    "prefixes that overlap": (INI + "[namespace users]\nprefix = carts:x\n", 10),
    "a user without rights": (INI + "[user web]\nuid = 0\n", 9),
    "a password file that is not there": (INI.replace("[name", "password_file = nosuch\n[name"), 6),
    "a host that is not there": (INI.replace("{listen}", "{listen}, tcp:no.such.invalid:1"), 2),
    "a folder that is not there": (INI.replace("{listen}", "{listen}, unix:{folder}/no/such"), 2),
}


class Refused(unittest.TestCase):
    def expect_refusal(self, daemon, ini, line):
        """Of the verb and of SIGHUP; and that nothing else has changed."""
        before = self.shown(daemon)
        where = f"{daemon.ini}:{line}: " if line else f"{daemon.ini}"
        reply = daemon.reload(ini)
        self.assertEqual(reply.code, "POLICY")
        self.assertTrue(reply.decode().startswith(f"POLICY {where}"), reply)
        self.assertIn(where, daemon.log())
        told = daemon.log().count(where)
        daemon.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: daemon.log().count(where) > told, "the log tells it again")
        self.assertEqual(self.shown(daemon), before)
        self.assertEqual(daemon.call("key.set", "carts", "k", "v"), b"OK")

    def shown(self, daemon):
        with daemon.client() as client:
            names = [line.split(b" state=")[0] for line in client.call("backends").splitlines()]
            return client.call("namespaces"), names, os.stat(daemon.path).st_mode

    def test_every_kind_of_mistake_is_refused_with_its_line(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            for name, (ini, line) in BAD.items():
                with self.subTest(name):
                    changed = ini.replace("max_ttl = 1d", "max_ttl = 5d")
                    self.expect_refusal(daemon, changed, line)
            self.assertEqual(daemon.reload(INI), b"OK")

    def test_the_caller_hears_the_first_of_several_and_the_log_all(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            reply = daemon.reload(INI.replace("2h", "soon").replace("300ms", "never"))
            self.assertIn(f"{daemon.ini}:3: ".encode(), reply)
            for line in (3, 7):
                self.assertIn(f"{daemon.ini}:{line}: ", daemon.log())

    def test_a_file_that_is_gone_is_refused(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            os.unlink(daemon.ini)
            reply = daemon.call("reload")
            self.assertEqual(reply.code, "POLICY")
            self.assertIn(daemon.ini.encode(), reply)
            self.assertEqual(daemon.call("key.set", "carts", "k", "v"), b"OK")

    def test_a_port_that_is_taken_is_refused_and_the_other_listeners_are_not_opened(self):
        with harness.World() as world, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            taken = other.getsockname()[1]
            daemon = world.daemon(INI)
            ini = INI.replace("{listen}", "{listen}, unix:{folder}/new.sock, "
                                          f"tcp:127.0.0.1:{{port}}, tcp:127.0.0.1:{taken}")
            self.expect_refusal(daemon, ini.replace("2h", "1h"), 2)
            self.assertFalse(harness.accepts(("127.0.0.1", world.port)))
            self.assertFalse(os.path.exists(f"{world.folder}/new.sock"))
            self.assertTrue(harness.accepts(("127.0.0.1", taken)))

    def test_a_socket_of_another_daemon_is_refused_and_left_alone(self):
        with harness.World() as world:
            first = world.daemon(INI.replace("{listen}", "unix:{folder}/first.sock"))
            first.path = f"{world.folder}/first.sock"
            daemon = world.daemon(INI)
            both = INI.replace("{listen}", "{listen}, unix:{folder}/first.sock")
            self.expect_refusal(daemon, both, 2)
            self.assertEqual(first.call("ping"), b"PONG")

    def test_a_group_that_is_not_there_is_refused(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            ini = INI.replace("drain", "socket_group = no-such-group\ndrain")
            reply = daemon.reload(ini.replace("2h", "1h"))
            self.assertEqual(getattr(reply, "code", "OK"), "POLICY")
            self.assertIn(b"ttl=2h", daemon.call("namespaces"))

    @harness.NEEDS_ROOT
    def test_a_group_that_the_socket_may_not_have_is_refused(self):
        with harness.World() as world:
            world.open_to_others()
            daemon = world.daemon(INI, **harness.AS_OTHER)
            ini = INI.replace("drain", "socket_group = 0\nsocket_mode = 0600\ndrain")
            self.expect_refusal(daemon, ini.replace("2h", "1h"), 3)

    def test_the_same_address_twice_is_refused(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.expect_refusal(daemon, INI.replace("{listen}", "{listen}\nlisten = {listen}"), 3)


class Slow(unittest.TestCase):
    """A file that takes its time: a pipe that nobody writes into yet."""

    def block(self, daemon):
        os.unlink(daemon.ini)
        os.mkfifo(daemon.ini)

    def release(self, daemon, ini=INI):
        """Lets one reader of the pipe go on, with that text, unless the daemon has ended."""
        pipe = harness.wait_until(lambda: self.open_pipe(daemon), "the pipe has a reader")
        if pipe is not self.ENDED:
            with open(pipe, "w") as file:
                file.write(daemon.world.fill_in(ini))

    ENDED = object()

    def open_pipe(self, daemon):
        try:
            return os.open(daemon.ini, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads it
            return None if daemon.process.poll() is None else self.ENDED

    def test_others_are_served_meanwhile(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.block(daemon)
            with daemon.client() as waiting, daemon.client() as other:
                waiting.send(resp.array("reload") + resp.array("ping"))
                for _ in range(100):
                    self.assertEqual(other.call("key.set", "carts", "k", "v"), b"OK")
                self.release(daemon)
                self.assertEqual([waiting.read() for _ in range(2)], [b"OK", b"PONG"])

    def test_those_who_ask_meanwhile_get_one_more_reload_for_all(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.block(daemon)
            clients = [daemon.client() for _ in range(4)]
            for client in clients:
                client.send(resp.array("reload"))
                self.assertEqual(daemon.call("ping"), b"PONG")
            self.release(daemon)
            self.assertEqual(clients[0].read(), b"OK")
            # The second reader of the pipe finds a newer file.
            self.release(daemon, INI.replace("ttl = 2h", "ttl = soon"))
            self.assertEqual({client.read().code for client in clients[1:]}, {"POLICY"})
            for client in clients:
                client.close()

    def test_one_who_leaves_meanwhile_gets_its_reload_all_the_same(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.block(daemon)
            with daemon.client() as client:
                client.send(resp.array("reload"))
                self.assertEqual(daemon.call("ping"), b"PONG")
            self.release(daemon, INI + "[namespace users]\n")
            daemon.wait_logged("reload: done")
            self.assertIsNone(daemon.call("key.get", "users", "k"))

    def test_those_who_wait_when_the_daemon_ends_are_answered(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.block(daemon)
            with daemon.client() as first, daemon.client() as second:
                first.send(resp.array("reload"))
                self.assertEqual(daemon.call("ping"), b"PONG")
                second.send(resp.array("reload"))
                self.assertEqual(daemon.call("ping"), b"PONG")
                daemon.send_signal(signal.SIGTERM)
                try:
                    self.assertIsInstance(first.read(), resp.Error)
                    self.assertIsInstance(second.read(), resp.Error)
                finally:
                    self.release(daemon)
                self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    harness.main()
