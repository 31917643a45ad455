#!/usr/bin/env python3
"""Several workers: one daemon to everybody who looks at it."""

import collections
import re
import signal
import threading
import unittest

import harness
import resp
from scenario_systemd import halted

WORKERS = 3
INI = harness.INI.replace("{listen}", f"{{listen}}\nworkers = {WORKERS}")


def workers_of(daemon):
    """How many clients each worker has, the one that asks left out."""
    lines = daemon.call("clients").decode().splitlines()
    found = [re.search(r" worker=(\d+) requests=\d+ verb=(\S+)", line) for line in lines]
    return collections.Counter(int(m[1]) for m in found if m[2] != "clients")


class Workers(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.clients = [self.connect(self.daemon) for _ in range(2 * WORKERS)]
        for client in self.clients:
            self.assertEqual(client.call("ping"), b"PONG")

    def test_clients_are_spread_over_all_workers(self):
        self.assertEqual(workers_of(self.daemon), dict.fromkeys(range(WORKERS), 2))
        ids = re.findall(rb"^id=(\d+) ", self.daemon.call("clients"), re.MULTILINE)
        self.assertEqual(len(set(ids)), 2 * WORKERS + 1)

    def test_counters_are_those_of_all_workers(self):
        for number, client in enumerate(self.clients):
            self.assertEqual(client.call("key.set", "carts", number, "v"), b"OK")
            self.assertEqual(client.call("key.get", "carts", number), b"v")
            self.assertIsNone(client.call("key.get", "carts", "missing"))
            self.assertEqual(client.call("dict.get", "carts", number, "f").code, "WRONGTYPE")
        for client in self.clients:  # whichever answers
            found = harness.sections(client.call("stats"))
            space = found["namespace carts"]
            self.assertEqual(space, harness.sections(client.call("stats", "carts"))["namespace carts"])
            count = len(self.clients)
            expected = {"requests": 4, "hits": 1, "misses": 1, "writes": 1, "errors_WRONGTYPE": 1}
            for name, each in expected.items():
                self.assertEqual(int(space[name]), each * count, name)
            self.assertEqual(found["daemon"]["workers"], str(WORKERS))
            self.assertEqual(int(found["clients"]["connected"]), count)
            backends = client.call("backends").decode()
            self.assertIn(f" connects={WORKERS} ", backends)
            self.assertIn(f" answers={4 * count} ", backends)

    def test_a_reload_is_in_force_everywhere_when_it_is_answered(self):
        for number in range(30):
            asks = self.clients[number % len(self.clients)]
            ini = INI.replace("prefix = cart:", f"prefix = {number}:")
            self.daemon.configure(ini)
            self.assertEqual(asks.call("reload"), b"OK")
            for client in self.clients:
                self.assertIn(b"key: %d:k\n" % number, client.call("explain", "key.get", "carts", "k"))

    def test_a_reload_that_is_refused_is_refused_for_whoever_asked(self):
        self.daemon.configure(INI + "nonsense = 1\n")
        for client in self.clients:
            client.send(resp.array("reload") + resp.array("ping", "next"))
        for client in self.clients:
            reply = client.read()
            self.assertEqual(reply.code, "POLICY")
            self.assertIn("nonsense", str(reply))
            self.assertEqual(client.read(), b"next")

    def test_a_new_listener_has_no_clients_before_every_worker_knows_it(self):
        path = f"{self.world.folder}/apps.sock"
        with halted(self.daemon, 1):
            self.daemon.configure(INI + f"[listener apps]\nlisten = unix:{path}\n")
            self.daemon.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: harness.accepts(path), "the first worker knows it")
            guests = [self.world.keep(resp.Client(path)) for _ in range(2 * WORKERS)]
            for guest in guests:
                guest.send(resp.array("ping"))
            # What worker 0 has been told to accept is accepted by now, if it does not wait.
            for client in self.clients[:1]:
                self.assertEqual(client.call("ping"), b"PONG")
        for guest in guests:
            self.assertEqual(guest.read(), b"PONG")

    def test_the_number_of_workers_cannot_change_by_a_reload(self):
        reply = self.daemon.reload(INI.replace(f"workers = {WORKERS}", "workers = 2"))
        self.assertEqual(reply.code, "POLICY")
        self.assertIn("restart", str(reply))
        self.assertEqual(self.clients[1].call("key.set", "carts", "k", "v"), b"OK")

    def test_max_clients_counts_all_workers(self):
        few = INI.replace("[backend main]", f"max_clients = {len(self.clients)}\n[backend main]")
        self.assertEqual(self.daemon.reload(few), b"OK")
        for _ in range(WORKERS):
            with self.daemon.client() as over:
                self.assertEqual(over.read().code, "OVERLOADED")
        self.clients.pop().close()
        harness.wait_until(self.is_let_in, "there is room again")

    def is_let_in(self):
        try:
            return self.daemon.call("ping") == b"PONG"
        except (OSError, resp.Closed):
            return False

    def test_a_user_that_authenticated_at_one_worker_is_known_there_only(self):
        users = INI + f"[user u]\ntoken = {harness.token_hash('t')}\nnamespaces = *\naccess = write\n"
        self.assertEqual(self.daemon.reload(users), b"OK")
        self.assertEqual(self.clients[1].call("auth", "u", "t"), b"OK")
        self.assertEqual(self.clients[1].call("key.set", "carts", "k", "v"), b"OK")
        codes = {client.call("key.get", "carts", "k").code for client in self.clients[2:]}
        self.assertEqual(codes, {"NOAUTH"})

    def test_what_is_in_flight_at_every_worker_is_answered_before_the_end(self):
        self.assertEqual(self.clients[0].call("key.set", "carts", "k", "v"), b"OK")
        redis = self.world.redis()
        redis.send_signal(signal.SIGSTOP)
        for client in self.clients:
            client.send(resp.array("key.get", "carts", "k"))
        pending = lambda: b" pending=%d " % len(self.clients) in self.daemon.call("backends")
        harness.wait_until(pending, "all are at the backend")
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait_logged("SIGTERM")
        redis.send_signal(signal.SIGCONT)
        for client in self.clients:
            self.assertEqual(client.read(), b"v")
            with self.assertRaises(resp.Closed):
                client.read()
        self.assertEqual(self.daemon.wait(), 0)

    def test_a_second_signal_ends_every_worker_at_once(self):
        redis = self.world.redis()
        redis.send_signal(signal.SIGSTOP)
        for client in self.clients:
            client.send(resp.array("key.get", "carts", "k"))
        pending = lambda: b" pending=%d " % len(self.clients) in self.daemon.call("backends")
        harness.wait_until(pending, "all are at the backend")
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait_logged("SIGTERM")
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(), 0)
        redis.send_signal(signal.SIGCONT)

    def test_every_worker_comes_back_to_a_redis_that_was_killed(self):
        redis = self.world.redis()
        redis.kill()
        for client in self.clients:
            self.assertIn(client.call("key.get", "carts", "k").code, ("LOST", "UNAVAILABLE"))
        redis.start()
        for number, client in enumerate(self.clients):
            write = lambda: client.call("key.set", "carts", number, "v") == b"OK"
            harness.wait_until(write, "its worker has connected again")
            self.assertEqual(client.call("key.get", "carts", number), b"v")
        # Or more often: on a busy machine one may be given up while it greets.
        connects = lambda: int(self.daemon.backend("main")["connects"])
        again = lambda: connects() >= 2 * WORKERS
        harness.wait_until(again, "all have connected again")

    def test_reloads_reports_and_crowds_at_once(self):
        """What the thread sanitizer looks at."""
        is_over, failures = threading.Event(), []

        def run(number):
            words = [("stats",), ("clients",), ("backends",), ("key.set", "carts", number, "v")]
            words += [("reload",), ("key.get", "carts", number), ("stats", "carts")]
            try:
                while not is_over.is_set():
                    with self.daemon.client(timeout=harness.LONG) as client:
                        client.send(b"".join(resp.array(*w) for w in words * 3))
                        replies = [client.read() for _ in words * 3]
                        assert replies[3] == b"OK" and replies[5] == b"v", replies
            except BaseException as error:  # a thread's exception would be lost
                failures.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        reloads = lambda: self.daemon.log().count("reload: done") >= 50
        harness.wait_until(lambda: reloads() or failures, "fifty reloads")
        is_over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_an_end_in_the_middle_of_reloads_and_reports_is_orderly(self):
        for number in range(10):
            with harness.World() as world:
                daemon = world.daemon(INI)
                clients = [daemon.client() for _ in range(6)]
                for client in clients:
                    words = [("stats",), ("reload",), ("clients",), ("key.set", "carts", "k", "v")]
                    client.send(b"".join(resp.array(*w) for w in words * 20))
                for _ in range(1 + number % 2):
                    daemon.send_signal(signal.SIGTERM)
                for client in clients:
                    client.close()
                self.assertEqual(daemon.wait(), 0)


class Embedded(unittest.TestCase):
    def test_all_workers_use_the_one_embedded_redis(self):
        ini = f"[cachesd]\nlisten = {{listen}}\nworkers = {WORKERS}\n[backend main]\nurl = embedded:\n"
        ini += "[namespace carts]\nnear = yes\n"
        with harness.World() as world:
            daemon = world.daemon(ini)
            clients = [daemon.client() for _ in range(WORKERS)]
            for client in clients:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
            self.assertEqual(len(harness.children(daemon.pid)), 1)
            daemon.wait_near()
            for number in range(100):
                value = str(number).encode()
                self.assertEqual(clients[number % WORKERS].call("key.set", "carts", "k", value), b"OK")
                self.assertEqual(clients[number % WORKERS].call("key.get", "carts", "k"), value)
                for client in clients:  # told by Redis
                    seen = lambda: client.call("key.get", "carts", "k") == value
                    harness.wait_until(seen, "every worker has it")
            self.assertGreater(daemon.stats("carts")["near_hits"], 0)
            for client in clients:
                client.close()

    def test_an_end_while_workers_turn_to_another_embedded_redis(self):
        """Which the first worker ends, while others may still be asking it where that is."""
        ini = f"[cachesd]\nlisten = {{listen}}\nworkers = {WORKERS}\n[backend main]\nurl = embedded:\n"
        ini += "timeout = %dms\n[namespace carts]\n"
        for _ in range(5):
            with harness.World() as world:
                daemon = world.daemon(ini % 1000)
                first = set(harness.children(daemon.pid))
                daemon.configure(ini % 2000)  # hence another server
                daemon.send_signal(signal.SIGHUP)
                others = lambda: set(harness.children(daemon.pid)) - first
                harness.wait_until(others, "the other server is started")
                for _ in range(2):
                    daemon.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    harness.main()
