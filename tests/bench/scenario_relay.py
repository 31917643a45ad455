#!/usr/bin/env python3
"""The relay that stands for a network: that bytes come through it as they were, and as late as it is told."""

import os
import socket
import subprocess
import threading
import time
import unittest

import servers
from servers import harness

AWAY = 0.060  # seconds, there and back: much more than a busy machine takes for itself


class Relay(unittest.TestCase):
    def setUp(self):
        self.world = harness.World()
        self.world.__enter__()
        self.addCleanup(lambda: self.world.__exit__(None, None, None))
        self.target = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.target.close)

    def relay(self, listen, connect, away=AWAY):
        command = [servers.RELAY, str(listen), str(connect), str(away * 1000)]
        process = subprocess.Popen(command, preexec_fn=harness.end_with_parent)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def pair(self):
        """Both ends of a connection through a relay: the client's and the server's."""
        port = harness.free_port()
        self.process = self.relay(port, self.target.getsockname()[1])
        ends = []
        harness.wait_until(lambda: self.connects(port, ends), "the relay listens")
        ends.append(self.target.accept()[0])
        for end in ends:
            end.settimeout(harness.LONG)
            self.addCleanup(end.close)
        return ends

    def connects(self, port, ends):
        try:
            ends.append(socket.create_connection(("127.0.0.1", port)))
            return True
        except OSError:
            return False

    def test_each_way_takes_half_of_the_round_trip(self):
        for sender, receiver in (ends := self.pair(), ends[::-1]):
            begun = time.monotonic()
            sender.sendall(b"one")
            self.assertEqual(receiver.recv(10), b"one")
            self.assertGreaterEqual(time.monotonic() - begun, AWAY / 2)
            self.assertLess(time.monotonic() - begun, AWAY / 2 + harness.SOON)

    def test_what_follows_does_not_wait_for_what_is_on_its_way(self):
        client, server = self.pair()
        begun = time.monotonic()
        for _ in range(50):
            client.sendall(b"x")
            time.sleep(0.001)
        self.assertEqual(len(receive(server, 50)), 50)
        self.assertLess(time.monotonic() - begun, 50 * AWAY / 2)  # one after the other they would take that long

    def test_many_bytes_come_whole_and_in_order_also_when_they_are_read_late(self):
        data = os.urandom(20 << 20)
        for sender, receiver in (ends := self.pair(), ends[::-1]):
            thread = threading.Thread(target=sender.sendall, args=[data])
            thread.start()
            time.sleep(0.2)  # meanwhile the relay's socket has filled
            self.assertEqual(receive(receiver, len(data)), data)
            thread.join()

    def test_an_end_comes_behind_the_last_bytes_and_the_other_way_stays_open(self):
        client, server = self.pair()
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(receive(server, 100), b"last words")
        server.sendall(b"an answer")
        server.close()
        self.assertEqual(receive(client, 100), b"an answer")

    def test_a_connection_that_ends_at_once_is_forgotten(self):
        client, server = self.pair()
        before = len(os.listdir(f"/proc/{self.process.pid}/fd"))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # its peer is reset
        client.sendall(b"x" * (8 << 20))
        server.close()
        deadline = time.monotonic() + harness.LONG
        with self.assertRaises(OSError):
            while time.monotonic() < deadline:
                client.send(b"x" * 65536)
        client.close()
        fds = lambda: len(os.listdir(f"/proc/{self.process.pid}/fd"))
        harness.wait_until(lambda: fds() == before - 2, "the relay has closed both sockets")

    def test_unix_sockets_do_as_well_and_redis_answers_through_them(self):
        path = f"{self.world.folder}/relay.sock"
        redis = self.world.redis("main")
        self.relay(path, redis.path)
        harness.wait_until(lambda: harness.accepts(path), "the relay listens")
        with harness.Client(path) as client:
            begun = time.monotonic()
            self.assertEqual(client.call("ECHO", "hello"), b"hello")
            self.assertGreaterEqual(time.monotonic() - begun, AWAY)

    def test_a_client_is_let_go_when_the_server_is_not_there(self):
        path = f"{self.world.folder}/relay.sock"
        self.relay(path, f"{self.world.folder}/nobody.sock")
        harness.wait_until(lambda: harness.accepts(path), "the relay listens")
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(harness.LONG)
            client.connect(path)
            self.assertEqual(client.recv(1), b"")

    def test_a_command_line_that_makes_no_sense_is_refused(self):
        for words in ([], ["1", "2"], ["1", "2", "x"], ["1", "2", "-1"], ["1", "2", "1 ms"], ["1", "2", "3", "4"]):
            done = harness.run(servers.RELAY, *words)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("usage: relay", done.stderr)


def receive(end, count):
    """So many bytes, or less when they end before."""
    data = bytearray()
    while len(data) < count and (more := end.recv(count - len(data))):
        data += more
    return bytes(data)


if __name__ == "__main__":
    harness.main()
