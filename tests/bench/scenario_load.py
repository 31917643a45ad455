#!/usr/bin/env python3
"""The load generator against a real Redis and the daemon: that it does what it reports."""

import json
import os
import socket
import subprocess
import threading
import time
import unittest

from servers import HERE, harness

import io_uring

CACHES = os.environ.get("CACHES") or str(HERE.parent.parent / "build" / "caches")
INI = harness.INI.replace("listen = {listen}", "listen = {listen}\nlisten = tcp:127.0.0.1:{port}")


def run(address, *words):
    command = [CACHES, "-s", address, "bench", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=harness.LONG)


class Load(unittest.TestCase):
    def setUp(self):
        self.world = harness.World()
        self.world.__enter__()
        self.addCleanup(lambda: self.world.__exit__(None, None, None))
        self.redis = self.world.redis("main")

    def load(self, *words, address=None):
        done = run(address or self.redis.url, *words)
        said = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if said["errors"] else 0, done.stderr)
        return said

    def commands(self, name):
        """How many of this command Redis has run."""
        stats = harness.sections(self.redis.call("INFO", "commandstats"))["Commandstats"]
        found = dict(pair.split("=") for pair in stats[f"cmdstat_{name}"].split(","))
        return int(found["calls"])

    def test_it_sends_so_many_requests_as_it_is_told_and_reports(self):
        said = self.load("-c", 7, "-p", 3, "-n", 1000, "-k", 50, "SET", "k{key}", "{value}")
        self.assertEqual((said["requests"], said["errors"], said["nils"]), (1000, 0, 0))
        self.assertEqual(self.commands("set"), 1000)

    def test_keys_in_sequence_reach_each_once(self):
        for clients in (1, 50):
            with self.subTest(clients=clients):
                self.redis.call("FLUSHALL")
                words = ["-c", clients, "-q", "-k", 9000, "-n", 9000, "-p", 9, "-d", 5]
                self.load(*words, "SET", "k{key}", "<{value}>")
                self.assertEqual(self.redis.call("DBSIZE"), 9000)
                self.assertEqual(self.redis.call("GET", "k00008999"), b"<abcde>")

    def test_random_keys_stay_within_their_number_and_reach_all(self):
        self.load("-k", 20, "-n", 1000, "SET", "k{key}", "v")
        self.assertEqual(self.redis.call("DBSIZE"), 20)

    def test_what_the_socket_does_not_take_at_once_is_sent_later(self):
        large = ["-d", 1 << 20, "SET", "{key}", "{value}"]
        said = self.load("-c", 5, "-p", 4, "-n", 60, *large)
        self.assertEqual((said["requests"], said["errors"]), (60, 0))
        value = self.redis.call("GET", "00000000")
        self.assertEqual(value, bytes(97 + i % 26 for i in range(1 << 20)))
        said = self.load("-c", 5, "-p", 4, "-n", 60, "GET", "{key}")
        self.assertEqual((said["requests"], said["nils"]), (60, 0))

    def test_the_replies_of_a_request_of_many_commands_are_one_answer(self):
        words = "MULTI ; HSET h{key} f v ; PEXPIRE h{key} 60000 ; EXEC".split()
        said = self.load("-c", 3, "-p", 5, "-n", 100, *words)
        self.assertEqual((said["requests"], said["errors"]), (100, 0))
        self.assertEqual(self.commands("exec"), 100)

    def test_errors_and_nils_are_counted_also_in_arrays(self):
        self.redis.call("SET", "text", "v")
        said = self.load("-n", 10, "INCR", "text")
        self.assertEqual(said["errors"], 10)
        self.assertIn("ERR value is not an integer", said["first_error"])
        said = self.load("-n", 10, *"MULTI ; INCR text ; EXEC".split())
        self.assertEqual((said["requests"], said["errors"]), (10, 10))
        self.assertEqual(self.load("-n", 10, "MGET", "text", "a", "b")["nils"], 20)

    def test_it_measures_for_so_long_as_it_is_told(self):
        begun = time.monotonic()
        said = self.load("-c", 2, "-s", 0.5, "-w", 0.2, "PING")
        self.assertGreater(time.monotonic() - begun, 0.7)
        self.assertAlmostEqual(said["seconds"], 0.5, delta=0.2)
        self.assertGreater(self.commands("ping"), said["requests"])

    def test_the_open_loop_keeps_its_rate_and_counts_a_stall_from_when_requests_were_due(self):
        stall = threading.Timer(0.2, self.stall, [1])
        stall.start()
        said = self.load("-s", 1.6, "-r", 5000, "PING")
        stall.join()
        self.assertAlmostEqual(said["requests"], 8000, delta=400)
        # 5,000 of 8,000 were due during the stall, more than are sent ahead of their replies.
        self.assertGreater(said["p50_us"], 50_000)
        self.assertGreaterEqual(said["max_us"], 950_000)

    def test_the_open_loop_shares_its_requests_among_its_clients(self):
        said = self.load("-c", 10, "-s", 0.5, "-r", 2000, "-w", 0.1, "PING")
        self.assertAlmostEqual(said["requests"], 1000, delta=100)

    def stall(self, seconds):
        self.redis.send_signal(harness.signal.SIGSTOP)
        time.sleep(seconds)
        self.redis.send_signal(harness.signal.SIGCONT)

    def test_it_reports_the_cpu_time_of_a_process(self):
        pid = self.redis.process.pid
        said = self.load("-c", 50, "-p", 16, "-s", 1, "-W", pid, "GET", "{key}")
        watched = said["watched"][0]
        self.assertEqual(watched["pid"], pid)
        ticks = watched["user_ticks"] + watched["system_ticks"]
        seconds = watched["cpu_ns"] / 1e9
        self.assertGreater(seconds, 0.05)
        self.assertAlmostEqual(ticks / os.sysconf("SC_CLK_TCK"), seconds, delta=0.1)

    def test_the_daemon_understands_either_form_over_either_transport(self):
        daemon = self.world.daemon(INI)
        for address in (f"unix:{daemon.path}", f"tcp:127.0.0.1:{self.world.port}"):
            for form in ("line", "array"):
                options = ["-f", form, "-c", 3, "-p", 5, "-n", 300, "-k", 9]
                said = self.load(
                    *options, "key.set", "ttl=1h", "carts", "{key}", "{value}", address=address
                )
                self.assertEqual((said["requests"], said["errors"]), (300, 0))
                said = self.load(*options, "key.get", "carts", "{key}", address=address)
                self.assertEqual((said["requests"], said["errors"], said["nils"]), (300, 0, 0))

    def test_many_clients_are_served_by_io_uring_or_each_by_calls_of_its_own(self):
        many = ["-c", 300, "-k", 300, "-q"]
        for options in ([], ["-u"]):
            for depth, size in ((1, 64), (16, 5000), (1, 300_000)):
                with self.subTest(options=options, depth=depth, size=size):
                    words = [*options, *many, "-p", depth, "-d", size, "-n", 300 * depth]
                    said = self.load(*words, "SET", "{key}", "{value}")
                    self.assertEqual((said["requests"], said["errors"]), (300 * depth, 0))
                    said = self.load(*words, "GET", "{key}")
                    self.assertEqual((said["requests"], said["nils"], said["errors"]), (300 * depth, 0, 0))
                    self.assertEqual(self.lengths(300), {size})

    def lengths(self, keys):
        return {self.redis.call("STRLEN", f"{key:08}") for key in range(keys)}

    def test_it_has_a_ring_unless_it_is_to_do_without(self):
        if not io_uring.is_allowed():
            self.skipTest("this kernel has no io_uring for us")
        for options, has_ring in (([], 1), (["-u"], 0)):
            command = [CACHES, "-s", self.redis.url, "bench", *options, "-c", "9", "-s", "600", "PING"]
            with harness.killed_on_failure(subprocess.Popen(command, stdout=subprocess.DEVNULL)) as process:
                harness.wait_until(lambda: self.calls_of("ping") > 1000, "it asks Redis")
                self.assertEqual(io_uring.rings(process.pid), has_ring)
                process.kill()
            self.redis.call("CONFIG", "RESETSTAT")

    def calls_of(self, name):
        stats = harness.sections(self.redis.call("INFO", "commandstats")).get("Commandstats", {})
        return self.commands(name) if f"cmdstat_{name}" in stats else 0

    def test_it_fails_when_the_server_goes_or_answers_garbage(self):
        for answer, why in ((b"", "connection closed"), (b"HTTP/1.1 400\r\n", "garbage"),
                            (b"+OK\r\n+OK\r\n", "a reply that nobody asked for")):
            with socket.create_server(("127.0.0.1", 0)) as server:
                thread = threading.Thread(target=answer_once, args=[server, answer])
                thread.start()
                done = run(f"tcp:127.0.0.1:{server.getsockname()[1]}", "-n", 2, "PING")
                thread.join()
            self.assertEqual(done.returncode, 1, answer)
            self.assertIn(why, done.stderr)

    def test_it_refuses_options_that_make_no_sense(self):
        for words in (["PING"], ["-n", 1], ["-n", 1, "-s", 1, "PING"], ["-n", 0, "PING"],
                      ["-n", "x", "PING"], ["-n", 1, "-f", "xml", "PING"]):
            done = run(self.redis.url, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn("caches bench --help tells more", done.stderr)


def answer_once(server, answer):
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(answer)
        if answer:
            connection.recv(1000)


if __name__ == "__main__":
    harness.main()
