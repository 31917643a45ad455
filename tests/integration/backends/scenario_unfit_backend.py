#!/usr/bin/env python3
"""When Redis is not well: a server that does not serve, though its connection stays open; and what
the operator is told, by cause: in the log, in `backends` and in `ready`."""

import contextlib
import os
import signal
import threading
import time
import unittest

import fake_redis
import harness
import resp
from fake_redis import FakeRedis, answer_with, only_for

CARTS = "\n[namespace carts]\n"
READONLY = b"-READONLY You can't write against a read only replica.\r\n"


def ini(url, options=""):
    return f"[cachesd]\nlisten = {{listen}}\n{options}[backend main]\nurl = {url}{CARTS}"


class MovingName(harness.TestCase):
    """A name that means another server by now, while the connection to the first stays open."""

    def setUp(self):
        super().setUp()
        self.old = self.world.redis("old", port=harness.free_port())
        self.new = self.world.redis("new", port=harness.free_port())
        self.name = f"{self.world.folder}/master.sock"
        os.symlink(self.old.path, self.name)

    def demote(self):
        """The old master follows the new one, and is read only; nobody's connection ends."""
        self.assertEqual(self.old.call("REPLICAOF", "127.0.0.1", self.new.port), b"OK")

    def move_name(self):
        os.symlink(self.new.path, self.name + ".new")
        os.replace(self.name + ".new", self.name)

    def is_written(self, client, value):
        return client.call("key.set", "carts", "k", value) == b"OK"

    def test_a_demoted_master_is_left_for_the_one_that_its_name_means_now(self):
        daemon = self.world.daemon(ini("unix:" + self.name))
        with daemon.client() as client:
            self.assertTrue(self.is_written(client, "before"))
            self.move_name()
            self.assertTrue(self.is_written(client, "still"), "its connection stays open")
            self.demote()
            reply = client.call("key.set", "carts", "k", "refused")
            self.assertEqual(reply.code, "UNAVAILABLE")
            self.assertIn("backend main is a read-only replica", harness.text_of(reply))
            harness.wait_until(lambda: self.is_written(client, "after"), "it writes", harness.SOON)
            self.assertEqual(self.new.call("GET", "carts:k"), b"after")
            self.assertEqual(daemon.backend()["state"], "up")
            self.assertEqual(client.call("ready"), b"READY")
            named = lambda: self.old.call("CLIENT", "LIST").count(b" name=cachesd ")
            harness.wait_until(lambda: named() == 0, "the old connection is closed")
            self.assertEqual(len(daemon.lines("error: backend main: is a read-only replica")), 1)
            self.assertEqual(len(daemon.lines("backend main: connected anew")), 1)

    def test_it_is_said_and_asked_on_while_the_name_has_not_moved(self):
        daemon = self.world.daemon(ini("unix:" + self.name))
        with daemon.client() as client:
            self.assertTrue(self.is_written(client, "before"))
            self.demote()
            harness.wait_until(
                lambda: b"master_link_status:up" in self.old.call("INFO", "replication"), "it follows"
            )
            self.assertEqual(client.call("key.set", "carts", "k", "v").code, "UNAVAILABLE")
            for _ in range(300):
                self.assertEqual(client.call("key.set", "carts", "k", "v").code, "UNAVAILABLE")
            self.assertNotIsInstance(client.call("key.get", "carts", "k"), resp.Error)
            shown = daemon.backend()
            self.assertEqual(shown["state"], "unfit")
            self.assertEqual(shown["reason"], '"is a read-only replica"')
            self.assertRegex(shown["since"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
            reply = client.call("ready")
            self.assertEqual(harness.text_of(reply), "UNAVAILABLE backend main is a read-only replica")
            self.assertEqual(len(daemon.lines("error: ")), 1)
            self.move_name()
            harness.wait_until(lambda: self.is_written(client, "after"), "it writes", 10)

    def test_a_replica_without_its_master_is_left_too(self):
        daemon = self.world.daemon(ini("unix:" + self.name))
        self.old.call("CONFIG", "SET", "replica-serve-stale-data", "no")
        with daemon.client() as client:
            self.assertTrue(self.is_written(client, "before"))
            self.assertEqual(self.old.call("REPLICAOF", "127.0.0.1", harness.free_port()), b"OK")
            self.assertIn("has lost its master", harness.text_of(client.call("key.get", "carts", "k")))
            self.move_name()
            harness.wait_until(lambda: self.is_written(client, "after"), "it writes", 10)


class Handover(unittest.TestCase):
    """The old connection's answers come before the new one is asked."""

    def test_no_request_overtakes_an_earlier_one(self):
        with harness.World() as world:
            redis = world.redis()
            # The key of the dict is refused by Redis; a verb would be by the daemon, unsent.
            acl = ("on", "nopass", "~carts:n", "&*", "+@all")
            self.assertEqual(redis.call("ACL", "SETUSER", "ann", *acl), b"OK")
            daemon = world.daemon(ini(redis.url + "?user=ann&password=x"))
            with daemon.client() as client:
                denied, step = resp.array("dict.get", "carts", "d", "f"), resp.array(
                    "key.incr", "carts", "n")
                number = 0
                harness.wait_until(lambda: daemon.backend()["connects"] == "1", "it is up")
                started = time.monotonic()
                while int(daemon.backend()["connects"]) < 3:
                    self.assertLess(time.monotonic() - started, 60, "it connects anew")
                    client.send(denied + step * 500)
                    self.assertEqual(client.read().code, "UNAVAILABLE")
                    for number in range(number + 1, number + 501):
                        self.assertEqual(client.read(), number)

    def test_an_answer_that_comes_late_still_comes_over_the_old_connection(self):
        late = threading.Event()

        def behave(connection, words, right):
            if words[0] == b"GET" and words[1] == b"carts:late":
                late.wait(10)
                connection.send(right)
            elif words[0] == b"SET":
                connection.send(READONLY)
            else:
                connection.send(right)

        with harness.World() as world, FakeRedis(world) as fake:
            fake.behave = behave
            daemon = world.daemon(ini(fake.url + "\ntimeout = 20s"))
            with daemon.client() as client, daemon.client() as other:
                client.send(resp.array("key.set", "carts", "k", "v")
                            + resp.array("key.get", "carts", "late"))
                self.assertEqual(client.read().code, "UNAVAILABLE")
                harness.wait_until(lambda: daemon.backend()["connects"] == "2", "it is connected anew")
                other.send(resp.array("key.get", "carts", "b"))
                harness.wait_until(lambda: daemon.backend()["pending"] == "2", "both are pending")
                late.set()
                self.assertEqual(client.read(), b"value of carts:late")
                self.assertEqual(other.read(), b"value of carts:b")

    def test_looking_up_again_is_bounded(self):
        with harness.World() as world, FakeRedis(world) as fake:
            fake.behave = answer_with(READONLY)
            daemon = world.daemon(ini(fake.url))
            before, started = fake.accepted, time.monotonic()
            with daemon.client() as client:
                while time.monotonic() - started < 2.5:
                    client.call("key.set", "carts", "k", "v")
            # At once, after 1 s, and 2 s later.
            self.assertLessEqual(fake.accepted - before, 3)
            self.assertGreaterEqual(fake.accepted - before, 2)

    def test_a_new_server_that_refuses_leaves_the_old_one_in_use(self):
        with harness.World() as world, FakeRedis(world) as fake:
            fake.behave = only_for(b"SET", answer_with(READONLY))
            daemon = world.daemon(ini(fake.url))
            fake.greet = only_for(b"PING", answer_with(b"-LOADING Redis is loading\r\n"))
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v").code, "UNAVAILABLE")
                harness.wait_until(
                    lambda: daemon.lines("can't be connected anew: PING refused: LOADING"), "said"
                )
                self.assertEqual(client.call("key.get", "carts", "a"), b"value of carts:a")


class Causes(unittest.TestCase):
    """One line a cause, in words that name the backend; `backends` has it too."""

    def expect(self, daemon, reply, code, cause):
        self.assertEqual(reply.code, code)
        self.assertEqual(harness.text_of(reply), f"{code} backend main {cause}")
        harness.wait_until(lambda: daemon.lines(f"error: backend main: {cause}: "), "it is logged")
        self.assertEqual(daemon.backend()["reason"], f'"{cause}"')

    def test_out_of_memory_is_told_once_however_many_ask_and_when_it_is_over(self):
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(ini("{redis:main}"))
            redis.call("CONFIG", "SET", "maxmemory", "1")
            with daemon.client() as client:
                reply = client.call("key.set", "carts", "k", "v")
                self.expect(daemon, reply, "OVERLOADED", "is out of memory")
                client.send(resp.array("key.set", "carts", "k", "v") * 1000)
                for _ in range(1000):
                    self.assertEqual(client.read().code, "OVERLOADED")
                self.assertEqual(daemon.backend()["state"], "up", "reads are served")
                self.assertEqual(client.call("ready"), b"READY")
                self.assertEqual(len(daemon.lines("error: ")), 1)
                redis.call("CONFIG", "SET", "maxmemory", "0")
                # After ten seconds without: the one wait here that is as long as what it waits for.
                over = "warning: backend main: over: is out of memory (1001 times in"
                harness.wait_until(lambda: daemon.lines(over), "it is over", 15)
                self.assertEqual(daemon.backend()["reason"], "none")
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")

    def test_an_account_that_lacks_a_right_is_told_with_the_right(self):
        with harness.World() as world:
            redis = world.redis()
            redis.call("ACL", "SETUSER", "ann", "on", "nopass", "~*", "&*", "+@all", "-getdel")
            daemon = world.daemon(ini(redis.url + "?user=ann&password=x"))
            reply = daemon.call("key.take", "carts", "k")
            self.assertEqual(reply.code, "UNAVAILABLE")
            self.assertIn("backend main", harness.text_of(reply))
            denied = "error: backend main: refuses this daemon's account: GETDEL, which key.take needs"
            harness.wait_until(lambda: daemon.lines(denied), "it is logged")
            self.assertEqual(daemon.backend()["reason"], '"refuses this daemon\'s account"')
            self.assertEqual(daemon.call("ready"), b"READY", "others are served")

    def test_too_many_clients_at_redis_is_told_in_its_words(self):
        with harness.World() as world:
            redis = world.redis()
            # One connection is this test's own.
            with redis.client() as direct:
                direct.call("CONFIG", "SET", "maxclients", "1")
                daemon = world.daemon(ini("{redis:main}"))
                told = lambda: daemon.lines("error: backend main: down: refused: ERR max number")
                harness.wait_until(told, "it is logged")
                self.assertEqual(len(daemon.lines("error: ")), 1)
                self.assertIn("max number of clients", daemon.backend()["reason"])
                self.assertIn("max number of clients", harness.text_of(daemon.call("ready")))
                self.assertEqual(
                    harness.text_of(daemon.call("key.get", "carts", "k")), "UNAVAILABLE backend main is down"
                )
                direct.call("CONFIG", "SET", "maxclients", "100")
                harness.wait_until(lambda: daemon.call("ready") == b"READY", "it is up")
                self.assertEqual(len(daemon.lines("backend main: over: down (")), 1)
                self.assertEqual(len(daemon.lines("backend main: up (")), 1)

    def test_one_that_hangs_is_told_once_and_when_it_is_up(self):
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(ini("{redis:main}\ntimeout = 100ms\nconnect_timeout = 100ms"))
            redis.send_signal(signal.SIGSTOP)
            harness.wait_until(lambda: int(daemon.backend()["failures"]) > 5, "it is tried again")
            self.assertEqual(len(daemon.lines("backend main: lost: it does not answer")), 1)
            self.assertEqual(len(daemon.lines("error: backend main: down: ")), 1)
            self.assertEqual(daemon.backend()["state"], "down")
            self.assertIn("no connection in time", daemon.backend()["reason"])
            redis.send_signal(signal.SIGCONT)
            harness.wait_until(lambda: daemon.call("ready") == b"READY", "it is up")
            self.assertEqual(daemon.backend()["failures"], "0")
            self.assertEqual(daemon.backend()["reason"], "none")
            self.assertEqual(len(daemon.lines("backend main: up (")), 2)

    def test_one_that_greets_and_goes_does_not_fill_the_log(self):
        def greet_and_go(connection, words, right):
            connection.send(right)
            if words[0] == b"PING":
                raise fake_redis.Gone

        with harness.World() as world, FakeRedis(world) as fake:
            fake.greet = greet_and_go
            daemon = world.daemon(ini(fake.url))
            harness.wait_until(lambda: fake.accepted > 10, "it is tried again")
            self.assertLessEqual(len(daemon.lines("backend main: ")), 4)

    def test_workers_tell_of_it_together(self):
        with harness.World() as world:
            world.redis()
            daemon = world.daemon(ini("{redis:main}", "workers = 3\n"))
            up = lambda: daemon.backend()["state"] == "up" and daemon.backend()["connects"] == "3"
            harness.wait_until(up, "all are connected")
            world.redis().kill()
            harness.wait_until(lambda: daemon.call("ready").code == "UNAVAILABLE", "it is down")
            harness.wait_until(lambda: int(daemon.backend()["failures"]) > 4, "it is tried again")
            self.assertEqual(len(daemon.lines("backend main: lost: ")), 1)
            self.assertEqual(len(daemon.lines("backend main: down: ")), 1)
            world.redis().start()
            harness.wait_until(lambda: daemon.call("ready") == b"READY", "it is up")

    def test_a_loading_that_comes_up_is_served_again(self):
        with harness.World() as world, FakeRedis(world) as fake:
            daemon = world.daemon(ini(fake.url))
            fake.behave = answer_with(b"-LOADING Redis is loading the dataset in memory\r\n")
            self.expect(daemon, daemon.call("key.get", "carts", "a"), "UNAVAILABLE",
                        "is loading its data")
            fake.behave = fake_redis.send_right
            self.assertEqual(daemon.call("key.get", "carts", "a"), b"value of carts:a")


class Forgery(unittest.TestCase):
    """Words of others never begin a line of the log, or move a terminal."""

    # Line ends end the connection before they come so far.
    EVIL = b"x\x0b\x07forged\x1b[2Jgone\xc2\x9b2J\xff\x7f end"

    def expect_told(self, fake, act):
        with contextlib.ExitStack() as stack:
            world = stack.enter_context(harness.World())
            fake_backend = stack.enter_context(FakeRedis(world))
            fake(fake_backend)
            daemon = world.daemon(ini(fake_backend.url))
            act(daemon)
            daemon.wait_logged("forged")
            log = daemon.log_path.read_bytes()
            for line in log.splitlines():
                self.assertRegex(line, rb"^\S+Z cachesd: ")
            self.assertNotRegex(log, rb"[\x00-\x09\x0b-\x1f\x7f\x80-\xff]")
            self.assertIn(rb"x\x0b\x07forged\x1b[2Jgone\xc2\x9b2J\xff\x7f end", log)
            return [daemon.call(verb) for verb in ("backends", "clients", "stats")]

    def test_an_error_of_the_backend(self):
        def answer(fake):
            fake.behave = answer_with(b"-ERR " + self.EVIL + b"\r\n")

        self.expect_told(answer, lambda daemon: daemon.call("key.get", "carts", "k"))

    def test_an_error_of_the_greeting_and_in_what_backends_shows(self):
        def answer(fake):
            fake.greet = only_for(b"PING", answer_with(b"-ERR " + self.EVIL + b"\r\n"))

        for text in self.expect_told(answer, lambda daemon: None):
            self.assertNotRegex(text, rb"[\x00-\x09\x0b-\x1f\x7f]")
            self.assertNotRegex(text, rb"(?m)^cachesd")


class Start(unittest.TestCase):
    def test_a_fresh_start_shows_no_failures(self):
        with harness.World() as world:
            daemon = world.daemon(ini("embedded:"))
            harness.wait_until(lambda: daemon.call("ready") == b"READY", "it is up")
            self.assertEqual(daemon.backend()["failures"], "0")
            self.assertEqual(daemon.backend()["reason"], "none")

    def test_a_missing_redis_server_is_told_once(self):
        with harness.World() as world:
            daemon = world.start_daemon(ini("embedded:"), env={"PATH": "/nonexistent"})
            harness.wait_until(lambda: harness.accepts(daemon.path), "it listens")
            harness.wait_until(lambda: daemon.lines("can't run redis-server"), "it is said")
            started = time.monotonic()  # it is started after 0.1 s, 0.2, 0.4, 0.8
            harness.wait_until(lambda: time.monotonic() - started > 1.2, "it was tried again")
            self.assertEqual(len(daemon.lines("redis-server")), 1)
            self.assertIn("install it", daemon.backend()["reason"])
            self.assertIn("install it", harness.text_of(daemon.call("ready")))


class Ready(unittest.TestCase):
    def test_a_caller_hears_of_the_backends_of_its_own_namespaces(self):
        text = (
            "[cachesd]\nlisten = {listen}\n[backend main]\nurl = {redis:main}\n"
            "[backend gone]\nurl = unix:{folder}/gone\n"
            "[namespace carts]\nbackend = main\n[namespace users]\nbackend = gone\n"
        )
        for name, namespaces in (("one", "carts"), ("two", "users"), ("all", "*")):
            text += f"[user {name}]\ntoken = {harness.token_hash(name)}\n"
            text += f"namespaces = {namespaces}\naccess = read\n"
        with harness.World() as world:
            daemon = world.daemon(text)
            with daemon.client() as client:
                self.assertEqual(client.call("ready").code, "NOAUTH")
                replies = {}
                for name in ("one", "two", "all"):
                    self.assertEqual(client.call("auth", name, name), b"OK")
                    replies[name] = harness.text_of(client.call("ready"))
            self.assertEqual(replies["one"], "READY")
            self.assertIn("backend gone is down", replies["two"])
            self.assertIn("backend gone is down", replies["all"])

    def test_a_daemon_that_ends_is_not_ready(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini("{redis:main}\ntimeout = 20s"))
            with daemon.client() as client, daemon.client() as other:
                self.assertEqual(client.call("ready"), b"READY")
                redis.send_signal(signal.SIGSTOP)
                other.send(resp.array("key.get", "carts", "k"))
                harness.wait_until(lambda: daemon.backend()["pending"] == "1", "it is pending")
                daemon.send_signal(signal.SIGTERM)
                daemon.wait_logged("SIGTERM")
                other.send(resp.array("ready"))
                redis.send_signal(signal.SIGCONT)
                self.assertIsNone(other.read())
                self.assertEqual(other.read().code, "UNAVAILABLE")


if __name__ == "__main__":
    harness.main()
