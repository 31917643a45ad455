#!/usr/bin/env python3
"""../../../clients: a request that a signal or an event of the program's comes into leaves its reply to no other, by programs of
../../drivers/clients.

Of the others, those that take a connection away for the time of a request hold this by themselves.
"""

import shutil
import signal
import subprocess
import unittest

import harness
from languages import DRIVERS, ENVIRONMENT

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
timeout = 60s
[namespace demo]
"""


class Interrupted(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)
        self.redis.call("MSET", "demo:slow", "of slow", "demo:other", "of other")

    def start(self, *command, address):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        environment = {**ENVIRONMENT, "CACHESD_ADDRESS": address}
        program = subprocess.Popen(command, env=environment, preexec_fn=harness.end_with_parent, **pipes)
        self.addCleanup(program.__exit__, None, None, None)
        self.addCleanup(program.kill)
        return program

    def wait_pending(self, count):
        pending = lambda: self.daemon.metric("cachesd_backend_pending", backend="main") == count
        harness.wait_until(pending, f"{count} requests wait for Redis")

    def expect(self, program, *lines):
        self.assertEqual([program.stdout.readline().strip() for _ in lines], list(lines))

    @unittest.skipUnless(shutil.which("php"), "php is not installed")
    def test_php_and_a_signal_whose_handler_throws_or_asks(self):
        self.redis.send_signal(signal.SIGSTOP)
        program = self.start("php", str(DRIVERS / "interrupted.php"), address=self.daemon.path)
        self.wait_pending(1)
        program.send_signal(signal.SIGUSR1)
        self.expect(program, "interrupted")
        self.wait_pending(2)
        self.redis.send_signal(signal.SIGCONT)
        self.expect(program, "of other")
        self.redis.send_signal(signal.SIGSTOP)
        program.stdin.write("go on\n")
        self.wait_pending(1)
        program.send_signal(signal.SIGUSR1)
        self.wait_pending(2)
        self.redis.send_signal(signal.SIGCONT)
        self.expect(program, "of other", "of slow")

    @unittest.skipUnless(shutil.which("tclsh"), "tclsh is not installed")
    def test_tcl_and_an_event_that_asks(self):
        self.redis.send_signal(signal.SIGSTOP)
        program = self.start("tclsh", str(DRIVERS / "interrupted.tcl"), address=f"127.0.0.1:{self.world.port}")
        self.wait_pending(1)
        program.stdin.write("go on\n")
        self.wait_pending(2)
        self.redis.send_signal(signal.SIGCONT)
        self.expect(program, "of other", "of slow")


if __name__ == "__main__":
    harness.main()
