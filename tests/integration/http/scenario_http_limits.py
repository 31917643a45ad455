#!/usr/bin/env python3
"""[http]: browsers that hang, and crowds of them. Neither disturbs requests of the protocol, nor stops
HTTP for good."""

import concurrent.futures
import contextlib
import select
import signal
import socket
import threading
import time

import harness
import web

INI = harness.INI + web.HTTP
CONNECTIONS = 32  # of an address of [http]
HALF_REQUESTS = [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: local",
                 b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\nab"]


def has_ended(plain):
    """Whether the daemon has closed this connection, over which it has said nothing."""
    try:
        return bool(select.select([plain], [], [], 0)[0]) and plain.recv(1) == b""
    except ConnectionError:
        return True


class Limits(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.port = self.world.port
        self.client = self.connect(self.daemon)

    def open(self, count, text=b""):
        """So many connections that say this, and wait."""
        found = []
        for _ in range(count):
            plain = web.connect(self.port)
            self.addCleanup(plain.close)
            plain.sendall(text)
            found.append(plain)
        return found

    def worst_request(self, seconds):
        """How long the slowest of many requests of the protocol takes meanwhile."""
        worst, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            self.assertEqual(self.client.call("key.set", "carts", "a", "b"), b"OK")
            worst = max(worst, time.monotonic() - began)
        return worst

    def test_connections_that_never_finish_a_request_end_and_others_are_served_then(self):
        silent = [plain for text in HALF_REQUESTS for plain in self.open(CONNECTIONS // 5, text)]
        dripping = self.open(CONNECTIONS - len(silent), b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        worst = self.worst_request(0.2)
        print(f"slowest request of the protocol beside {CONNECTIONS} that hang: {worst * 1000:.1f} ms")
        self.assertEqual([plain for plain in silent + dripping if has_ended(plain)], [], "they have their time")
        with self.a_byte_now_and_then(dripping):
            # This one waits in the system's queue until those have ended.
            self.assertEqual(web.get(self.daemon, "/healthz", address=self.port).status, 200)
            harness.wait_until(lambda: all(map(has_ended, silent + dripping)), "each of them has ended")

    @contextlib.contextmanager
    def a_byte_now_and_then(self, connections):
        is_over = threading.Event()

        def drip():
            while not is_over.wait(0.5):
                for plain in connections:
                    with contextlib.suppress(OSError):
                        plain.send(b"x")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            yield
        finally:
            is_over.set()
            dripping.join()

    def test_a_flood_of_connections_is_served_in_the_end(self):
        crowd = [socket.socket() for _ in range(300)]
        for plain in crowd:
            self.addCleanup(plain.close)
            plain.setblocking(False)
            plain.connect_ex(("127.0.0.1", self.port))
        worst = self.worst_request(1)
        print(f"slowest request of the protocol beside {len(crowd)} connections: {worst * 1000:.1f} ms")
        self.assertEqual(web.get(self.daemon, "/metrics").status, 200)  # another address, another thread
        for plain in crowd:
            plain.close()
        self.assertEqual(web.get(self.daemon, "/metrics", address=self.port).status, 200)

    def test_many_scrapes_at_once_are_all_served(self):
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            replies = list(pool.map(lambda _: web.get(self.daemon, "/metrics", address=self.port), range(300)))
        statuses = [reply.status for reply in replies]
        self.assertGreater(statuses.count(200), 150, "more than half of 300 by 30 clients")
        self.assertLessEqual(set(statuses), {200, 503})

    def test_readers_that_leave_harm_nothing(self):
        for _ in range(200):
            with web.connect(self.port) as plain:
                plain.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        is_served = lambda: web.get(self.daemon, "/metrics", address=self.port).status == 200
        harness.wait_until(is_served, "those have ended")
        self.assertEqual(self.client.call("ping"), b"PONG")

    @harness.NEEDS_ROOT
    @harness.NOT_UNDER
    def test_requests_that_wait_for_a_hanging_worker_leave_room_for_health(self):
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            with web.stopped_thread(self.daemon.pid):
                asked = [pool.submit(web.get, self.daemon, "/metrics") for _ in range(CONNECTIONS)]
                refused = lambda: sum(future.done() for future in asked) == CONNECTIONS - 16
                harness.wait_until(refused, "as many wait as may")
                self.assertIn(web.get(self.daemon, "/healthz", timeout=10).status, (200, 503))
            statuses = [future.result().status for future in asked]
        self.assertEqual(set(statuses), {200, 503})

    def test_the_daemon_ends_beside_connections_of_all_kinds(self):
        self.open(5)
        self.open(5, b"GET /metr")
        self.open(5, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.daemon.wait(), 0)


class Size(harness.TestCase):
    def test_a_thousand_namespaces_are_scraped(self):
        names = "".join(f"[namespace n{i}]\nbackend = main\n" for i in range(1000))
        daemon = self.world.daemon(INI.replace("prefix =", "backend = main\nprefix =") + names)
        took = []
        for _ in range(10):
            began = time.monotonic()
            reply = web.get(daemon, "/metrics", address=self.world.port)
            took.append(time.monotonic() - began)
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.text.count('cachesd_clamped_ttls_total{namespace="n'), 1000)
        took.sort()
        print(f"1,000 namespaces: {len(reply.body) / 1e6:.1f} MB, {took[0] * 1000:.0f} to {took[-1] * 1000:.0f} ms")


if __name__ == "__main__":
    harness.main()
