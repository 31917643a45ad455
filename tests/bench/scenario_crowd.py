#!/usr/bin/env python3
"""What a crowd of clients that wait costs another: counted in the daemon's instructions."""

import contextlib
import signal
import unittest

import instructions
from servers import harness

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 1h
[namespace carts]
"""
CROWD = 1000
PINGS = 3000
MOST = 1.5  # times what a ping costs alone; a look at each of the crowd costs three instructions and more


class Crowd(unittest.TestCase):
    def run_pings(self, crowd, pings):
        """All instructions of a daemon that answers so many pings while a crowd waits for Redis."""
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon, redis = instructions.start_counted(world, INI), world.redis()
            other = stack.enter_context(daemon.client())
            redis.send_signal(signal.SIGSTOP)
            clients = [stack.enter_context(daemon.client()) for _ in range(crowd)]
            for client in clients:
                client.send(b"key.get carts k\r\nstats carts\r\n")
            for _ in range(pings):
                other.call("ping")
            # The daemon's own requests to Redis may wait, too.
            self.assertGreaterEqual(daemon.metric("cachesd_backend_pending", backend="main"), crowd)
            redis.send_signal(signal.SIGCONT)
            for client in clients:
                self.assertIsNone(client.read())
                self.assertIn(b"requests:", client.read())
            return instructions.stop_counted(world, daemon)

    def ping(self, crowd):
        """Instructions of one."""
        return (self.run_pings(crowd, 2 * PINGS) - self.run_pings(crowd, PINGS)) / PINGS

    def test_a_crowd_that_waits_for_its_turn_slows_nobody(self):
        with instructions.counted_daemons():
            alone, beside = self.ping(0), self.ping(CROWD)
        print(f"a ping: {alone:,.0f} instructions alone, {beside:,.0f} beside {CROWD:,} that wait")
        self.assertLess(beside, MOST * alone)


if __name__ == "__main__":
    harness.main()
