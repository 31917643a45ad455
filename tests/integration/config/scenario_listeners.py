#!/usr/bin/env python3
"""Sections [listener NAME]: they serve clients, and a reload adds, drops and changes them."""

import collections
import os
import pathlib
import signal
import socket
import stat
import threading
import unittest

import harness
import resp
import tls
from resp import Client

HEAD = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 10s
[namespace carts]
prefix = cart:
"""
APPS = "[listener apps]\nlisten = unix:{folder}/apps.sock\n"
TCP = "[listener net]\nlisten = tcp:127.0.0.1:{port}\nspeak = cachesd\n"


def with_workers(ini, count):
    return ini.replace("[cachesd]", f"[cachesd]\nworkers = {count}")


class Listeners(unittest.TestCase):
    def path(self, world, name="apps"):
        return f"{world.folder}/{name}.sock"

    def reload(self, daemon, ini):
        self.assertEqual(daemon.reload(ini), b"OK")

    def check_ended(self, client):
        """The daemon has closed it, and has sent nothing more."""
        with self.assertRaises(resp.Closed):
            client.read()

    def test_each_of_its_addresses_serves_requests(self):
        ini = HEAD + APPS + "listen = unix:{folder}/more.sock\n" + TCP
        with harness.World() as world:
            daemon = world.daemon(ini)
            places = [daemon.path, self.path(world), self.path(world, "more"), ("127.0.0.1", world.port)]
            for number, place in enumerate(places):
                with Client(place) as client:
                    self.assertEqual(client.call("key.set", "carts", f"k{number}", number), b"OK")
            for number in range(len(places)):
                self.assertEqual(world.redis().call("GET", f"cart:k{number}"), b"%d" % number)

    def test_its_unix_sockets_have_the_mode_of_the_daemon(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD.replace("{listen}", "{listen}\nsocket_mode = 0600") + APPS)
            self.assertEqual(stat.S_IMODE(os.stat(self.path(world)).st_mode), 0o600)
            self.reload(daemon, HEAD.replace("{listen}", "{listen}\nsocket_mode = 0640") + APPS)
            self.assertEqual(stat.S_IMODE(os.stat(self.path(world)).st_mode), 0o640)

    def test_clients_and_explain_name_it(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + APPS)
            with Client(self.path(world)) as client, daemon.client() as other:
                client.call("client", "setname", "guest")
                told = other.call("clients", "listener=apps").decode()
                self.assertRegex(told, r"^id=\d+ addr=unix:\S+ name=guest user=none listener=apps .*\n$")
                self.assertRegex(other.call("clients", "listener=").decode(), r"^id=.* listener= .* verb=clients\n$")
                self.assertIn(b"\nlistener: apps\n", client.call("explain", "key.get", "carts", "k"))
                self.assertNotIn(b"listener", other.call("explain", "key.get", "carts", "k"))

    def test_users_are_known_there_as_elsewhere(self):
        user = f"[user web]\ntoken = {harness.token_hash('secret')}\nnamespaces = carts\n"
        with harness.World() as world:
            world.daemon(HEAD + APPS + user)
            with Client(self.path(world)) as client:
                self.assertEqual(client.call("key.get", "carts", "k").code, "NOAUTH")
                self.assertEqual(client.call("auth", "web", "secret"), b"OK")
                self.assertIsNone(client.call("key.get", "carts", "k"))
                self.assertEqual(client.call("key.set", "carts", "k", "v").code, "NOPERM")

    def test_tls_is_that_of_the_daemon(self):
        with harness.World() as world:
            authority = tls.Authority(world.folder)
            authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
            options = "tls_cert = {folder}/server.crt\ntls_key = {folder}/server.key"
            ini = HEAD.replace("{listen}", "{listen}\n" + options)
            world.daemon(ini + "[listener net]\nlisten = tls:127.0.0.1:{port}\n")
            with tls.Client(("127.0.0.1", world.port), authority.context()) as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")

    def test_an_included_file_brings_listeners(self):
        with harness.World() as world:
            pathlib.Path(world.folder, "apps.ini").write_text(world.fill_in(APPS))
            daemon = world.daemon(HEAD.replace("{listen}", "{listen}\ninclude = apps.ini"))
            with Client(self.path(world)) as client:
                self.assertEqual(client.call("ping"), b"PONG")
            self.assertIn(b"section=listener name=apps option=speak", daemon.call("settings", "apps"))

    # --- reload -------------------------------------------------------------------------------

    def test_a_reload_adds_one_and_drops_it(self):
        for workers in (1, 3):
            head = with_workers(HEAD, workers)
            with self.subTest(workers=workers), harness.World() as world:
                daemon = world.daemon(head)
                self.assertFalse(os.path.exists(self.path(world)))
                self.reload(daemon, head + APPS)
                clients = [Client(self.path(world)) for _ in range(4)]
                for client in clients:  # of each worker
                    self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                with daemon.client() as other:
                    self.reload(daemon, head)
                    self.assertEqual(other.call("ping"), b"PONG")
                self.assertFalse(os.path.exists(self.path(world)))
                for client in clients:
                    self.check_ended(client)
                    client.close()
                closed = b'cachesd_clients_closed_total{reason="reload"} 4\n'
                harness.wait_until(lambda: closed in daemon.call("metrics"), "each worker has counted its own")

    def test_requests_in_flight_are_answered_before_their_client_ends(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + APPS)
            with Client(self.path(world)) as client:
                client.call("key.set", "carts", "k", "v")
                world.redis().send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "k"))
                is_there = lambda: b" requests=2 " in daemon.call("clients")
                harness.wait_until(is_there, "the daemon has the request")
                self.reload(daemon, HEAD)
                world.redis().send_signal(signal.SIGCONT)
                self.assertEqual(client.read(), b"v")
                self.check_ended(client)

    def test_its_clients_stay_while_their_section_does(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + APPS)
            with Client(self.path(world)) as client:
                self.assertEqual(client.call("ping"), b"PONG")
                self.reload(daemon, HEAD + APPS.replace("apps.sock", "moved.sock"))
                self.assertFalse(os.path.exists(self.path(world)))
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                with Client(self.path(world, "moved")) as other:
                    self.assertEqual(other.call("key.get", "carts", "k"), b"v")

    def test_an_open_socket_may_go_over_to_another_section(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + APPS)
            before = os.stat(self.path(world)).st_ino
            with Client(self.path(world)) as first:
                self.assertEqual(first.call("ping"), b"PONG")
                self.reload(daemon, HEAD + APPS.replace("[listener apps]", "[listener shops]"))
                self.check_ended(first)
            with Client(self.path(world)) as second:
                self.assertEqual(second.call("ping"), b"PONG")
                everywhere = HEAD.replace("{listen}", "{listen}\nlisten = unix:{folder}/apps.sock")
                self.reload(daemon, everywhere)
                self.check_ended(second)
            with Client(self.path(world)) as third:
                self.assertEqual(third.call("ping"), b"PONG")
                self.reload(daemon, HEAD + APPS)
                self.assertEqual(third.call("ping"), b"PONG")  # [cachesd] does not go
            self.assertEqual(os.stat(self.path(world)).st_ino, before)

    def test_a_refused_reload_changes_none(self):
        with harness.World() as world, socket.create_server(("127.0.0.1", 0)) as taken:
            daemon = world.daemon(HEAD + APPS)
            port = taken.getsockname()[1]
            with Client(self.path(world)) as client:
                reply = daemon.reload(HEAD + f"[listener net]\nlisten = tcp:127.0.0.1:{port}\n")
                self.assertEqual(reply.code, "POLICY")
                self.assertRegex(reply, rb":\d+: listen: tcp:127.0.0.1:%d: address already in use" % port)
                self.assertEqual(client.call("ping"), b"PONG")
            with Client(self.path(world)) as client:
                self.assertEqual(client.call("ping"), b"PONG")

    def test_clients_that_come_while_it_comes_and_goes_are_served_or_ended(self):
        head, path, seen, is_over = with_workers(HEAD, 3), None, collections.Counter(), threading.Event()

        count = lambda: sum(list(seen.values()))

        def come():
            while not is_over.is_set():
                try:
                    with Client(path) as client:
                        seen[client.call("key.get", "carts", "k")] += 1
                except (resp.Closed, OSError) as error:
                    seen[type(error).__name__] += 1

        with harness.World() as world:
            daemon, path = world.daemon(head + APPS), self.path(world)
            guests = [threading.Thread(target=come) for _ in range(4)]
            for guest in guests:
                guest.start()
            try:
                for number in range(40):
                    speak = "redis" if number % 4 == 3 else "cachesd"
                    self.reload(daemon, head + (APPS + f"speak = {speak}\n" if number % 2 else ""))
                    before = count()
                    harness.wait_until(lambda: count() > before + 4, "some come meanwhile")
            finally:
                is_over.set()
                for guest in guests:
                    guest.join()
            self.assertGreater(seen[None], 0)
            ends = {"Closed", "FileNotFoundError", "ConnectionRefusedError", "ConnectionResetError", "BrokenPipeError"}
            self.assertEqual(set(seen) - ends - {None}, set(), seen)
            self.reload(daemon, head + APPS)
            with Client(path) as client:
                self.assertIsNone(client.call("key.get", "carts", "k"))

    def test_a_start_fails_when_its_address_is_taken(self):
        with harness.World() as world, socket.create_server(("127.0.0.1", 0)) as taken:
            ini = HEAD + f"[listener net]\nlisten = tcp:127.0.0.1:{taken.getsockname()[1]}\n"
            daemon = world.start_daemon(ini)
            daemon.is_expected_to_fail = True
            self.assertEqual(daemon.wait(), 1)
            self.assertIn("address already in use", daemon.log())


if __name__ == "__main__":
    harness.main()
