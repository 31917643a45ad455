#!/usr/bin/env python3
"""tap: requests of all workers as they pass; and that a slow reader disturbs nobody."""

import re
import signal
import threading
import time

import harness
import resp

WORKERS = 3
SPACES = "[namespace users]\nnear = yes\n[namespace strict]\nvalue = int\n"
INI = harness.INI.replace("{listen}", f"{{listen}}\nworkers = {WORKERS}") + SPACES
LINE = re.compile(rb'time=(\d+\.\d{6}) verb=(\S+) namespace=(\S*) key=((?:"(?:[^"\\]|\\.)*"|\S*)(?:\.\.\.)?) '
                  rb"result=(\S+) us=(\d+) bytes=(\d+) client=(\d+)")


class Event:
    def __init__(self, line):
        found = LINE.fullmatch(line)
        assert found, line
        self.time = float(found[1])
        self.verb, self.space, self.key, self.result = [found[i].decode() for i in range(2, 6)]
        self.us, self.bytes, self.client = [int(found[i]) for i in range(6, 9)]
        self.what = self.verb, self.space, self.key, self.result, self.bytes


class Tap(harness.TestCase):
    ini = INI

    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(self.ini)
        self.clients = [self.connect(self.daemon, harness.LONG) for _ in range(2 * WORKERS)]
        self.tap = self.connect(self.daemon, harness.LONG)

    def begin(self, *words):
        self.assertEqual(self.tap.call("tap", *words), b"OK")

    def events(self, count):
        return [Event(self.tap.read()) for _ in range(count)]

    def told(self, line):
        """Of how many requests the line tells."""
        return int(line[5:]) if line.startswith(b"lost=") else 1

    def test_each_request_is_told_whichever_worker_has_it(self):
        self.begin()
        before = time.time()
        for number, client in enumerate(self.clients):
            self.assertEqual(client.call("key.set", "carts", f"k{number}", "secret"), b"OK")
            self.assertEqual(client.call("key.get", "carts", f"k{number}"), b"secret")
            self.assertIsNone(client.call("key.get", "carts", "none"))
            self.assertEqual(client.call("ping"), b"PONG")
            number_of = client.call("client", "id")
            got = sorted(self.events(5), key=lambda event: event.time)
            self.assertEqual([event.what for event in got], [
                ("key.set", "carts", f"k{number}", "done", 5),
                ("key.get", "carts", f"k{number}", "hit", 12),
                ("key.get", "carts", "none", "miss", 5),
                ("ping", "", "", "done", 0),
                ("client", "", "", "done", 0),
            ])
            for event in got:
                self.assertEqual(event.client, number_of)
                self.assertTrue(before - 1 < event.time < time.time() + 1)
        self.assertEqual(self.tap.call("ping"), b"PONG")

    def test_refusals_and_odd_keys_are_told_and_no_value_ever(self):
        self.begin()
        client = self.clients[1]
        replies = [client.call(*words) for words in (
            ["key.set", "strict", "k", "secret"], ["key.get", "nosuch", "k"], ["secret"], ["key.get"],
            ["dict.get", "carts", b"a \"b\"\r\n\0\xff" + b"x" * 100, "secret"], ["key.get", "carts", ""],
            ["dict.set", "carts", "d", "f", "secret"], ["key.get", "carts", "d"], ["auth", "u", "secret"])]
        self.assertEqual(len(replies), 9)
        got = sorted(self.events(9), key=lambda event: event.time)
        odd = r'"a \"b\"\r\n\0\xff' + "x" * 55 + '"...'
        self.assertEqual([event.what[:4] for event in got], [
            ("key.set", "strict", "k", "POLICY"), ("key.get", "", "", "NAMESPACE"), ("none", "", "", "VERB"),
            ("key.get", "", "", "ARGS"), ("dict.get", "carts", odd, "miss"), ("key.get", "carts", '""', "miss"),
            ("dict.set", "carts", "d", "done"), ("key.get", "carts", "d", "WRONGTYPE"),
            ("auth", "", "", "NOAUTH")])

    def test_the_near_cache_is_told_apart(self):
        self.daemon.wait_near(1)
        client = self.clients[0]
        client.call("key.set", "users", "k", "v")
        harness.wait_until(lambda: self.is_near(client), "the answer is kept")
        client.call("key.get", "users", "none")
        self.begin("namespace=users")
        client.send(resp.array("key.get", "users", "k") + resp.array("key.get", "users", "none"))
        self.assertEqual([client.read(), client.read()], [b"v", None])
        client.send(resp.array("key.get", "carts", "k") + resp.array("key.get", "users", "k"))
        self.assertEqual([client.read(), client.read()], [None, b"v"])
        results = [event.what[2:] for event in self.events(3)]
        self.assertEqual(results, [("k", "near_hit", 7), ("none", "near_miss", 5), ("k", "near_hit", 7)])

    def is_near(self, client):
        before = self.daemon.stats("users")["near_hits"]
        client.call("key.get", "users", "k")
        return self.daemon.stats("users")["near_hits"] > before

    def test_it_shows_only_what_it_is_asked_for(self):
        self.begin("namespace=carts", "verb=KEY.GET")
        for client in self.clients:
            client.call("key.get", "users", "no")
            client.call("key.set", "carts", "no", "v")
            client.call("key.get", "carts", "yes")
        self.assertEqual({event.what[:3] for event in self.events(len(self.clients))},
                         {("key.get", "carts", "yes")})
        self.assertEqual(self.tap.call("ping"), b"PONG")

    def test_slow_shows_those_that_took_long(self):
        self.begin("slow=100ms")
        self.clients[0].call("key.get", "carts", "quick")
        with self.world.redis().client() as direct:
            direct.call("CLIENT", "PAUSE", 300)
            self.assertIsNone(self.clients[2].call("key.get", "carts", "slow"))
        (event,) = self.events(1)
        self.assertEqual(event.key, "slow")
        self.assertGreater(event.us, 100_000)
        self.assertEqual(self.tap.call("ping"), b"PONG")

    def test_a_sample_is_about_as_many_as_it_says(self):
        self.begin("sample=10", "verb=key.get")
        for client in self.clients:
            client.send(resp.array("key.get", "carts", "k") * 2000)
        for client in self.clients:
            self.assertEqual([client.read() for _ in range(2000)], [None] * 2000)
        right = len(self.clients) * 2000 / 10
        shown = 0
        while shown <= right * 3 / 4:  # other workers' lines may come after the replies
            shown += self.told(self.tap.read())
        self.tap.send(resp.array("ping"))
        while (line := self.tap.read()) != b"PONG":
            shown += self.told(line)
        self.assertLess(shown, right * 5 / 4)

    def test_it_ends_with_what_the_client_says_next_in_the_same_breath_too(self):
        for following in (["ping"], ["stats", "carts"], ["key.get", "carts", "k"], ["tap", "nonsense"]):
            self.tap.send(resp.array("tap") + resp.array(*following) + resp.array("ping", "last"))
            self.assertEqual(self.tap.read(), b"OK")
            reply = self.tap.read()
            while isinstance(reply, resp.Status) and b" verb=" in reply:
                reply = self.tap.read()
            self.assertNotIsInstance(reply, list)
            self.assertEqual(self.tap.read(), b"last")
        for client in self.clients:
            self.assertEqual(client.call("ping"), b"PONG")

    def test_one_that_leaves_or_ends_its_side_disturbs_nobody(self):
        for number in range(8):
            self.begin()
            self.clients[0].send(resp.array("key.get", "carts", "k") * 500)
            if number % 2:
                self.tap.socket.shutdown(1)
                with self.assertRaises(resp.Closed):
                    while True:
                        self.tap.read()
            self.tap.close()
            self.assertEqual([self.clients[0].read() for _ in range(500)], [None] * 500)
            self.tap = self.connect(self.daemon, harness.LONG)
        gone = lambda: b" verb=tap" not in self.daemon.call("clients")
        harness.wait_until(gone, "those that have gone are closed")

    def test_several_may_tap_at_once(self):
        others = [self.connect(self.daemon) for _ in range(20)]
        for other in others:
            self.assertEqual(other.call("tap", "verb=key.get"), b"OK")
        self.clients[3].call("key.get", "carts", "k")
        for other in others:
            self.assertEqual(Event(other.read()).key, "k")
        for other in others:
            self.assertEqual(other.call("ping"), b"PONG")

    def test_a_client_that_leaves_before_its_answer_is_not_told_of(self):
        self.begin("verb=key.get")
        with self.world.redis().client() as direct:
            direct.call("CLIENT", "PAUSE", 300)
            for client in self.clients[1:]:
                client.send(resp.array("key.get", "carts", "gone") * 50)
                client.close()
            self.assertIsNone(self.clients[0].call("key.get", "carts", "stays"))
        keys = {event.key for event in self.events(1)}
        self.assertLessEqual(keys, {"stays", "gone"})

    def test_the_end_of_the_daemon_ends_it(self):
        self.begin()
        self.daemon.send_signal(signal.SIGTERM)
        with self.assertRaises(resp.Closed):
            while True:
                self.tap.read()
        self.assertEqual(self.daemon.wait(), 0)

    def test_a_reader_that_does_not_read_disturbs_nobody_and_learns_what_it_missed(self):
        self.begin()
        before = self.daemon.memory("VmRSS")
        counts = [0] * len(self.clients)
        until = time.monotonic() + 4

        def play(number):
            client = self.clients[number]
            while time.monotonic() < until:
                client.send(resp.array("key.get", "carts", "k" * 60) * 1000)
                for _ in range(1000):
                    assert client.read() is None
                counts[number] += 1000

        threads = [threading.Thread(target=play, args=[number]) for number in range(len(self.clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertTrue(all(counts), counts)
        if not harness.is_sanitized():
            self.assertLess(self.daemon.memory("VmRSS") - before, 32 << 20)
        self.tap.send(resp.array("ping"))
        shown, lost = 0, 0
        while (line := self.tap.read()) != b"PONG":
            lost += int(line[5:]) if line.startswith(b"lost=") else 0
            shown += not line.startswith(b"lost=")
        self.assertGreater(lost, 0)
        self.assertLessEqual(shown + lost, sum(counts))
        self.assertGreater(shown + lost, sum(counts) * 0.9)

    def test_lost_lines_are_told_while_it_reads_late(self):
        self.begin()
        told = lambda: [line for line in self.drain() if line.startswith(b"lost=")]
        def flood():
            for client in self.clients:
                client.send(resp.array("ping") * 20000)
            for client in self.clients:
                for _ in range(20000):
                    client.read()
            return told()
        harness.wait_until(flood, "a line tells how many were lost")

    def drain(self):
        """What can be read at once."""
        self.tap.socket.settimeout(1.5)
        lines = []
        try:
            while True:
                lines.append(self.tap.read())
                if lines[-1].startswith(b"lost="):
                    break
        except TimeoutError:
            pass
        self.tap.socket.settimeout(harness.LONG)
        return lines


class Limited(harness.TestCase):
    """An admin of some namespaces alone."""

    def setUp(self):
        super().setUp()
        self.users = lambda access: f"[user web]\ntoken = {harness.token_hash('web')}\nnamespaces = carts\naccess = {access}\n"
        self.daemon = self.world.daemon(INI + self.users("admin"))
        self.client, self.tap = self.connect(self.daemon), self.connect(self.daemon)
        for client in (self.client, self.tap):
            self.assertEqual(client.call("auth", "web", "web"), b"OK")

    def test_it_has_to_name_one_of_its_own(self):
        self.assertEqual(self.tap.call("tap").code, "NOPERM")
        self.assertEqual(self.tap.call("tap", "namespace=users").code, "NOPERM")
        self.assertEqual(self.tap.call("tap", "namespace=carts"), b"OK")
        self.client.call("ping")
        self.client.call("key.get", "carts", "k")
        self.assertEqual(Event(self.tap.read()).what[:3], ("key.get", "carts", "k"))

    def test_it_ends_when_a_reload_takes_the_right_away(self):
        self.assertEqual(self.tap.call("tap", "namespace=carts"), b"OK")
        self.daemon.configure(INI + self.users("write"))
        self.daemon.send_signal(signal.SIGHUP)
        self.daemon.wait_logged("reload: done")
        self.client.call("key.get", "carts", "k")
        self.assertEqual(self.tap.call("ping"), b"PONG")


if __name__ == "__main__":
    harness.main()
