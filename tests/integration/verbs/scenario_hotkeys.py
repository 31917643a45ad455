#!/usr/bin/env python3
"""hotkeys: the keys that are asked for most, by samples of all workers."""

import re
import select
import signal
import threading

import harness
import resp

WORKERS = 3
SPACES = "[namespace users]\nnear = yes\n"
INI = harness.INI.replace("{listen}", f"{{listen}}\nworkers = {WORKERS}") + SPACES
LINE = re.compile(r'namespace=(\S+) key=("(?:[^"\\]|\\.)*"|\S+) count=(\d+) error=(\d+)\n')
BATCH = 1000


def rows(text):
    """[(namespace, key, count, error)]"""
    text = text.decode()
    assert LINE.sub("", text) == "", text
    return [(space, key, int(count), int(error)) for space, key, count, error in LINE.findall(text)]


class Survey(harness.TestCase):
    ini = INI

    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(self.ini)
        self.clients = [self.connect(self.daemon, harness.LONG) for _ in range(2 * WORKERS)]
        self.admin = self.connect(self.daemon, harness.LONG)

    def ask(self, requests):
        """Each client sends them all."""
        def play(client):
            client.send(requests)
            for _ in range(BATCH):
                client.read()
        threads = [threading.Thread(target=play, args=[client]) for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def survey(self, requests, *words):
        """What is told while each client sends these requests again and again, and how often all did."""
        rounds = 0
        self.admin.send(resp.array("hotkeys", *words))
        self.wait_sampling()
        while not select.select([self.admin.socket], [], [], 0)[0]:
            self.ask(requests)
            rounds += len(self.clients)
        return rows(self.admin.read()), rounds

    def assert_about(self, count, right):
        """The last round may be counted in part."""
        self.assertLess(abs(count - right), right / 4 + len(self.clients) * BATCH, (count, right))

    def wait_sampling(self):
        with self.daemon.client() as client:  # whose turn is behind that of the others
            harness.wait_until(lambda: b" verb=hotkeys" in client.call("clients"), "it has begun")
            client.call("stats")


def mixed():
    """Half the requests are for one key, a tenth for another, and the others for many."""
    batch = []
    for number in range(BATCH):
        if number % 2:
            batch.append(resp.array("key.get", "carts", "hot"))
        elif number % 10 == 0:
            batch.append(resp.array("dict.set", "users", "warm \r\n", "f", "v"))
        else:
            batch.append(resp.array("key.get", "carts", b"cold%d" % number))
    return b"".join(batch)


class HotKeys(Survey):
    def test_the_hottest_comes_first_with_about_its_count(self):
        told, rounds = self.survey(mixed(), "for=3s", "3")
        self.assertEqual(len(told), 3)
        self.assertEqual([row[:2] for row in told[:2]], [("carts", "hot"), ("users", r'"warm \r\n"')])
        self.assert_about(told[0][2], rounds * BATCH / 2)
        self.assert_about(told[1][2], rounds * BATCH / 10)
        self.assertLess(told[0][3], rounds * BATCH / 20)

    def test_answers_of_the_near_cache_count_too(self):
        self.daemon.wait_near()
        self.clients[0].call("key.set", "users", "near", "v")
        (told,), rounds = self.survey(resp.array("key.get", "users", "near") * BATCH, "for=2s", "1")
        self.assertEqual(told[:2], ("users", "near"))
        self.assert_about(told[2], rounds * BATCH)

    def test_two_may_ask_at_once_and_a_long_key_is_cut(self):
        other = self.connect(self.daemon, harness.LONG)
        other.send(resp.array("hotkeys", "for=3s"))
        self.admin.send(resp.array("hotkeys", "for=2s"))
        self.wait_sampling()
        self.ask(resp.array("key.get", "carts", "x" * 300) * BATCH)
        for client in (self.admin, other):
            (told,) = rows(client.read())
            self.assertEqual(told[1], "x" * 64)

    def test_a_client_that_leaves_meanwhile_disturbs_nobody(self):
        for _ in range(5):
            self.admin.send(resp.array("hotkeys", "for=1h"))
            self.wait_sampling()
            self.admin.close()
            gone = lambda: b"verb=hotkeys" not in self.clients[0].call("clients")
            harness.wait_until(gone, "the client is closed")
            self.ask(resp.array("key.get", "carts", "k") * BATCH)
            self.admin = self.connect(self.daemon, harness.LONG)

    def test_the_end_of_the_daemon_ends_it_and_it_tells_what_it_has(self):
        self.admin.send(resp.array("hotkeys", "for=1h"))
        self.wait_sampling()
        self.ask(resp.array("key.get", "carts", "k") * BATCH)
        self.daemon.send_signal(signal.SIGTERM)
        (told,) = rows(self.admin.read())
        self.assertEqual(told[:2], ("carts", "k"))

    def test_what_follows_on_the_connection_waits(self):
        self.admin.send(resp.array("hotkeys", "for=100ms") + resp.array("ping"))
        self.assertIsInstance(self.admin.read(), bytes)
        self.assertEqual(self.admin.read(), b"PONG")


class Limited(Survey):
    """An admin of some namespaces alone."""

    ini = INI + "".join(
        f"[user {name}]\ntoken = {harness.token_hash(name)}\nnamespaces = {spaces}\naccess = admin\n"
        for name, spaces in (("ops", "*"), ("web", "users")))

    def wait_sampling(self):
        with self.daemon.client() as client:
            client.call("auth", "ops", "ops")
            harness.wait_until(lambda: b" verb=hotkeys" in client.call("clients"), "it has begun")
            client.call("stats")

    def test_it_hears_of_its_own_namespaces_alone(self):
        for client in self.clients:
            self.assertEqual(client.call("auth", "ops", "ops"), b"OK")
        self.assertEqual(self.admin.call("auth", "web", "web"), b"OK")
        told, _ = self.survey(mixed(), "for=2s")
        self.assertEqual({row[0] for row in told}, {"users"})


if __name__ == "__main__":
    harness.main()
