#!/usr/bin/env python3
"""A backend that does everything wrong: the right code each time, no reply shifted, no memory lost.

SEED repeats a run.
"""

import contextlib
import os
import pathlib
import random
import threading
import time
import unittest

import fake_redis
import harness
import resp
from fake_redis import MB, FakeRedis, answer_with, once, only_for, value_of

TIMEOUT_MS = 200
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
MOST_MEMORY = 48 * MB  # of the daemon's, whatever its backend says
IS_SANITIZED = harness.is_sanitized()
CLIENTS = 8

INI = f"""\
[cachesd]
listen = {{listen}}
[backend main]
url = FAKE
connect_timeout = {TIMEOUT_MS}ms
timeout = {TIMEOUT_MS}ms
[namespace carts]
prefix = cart:
"""

# What Redis says, and the code for it (PROTOCOL.md, "Errors").
ERRORS = {
    "LOADING Redis is loading the dataset in memory": "UNAVAILABLE",
    "MASTERDOWN Link with MASTER is down": "UNAVAILABLE",
    "CLUSTERDOWN Hash slot not served": "UNAVAILABLE",
    "READONLY You can't write against a read only replica.": "UNAVAILABLE",
    "NOREPLICAS Not enough good replicas to write.": "UNAVAILABLE",
    "MISCONF Redis is configured to save RDB snapshots": "UNAVAILABLE",
    "NOAUTH Authentication required.": "UNAVAILABLE",
    "NOPERM this user has no permissions": "UNAVAILABLE",
    "ERR max number of clients reached": "UNAVAILABLE",
    "OOM command not allowed when used memory > 'maxmemory'.": "OVERLOADED",
    "BUSY Redis is busy running a script.": "OVERLOADED",
    "WRONGTYPE Operation against a key holding the wrong kind of value": "WRONGTYPE",
    "ERR value is not an integer or out of range": "WRONGTYPE",
    "ERR increment or decrement would overflow": "ARGS",
    "ERR unknown command": "INTERNAL",
    "NOVELTY of a later version": "INTERNAL",
}


def peak_memory(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


class FakeBackend(unittest.TestCase):
    @contextlib.contextmanager
    def stage(self, behaviour=fake_redis.send_right, **options):
        """A fake and a daemon that uses it. At the end service must be back, in little memory."""
        with harness.World() as world, FakeRedis(world, **options) as fake:
            fake.behave = behaviour
            daemon = world.daemon(INI.replace("FAKE", fake.url))
            yield fake, daemon
            fake.greet = fake.pong = fake.behave = fake_redis.send_right
            self.wait_until_served(daemon)
            self.expect_own_values(daemon)
            if not IS_SANITIZED:
                self.assertLess(peak_memory(daemon.pid), MOST_MEMORY)

    def wait_until_served(self, daemon):
        with daemon.client() as client:
            harness.wait_until(
                lambda: client.call("key.get", "carts", "k") == value_of(b"cart:k"), "served", 5
            )

    def expect_own_values(self, daemon):
        """Several clients at once, each for its own keys."""
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(daemon.client()) for _ in range(CLIENTS)]
            for number, client in enumerate(clients):
                for i in range(5):
                    client.send(resp.array("key.get", "carts", f"{number}.{i}"))
            for number, client in enumerate(clients):
                for i in range(5):
                    self.assertEqual(client.read(), value_of(b"cart:%d.%d" % (number, i)))

    def expect_code(self, daemon, code, *words):
        with daemon.client() as client:
            reply = client.call(*(words or ("key.get", "carts", "a")))
            self.assertIsInstance(reply, resp.Error, reply)
            self.assertEqual(reply.code, code, reply)

    def expect_of(self, behaviour, code, *words):
        with self.stage() as (fake, daemon):
            fake.behave = behaviour
            self.expect_code(daemon, code, *words)

    # --- no answer ---

    def test_a_backend_that_stalls_is_a_timeout_by_the_deadline(self):
        with self.stage(fake_redis.stall) as (_, daemon):
            started = time.monotonic()
            self.expect_code(daemon, "TIMEOUT")
            took = (time.monotonic() - started) * 1000
            self.assertGreaterEqual(took, TIMEOUT_MS - 5)
            self.assertLess(took, TIMEOUT_MS + 500)

    def test_a_backend_that_closes_at_once_loses_the_request(self):
        self.expect_of(fake_redis.close_at_once, "LOST")

    def test_a_backend_that_closes_in_the_middle_of_a_reply_loses_the_request(self):
        self.expect_of(fake_redis.close_in_the_middle, "LOST")

    def test_half_an_array_before_the_end_is_no_half_reply(self):
        half = fake_redis.close_in_the_middle
        self.expect_of(half, "LOST", "key.mget", "carts", *"abcdefgh")

    def test_a_truncated_answer_is_a_timeout(self):
        self.expect_of(fake_redis.truncate, "TIMEOUT")

    def test_answers_split_at_each_byte_are_whole(self):
        with self.stage(fake_redis.split_at_each_byte) as (_, daemon):
            self.wait_until_served(daemon)
            self.expect_own_values(daemon)
            with daemon.client() as client:
                self.assertEqual(client.call("key.incr", "carts", "n"), 1)
                self.assertEqual(client.call("counter.items", "carts", "c"), [b"f", 1, b"g", 2])

    def test_an_answer_after_the_deadline_is_not_taken_for_a_later_one(self):
        late = threading.Event()

        def answer_late(connection, _, right):
            late.wait()
            connection.send(right)

        with self.stage(once(answer_late)) as (_, daemon), daemon.client() as client:
            self.assertEqual(client.call("key.get", "carts", "a").code, "TIMEOUT")
            late.set()
            for name in (b"b", b"c", b"d"):
                self.assertEqual(client.call("key.get", "carts", name), value_of(b"cart:" + name))

    # --- wrong answers ---

    def test_garbage_loses_the_request_and_the_connection(self):
        self.expect_of(answer_with(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "LOST")

    def test_an_unsolicited_answer_is_never_taken_for_that_of_a_request(self):
        def answer_too_much(connection, _, right):
            connection.send(right + b"$5\r\nextra\r\n")

        with self.stage(answer_too_much) as (fake, daemon), daemon.client() as client:
            before = fake.accepted
            for i in range(20):
                reply = client.call("key.get", "carts", f"{i}")
                if isinstance(reply, resp.Error):
                    self.assertIn(reply.code, ("LOST", "UNAVAILABLE"))
                else:
                    self.assertEqual(reply, value_of(b"cart:%d" % i))
            self.assertGreater(fake.accepted, before)

    def test_an_unsolicited_answer_while_nothing_is_asked_ends_the_connection(self):
        with self.stage() as (fake, daemon):
            self.wait_until_served(daemon)
            before = fake.accepted
            fake.connections[-1].send(b"+EXTRA\r\n")
            harness.wait_until(lambda: fake.accepted > before, "it connects afresh")

    def test_an_answer_of_the_wrong_type_is_one_reply_and_shifts_nothing(self):
        requests = [
            ("key.get", "carts", "a"),
            ("key.set", "carts", "a", "v"),
            ("key.add", "carts", "a", "v"),
            ("key.mget", "carts", "a", "b"),
            ("counter.get", "carts", "c", "f"),
            ("counter.items", "carts", "c"),
            ("counter.total", "carts", "c"),
            ("counter.top", "carts", "c", "2"),
            ("counter.set", "carts", "c", "f", "1"),
            ("counter.update", "carts", "c", "f", "1"),
            ("dict.pop", "carts", "d", "f"),
            ("sorted.has", "carts", "z", "m"),
        ]
        answers = [
            b"+odd\r\n",
            b":7\r\n",
            b"$-1\r\n",
            b"*-1\r\n",
            b"$1\r\nx\r\n",
            b"*0\r\n",
            b"*2\r\n$1\r\n1\r\n$1\r\n2\r\n",
            b"*2\r\n:1\r\n$1\r\n1\r\n",
            b"*2\r\n*2\r\n:1\r\n:2\r\n$1\r\n1\r\n",
            b"*1\r\n-WRONGTYPE in an array\r\n",
            b"+a\nb\rc\r\n",
        ]
        with self.stage() as (fake, daemon), daemon.client() as client:
            self.wait_until_served(daemon)
            for answer in answers:
                for request in requests:
                    fake.behave = once(answer_with(answer))
                    client.send(resp.array(*request) + resp.array("key.get", "carts", "after"))
                    client.read()
                    self.assert_own_or_lost(client.read(), b"cart:after", (request, answer))
                    fake.behave = fake_redis.send_right
                    self.wait_until_served(daemon)

    def assert_own_or_lost(self, reply, key, about):
        """What followed a wrong answer on the same connection may be lost, but not be another's."""
        if isinstance(reply, resp.Error):
            self.assertIn(reply.code, ("LOST", "UNAVAILABLE", "TIMEOUT"), about)
        else:
            self.assertEqual(reply, value_of(key), about)

    def test_an_array_nested_ten_deep_is_no_answer_to_a_verb(self):
        """A script's may be nested as deep, so the connection lives on."""
        self.expect_of(answer_with(b"*1\r\n" * 10 + b":1\r\n"), "INTERNAL")

    def test_an_array_of_2_31_elements_is_refused(self):
        self.expect_of(fake_redis.answer_and_stall(b"*2147483648\r\n"), "LOST")

    def test_an_array_that_never_ends_is_a_timeout(self):
        self.expect_of(fake_redis.answer_and_stall(b"*2147483647\r\n:1\r\n:2\r\n"), "TIMEOUT")

    # --- too much ---

    def test_a_bulk_of_600_MB_that_is_announced_and_never_sent_costs_nothing(self):
        with self.stage(once(fake_redis.answer_and_stall(b"$629145600\r\nabc"))) as (_, daemon):
            with daemon.client() as client:
                self.assertIn(client.call("key.get", "carts", "a").code, ("TIMEOUT", "LOST"))

    def test_a_bulk_of_600_MB_is_refused_before_it_is_kept(self):
        self.flood(b"$629145600\r\n", bytes(MB))

    def test_a_line_without_end_is_refused_before_it_is_kept(self):
        self.flood(b"+", b"x" * MB)

    def test_an_error_without_end_is_refused_before_it_is_kept(self):
        self.flood(b"-", b"x" * MB)

    def flood(self, head, data):
        with self.stage(once(fake_redis.flood(head, data, 600 * MB))) as (fake, daemon):
            with daemon.client() as client, daemon.client() as other:
                is_up = lambda: b"state=up" in other.call("backends")
                harness.wait_until(is_up, "it is greeted")
                client.send(resp.array("key.get", "carts", "a"))
                slowest = 0
                for _ in range(20):
                    started = time.monotonic()
                    self.assertEqual(other.call("ping"), b"PONG")
                    slowest = max(slowest, time.monotonic() - started)
                self.assertIn(client.read().code, ("TIMEOUT", "LOST", "OVERLOADED"))
            harness.wait_until(lambda: fake.flooded is not None, "the flood is over")
            print(f"took {fake.flooded // MB} MB; slowest ping {slowest * 1000:.0f} ms")

    # --- errors ---

    def test_each_error_of_a_plain_command_has_its_code(self):
        for verb in (("key.get", "carts", "a"), ("key.set", "carts", "a", "v")):
            self.expect_errors(lambda error: answer_with(error), verb)

    def test_each_error_of_a_queued_command_has_its_code(self):
        def refuse(error):
            abort = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
            answers = {b"INCRBY": error, b"EXEC": abort}
            return lambda connection, words, right: connection.send(answers.get(words[0], right))

        self.expect_errors(refuse, ("key.incr", "carts", "n"))

    def test_each_error_at_exec_has_its_code(self):
        self.expect_errors(
            lambda error: only_for(b"EXEC", answer_with(error)), ("key.incr", "carts", "n")
        )

    def test_each_reason_of_an_aborted_exec_has_its_code(self):
        def abort(error):
            reason = b"-EXECABORT Transaction discarded because of: " + error[1:]
            return only_for(b"EXEC", answer_with(reason))

        self.expect_errors(abort, ("key.incr", "carts", "n"))

    def test_each_error_inside_exec_has_its_code(self):
        def fail(error):
            return only_for(b"EXEC", answer_with(b"*2\r\n" + error + b":1\r\n"))

        self.expect_errors(fail, ("key.incr", "carts", "n"))

    def expect_errors(self, behaviour, request):
        with self.stage() as (fake, daemon), daemon.client() as client:
            self.wait_until_served(daemon)
            for error, code in ERRORS.items():
                fake.behave = behaviour(f"-{error}\r\n".encode())
                reply = client.call(*request)
                self.assertEqual((error, reply.code), (error, code))
                fake.behave = fake_redis.send_right
                self.wait_until_served(daemon)

    # --- greeting ---

    def test_an_account_without_multi_is_not_used(self):
        refusal = answer_with(b"-NOPERM this user has no permissions to run 'multi'\r\n")
        with harness.World() as world, FakeRedis(world) as fake:
            fake.greet = only_for(b"MULTI", refusal)
            daemon = world.daemon(INI.replace("FAKE", fake.url))
            self.expect_code(daemon, "UNAVAILABLE", "key.incr", "carts", "n")
            daemon.wait_logged("MULTI refused")
            fake.greet = fake_redis.send_right
            self.wait_until_served(daemon)

    def test_a_backend_that_never_accepts_is_unavailable(self):
        with harness.World() as world, FakeRedis(world, accepts=False) as fake:
            daemon = world.daemon(INI.replace("FAKE", fake.url))
            self.expect_unavailable_in_time(daemon)
            fake.thread.start()
            self.wait_until_served(daemon)

    def test_a_backend_that_accepts_and_never_greets_is_unavailable(self):
        with harness.World() as world, FakeRedis(world) as fake:
            fake.greet = fake_redis.stall
            daemon = world.daemon(INI.replace("FAKE", fake.url))
            self.expect_unavailable_in_time(daemon)
            fake.greet = fake_redis.send_right
            self.wait_until_served(daemon)

    def expect_unavailable_in_time(self, daemon):
        """Also while it connects: then a request waits until that has failed."""
        with daemon.client() as client:
            for _ in range(5):
                started = time.monotonic()
                self.assertEqual(client.call("key.get", "carts", "a").code, "UNAVAILABLE")
                took = (time.monotonic() - started) * 1000
                self.assertLess(took, 2 * TIMEOUT_MS + 500)

    def test_garbage_as_greeting_is_unavailable(self):
        with harness.World() as world, FakeRedis(world) as fake:
            fake.greet = answer_with(b"220 mail.example ESMTP\r\n")
            daemon = world.daemon(INI.replace("FAKE", fake.url))
            self.expect_unavailable_in_time(daemon)
            fake.greet = fake_redis.send_right
            self.wait_until_served(daemon)

    # --- all of it ---

    def test_no_reply_is_another_clients_whatever_the_backend_does(self):
        rng = random.Random(SEED)
        print(f"SEED={SEED}")
        odd = [
            fake_redis.stall,
            fake_redis.close_at_once,
            fake_redis.close_in_the_middle,
            fake_redis.truncate,
            answer_with(b"\0\0\0\0"),
            answer_with(b"-LOADING Redis is loading\r\n"),
            fake_redis.answer_and_stall(b"*3\r\n$1\r\na\r\n"),
        ]

        def behave(connection, words, right):
            kinds = [fake_redis.send_right, fake_redis.split_at_each_byte]
            now = rng.choice(odd) if rng.random() < 0.02 else rng.choice(kinds)
            now(connection, words, right)

        with self.stage(behave) as (_, daemon), contextlib.ExitStack() as stack:
            clients = [stack.enter_context(daemon.client()) for _ in range(CLIENTS)]
            rights = sum(self.play_round(clients, number) for number in range(40))
            self.assertGreater(rights, 0)
            print(f"{rights} of {40 * CLIENTS * 10} replies were values")

    def play_round(self, clients, turn):
        names = [[f"{turn}.{at}.{i}" for i in range(10)] for at in range(CLIENTS)]
        rights = 0
        for client, own in zip(clients, names):
            client.send(b"".join(resp.array("key.get", "carts", name) for name in own))
        for client, own in zip(clients, names):
            for name in own:
                reply = client.read()
                if isinstance(reply, resp.Error):
                    self.assertIn(reply.code, ("TIMEOUT", "LOST", "UNAVAILABLE"))
                else:
                    self.assertEqual(reply, value_of(f"cart:{name}".encode()))
                    rights += 1
        return rights


if __name__ == "__main__":
    harness.main()
