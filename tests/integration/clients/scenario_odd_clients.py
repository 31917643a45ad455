#!/usr/bin/env python3
"""Clients that are slow, impatient or rude."""

import socket
import unittest

import harness
import resp
from resp import Client

REQUESTS = (
    b"ping\n"
    b'key.set carts a "quoted \\x41\\n"\r\n'
    b"\r\n"
    b"dict.set carts 7 sku-1 $3 note $5\r\ntwo\r\nx\r\ny\n\n"
    b"*3\r\n$7\r\nkey.get\r\n$5\r\ncarts\r\n$1\r\na\r\n"
    b"nosuch\n"
    b"dict.mget carts 7 sku-1 note\n"
)


class OddClients(unittest.TestCase):
    def expect_replies(self, client):
        self.assertEqual(client.read(), b"PONG")
        self.assertEqual(client.read(), b"OK")
        self.assertEqual(client.read(), 2)
        self.assertEqual(client.read(), b"quoted A\n")
        self.assertEqual(client.read().code, "VERB")
        self.assertEqual(client.read(), [b"two", b"x\r\ny\n"])

    def test_a_writer_of_single_bytes_is_understood(self):
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as slow, daemon.client() as other:
                for byte in REQUESTS:
                    slow.send(bytes([byte]))
                    other.call("ping")  # now the daemon has read that byte, alone
                self.expect_replies(slow)

    def test_everything_at_once_is_understood(self):
        with harness.World() as world:
            with world.daemon().client() as client:
                client.send(REQUESTS)
                self.expect_replies(client)

    def test_any_split_in_two_is_understood(self):
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as client, daemon.client() as other:
                for at in range(1, len(REQUESTS)):
                    client.call("del", "carts", "7")
                    client.send(REQUESTS[:at])
                    other.call("ping")
                    client.send(REQUESTS[at:])
                    self.expect_replies(client)

    def test_a_client_that_ends_its_requests_still_gets_every_reply(self):
        with harness.World() as world:
            with world.daemon().client() as client:
                client.send(REQUESTS + resp.array("key.incr", "carts", "n") * 5000)
                client.finish()
                self.expect_replies(client)
                self.assertEqual([client.read() for _ in range(5000)], list(range(1, 5001)))
                self.assertTrue(client.is_closed())

    def test_a_half_request_at_the_end_is_not_run(self):
        for half in (b"key.set carts a 1", resp.array("key.set", "carts", "a", "1")[:-2]):
            with harness.World() as world:
                redis = world.redis()
                with world.daemon().client() as client:
                    client.send(b"ping\n" + half)
                    client.finish()
                    self.assertEqual(client.read(), b"PONG")
                    self.assertTrue(client.is_closed())
                self.assertEqual(redis.call("DBSIZE"), 0)

    def test_a_client_that_goes_with_requests_in_flight_disturbs_nobody(self):
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as steady:
                for _ in range(20):
                    gone = daemon.client()
                    gone.send(resp.array("key.set", "carts", "a", "1") * 200)
                    gone.close()
                    self.assertEqual(steady.call("key.set", "carts", "b", "2"), b"OK")
                    self.assertEqual(steady.call("key.get", "carts", "b"), b"2")
                harness.wait_until(
                    lambda: steady.call("clients").strip().count(b"\n") == 0, "they are gone"
                )

    def test_a_connection_reset_disturbs_nobody(self):
        ini = harness.INI.replace("{listen}", "{listen}\nlisten = tcp:127.0.0.1:{port}")
        with harness.World() as world:
            daemon = world.daemon(ini)
            with daemon.client() as steady:
                for _ in range(20):
                    rude = Client(("127.0.0.1", world.port))
                    rude.send(resp.array("key.set", "carts", "a", "1") * 200)
                    linger = b"\1\0\0\0\0\0\0\0"  # on, 0 s: closing sends a reset
                    rude.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    rude.close()
                    self.assertEqual(steady.call("ping"), b"PONG")

    def test_a_client_that_reads_late_gets_a_reply_to_every_request(self):
        ini = harness.INI.replace("[backend", "client_output = 1mb\n[backend", 1)
        ini = ini
        value, count = bytes(100000), 300
        with harness.World() as world:
            daemon = world.daemon(ini)
            with daemon.client() as greedy, daemon.client() as other:
                self.assertEqual(greedy.call("key.set", "carts", "a", value), b"OK")
                greedy.send(resp.array("key.get", "carts", "a") * count)
                for _ in range(50):
                    self.assertEqual(other.call("ping"), b"PONG")
                replies = [greedy.read() for _ in range(count)]
                self.assertEqual(replies[:5], [value] * 5)
                for reply in replies:  # what does not fit is refused, in its place
                    self.assertTrue(reply == value or reply.code == "OVERLOADED", reply[:80])
                self.assertEqual(greedy.call("key.get", "carts", "a"), value)

    def test_a_client_that_never_reads_is_closed_after_client_stall(self):
        limits = "client_output = 64kb\nclient_stall = 200ms\n[backend"
        with harness.World() as world:
            daemon = world.daemon(harness.INI.replace("[backend", limits, 1))
            with daemon.client() as stuck, daemon.client() as other:
                self.send_until_it_blocks(stuck, resp.array("ping", bytes(1000)) * 1000)
                harness.wait_until(
                    lambda: other.call("clients").strip().count(b"\n") == 0, "it is closed"
                )
                self.assertEqual(other.call("ping"), b"PONG")

    def send_until_it_blocks(self, client, data):
        client.socket.settimeout(1)
        rest = b""
        try:
            while True:
                rest = rest or data
                rest = rest[client.socket.send(rest) :]
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass

    def test_an_idle_client_is_closed_after_client_idle(self):
        ini = harness.INI.replace("[backend", "client_idle = 200ms\n[backend", 1)
        with harness.World() as world:
            with world.daemon(ini).client() as client:
                self.assertEqual(client.call("ping"), b"PONG")
                self.assertTrue(client.is_closed())

    def test_a_request_longer_than_max_request_ends_its_connection_only(self):
        ini = harness.INI.replace("[backend", "max_request = 64kb\n[backend", 1)
        with harness.World() as world:
            daemon = world.daemon(ini)
            with daemon.client() as other:
                for encode in (resp.array, resp.blocks):
                    with daemon.client() as client:
                        client.send(encode("key.set", "carts", "a", bytes(70000))[:60000])
                        self.assertEqual(client.read().code, "PROTOCOL")
                        self.assertTrue(client.is_closed())
                self.assertEqual(other.call("ping"), b"PONG")

    def test_a_line_of_64_KiB_is_read_and_a_longer_one_is_refused(self):
        with harness.World() as world:
            daemon = world.daemon()
            longest = b"ping " + b"x" * (64 * 1024 - 5)
            with daemon.client() as client:
                client.send(longest + b"\r\n")
                self.assertEqual(len(client.read()), 64 * 1024 - 5)
                client.send(longest + b"x\n")
                self.assertEqual(client.read().code, "PROTOCOL")
                self.assertTrue(client.is_closed())


if __name__ == "__main__":
    harness.main()
