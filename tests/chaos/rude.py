"""Clients by the thousand, and rude ones: each bounded, each answered, none hurting the others."""

import contextlib
import resource
import signal
import threading
import time
import unittest

from sizes import CONNECTIONS, IDLE_CLIENTS, IS_SANITIZED, MB, cpu_seconds, open_files, status

import harness
import resp

LIMITS = """\
[cachesd]
listen = {listen}
max_clients = 10100
max_request = 256kb
client_output = 256kb
client_stall = 1s
[backend main]
url = {redis:main}
timeout = 300ms
max_pending = 100
[namespace carts]
"""


class Watch:
    """Another client that asks all the while; how long the slowest reply took."""

    def __init__(self, daemon):
        self.client = daemon.client()
        self.slowest = 0.0
        self.failure = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            while not self.is_over.is_set():
                started = time.monotonic()
                assert self.client.call("ping") == b"PONG"
                self.slowest = max(self.slowest, (time.monotonic() - started) * 1000)
                self.is_over.wait(0.001)
        except BaseException as error:  # a thread's exception would be lost
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join()
        self.client.close()
        if self.failure:
            raise self.failure


def wait_until_alone(daemon):
    with daemon.client() as client:
        harness.wait_until(lambda: client.call("clients").strip().count(b"\n") == 0, "alone")


def connect(daemon):
    """A Unix socket refuses at once while the daemon is behind with accepting."""
    while True:
        try:
            return daemon.client()
        except BlockingIOError:
            time.sleep(0.001)


class Connections(unittest.TestCase):
    def test_connections_opened_and_closed_leave_nothing_behind(self):
        with harness.World() as world:
            daemon = world.daemon(LIMITS)
            files = open_files(daemon.pid)
            self.open_and_close(daemon, 1000)  # buffers that are kept are there from here on
            before = status(daemon.pid, "VmRSS")
            self.open_and_close(daemon, CONNECTIONS)
            harness.wait_until(
                lambda: open_files(daemon.pid) == files, "descriptors are as at the start"
            )
            after = status(daemon.pid, "VmRSS")
            print(f"{CONNECTIONS} connections: RSS {before // 1024} → {after // 1024} KB")
            if not IS_SANITIZED:
                self.assertLess(after, before + MB)

    def open_and_close(self, daemon, count):
        """Some ask nothing, some go before their reply, some in the middle of a request."""
        for number in range(count):
            with connect(daemon) as client, contextlib.suppress(OSError):
                self.say_something(client, number % 5)
        wait_until_alone(daemon)

    def say_something(self, client, kind):
        if kind == 1:
            client.call("ping")
        elif kind == 2:
            client.send(resp.array("key.get", "carts", "a"))
        elif kind == 3:
            client.send(b"*3\r\n$7\r\nkey.set\r\n$5\r\nca")
        elif kind == 4:
            client.send(b"POST / HTTP/1.1\r\n\r\n")

    def test_an_idle_client_costs_at_most_3_KB(self):
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(LIMITS)
            self.open_and_close(daemon, 100)
            before = status(daemon.pid, "VmRSS")
            clients = [stack.enter_context(connect(daemon)) for _ in range(IDLE_CLIENTS)]
            for client in clients:
                self.assertEqual(client.call("ping"), b"PONG")
            each = (status(daemon.pid, "VmRSS") - before) / IDLE_CLIENTS
            self.ask_all_at_once(clients)
            kept = (status(daemon.pid, "VmRSS") - before) / IDLE_CLIENTS
            print(f"{IDLE_CLIENTS} idle clients: {each:.0f} bytes each, {kept:.0f} after a burst")
            if not IS_SANITIZED:
                self.assertLessEqual(each, 3 * 1024)

    def ask_all_at_once(self, clients):
        for client in clients:
            client.socket.sendall(b"ping\n")
        for client in clients:
            self.assertEqual(client.read(), b"PONG")


class RudeClients(unittest.TestCase):
    MOST_MS = 100  # how long another client's ping may take meanwhile

    @contextlib.contextmanager
    def stage(self, most_memory=64 * MB):
        """A daemon, watched by another client while the rude ones do what they do."""
        with harness.World() as world:
            daemon = world.daemon(LIMITS)
            with Watch(daemon) as watch:
                yield world, daemon
            peak = status(daemon.pid, "VmHWM")
            print(f"slowest ping {watch.slowest:.0f} ms, memory up to {peak // MB} MB")
            if not IS_SANITIZED:
                self.assertLess(watch.slowest, self.MOST_MS)
                self.assertLess(peak, most_memory)

    def test_slow_readers_hurt_only_themselves(self):
        with self.stage() as (_, daemon), contextlib.ExitStack() as stack:
            daemon.call("key.set", "carts", "a", bytes(100_000))
            slow = [stack.enter_context(daemon.client()) for _ in range(20)]
            for client in slow:
                client.send(resp.array("key.get", "carts", "a") * 20)
            for _ in range(50):
                for client in slow:
                    client.input += client.socket.recv(4096)
            for client in slow:
                for _ in range(20):
                    reply = client.read()
                    self.assertTrue(reply == bytes(100_000) or reply.code == "OVERLOADED")

    def test_endless_senders_that_never_read_are_stopped_and_closed(self):
        with self.stage() as (_, daemon), contextlib.ExitStack() as stack:
            stuck = [stack.enter_context(daemon.client()) for _ in range(10)]
            request, rests = resp.array("ping", bytes(1000)) * 50, [b""] * len(stuck)
            end = time.monotonic() + 1
            for client in stuck:
                client.socket.setblocking(False)
            while time.monotonic() < end:
                for at, client in enumerate(stuck):
                    self.send_more(client, rests, at, request)
                time.sleep(0.001)
            # The watching client and the asking one are left.
            with daemon.client() as client:
                harness.wait_until(
                    lambda: client.call("clients").strip().count(b"\n") == 1, "they are closed"
                )

    def test_half_a_request_held_open_costs_no_more_than_its_bytes(self):
        with self.stage() as (_, daemon), contextlib.ExitStack() as stack:
            held = [stack.enter_context(daemon.client()) for _ in range(200)]
            for client in held:
                client.send(b"*4\r\n$7\r\nkey.set\r\n$5\r\ncarts\r\n$1\r\na\r\n$200000\r\nabc")
            self.assertIsNone(daemon.call("key.get", "carts", "a"))
            for client in held[:5]:
                client.send(bytes(200_000 - 3) + b"\r\n")
                self.assertEqual(client.read(), b"OK")

    def test_too_many_clients_are_turned_away_with_a_reply(self):
        ini = LIMITS.replace("10100", "50")
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(ini)
            with Watch(daemon) as watch:
                harness.wait_until(lambda: watch.slowest > 0, "it watches")
                clients = [stack.enter_context(daemon.client()) for _ in range(200)]
                replies = [self.ping(client) for client in clients]
            self.assertEqual(replies, [b"PONG"] * 49 + ["OVERLOADED"] * 151)
            self.assertLess(watch.slowest, self.MOST_MS)

    def ping(self, client):
        try:
            client.send(b"ping\n")
        except OSError:
            pass  # turned away: the reply is there nonetheless
        try:
            reply = client.read()
        except resp.Closed:
            return "closed"
        return reply.code if isinstance(reply, resp.Error) else reply

    def test_without_descriptors_those_inside_are_served_and_others_later(self):
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(LIMITS)
            with Watch(daemon) as watch:
                most = open_files(daemon.pid) + 16 + 10  # listener.c keeps 16 for other ends
                resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (most, most))
                clients = [stack.enter_context(daemon.client()) for _ in range(50)]
                replies = [self.ping(client) for client in clients]
                inside = replies.count(b"PONG")
                print(f"{inside} served, the others: {set(replies) - {b'PONG'}}")
                self.assertGreaterEqual(inside, 5)
                started = cpu_seconds(daemon.pid)
                watched = time.monotonic() + 0.5
                harness.wait_until(lambda: time.monotonic() > watched, "a while has passed")
                self.assertLess(cpu_seconds(daemon.pid) - started, 0.3, "it spins")
                for client in clients:
                    client.close()
                harness.wait_until(lambda: self.is_served(daemon), "there is room again")
            self.assertLess(watch.slowest, self.MOST_MS)

    def is_served(self, daemon):
        with daemon.client() as client:
            return self.ping(client) == b"PONG"

    def test_memory_stays_within_the_configuration_under_twice_the_load(self):
        """Redis stands still; each client sends all that the daemon takes from it."""
        count = 50
        bound = 16 * MB + count * 2 * MB // 2  # each: max_request, client_output, and as much again
        with self.stage(bound) as (world, daemon), contextlib.ExitStack() as stack:
            clients = [stack.enter_context(daemon.client()) for _ in range(count)]
            world.redis().send_signal(signal.SIGSTOP)
            request = resp.array("key.set", "carts", "a", bytes(200_000))
            rests = [b""] * count
            for client in clients:
                client.socket.setblocking(False)
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                for at, client in enumerate(clients):
                    self.send_more(client, rests, at, request)
                    with contextlib.suppress(BlockingIOError):
                        client.input += client.socket.recv(65536)
                time.sleep(0.001)
            world.redis().send_signal(signal.SIGCONT)
            self.expect_replies(clients[0])

    def send_more(self, client, rests, at, request):
        """As much as the daemon takes now of its requests, one after the other."""
        rests[at] = rests[at] or request
        with contextlib.suppress(OSError):  # it takes no more, or has closed
            rests[at] = rests[at][client.socket.send(rests[at]) :]

    def expect_replies(self, client):
        """What it got is whole replies, each a right one or an error."""
        count = 0
        while client.input:
            reply = client.read()
            count += 1
            if reply != b"OK":
                self.assertIn(reply.code, ("TIMEOUT", "OVERLOADED", "UNAVAILABLE", "LOST"))
        self.assertGreater(count, 0)
