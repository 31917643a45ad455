#!/usr/bin/env python3
"""Clients that have gone while they waited for something, and ones that only look as if they had."""

import contextlib
import signal
import socket
import time
import unittest

import harness
import resp
from resp import Client

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
client_output = 64kb
client_stall = 1h
[backend main]
url = {redis:main}
timeout = 1h
max_pending = 4
[backend other]
url = {redis:other}
[namespace carts]
backend = main
[namespace memos]
backend = other
lease = 1h
max_value = 1mb
"""
WEB = f"[user web]\ntoken = {harness.token_hash('right')}\nnamespaces = *\naccess = admin\n"
WAITS = {
    "for a memo": resp.array("memo.get", "wait=1d", "memos", "held"),
    "for a memo, behind quit": resp.array("memo.get", "wait=1d", "memos", "held") + b"quit\n",
    "for its turn": resp.array("memo.get", "wait=1d", "memos", "held") + b"stats\nping\n",
    "for an answer": resp.array("key.get", "carts", "k") + b"quit\n",
    "for room": resp.array("key.get", "carts", "k") * 9 + b"quit\n",
    "for its output to be read": resp.array("key.get", "memos", "large") * 40,
}


def reset(client):
    """Closes as a peer whose system answers with a reset from then on."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


def forget(client):
    """Closes so that its system forgets the connection after a second, as others do in a minute."""
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 1)
    client.close()


class Waiting(unittest.TestCase):
    @contextlib.contextmanager
    def world(self, ini=INI):
        """A daemon, and a backend that answers nothing; a key of the other has its lease given."""
        with harness.World() as world:
            daemon = world.daemon(ini)
            with daemon.client() as client:
                if "[user" not in ini:
                    self.lease = client.call("memo.get", "memos", "held")[2]
                    self.assertEqual(client.call("key.set", "memos", "large", bytes(100000)), b"OK")
                redis = world.redis()
                redis.send_signal(signal.SIGSTOP)
                try:
                    yield world, daemon, client
                finally:
                    redis.send_signal(signal.SIGCONT)

    def counter(self, client, name):
        return int(harness.sections(client.call("stats", "memos"))["namespace memos"][name])

    def connected(self, client):
        return client.call("clients").count(b" addr=")

    def settle(self, client, count):
        """Until so many have sent what they wait for."""
        harness.wait_until(
            lambda: client.call("clients").count(b" requests=0 ") == 0
            and self.connected(client) == count + 1,
            "all wait",
        )

    def expect_all_gone(self, client, seconds):
        harness.wait_until(lambda: self.connected(client) == 1, "they are gone", seconds)


class Gone(Waiting):
    def wait_in_each_way(self, connect):
        clients = []
        for request in WAITS.values():
            clients.append(connect())
            clients[-1].send(request)
        return clients

    def test_one_of_a_unix_socket_is_noticed_in_each_wait(self):
        with self.world() as (_, daemon, client):
            for gone in self.wait_in_each_way(daemon.client):
                gone.close()
            self.expect_all_gone(client, 5)

    def test_one_that_is_reset_is_noticed_in_each_wait(self):
        with self.world() as (world, _, client):
            waiting = self.wait_in_each_way(lambda: Client(("127.0.0.1", world.port)))
            self.settle(client, len(waiting))
            for gone in waiting:
                reset(gone)
            self.expect_all_gone(client, 5)

    def test_one_that_has_closed_over_tcp_is_noticed_by_probes(self):
        with self.world() as (world, _, client):
            waiting = self.wait_in_each_way(lambda: Client(("127.0.0.1", world.port)))
            self.settle(client, len(waiting))
            for gone in waiting:
                forget(gone)
            self.expect_all_gone(client, 20)

    def test_one_whose_token_waits_is_noticed(self):
        with self.world(INI + WEB) as (_, daemon, client):
            self.assertEqual(client.call("auth", "web", "right"), b"OK")
            for _ in range(5):
                daemon.call("auth", "web", "wrong")
            for _ in range(9):
                with daemon.client() as gone:
                    gone.send(resp.array("auth", "web", "wrong") * 9 + b"quit\n")
            self.expect_all_gone(client, 5)

    def test_ghosts_do_not_fill_max_clients(self):
        with self.world(INI.replace("[backend", "max_clients = 20\n[backend", 1)) as found:
            _, daemon, client = found
            for round in range(1, 6):
                ghosts = [daemon.client() for _ in range(19)]
                for ghost in ghosts:
                    ghost.send(WAITS["for a memo, behind quit"])
                harness.wait_until(
                    lambda: self.counter(client, "memo_waits") == 19 * round, "all wait"
                )
                for ghost in ghosts:
                    ghost.close()
                self.expect_all_gone(client, 5)
            self.assertIn(b"turned_away:0\n", client.call("stats"))


class HalfClosed(Waiting):
    def test_one_that_has_ended_its_side_gets_its_reply_all_the_same(self):
        with self.world() as (world, daemon, client):
            for address in (daemon.path, ("127.0.0.1", world.port)):
                for rest in (b"", b"quit\n", b"stats memos\n"):
                    with self.subTest(address=address, rest=rest), Client(address) as half:
                        self.assertEqual(client.call("memo.set", "memos", "held", "v"), b"OK")
                        self.assertEqual(client.call("del", "memos", "held"), 1)
                        lease = client.call("memo.get", "memos", "held")[2]
                        half.send(resp.array("memo.get", "wait=1d", "memos", "held") + rest)
                        half.finish()
                        time.sleep(0.6)  # it is looked at twice, and kept
                        self.assertEqual(client.call("memo.put", "memos", "held", lease, "w"), b"OK")
                        self.assertEqual(half.read(), [b"HIT", b"w", None])
                        if rest:
                            half.read()
                        self.assertTrue(half.is_closed())

    def test_a_lease_goes_to_who_is_surely_there(self):
        with self.world() as (world, daemon, client):
            with contextlib.ExitStack() as stack:
                for address in (daemon.path, ("127.0.0.1", world.port)) * 3:
                    gone = Client(address)
                    gone.send(WAITS["for a memo, behind quit"])
                    gone.close()
                half = stack.enter_context(Client(("127.0.0.1", world.port)))
                half.send(WAITS["for a memo"])
                half.finish()
                harness.wait_until(
                    lambda: self.connected(client) == 5
                    and self.counter(client, "memo_waiting") == 4,
                    "those of TCP wait, and the others have been noticed",
                )
                there = stack.enter_context(daemon.client())
                there.send(WAITS["for a memo"])
                harness.wait_until(
                    lambda: self.counter(client, "memo_waiting") == 5, "all wait"
                )
                self.assertEqual(client.call("memo.drop", "memos", "held", self.lease), 1)
                state, value, lease = there.read()
                self.assertEqual((state, value), (b"MISS", None))
                self.assertEqual(client.call("memo.put", "memos", "held", lease, "v"), b"OK")
                self.assertEqual(half.read(), [b"HIT", b"v", None])


if __name__ == "__main__":
    harness.main()
