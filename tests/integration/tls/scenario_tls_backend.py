#!/usr/bin/env python3
"""rediss://: Redis over TLS, what is told when it does not work, reloads, sessions, and the near cache."""

import contextlib
import pathlib
import re
import socket
import threading

import harness
import resp
import tls

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = rediss://localhost:PORT
tls_ca = ca.crt
connect_timeout = 5s
[namespace carts]
prefix = cart:
"""


SOON = "connect_timeout = 300ms"


def with_options(ini, *options):
    """The configuration with these in its backend's section; those that it has are replaced."""
    for option in options:
        ini = re.sub(f"(?m)^{option.split(' ')[0]} = .*\n", "", ini)
        ini = ini.replace("[namespace", option + "\n[namespace", 1)
    return ini


class Backend(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.authority = tls.Authority(self.world.folder)
        self.authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
        self.daemon = None

    def start(self, *options, redis=None, url=None):
        """A daemon at that Redis; options are added, those that the configuration has are replaced."""
        if self.daemon:
            self.daemon.stop()
        self.redis = redis or tls.redis(self.world)
        ini = INI.replace("PORT", str(self.redis.tls_port))
        if url:
            ini = re.sub("(?m)^url = .*", f"url = {url}", ini)
        self.ini = ini = with_options(ini, *options)
        self.daemon = self.world.daemon(ini)
        return self.daemon

    def check_good(self, *options, **more):
        daemon = self.start(*options, **more)
        self.assertEqual(daemon.call("key.set", "carts", "k", "v"), b"OK")
        self.assertEqual(daemon.call("key.get", "carts", "k"), b"v")
        harness.wait_until(lambda: daemon.backend()["state"] == "up", "all workers are connected")
        self.assertEqual(self.redis.call("get", "cart:k"), b"v")

    def check_bad(self, told, *options, **more):
        """The reason is in `backends`, and in the log from the second failure on."""
        daemon = self.start(*options, **more)
        harness.wait_until(lambda: told in daemon.backend().get("reason", ""), f"backends says: {told}")
        daemon.wait_logged(told)
        self.assertEqual(daemon.call("key.get", "carts", "k").code, "UNAVAILABLE")

    def test_by_a_name(self):
        self.check_good()
        self.assertIn("up (rediss://localhost:", self.daemon.log())

    def test_by_a_number(self):
        redis = tls.redis(self.world)
        self.check_good(redis=redis, url=f"rediss://127.0.0.1:{redis.tls_port}")

    def test_by_another_name(self):
        self.authority.issue("azure", "DNS:cache.example.net")
        self.check_good("tls_server_name = cache.example.net", redis=tls.redis(self.world, cert="azure"))

    def test_with_a_folder_of_authorities(self):
        folder = pathlib.Path(self.world.folder, "authorities")
        folder.mkdir()
        (folder / "ca.pem").write_bytes(self.authority.path("ca").read_bytes())
        tls.openssl("rehash", folder)
        self.check_good("tls_ca = authorities")

    def test_without_a_look_at_the_name(self):
        self.authority.issue("other", "DNS:other")
        self.check_good("tls_verify = ca", redis=tls.redis(self.world, cert="other"))

    def test_without_a_look_at_the_certificate_which_is_warned_of(self):
        self.check_good("tls_verify = no", "tls_ca = ")
        warning = "tls_verify = no: anybody between here and the server can pass for it"
        self.assertEqual(len(self.daemon.lines(warning)), 1)
        self.assertEqual(self.daemon.call("reload"), b"OK")
        self.assertEqual(len(self.daemon.lines(warning)), 2)

    def test_with_a_client_certificate(self):
        self.authority.issue("daemon")
        redis = tls.redis(self.world, ask="yes")
        self.check_good("tls_cert = daemon.crt", "tls_key = daemon.key", redis=redis)

    def test_by_chosen_versions_and_ciphers(self):
        redis = tls.redis(self.world, options=("--tls-protocols", "TLSv1.2"))
        self.check_good("tls_ciphers = ECDHE-ECDSA-AES128-GCM-SHA256", redis=redis)
        newer = tls.redis(self.world, "newer", options=("--tls-protocols", "TLSv1.3"))
        self.check_good("tls_min = 1.3", redis=newer)

    def test_a_server_of_a_foreign_authority(self):
        tls.Authority(self.world.folder, "foreign").issue("stranger", "DNS:localhost")
        self.check_bad("TLS: the server's certificate is not to be trusted: is its CA, foreign, in tls_ca? (",
                       redis=tls.redis(self.world, cert="stranger"))  # fmt: skip

    def test_a_server_of_the_systems_authorities_is_none(self):
        self.check_bad("is not to be trusted: ", "tls_ca = ")

    def test_a_server_of_another_name(self):
        self.authority.issue("other", "DNS:other", "IP:10.0.0.7")
        self.check_bad("TLS: the server's certificate is not for localhost (tls_server_name), but for other, 10.0.0.7",
                       redis=tls.redis(self.world, cert="other"))  # fmt: skip

    def test_a_server_whose_certificate_has_expired(self):
        self.authority.issue("old", "DNS:localhost", has_expired=True)
        self.check_bad("TLS: the server's certificate has expired on 2021-01-01", redis=tls.redis(self.world, cert="old"))

    def test_a_server_whose_certificate_is_not_valid_yet(self):
        self.authority.issue("young", "DNS:localhost", begin="20900101000000Z")
        self.check_bad("is not valid before 2090-01-01 (or is the clock wrong?)", redis=tls.redis(self.world, cert="young"))

    def test_a_missing_client_certificate(self):
        for version in ("TLSv1.2", "TLSv1.3"):
            with self.subTest(version=version):
                redis = tls.redis(self.world, version, ask="yes", options=("--tls-protocols", version))
                self.check_bad("TLS: the server wants a client certificate (tls_cert, tls_key)", redis=redis)

    def test_a_foreign_client_certificate(self):
        tls.Authority(self.world.folder, "foreign").issue("daemon")
        for version in ("TLSv1.2", "TLSv1.3"):
            with self.subTest(version=version):
                redis = tls.redis(self.world, version, ask="yes", options=("--tls-protocols", version))
                self.check_bad("TLS: the server refuses this daemon's certificate (tls_cert): ",
                               "tls_cert = daemon.crt", "tls_key = daemon.key", redis=redis)  # fmt: skip

    def test_a_server_that_is_too_old(self):
        redis = tls.redis(self.world, options=("--tls-protocols", "TLSv1.2"))
        self.check_bad("TLS: ", "tls_min = 1.3", redis=redis)

    def test_a_server_without_tls(self):
        port = harness.free_port()
        redis = self.world.redis(port=port)
        redis.tls_port = port
        self.check_bad("TLS port?", SOON, redis=redis)

    def test_a_server_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            redis = self.world.redis()
            redis.tls_port = listener.getsockname()[1]
            url = f"rediss://127.0.0.1:{redis.tls_port}"
            self.check_bad("no TLS answer: is this a TLS port?", SOON, redis=redis, url=url)

    def test_a_server_of_tls_that_is_asked_without(self):
        redis = tls.redis(self.world)
        self.check_bad("use rediss://", "tls_ca = ", redis=redis, url=f"redis://localhost:{redis.tls_port}")

    def test_a_bad_file_refuses_the_start_and_the_reload(self):
        pathlib.Path(self.world.folder, "empty").mkdir()
        self.start()
        for option, told in (
            ("tls_ca = nosuch.crt", "tls_ca: can't read 'nosuch.crt'"),
            ("tls_ca = ca.key", "tls_ca: there is no certificate in the file"),
            ("tls_cert = server.crt", "tls_cert needs tls_key beside it"),
            ("tls_key = server.key", "tls_key needs tls_cert beside it"),
            ("tls_ciphers = NONE-SUCH", "tls_ciphers: OpenSSL knows none of them for TLS 1.2"),
            ("tls_ca = empty", "tls_ca: there is no certificate in the folder under a name that OpenSSL looks for"),
            ("tls_server_name = localhost:7001", "tls_server_name: 'localhost:7001' is wrong: use a name or a number"),
            ("tls_server_name = rediss://localhost", "is wrong: use a name or a number"),
        ):
            with self.subTest(told=told):
                self.assertIn(told.encode(), self.daemon.reload(with_options(self.ini, option)))
                self.assertEqual(self.daemon.call("key.get", "carts", "k"), None)

    def test_values_of_16_mb(self):
        self.start("timeout = 10s")
        self.assertEqual(self.daemon.reload(self.ini + "max_value = 16mb\n"), b"OK")
        value = bytes(range(256)) * (65536 - 4)
        with self.daemon.client(harness.LONG) as client:
            self.assertEqual(client.call("key.set", "carts", "k", value), b"OK")
            for _ in range(3):
                self.assertEqual(client.call("key.get", "carts", "k"), value)

    def test_the_near_cache(self):
        daemon = self.start()
        self.assertEqual(daemon.reload(self.ini + "near = yes\n"), b"OK")
        daemon.wait_near()
        daemon.call("key.set", "carts", "k", "1")
        for value in (b"2", b"3"):
            self.redis.call("set", "cart:k", value)
            harness.wait_until(lambda: daemon.call("key.get", "carts", "k") == value, "the change is told")
        before = daemon.stats("carts")["near_hits"]
        harness.wait_until(
            lambda: daemon.call("key.get", "carts", "k") and daemon.stats("carts")["near_hits"] > before, "it is kept"
        )

    def test_a_lost_connection_is_made_again_with_the_session_kept(self):
        daemon = self.start()
        with Relay(self.redis.tls_port) as relay:
            ini = self.ini.replace(str(self.redis.tls_port), str(relay.port))
            self.assertEqual(daemon.reload(ini), b"OK")
            # localhost may be ::1 first, where the relay is not.
            harness.wait_until(lambda: daemon.call("key.get", "carts", "k") is None, "it is connected")
            before = len(relay.received)
            relay.cut()
            harness.wait_until(lambda: daemon.call("key.get", "carts", "k") is None, "it is connected again")
            # A server that goes on with a session sends no certificate.
            self.assertLess(max(relay.received[before:]), max(relay.received[:before]) - 300)

    def reads(self):
        """How often Redis has read from clients. It reads one record at a time."""
        return int(re.search(rb"total_reads_processed:(\d+)", self.redis.call("info", "stats"))[1])

    def test_what_comes_together_is_one_record(self):
        daemon = self.start()
        with daemon.client() as client:
            for request in (("key.get", "carts", "k"), ("key.set", "carts", "k", "v")):
                before = self.reads()
                for _ in range(100):
                    client.send(resp.array(*request) * 64)
                    self.assertEqual(len([client.read() for _ in range(64)]), 64)
                # Each batch is a record; a few more are pings, and batches that came in two pieces.
                self.assertLess(self.reads() - before, 200)

    def test_certificates_are_replaced_and_reloaded_under_load(self):
        daemon = self.start(redis=tls.redis(self.world, options=("--tls-session-caching", "no")))
        stop, wrong, asked = threading.Event(), [], [0] * 4

        def ask(number):
            with daemon.client() as client:
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
        for number in range(20):
            tls.Authority(self.world.folder)  # another one of the same name
            self.authority.issue("server", "DNS:localhost")
            before = sum(asked)
            self.assertEqual(daemon.call("reload"), b"OK")
            harness.wait_until(lambda: sum(asked) > before + 20, "requests go on")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])
        # The server still shows a certificate of the first authority, which is trusted no more.
        self.redis.call("client", "kill", "type", "normal", "skipme", "yes")
        harness.wait_until(lambda: "is not to be trusted" in daemon.backend().get("reason", ""), "it is not trusted")
        path = f"{self.world.folder}/server"
        done = self.redis.call("config", "set", "tls-cert-file", path + ".crt", "tls-key-file", path + ".key")
        self.assertEqual(done, b"OK")
        harness.wait_until(lambda: daemon.call("key.set", "carts", "k", "v") == b"OK", "it is trusted again")

    def test_records_that_are_cut_anywhere(self):
        redis = tls.redis(self.world)
        for size in (1, 3, 1000):
            with self.subTest(size=size), Relay(redis.tls_port, size) as relay:
                slow = ("connect_timeout = 30s", "timeout = 30s")
                daemon = self.start(*slow, redis=redis, url=f"rediss://127.0.0.1:{relay.port}")
                value = b"x" * 20000
                with daemon.client(harness.LONG) as client:
                    client.send(resp.array("key.set", "carts", "k", value) + resp.array("key.get", "carts", "k") * 3)
                    self.assertEqual([client.read() for _ in range(4)], [b"OK", value, value, value])


class Relay:
    """Carries bytes to a port, `size` at a time (0: as they come), and counts those that come back."""

    def __init__(self, port, size=0):
        self.to = port
        self.size = size
        self.received = []  # of each connection, until it was cut or the daemon had its first answers
        self.sockets = []
        self.threads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        self._run(self._accept)
        return self

    def _run(self, target, *words):
        self.threads.append(threading.Thread(target=target, args=words, daemon=True))
        self.threads[-1].start()

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        for thread in self.threads:
            thread.join()
        for one in self.sockets:
            one.close()

    def cut(self):
        for one in self.sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.to))
                number = len(self.received)
                self.received.append(0)
                self.sockets += [near, far]
                for one in (near, far):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._run(self._carry, near, far, None)
                self._run(self._carry, far, near, number)

    def _carry(self, source, target, number):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if number is not None:
                    self.received[number] += len(data)
                size = self.size or len(data)
                for at in range(0, len(data), size):
                    target.sendall(data[at : at + size])
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    harness.main()
