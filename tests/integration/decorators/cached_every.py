"""Tests of every language's decorator: a function is computed once, however many ask, and is called when the daemon is away.

Each language has a driver, ../clients/cached.*, whose function appends its argument to the file `computed`,
and then, as its argument begins with `gate`, waits for the file `gate`; with `throw`, throws; with `null`, gives
nothing; else it gives the argument and how often it has been computed with it.
"""

import json
import signal
import time

import harness
from cached_world import INI, Drivers


class EveryLanguage(Drivers):
    """Mixed into a World, in a class that has its language's name in LANGUAGES."""

    def test_many_processes_that_ask_at_once_compute_once(self):
        programs = [self.program() for _ in range(5)]
        for program in programs:
            program.send("call", "gate")
        self.wait_for_waiters(4)
        (self.folder / "gate").touch()
        for program in programs:
            self.assertEqual(program.read(), {"word": "gate", "count": 1})
        self.assertEqual(self.computed(), ["gate"])

    def test_a_result_is_kept_for_every_process_and_over_tcp_too(self):
        first, second = self.program(TTL="3s"), self.program(f"127.0.0.1:{self.world.port}")
        for program in (first, second, first):
            self.assertEqual(program("käse"), {"word": "käse", "count": 1})
        self.assertEqual(self.computed(), ["käse"])
        self.assertEqual(json.loads(self.direct.call("GET", "m:f:käse")), {"word": "käse", "count": 1})
        self.assertIn(self.direct.call("PTTL", "m:f:käse"), range(6000, 8001), "ttl and stale")

    def test_nothing_is_a_result(self):
        first, second = self.program(), self.program()
        self.assertEqual([first("null"), second("null"), first("null")], [None] * 3)
        self.assertEqual(self.computed(), ["null"])

    def test_what_is_thrown_is_thrown_and_its_lease_given_back(self):
        first, second = self.program(), self.program()
        self.assertEqual(first("throw"), "threw throw")
        self.assertEqual(self.direct.call("EXISTS", "m:f:throw"), 0)
        self.assertEqual(second("throw"), "threw throw")
        self.assertEqual(self.computed(), ["throw", "throw"])

    def test_without_a_daemon_the_function_is_called(self):
        program = self.program()
        self.assertEqual(program("x")["count"], 1)
        self.daemon.stop()
        self.assertEqual([program("x")["count"], program("x")["count"]], [2, 3])
        self.assertEqual(program("throw"), "threw throw")
        self.assertIsNone(program("null"))
        self.assertIs(program("x", "forget"), False)
        self.daemon = self.world.daemon(INI)
        self.assertEqual(program("x")["count"], 1, "what was kept")

    def test_a_new_daemon_is_found_by_the_next_call(self):
        program = self.program()
        program("x")
        self.daemon.stop()
        self.daemon = self.world.daemon(INI)
        self.assertEqual(program("x")["count"], 1)
        self.assertEqual(program("y")["count"], 1)
        self.assertEqual(self.direct.call("EXISTS", "m:f:y"), 1)

    def test_a_daemon_that_hangs_is_not_waited_for(self):
        program = self.program()
        program("x")
        self.daemon.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        self.assertEqual(program("x")["count"], 2)
        self.assertIn(time.monotonic() - started, Between(1.9, 10))
        self.daemon.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: program("x")["count"] == 1, "it is asked again")

    def test_when_it_refuses_the_function_is_called(self):
        program = self.program(namespace="nowhere")
        self.assertEqual([program("x")["count"], program("x")["count"]], [1, 2])
        self.redis.kill()
        program = self.program()
        self.assertEqual(program("x")["count"], 3)
        self.assertIs(program("x", "forget"), False)

    def test_who_finds_it_expired_computes_the_next(self):
        first, second = self.program(), self.program()
        first("x")
        self.let_expire("f:x")
        self.assertEqual(first("x")["count"], 2)
        self.assertEqual(second("x")["count"], 2)
        self.assertEqual(json.loads(self.direct.call("GET", "m:f:x"))["count"], 2)

    def test_what_expired_is_given_while_another_computes(self):
        program = self.program()
        program("x")
        self.let_expire("f:x")
        self.take_lease("f:x")
        self.assertEqual(program("x")["count"], 1)

    def test_one_that_waited_in_vain_computes_and_stores_nothing(self):
        lease = self.take_lease("f:x")
        program = self.program(wait_ms=200)
        self.assertEqual([program("x")["count"], program("x")["count"]], [1, 2])
        self.assertEqual(self.daemon.call("memo.put", "memo", "f:x", lease, "3"), b"OK")
        self.assertEqual(program("x"), 3)

    def test_a_result_that_was_forgotten_meanwhile_is_not_kept(self):
        program = self.program()
        program.send("call", "gate")
        harness.wait_until(lambda: self.computed() == ["gate"], "it is computed")
        self.daemon.call("del", "memo", "f:gate")
        (self.folder / "gate").touch()
        self.assertEqual(program.read()["count"], 1)
        self.assertEqual(self.direct.call("EXISTS", "m:f:gate"), 0)
        self.assertEqual(program("gate")["count"], 2)

    def test_who_is_asked_to_compute_early_does(self):
        program = self.program(namespace="early")
        program.send("call", "gate")
        harness.wait_until(lambda: self.computed() == ["gate"], "it is computed")
        time.sleep(0.3)  # the computation
        (self.folder / "gate").touch()
        self.assertEqual(program.read()["count"], 1)
        self.assertEqual(self.direct.call("PEXPIRE", "early:f:gate", 8000), 1)  # fresh for 3 s
        harness.wait_until(lambda: program("gate")["count"] == 2, "it is due")
        self.assertGreater(self.direct.call("PTTL", "early:f:gate"), 8000)
        self.assertEqual(self.daemon.stats("early")["memo_stale"], 0)

    def test_forget_and_refresh(self):
        program, other = self.program(), self.program()
        program("x")
        self.assertIs(program("x", "forget"), True)
        self.assertEqual(other("x")["count"], 2)
        self.assertEqual(program("x", "refresh")["count"], 3)
        self.assertEqual(other("x")["count"], 3)

    def test_a_value_that_cannot_be_read_is_computed_again(self):
        self.daemon.call("memo.set", "memo", "f:x", b'{"wor')
        program = self.program()
        self.assertEqual(program("x")["count"], 1)
        self.assertEqual(program("x")["count"], 2)
        self.assertEqual(program("x")["count"], 2)


class Between:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def __contains__(self, value):
        return self.low <= value <= self.high
