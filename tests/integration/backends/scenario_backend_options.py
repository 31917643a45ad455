#!/usr/bin/env python3
"""Options of [backend]: url, password_file, connect_timeout, timeout, max_pending."""

import pathlib
import signal
import socket
import time
import unittest

import harness
import own_hosts
import resp

HEAD = "[cachesd]\nlisten = {listen}\n[backend main]\nurl = "
CARTS = "\n[namespace carts]\n"
PASSWORD = "p@ss:w/rd?#%"
QUOTED = "p%40ss%3Aw%2Frd%3F%23%25"


class Urls(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis(port=harness.free_port())
        with self.redis.client() as direct:
            acl = ("on", ">" + PASSWORD, "~*", "&*", "+@all")
            self.assertEqual(direct.call("ACL", "SETUSER", "bob", *acl), b"OK")

    def require(self, password):
        self.redis.call("CONFIG", "SET", "requirepass", password)

    def expect(self, url, db=0, user="default", options=""):
        """That it serves with that account, and stores in that database."""
        daemon = self.world.daemon(HEAD + url + "\n" + options + CARTS)
        self.assertEqual(daemon.call("key.set", "carts", "k", url), b"OK")
        with self.redis.client() as direct:
            direct.call("AUTH", "bob", PASSWORD)
            direct.call("SELECT", db)
            self.assertEqual(direct.call("GET", "carts:k"), url.encode())
            clients = direct.call("CLIENT", "LIST").decode().splitlines()
            mine = next(line for line in clients if " name=cachesd " in line)
            self.assertIn(f" user={user} ", mine)
            self.assertIn(f" db={db} ", mine)
        daemon.stop()

    def expect_refusal(self, url, options=""):
        daemon = self.world.daemon(HEAD + url + "\n" + options + CARTS)
        self.assertEqual(daemon.call("key.get", "carts", "k").code, "UNAVAILABLE")
        self.assertIn("AUTH refused", daemon.log())
        daemon.stop()

    def test_an_address_and_a_database(self):
        self.expect(f"redis://127.0.0.1:{self.redis.port}")
        self.expect(f"redis://127.0.0.1:{self.redis.port}/15", db=15)
        self.expect(f"redis://{harness.local_name()}:{self.redis.port}/1", db=1)
        self.expect(f"unix:{self.redis.path}")
        self.expect(f"unix:{self.redis.path}?db=15", db=15)

    @own_hosts.needed
    def test_a_name_of_several_addresses_where_the_server_is_at_one_alone(self):
        """The others are passed over at once, and are no failures."""
        hosts = pathlib.Path(self.world.folder, "hosts")
        hosts.write_text("127.0.0.2 many.test\n127.0.0.1 many.test\n::1 many.test\n")
        ini = HEAD + f"redis://many.test:{self.redis.port}" + CARTS
        ini = ini.replace("[backend", "log_level = debug\n[backend", 1)
        daemon = self.world.daemon(ini, preexec_fn=lambda: own_hosts.use(hosts))
        harness.wait_until(lambda: daemon.backend()["state"] == "up", "all workers are connected")
        self.assertEqual(daemon.call("key.set", "carts", "k", "v"), b"OK")
        self.assertEqual(daemon.lines(": down: "), [])

    def test_a_host_name_that_is_not_known_is_named(self):
        daemon = self.world.daemon(HEAD + "redis://no.such.host.invalid:1" + CARTS)
        told = "can't resolve the name no.such.host.invalid"
        harness.wait_until(lambda: told in daemon.backend().get("reason", ""), "backends names it")
        daemon.wait_logged(told)

    def test_a_host_name_that_cannot_be_one_is_unavailable_and_ends_nothing(self):
        good = self.world.fill_in(HEAD + self.redis.url + CARTS + "backend = main\n")
        odd = good + "[backend odd]\nurl = redis://HOST:6379/0\n[namespace odd]\nbackend = odd\n"
        daemon = self.world.daemon(good)
        pathlib.Path(daemon.ini).write_bytes(odd.encode().replace(b"HOST", b"h\xff\xfe"))
        self.assertEqual(daemon.call("reload"), b"OK")
        self.assertEqual(daemon.call("key.get", "odd", "k").code, "UNAVAILABLE")
        self.assertEqual(daemon.call("key.set", "carts", "k", "v"), b"OK")

    def test_a_database_that_redis_has_not_is_unavailable(self):
        daemon = self.world.daemon(HEAD + f"unix:{self.redis.path}?db=16" + CARTS)
        self.assertEqual(daemon.call("key.get", "carts", "k").code, "UNAVAILABLE")
        self.assertIn("SELECT refused", daemon.log())

    def test_a_password(self):
        self.require(PASSWORD)
        address = f"127.0.0.1:{self.redis.port}"
        self.expect(f"redis://:{QUOTED}@{address}/2", db=2)
        self.expect_refusal(f"redis://:{QUOTED}x@{address}/2")

    def test_a_user_and_a_password(self):
        address = f"127.0.0.1:{self.redis.port}"
        self.expect(f"redis://bob:{QUOTED}@{address}/3", db=3, user="bob")
        self.expect_refusal(f"redis://bob:wrong@{address}/3")
        self.expect(f"unix:{self.redis.path}?user=bob&password={QUOTED}", user="bob")

    def test_a_password_file_beside_the_configuration(self):
        self.require(PASSWORD)
        pathlib.Path(self.world.folder, "secret").write_text(PASSWORD + "\n")
        self.expect(f"unix:{self.redis.path}", options="password_file = secret\n")
        self.expect(f"unix:{self.redis.path}?user=bob", user="bob",
                    options="password_file = secret\n")

    def test_a_password_file_goes_before_the_password_of_the_url(self):
        self.require(PASSWORD)
        pathlib.Path(self.world.folder, "secret").write_text(PASSWORD)
        address = f"127.0.0.1:{self.redis.port}"
        self.expect(f"redis://:wrong@{address}", options="password_file = secret\n")

    def test_an_absolute_path(self):
        self.require(PASSWORD)
        folder = pathlib.Path(self.world.folder, "elsewhere")
        folder.mkdir()
        (folder / "secret").write_text(PASSWORD + "\r\n")
        self.expect(f"unix:{self.redis.path}", options=f"password_file = {folder}/secret\n")

    def test_a_credential_of_systemd_goes_before_a_file_beside_the_configuration(self):
        self.require(PASSWORD)
        folder = pathlib.Path(self.world.folder, "credentials")
        folder.mkdir()
        (folder / "secret").write_text(PASSWORD)
        pathlib.Path(self.world.folder, "secret").write_text("another")
        self.world.environment["CREDENTIALS_DIRECTORY"] = str(folder)
        self.expect(f"unix:{self.redis.path}", options="password_file = secret\n")

    def test_a_password_file_that_is_wrong_missing_or_empty(self):
        self.require(PASSWORD)
        path = pathlib.Path(self.world.folder, "secret")
        path.write_text(PASSWORD + " ")
        self.expect_refusal(f"unix:{self.redis.path}", options="password_file = secret\n")
        for text in (None, ""):
            path.unlink()
            if text is not None:
                path.write_text(text)
            daemon = self.world.start_daemon(
                HEAD + f"unix:{self.redis.path}\npassword_file = secret" + CARTS
            )
            daemon.is_expected_to_fail = True
            self.assertEqual(daemon.wait(), harness.BAD_CONFIGURATION)
            self.assertIn("password_file", daemon.log())
            path.touch()


class Times(unittest.TestCase):
    def reply_after(self, client):
        started = time.monotonic()
        reply = client.call("key.get", "carts", "k")
        return reply, time.monotonic() - started

    def test_connect_timeout_is_how_long_a_greeting_may_take(self):
        with harness.World() as world, socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()  # connections come about, and nobody says a word
            url = f"redis://127.0.0.1:{mute.getsockname()[1]}"
            started = time.monotonic()
            daemon = world.daemon(HEAD + url + "\nconnect_timeout = 300ms\ntimeout = 20s" + CARTS)
            reply, _ = self.reply_after(daemon.client())
            took = time.monotonic() - started
            self.assertEqual(reply.code, "UNAVAILABLE")
            self.assertGreater(took, 0.3)
            self.assertLess(took, 3)
            self.assertIn("no connection", daemon.log())

    def test_a_greeting_within_connect_timeout_is_waited_for(self):
        with harness.World() as world:
            redis = world.redis()
            redis.send_signal(signal.SIGSTOP)
            ini = HEAD + "{redis:main}\nconnect_timeout = 20s\ntimeout = 20s" + CARTS
            daemon = world.start_daemon(ini)
            harness.wait_until(lambda: harness.accepts(daemon.path), "it listens")
            with daemon.client() as client:
                client.send(resp.array("key.get", "carts", "k"))
                self.assertEqual(daemon.call("ping"), b"PONG")
                redis.send_signal(signal.SIGCONT)
                self.assertIsNone(client.read())

    def test_timeout_lets_an_answer_that_is_in_time_pass(self):
        for timeout, right in (("100ms", "TIMEOUT"), ("10s", None)):
            with self.subTest(timeout=timeout), harness.World() as world:
                redis = world.redis()
                daemon = world.daemon(HEAD + f"{{redis:main}}\ntimeout = {timeout}" + CARTS)
                with daemon.client() as client, redis.client() as sleeper:
                    self.assertIsNone(client.call("key.get", "carts", "k"))
                    sleeper.send(resp.array("DEBUG", "SLEEP", "0.5"))
                    reply, _ = self.reply_after(client)
                    self.assertEqual(getattr(reply, "code", reply), right)


class MaxPending(unittest.TestCase):
    """Three may be at the backend at once."""

    INI = HEAD + "{redis:main}\nmax_pending = 3\ntimeout = TIMEOUT" + CARTS

    def start(self, world, timeout):
        redis, daemon = world.redis(), world.daemon(self.INI.replace("TIMEOUT", timeout))
        clients = [daemon.client() for _ in range(4)]
        self.assertEqual(clients[0].call("key.set", "carts", "k", "v"), b"OK")
        redis.send_signal(signal.SIGSTOP)
        for client in clients[:3]:
            client.send(resp.array("key.get", "carts", "k"))
        harness.wait_until(lambda: self.pending(daemon) == 3, "three are pending")
        clients[3].send(resp.array("key.get", "carts", "k"))
        self.assertEqual(daemon.call("ping"), b"PONG")
        self.assertEqual(self.pending(daemon), 3)
        return redis, daemon, clients

    def pending(self, daemon):
        return self.counter(daemon, "pending")

    def counter(self, daemon, name):
        return int(daemon.backend()[name])

    def test_the_fourth_waits_and_is_served_when_there_is_room(self):
        with harness.World() as world:
            redis, _, clients = self.start(world, "20s")
            redis.send_signal(signal.SIGCONT)
            self.assertEqual([client.read() for client in clients], [b"v"] * 4)
            for client in clients:
                client.close()

    def test_the_fourth_is_refused_when_there_is_no_room_in_time(self):
        with harness.World() as world:
            redis, daemon, clients = self.start(world, "300ms")
            codes = [client.read().code for client in clients]
            self.assertEqual(codes, ["TIMEOUT"] * 3 + ["OVERLOADED"])
            self.assertEqual(self.counter(daemon, "timeouts"), 3)
            self.assertEqual(self.counter(daemon, "late_waits"), 1)
            self.assertGreaterEqual(self.counter(daemon, "wait_ms"), 295)
            redis.send_signal(signal.SIGCONT)
            for client in clients:
                client.close()

    def test_time_at_the_backend_and_time_waiting_for_room_are_counted_apart(self):
        with harness.World() as world:
            redis, daemon, clients = self.start(world, "20s")
            self.assertEqual(self.counter(daemon, "answers"), 1)
            before = self.counter(daemon, "answer_ms")
            time.sleep(0.2)  # what is measured
            self.assertEqual(self.counter(daemon, "waits"), 0, "counted when it ends")
            redis.send_signal(signal.SIGCONT)
            self.assertEqual([client.read() for client in clients], [b"v"] * 4)
            self.assertEqual(self.counter(daemon, "answers"), 5)
            self.assertGreaterEqual(self.counter(daemon, "answer_ms") - before, 3 * 195)
            self.assertEqual(self.counter(daemon, "waits"), 1)
            self.assertGreaterEqual(self.counter(daemon, "wait_ms"), 195)
            self.assertEqual(self.counter(daemon, "late_waits"), 0)
            self.assertEqual(self.counter(daemon, "timeouts"), 0)
            for client in clients:
                client.close()


if __name__ == "__main__":
    harness.main()
