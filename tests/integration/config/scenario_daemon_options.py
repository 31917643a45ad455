#!/usr/bin/env python3
"""Options of [cachesd], at their limits: exactly at, one over."""

import contextlib
import grp
import os
import pathlib
import signal
import threading
import time
import unittest

import harness
import io_uring
import resp
from resp import Client

KB64 = 64 * 1024


def with_options(*lines):
    text = "".join(line + "\n" for line in lines)
    return harness.INI.replace("[backend", text + "[backend", 1)


class Requests(unittest.TestCase):
    def request_of(self, encode, size):
        """A ping of exactly that many bytes."""
        fits = next(n for n in range(size) if len(encode("ping", bytes(size - n))) == size)
        return encode("ping", bytes(size - fits)), size - fits

    def test_a_request_of_max_request_is_served_and_one_byte_more_is_not(self):
        with harness.World() as world:
            daemon = world.daemon(with_options("max_request = 100kb"))
            for encode in (resp.array, resp.blocks):
                exact, length = self.request_of(encode, 100 * 1024)
                over, _ = self.request_of(encode, 100 * 1024 + 1)
                with self.subTest(encode.__name__), daemon.client() as client:
                    client.send(exact * 3)
                    self.assertEqual([len(client.read()) for _ in range(3)], [length] * 3)
                    client.send(over)
                    self.assertEqual(client.read().code, "PROTOCOL")
                    self.assertTrue(client.is_closed())

    def test_max_clients_counts_exactly(self):
        with harness.World() as world:
            daemon = world.daemon(with_options("max_clients = 5"))
            clients = [daemon.client() for _ in range(6)]
            self.assertEqual([client.call("ping") for client in clients[:5]], [b"PONG"] * 5)
            self.assertEqual(clients[5].read().code, "OVERLOADED")
            for client in clients:
                client.close()


class IoUring(unittest.TestCase):
    def ask_at_once(self, daemon, clients):
        """All ask in one turn of the daemon's loop."""
        daemon.send_signal(signal.SIGSTOP)
        for number, client in enumerate(clients):
            client.send(resp.array("ping", str(number)))
        daemon.send_signal(signal.SIGCONT)
        for number, client in enumerate(clients):
            self.assertEqual(client.read(), str(number).encode())

    def test_replies_to_many_are_sent_by_one_call_unless_it_is_turned_off(self):
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(with_options("workers = 2"))
            clients = [stack.enter_context(daemon.client()) for _ in range(150)]
            for answer in ("yes", "no", "yes"):
                daemon.reload(with_options("workers = 2", f"io_uring = {answer}"))
                for _ in range(3):
                    self.ask_at_once(daemon, clients)
                    self.assertEqual(io_uring.rings(daemon.pid), 2 if answer == "yes" and io_uring.is_allowed() else 0)
            self.assertEqual("no io_uring" in daemon.log(), not io_uring.is_allowed())

    def test_where_it_is_denied_the_log_says_so_and_many_are_served(self):
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(with_options("workers = 2"), preexec_fn=io_uring.deny)
            clients = [stack.enter_context(daemon.client()) for _ in range(150)]
            self.ask_at_once(daemon, clients)
            self.assertEqual(io_uring.rings(daemon.pid), 0)
            self.assertEqual(daemon.log().count("no io_uring"), 2)
            self.assertIn("Operation not permitted", daemon.log())

    def test_one_that_reads_nothing_or_has_gone_holds_up_no_other(self):
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(with_options().replace("timeout = 20s", "timeout = 1m"))
            daemon.call("key.set", "carts", "large", bytes(1_000_000))
            slow, gone, *others = [stack.enter_context(daemon.client()) for _ in range(20)]
            slow.send(b"key.get carts large\n" * 5)
            self.assertEqual(others[0].call("key.get", "carts", "large"), bytes(1_000_000))
            daemon.send_signal(signal.SIGSTOP)
            gone.send(b"ping\n" * 10)
            gone.close()
            daemon.send_signal(signal.SIGCONT)
            for _ in range(3):
                self.ask_at_once(daemon, others)
            for _ in range(5):
                self.assertEqual(slow.read(), bytes(1_000_000))


class Output(unittest.TestCase):
    INI = with_options("client_output = 64kb", "client_stall = 300ms")

    def test_a_reply_of_client_output_is_sent_and_one_byte_more_is_refused(self):
        overhead = len(b"$65000\r\n\r\n")
        with harness.World() as world:
            with world.daemon(self.INI).client() as client:
                for size, is_sent in ((KB64 - overhead, True), (KB64 - overhead + 1, False)):
                    client.call("key.set", "carts", "k", bytes(size))
                    reply = client.call("key.get", "carts", "k")
                    if is_sent:
                        self.assertEqual(len(reply), size)
                    else:
                        self.assertEqual(reply.code, "OVERLOADED")
                self.assertEqual(client.call("ping"), b"PONG")

    def test_past_it_the_client_is_no_longer_read(self):
        with harness.World() as world:
            daemon = world.daemon(self.INI.replace("300ms", "1h"))
            with daemon.client() as stuck, daemon.client() as other:
                self.fill(stuck)
                requests = self.requests_of_the_stuck(other)
                for _ in range(100):
                    self.assertEqual(other.call("ping"), b"PONG")
                self.assertEqual(self.requests_of_the_stuck(other), requests)
                self.assertLess(requests, self.sent)

    def fill(self, client):
        """Asks, and reads nothing, until nobody takes any more."""
        request = resp.array("ping", bytes(1000))
        client.socket.settimeout(0.5)
        self.sent = 0
        try:
            while True:
                client.socket.sendall(request * 100)
                self.sent += 100
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass

    def requests_of_the_stuck(self, client):
        line = next(l for l in client.call("clients").splitlines() if b" verb=clients" not in l)
        return int(line.split(b" requests=")[1].split()[0])

    def test_one_who_reads_slowly_is_not_stalled(self):
        with harness.World() as world:
            with world.daemon(self.INI).client() as client:
                count = 600
                requests = resp.array("ping", bytes(1000)) * count
                threading.Thread(target=client.socket.sendall, args=(requests,)).start()
                begin = time.monotonic()
                for i in range(count):
                    self.assertEqual(client.read(), bytes(1000))
                    if i % 100 == 0:  # altogether for longer than client_stall
                        time.sleep(0.1)
                self.assertGreater(time.monotonic() - begin, 0.5)
                self.assertEqual(client.call("ping"), b"PONG")


class Idle(unittest.TestCase):
    def test_one_who_asks_in_time_is_kept_and_one_who_does_not_is_closed_not_before(self):
        with harness.World() as world:
            daemon = world.daemon(with_options("client_idle = 600ms"))
            with daemon.client() as busy, daemon.client() as idle:
                self.assertEqual(idle.call("ping"), b"PONG")
                begin = time.monotonic()
                while len(busy.call("clients").splitlines()) == 2:
                    self.assertLess(time.monotonic() - begin, 5)
                    time.sleep(0.05)
                self.assertGreater(time.monotonic() - begin, 0.5)
                self.assertTrue(idle.is_closed())
                self.assertEqual(busy.call("ping"), b"PONG")

    def test_one_who_waits_for_an_answer_is_not_idle(self):
        ini = with_options("client_idle = 200ms")
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini)
            with daemon.client() as client, redis.client() as sleeper:
                sleeper.send(resp.array("DEBUG", "SLEEP", "1"))
                self.assertIsNone(client.call("key.get", "carts", "k"))

    def test_one_who_waits_for_room_is_not_idle(self):
        ini = with_options("client_idle = 200ms").replace("timeout = 20s", "timeout = 20s\nmax_pending = 1")
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini)
            with daemon.client() as first, daemon.client() as second:
                redis.send_signal(signal.SIGSTOP)
                for client in (first, second):
                    client.send(resp.array("key.get", "carts", "k"))
                with daemon.client() as idle:  # who is younger, and closed all the same
                    self.assertEqual(idle.call("ping"), b"PONG")
                    self.assertTrue(idle.is_closed())
                redis.send_signal(signal.SIGCONT)
                self.assertEqual([first.read(), second.read()], [None, None])

    def test_the_time_of_a_wait_is_not_idleness(self):
        ini = with_options("client_idle = 600ms") + "lease = 10s\n"
        with harness.World() as world, world.daemon(ini).client() as client:
            self.assertIsNotNone(client.call("memo.get", "carts", "k")[2])
            begin = time.monotonic()
            reply = client.call("memo.get", "wait=1s", "carts", "k")
            self.assertEqual(reply, [b"MISS", None, None])
            self.assertTrue(client.is_closed())
            self.assertGreater(time.monotonic() - begin, 1.5)


class Drain(unittest.TestCase):
    def end(self, drain, comes_in_time):
        """The reply to a request that is in flight when the daemon is told to end."""
        ini = with_options(f"drain = {drain}")
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini)
            with daemon.client() as client:
                self.assertEqual(client.call("ping"), b"PONG")
                redis.send_signal(signal.SIGSTOP)
                client.send(resp.array("key.get", "carts", "k"))
                harness.wait_until(
                    lambda: daemon.backend()["pending"] == "1", "it is pending"
                )
                daemon.send_signal(signal.SIGTERM)
                if comes_in_time:
                    daemon.wait_logged("SIGTERM")
                    redis.send_signal(signal.SIGCONT)
                reply = client.read()
                self.assertEqual(daemon.wait(), 0)
                return reply

    def test_an_answer_within_it_is_waited_for_and_one_after_it_is_not(self):
        self.assertIsNone(self.end("10s", comes_in_time=True))
        for drain in ("100ms", "0"):
            self.assertIn(self.end(drain, comes_in_time=False).code, ("LOST", "UNAVAILABLE"))


class Log(unittest.TestCase):
    def log_at(self, level, arguments=()):
        with harness.World() as world:
            ini = with_options(f"log_level = {level}")
            daemon = world.start_daemon(ini, arguments=arguments)
            harness.wait_until(lambda: harness.accepts(daemon.path), "it listens")
            self.assertEqual(daemon.call("ping"), b"PONG")
            world.redis().kill()
            harness.wait_until(
                lambda: isinstance(daemon.call("key.get", "carts", "k"), resp.Error), "it is down"
            )
            harness.wait_until(lambda: b"failures=0" not in daemon.call("backends"), "it failed")
            harness.wait_until(lambda: b"failures=1" not in daemon.call("backends"), "twice")
            daemon.stop()
            return daemon.log()

    def test_each_level_shows_its_own_and_what_is_worse(self):
        marks = ["error: ", "warning: ", "listening at", "debug: "]
        for i, level in enumerate(["error", "warning", "info", "debug"]):
            log = self.log_at(level)
            for j, mark in enumerate(marks):
                with self.subTest(level=level, mark=mark):
                    (self.assertIn if j <= i else self.assertNotIn)(mark, log)

    def test_each_v_is_one_level_more(self):
        self.assertIn("listening at", self.log_at("error", ["-v", "-v"]))
        self.assertNotIn("debug: ", self.log_at("error", ["-vv"]))
        self.assertIn("debug: ", self.log_at("error", ["-vvvv"]))

    STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "

    def lines_of(self, options, arguments):
        """The log of a daemon under a journal or not, from its first line on."""
        with harness.World() as world:
            daemon = world.daemon(with_options(options), **arguments(world))
            daemon.stop()
            return daemon.log().splitlines()

    def test_lines_have_the_time_unless_log_timestamps_says_no(self):
        for options, stamp in (("", self.STAMP), ("log_timestamps = yes", self.STAMP),
                               ("log_timestamps = auto", self.STAMP), ("log_timestamps = no", "")):
            with self.subTest(options=options):
                lines = self.lines_of(options, lambda world: {})
                self.assertGreater(len(lines), 2)
                for line in lines:
                    self.assertRegex(line, f"^{stamp}cachesd: ")

    def test_the_journal_has_the_time_itself_unless_log_timestamps_says_yes(self):
        for options, stamp in (("", ""), ("log_timestamps = yes", self.STAMP)):
            with self.subTest(options=options):
                lines = self.lines_of(options, self.as_journal)
                self.assertGreater(len(lines), 2)
                for line in lines:
                    self.assertRegex(line, f"^<\\d>{stamp}(?!cachesd|\\d{{4}})")

    def as_journal(self, world):
        """$JOURNAL_STREAM names the device and inode of standard error: here, of the log's file."""
        path = pathlib.Path(world.folder, "cachesd-0.log")
        path.touch()
        stat = path.stat()
        return {"env": {"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"}}


class Sockets(unittest.TestCase):
    def test_socket_group_is_the_files_group_by_name_and_by_number(self):
        gid = 65534 if os.getuid() == 0 else os.getgid()
        names = [str(gid)]
        try:
            names.append(grp.getgrgid(gid).gr_name)
        except KeyError:
            pass
        for name in names:
            with self.subTest(socket_group=name), harness.World() as world:
                daemon = world.daemon(with_options(f"socket_group = {name}"))
                self.assertEqual(os.stat(daemon.path).st_gid, gid)

    def test_without_socket_group_it_is_the_daemons_own(self):
        with harness.World() as world:
            self.assertEqual(os.stat(world.daemon().path).st_gid, os.getgid())

    def test_a_group_that_is_not_there_keeps_the_daemon_from_starting(self):
        with harness.World() as world:
            daemon = world.start_daemon(with_options("socket_group = no-such-group"))
            daemon.is_expected_to_fail = True
            self.assertEqual(daemon.wait(), harness.BAD_CONFIGURATION)
            self.assertIn("socket_group", daemon.log())

    def test_the_mode_holds_from_the_first_moment(self):
        with harness.World() as world:
            before = os.umask(0)
            try:
                daemon = world.start_daemon(with_options("socket_mode = 0600"))
            finally:
                os.umask(before)
            found = harness.wait_until(lambda: harness.accepts(daemon.path), "it listens")
            self.assertTrue(found)
            self.assertEqual(os.stat(daemon.path).st_mode & 0o777, 0o600)

    def test_it_listens_everywhere_that_it_is_told_to(self):
        lines = ("listen = unix:{folder}/two.sock, tcp:127.0.0.1:{port},", "    tcp:[::1]:{port}")
        with harness.World() as world:
            daemon = world.daemon(with_options(*lines))
            addresses = [daemon.path, f"{world.folder}/two.sock"]
            addresses += [("127.0.0.1", world.port), ("::1", world.port)]
            for address in addresses:
                with self.subTest(address=address), Client(address) as client:
                    self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                    line = client.call("clients").splitlines()[0].decode()
                    host = "unix" if isinstance(address, str) else address[0]
                    self.assertIn(f" addr={host}:", line)


if __name__ == "__main__":
    harness.main()
