#!/usr/bin/env python3
"""Certificates that are replaced while the daemon runs, of which nobody tells it."""

import contextlib
import os
import pathlib
import ssl
import threading

import harness
import resp
import tls

INI = """\
[cachesd]
listen = {listen}, tls:127.0.0.1:{port}
tls_cert = server.crt
tls_key = server.key
tls_client = optional
tls_client_ca = ca.crt
[backend main]
url = rediss://localhost:PORT
tls_ca = ca.crt
tls_cert = daemon.crt
tls_key = daemon.key
connect_timeout = 5s
timeout = 5s
[namespace carts]
prefix = cart:
[user web]
tls_name = web
namespaces = *
access = write
[user local]
uid = 0
namespaces = *
access = admin
"""
AGAIN = ": the settings are read again"


class Renewal(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.world.folder)
        self.authority = tls.Authority(self.folder)
        self.authority.issue("server", "DNS:localhost").issue("daemon").issue("web").issue("redis", "DNS:localhost")
        self.foreign = tls.Authority(self.folder, "foreign")

    def start(self, change=lambda ini: ini, **more):
        self.redis = tls.redis(self.world, cert="redis", ask="yes", **more)
        self.ini = change(INI.replace("PORT", str(self.redis.tls_port)))
        self.daemon = self.world.daemon(self.ini, program=harness.HASTY)
        harness.wait_until(lambda: self.daemon.backend()["state"] == "up", "all workers are connected")

    def replace(self, name, by):
        os.replace(self.folder / by, self.folder / name)

    def renew(self, name, *names, authority=None):
        """Key and certificate, the one after the other, each at once."""
        (authority or self.authority).issue("new-" + name, *names)
        self.replace(name + ".key", f"new-{name}.key")
        self.replace(name + ".crt", f"new-{name}.crt")

    def wait_done(self, count=1):
        harness.wait_until(lambda: len(self.daemon.lines("reload: done")) >= count, "the settings are in force")

    def client(self, cert=None, context=None):
        client = tls.Client(("127.0.0.1", self.world.port), context or self.authority.context(cert))
        self.addCleanup(client.close)
        return client

    def serial(self):
        with contextlib.closing(self.client()) as client:
            return client.socket.getpeercert()["serialNumber"]

    def connections(self):
        """The numbers of the daemon's connections, at Redis."""
        lines = self.redis.call("client", "list").decode().splitlines()
        return sorted(line.split()[0] for line in lines if "name=cachesd" in line)

    def lose_connections(self):
        """The daemon's, which makes new ones."""
        before = self.connections()
        self.redis.call("client", "kill", "type", "normal", "skipme", "yes")
        self.redis.call("client", "kill", "type", "pubsub")
        harness.wait_until(lambda: not set(before) & set(self.connections()), "they are lost")

    def check_serves(self):
        harness.wait_until(lambda: self.daemon.call("key.set", "carts", "k", "v") == b"OK", "it serves")
        self.assertEqual(self.daemon.call("key.get", "carts", "k"), b"v")

    def set_redis(self, *words):
        self.assertEqual(self.redis.call("config", "set", *words), b"OK")

    # --- listeners ----------------------------------------------------------------------------

    def test_new_clients_see_a_listeners_new_certificate_and_old_ones_go_on(self):
        self.start(lambda ini: ini.replace("[cachesd]", "[cachesd]\nworkers = 3"))
        old, before = self.serial(), self.client("web")
        self.assertEqual(before.call("key.get", "carts", "k"), None)
        self.renew("server", "DNS:localhost")
        harness.wait_until(lambda: self.serial() != old, "new clients see it")
        self.wait_done()
        new = self.serial()
        self.assertEqual({self.serial() for _ in range(6)}, {new})  # at every worker
        self.assertEqual(before.call("key.set", "carts", "k", "v"), b"OK")
        self.assertTrue(self.daemon.lines(f"{self.folder}/server."))

    def test_a_key_is_waited_for_that_comes_behind_its_certificate(self):
        self.start()
        old, before = self.serial(), self.client()
        self.authority.issue("new", "DNS:localhost")
        self.replace("server.crt", "new.crt")
        self.daemon.wait_logged(f"{self.folder}/server.crt has changed{AGAIN}")
        self.daemon.wait_logged("tls_key: it is not the key of the certificate")
        harness.wait_until(lambda: len(self.daemon.lines("hasty: due again")) >= 5, "it is tried again")
        self.assertEqual(self.serial(), old)
        self.assertEqual(len(self.daemon.lines("reload: refused")), 1)
        self.assertEqual(len(self.daemon.lines("has changed")), 1)
        self.replace("server.key", "new.key")
        self.wait_done()
        self.assertNotEqual(self.serial(), old)
        self.assertEqual(len(self.daemon.lines("reload: refused")), 1)
        self.assertEqual(before.call("ping"), b"PONG")

    def test_key_and_certificate_may_change_at_once_behind_a_link(self):
        for name in ("first", "second"):
            (self.folder / name).mkdir()
            self.authority.issue(name, "DNS:localhost")
            self.replace(f"{name}/tls.crt", f"{name}.crt")
            self.replace(f"{name}/tls.key", f"{name}.key")
        live = self.folder / "live"
        live.symlink_to("first")
        self.start(lambda ini: ini.replace("server.crt", "live/tls.crt").replace("server.key", "live/tls.key"))
        old = self.serial()
        (self.folder / "next").symlink_to("second")
        self.replace("live", "next")
        self.daemon.wait_logged(f"{live}/tls.crt and 1 more file have changed{AGAIN}")
        self.wait_done()
        self.assertNotEqual(self.serial(), old)
        self.assertEqual(self.daemon.lines("refused"), [])

    def test_a_certificate_that_is_half_written_changes_nothing_until_it_is_whole(self):
        self.start()
        old, path = self.serial(), self.authority.path("server")
        self.authority.issue("new", "DNS:localhost")
        self.replace("server.key", "new.key")
        whole = self.authority.path("new").read_bytes()
        path.write_bytes(whole[:300])
        self.daemon.wait_logged("tls_cert: there is no certificate in the file")
        self.assertEqual(self.serial(), old)
        path.write_bytes(whole)
        self.wait_done()
        self.assertNotEqual(self.serial(), old)

    def test_a_file_that_is_gone_is_missed_only_when_it_is_back(self):
        self.start()
        old = self.serial()
        self.authority.issue("new", "DNS:localhost")
        self.replace("kept.crt", "server.crt")
        self.replace("kept.key", "server.key")
        self.assertEqual(self.serial(), old)
        self.replace("server.key", "new.key")
        self.daemon.wait_logged(f"{self.folder}/server.key has changed{AGAIN}")
        self.replace("server.crt", "new.crt")
        self.wait_done()
        self.assertNotEqual(self.serial(), old)

    def test_a_reload_is_tried_again_also_when_what_it_lacked_looks_as_before(self):
        self.start()
        self.replace("kept.key", "server.key")
        both = self.authority.path("ca").read_bytes() + self.foreign.path("foreign").read_bytes()
        (self.folder / "both").write_bytes(both)
        self.replace("ca.crt", "both")
        self.daemon.wait_logged("tls_key: can't read 'server.key'")
        harness.wait_until(lambda: len(self.daemon.lines("hasty: due again")) >= 3, "it is tried again")
        self.replace("server.key", "kept.key")
        self.wait_done()
        self.assertEqual(len(self.daemon.lines("reload: refused")), 1)

    def test_authorities_of_clients_are_read_again(self):
        self.start()
        self.foreign.issue("web")
        before = self.client()
        stranger = tls.context(self.folder)
        stranger.load_cert_chain(self.foreign.path("web"), self.foreign.path("web", "key"))
        with self.assertRaises((resp.Closed, ssl.SSLError, OSError)):
            self.client(context=stranger).call("ping")
        # The clients go on to trust the former authority, since they have read it.
        both = self.authority.path("ca").read_bytes() + self.foreign.path("foreign").read_bytes()
        (self.folder / "both").write_bytes(both)
        self.replace("ca.crt", "both")
        self.wait_done()
        self.assertIsNone(self.client(context=stranger).call("key.get", "carts", "k"))
        self.assertEqual(before.call("ping"), b"PONG")

    # --- backends -----------------------------------------------------------------------------

    def test_a_backends_connections_stay_and_the_next_one_shows_the_new_certificate(self):
        self.start()
        self.set_redis("tls-ca-cert-file", f"{self.folder}/foreign.crt")  # who comes from now on is asked for it
        before = self.connections()
        self.renew("daemon", authority=self.foreign)
        self.wait_done()
        self.check_serves()
        self.assertEqual(self.connections(), before)
        self.lose_connections()
        self.check_serves()

    def test_a_backends_authority_is_read_again(self):
        self.start()
        self.foreign.issue("other", "DNS:localhost")
        self.set_redis("tls-cert-file", f"{self.folder}/other.crt", "tls-key-file", f"{self.folder}/other.key")
        before = self.connections()
        self.replace("ca.crt", "foreign.crt")
        self.wait_done()
        self.check_serves()
        self.assertEqual(self.connections(), before)
        self.lose_connections()
        self.check_serves()

    def test_a_folder_of_authorities_is_read_again(self):
        folder = self.folder / "authorities"
        folder.mkdir()
        (folder / "ca.pem").write_bytes(self.authority.path("ca").read_bytes())
        tls.openssl("rehash", folder)
        self.start(lambda ini: ini.replace("tls_ca = ca.crt", "tls_ca = authorities"))
        self.foreign.issue("other", "DNS:localhost")
        self.set_redis("tls-cert-file", f"{self.folder}/other.crt", "tls-key-file", f"{self.folder}/other.key")
        os.replace(self.folder / "foreign.crt", folder / "ca.pem")
        tls.openssl("rehash", folder)
        self.daemon.wait_logged(f"{folder} has changed{AGAIN}")
        self.lose_connections()
        self.check_serves()

    # --- and the configuration ----------------------------------------------------------------

    def test_an_edit_of_the_configuration_is_not_put_in_force_by_the_way(self):
        self.start()
        old = self.serial()
        self.daemon.configure(self.ini.replace("cart:", "trolley:"))
        self.renew("server", "DNS:localhost")
        told = f"changed, and so has {self.daemon.ini}, which may be half done: a reload (SIGHUP, or the verb reload)"
        self.daemon.wait_logged(told)
        self.assertEqual(self.serial(), old)
        self.check_serves()
        self.assertEqual(self.redis.call("get", "cart:k"), b"v")
        self.assertEqual(self.daemon.call("reload"), b"OK")
        self.assertEqual(len(self.daemon.lines("reload: done")), 1)
        self.assertNotEqual(self.serial(), old)
        self.check_serves()
        self.assertEqual(self.redis.call("get", "trolley:k"), b"v")

    def test_an_edit_that_is_taken_back_is_none(self):
        self.start()
        old = self.serial()
        self.daemon.configure("half")
        self.renew("server", "DNS:localhost")
        self.daemon.wait_logged("which may be half done")
        self.daemon.configure(self.ini)
        self.wait_done()
        self.assertNotEqual(self.serial(), old)

    # --- and requests -------------------------------------------------------------------------

    def test_no_request_is_lost_over_many_renewals(self):
        self.start()
        stop, wrong, asked = threading.Event(), [], [0] * 4

        def ask(number):
            with contextlib.closing(self.client("web")) as client:
                while not stop.is_set():
                    key = f"{number}-{asked[number] % 10}"
                    client.send(resp.array("key.set", "carts", key, asked[number]) + resp.array("key.get", "carts", key))
                    replies = [client.read(), client.read()]
                    if replies != [b"OK", str(asked[number]).encode()]:
                        wrong.append(replies)
                    asked[number] += 1

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(asked))]
        for thread in threads:
            thread.start()
        for number in range(10):
            before, done, old = sum(asked), len(self.daemon.lines("reload: done")), self.serial()
            self.renew("server", "DNS:localhost")
            self.renew("daemon")
            self.wait_done(done + 1)
            harness.wait_until(lambda: self.serial() != old, "new clients see it")
            harness.wait_until(lambda: sum(asked) > before + 20, "requests go on")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    harness.main()
