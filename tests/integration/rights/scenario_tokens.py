#!/usr/bin/env python3
"""auth: over the Unix socket and TCP; wrong tokens; listeners that others can reach."""

import contextlib
import os
import pathlib
import signal
import socket
import time
import unittest

import harness
import resp
from resp import Client

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
[namespace carts]
[namespace users]
"""


def user(name, token, namespaces="*", access="read"):
    hash_ = harness.token_hash(token)
    return f"[user {name}]\ntoken = {hash_}\nnamespaces = {namespaces}\naccess = {access}\n"


def own_address():
    """One of this machine's that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # asks for the way there; sends nothing
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


WEB = user("web", "open sesame", access="write")


class Auth(unittest.TestCase):
    def test_a_token_is_good_over_the_unix_socket_and_over_tcp(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB)
            for address in (daemon.path, ("127.0.0.1", world.port)):
                with Client(address) as client:
                    self.assertEqual(client.call("key.get", "carts", "k").code, "NOAUTH")
                    self.assertEqual(client.call("auth", "web", "open sesame"), b"OK")
                    self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")

    def test_a_tcp_peer_is_never_taken_for_a_uid(self):
        me = f"[user me]\nuid = {os.getuid()}\ngid = {os.getgid()}\nnamespaces = *\n"
        with harness.World() as world:
            daemon = world.daemon(INI + me)
            self.assertIsNone(daemon.call("key.get", "carts", "k"))
            with Client(("127.0.0.1", world.port)) as client:
                self.assertEqual(client.call("key.get", "carts", "k").code, "NOAUTH")

    def test_who_is_known_by_uid_may_become_another_user(self):
        me = f"[user me]\nuid = {os.getuid()}\nnamespaces = users\n"
        with harness.World() as world:
            with world.daemon(INI + WEB + me).client() as client:
                self.assertEqual(client.call("key.get", "carts", "k").code, "NOPERM")
                self.assertEqual(client.call("auth", "web", "open sesame"), b"OK")
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")

    def test_the_token_must_be_its_users_own_and_whole(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB + user("other", "theirs"))
            for name, token in (("web", "theirs"), ("other", "open sesame"), ("WEB", "open sesame"),
                                ("web", "open"), ("web", "open sesame "), ("web", ""), ("", ""),
                                ("web", harness.token_hash("open sesame")), ("web", "\0")):
                with self.subTest(name=name, token=token), daemon.client() as client:
                    self.assertEqual(client.call("auth", name, token).code, "NOAUTH")
                    self.assertEqual(client.call("key.get", "carts", "k").code, "NOAUTH")

    def test_a_user_without_a_token_has_none_that_fits(self):
        nobody = "[user nobody]\nuid = 54321\nnamespaces = *\n"
        with harness.World() as world:
            with world.daemon(INI + nobody).client() as client:
                for token in ("", "\0" * 32, harness.token_hash("")):
                    self.assertEqual(client.call("auth", "nobody", token).code, "NOAUTH")

    def test_any_bytes_can_be_a_token(self):
        token = "two words\n\"quoted\" \u00e9"
        with harness.World() as world:
            daemon = world.daemon(INI + user("web", token))
            for encode in (resp.array, resp.line, resp.blocks):
                with daemon.client() as client:
                    client.send(encode("auth", "web", token))
                    self.assertEqual(client.read(), b"OK")

    def test_one_of_more_than_64_kb_is_wrong(self):
        longest = "x" * 65536
        with harness.World() as world:
            users = user("a", longest) + user("b", longest + "x")
            with world.daemon(INI + users).client() as client:
                self.assertEqual(client.call("auth", "a", longest), b"OK")
                self.assertEqual(client.call("auth", "b", longest + "x").code, "NOAUTH")

    def test_a_user_may_change_its_name_and_a_failure_takes_nothing_away(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB + user("other", "theirs", "users"))
            with daemon.client() as client:
                self.assertEqual(client.call("auth", "web", "open sesame"), b"OK")
                self.assertEqual(client.call("auth", "web", "wrong").code, "NOAUTH")
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                self.assertEqual(client.call("auth", "other", "theirs"), b"OK")
                self.assertEqual(client.call("key.get", "carts", "k").code, "NOPERM")
                self.assertIsNone(client.call("key.get", "users", "k"))


class WrongTokens(unittest.TestCase):
    def seconds(self, client, *words):
        started = time.monotonic()
        return client.call(*words), time.monotonic() - started

    def guess(self, daemon, times, name="web"):
        """So many wrong tokens, each over a connection of its own."""
        for _ in range(times):
            with daemon.client() as client:
                self.assertEqual(client.call("auth", name, "wrong").code, "NOAUTH")

    def test_the_first_five_are_refused_at_once_and_each_further_one_waits_longer(self):
        with harness.World() as world:
            with world.daemon(INI + WEB).client() as client:
                took = []
                for _ in range(7):
                    reply, seconds = self.seconds(client, "auth", "web", "wrong")
                    self.assertEqual(reply, b"NOAUTH wrong user or token")
                    took.append(seconds)
                self.assertLess(min(took[:5]), 0.1)
                self.assertGreater(took[5], 0.2)
                self.assertGreater(took[6], 0.45)

    def test_to_connect_anew_helps_nobody(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB)
            for address in (daemon.path, ("127.0.0.1", world.port)):
                for _ in range(5):
                    with Client(address) as client:
                        self.assertEqual(client.call("auth", "web", "wrong").code, "NOAUTH")
                for token in ("wrong", "open sesame"):  # which of them it is, no delay tells
                    with Client(address) as client:
                        self.assertGreater(self.seconds(client, "auth", "web", token)[1], 0.2)

    def test_hello_guesses_no_faster(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB)
            for _ in range(5):
                reply = daemon.call("hello", "2", "SETNAME", "me", "AUTH", "web", "wrong")
                self.assertEqual(reply, b"NOAUTH wrong user or token")
            with daemon.client() as client:
                reply, seconds = self.seconds(client, "hello", "2", "AUTH", "web", "open sesame")
                self.assertEqual(reply[:2], [b"server", b"redis"])
                self.assertGreater(seconds, 0.2)

    def test_a_crowd_guesses_no_faster(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB)
            with contextlib.ExitStack() as stack:
                crowd = [stack.enter_context(daemon.client()) for _ in range(200)]
                for client in crowd:
                    client.send(resp.array("auth", "web", "wrong"))
                unseen = [client.read() for client in crowd[-100:]]
                self.assertEqual(len([r for r in unseen if b"too many wrong tokens" in r]), 100)

    def test_only_guesses_at_that_user_wait(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB + user("other", "theirs"))
            with daemon.client() as guesser, daemon.client() as other:
                guesser.send(resp.array("auth", "web", "wrong") * 8 + resp.array("ping"))
                self.assertEqual([guesser.read().code for _ in range(6)], ["NOAUTH"] * 6)
                reply, seconds = self.seconds(other, "auth", "other", "theirs")
                self.assertEqual(reply, b"OK")
                self.assertLess(seconds, 0.2)
                # What follows on the guesser's own connection waits, and keeps its order.
                self.assertEqual([guesser.read().code for _ in range(2)], ["NOAUTH"] * 2)
                self.assertEqual(guesser.read(), b"PONG")

    @harness.NEEDS_ROOT
    def test_guesses_of_another_uid_hold_nobody_up(self):
        with harness.World() as world:
            daemon = world.daemon(INI.replace("{listen}", "{listen}\nsocket_mode = 0666") + WEB)
            world.open_to_others()
            with harness.identity(harness.OTHER, harness.OTHER):
                self.guess(daemon, 6)
            with daemon.client() as client:
                reply, seconds = self.seconds(client, "auth", "web", "open sesame")
                self.assertEqual(reply, b"OK")
                self.assertLess(seconds, 0.2)

    def test_the_right_token_after_wrong_ones_is_good_and_forgives_them(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB)
            self.guess(daemon, 5)
            with daemon.client() as client:
                self.assertEqual(client.call("auth", "web", "open sesame"), b"OK")
                began = time.monotonic()
                for _ in range(4):
                    self.assertEqual(client.call("auth", "web", "wrong").code, "NOAUTH")
                self.assertLess(time.monotonic() - began, harness.SOON, "they would take 3.75 s, were they not forgiven")

    def test_the_log_tells_of_the_first_and_not_of_each(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB)
            with daemon.client() as client:
                for i in range(500):
                    reply = client.call("auth", f"nobody{i}", "secret\n")
                    self.assertEqual(reply, b"NOAUTH wrong user or token")
            told = daemon.lines("wrong user or token")
            self.assertEqual(len(told), 1, told)
            self.assertIn(f"uid {os.getuid()}: wrong user or token: user nobody0 (client", told[0])
            self.assertNotIn("secret", daemon.log())

    def test_one_who_leaves_while_it_waits_disturbs_nobody(self):
        with harness.World() as world:
            daemon = world.daemon(INI + WEB + user("all", "admin", access="admin"))
            for _ in range(20):
                with daemon.client() as guesser:
                    guesser.send(resp.array("auth", "web", "wrong") * 3)
                    self.assertEqual(guesser.read().code, "NOAUTH")
            with daemon.client() as client:
                self.assertEqual(client.call("auth", "all", "admin"), b"OK")
                harness.wait_until(
                    lambda: client.call("clients").count(b" addr=") == 1, "they have left"
                )

    def test_one_who_waits_is_answered_when_the_daemon_ends(self):
        ini = INI.replace("[backend", "drain = 100ms\n[backend", 1)
        with harness.World() as world:
            daemon = world.daemon(ini + WEB)
            with daemon.client() as guesser:
                guesser.send(resp.array("auth", "web", "wrong") * 8)
                self.assertEqual([guesser.read().code for _ in range(5)], ["NOAUTH"] * 5)
                daemon.send_signal(15)
                self.assertIn(guesser.read().code, ("NOAUTH", "UNAVAILABLE"))
                daemon.wait()

    def test_each_is_answered_when_the_daemon_ends(self):
        ini = INI.replace("[backend", "drain = 1s\n[backend", 1)
        with harness.World() as world:
            daemon = world.daemon(ini + WEB)
            with daemon.client() as guesser:
                guesser.send(resp.array("auth", "web", "wrong") * 12)
                self.assertEqual(guesser.read().code, "NOAUTH")
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual([guesser.read().code for _ in range(11)], ["NOAUTH"] * 11)
                self.assertTrue(guesser.is_closed())
            self.assertEqual(daemon.wait(), 0)


class Listeners(unittest.TestCase):
    REACHED = ("tcp:0.0.0.0:{port}", "tcp:[::]:{port}")

    def problem(self, world, ini):
        path = pathlib.Path(world.folder, "some.ini")
        path.write_text(world.fill_in(ini))
        done = harness.run(*harness.DAEMON, "-t", "-c", path, env=world.environment)
        return done.returncode and done.stderr

    def test_one_that_others_reach_is_refused_without_a_token(self):
        by_uid = "[user me]\nuid = 0\nnamespaces = *\n"
        for address in self.REACHED:
            ini = INI.replace("tcp:127.0.0.1:{port}", address)
            with self.subTest(address=address), harness.World() as world:
                for users in ("", by_uid):
                    self.assertIn("some.ini:3: listen:", self.problem(world, ini + users))
                self.assertEqual(self.problem(world, ini + by_uid + WEB), 0)

    def test_one_that_others_reach_is_not_opened_by_a_reload_without_a_token(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            reply = daemon.reload(INI.replace("127.0.0.1", "0.0.0.0"))
            self.assertEqual(reply.code, "POLICY")
            self.assertIn(b".ini:3: listen:", reply)

    def test_loopback_needs_none(self):
        for address in ("tcp:127.0.0.1:{port}", "tcp:127.1.2.3:{port}", "tcp:[::1]:{port}"):
            with self.subTest(address=address), harness.World() as world:
                ini = INI.replace("tcp:127.0.0.1:{port}", address)
                self.assertEqual(self.problem(world, ini), 0)

    def test_one_that_others_reach_asks_for_the_token(self):
        with harness.World() as world:
            world.daemon(INI.replace("127.0.0.1", "0.0.0.0") + WEB)
            with Client(("127.0.0.1", world.port)) as client:
                self.assertEqual(client.call("key.get", "carts", "k").code, "NOAUTH")
                self.assertEqual(client.call("auth", "web", "open sesame"), b"OK")
                self.assertIsNone(client.call("key.get", "carts", "k"))

    def test_one_from_elsewhere_is_not_trusted_when_the_users_go(self):
        """Once nobody needs a token, nobody from elsewhere can come; but some are there already."""
        address = own_address()
        if not address:
            self.skipTest("this machine has no address but loopback")
        with harness.World() as world:
            daemon = world.daemon(INI.replace("127.0.0.1", "0.0.0.0") + WEB)
            with Client((address, world.port)) as stranger, Client((address, world.port)) as known:
                self.assertEqual(stranger.call("key.get", "carts", "k").code, "NOAUTH")
                self.assertEqual(known.call("auth", "web", "open sesame"), b"OK")
                with daemon.client() as local:
                    self.assertEqual(local.call("key.get", "carts", "k").code, "NOAUTH")
                    daemon.configure(INI.replace("listen = tcp:127.0.0.1:{port}\n", ""))
                    daemon.send_signal(signal.SIGHUP)
                    daemon.wait_logged("reload: done")
                    self.assertIsNone(local.call("key.get", "carts", "k"))
                for client in (stranger, known):
                    for request in (("key.get", "carts", "k"), ("purge", "carts"), ("stats",)):
                        self.assertEqual(client.call(*request).code, "NOAUTH", request)
                    self.assertEqual(client.call("auth", "web", "open sesame").code, "NOAUTH")
                    self.assertEqual(client.call("ping"), b"PONG")


if __name__ == "__main__":
    harness.main()
