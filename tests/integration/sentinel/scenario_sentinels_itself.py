#!/usr/bin/env python3
"""The sentinels of the other scenarios: they come to be in time, and switch when they should."""

import time
import unittest

import harness
from sentinel import Sentinels

MOST_SECONDS = 2 + harness.SOON  # to start


class SentinelsThemselves(unittest.TestCase):
    def start(self, **options):
        began = time.monotonic()
        watched = Sentinels(**options)
        self.addCleanup(watched.end)
        self.assertLess(time.monotonic() - began, MOST_SECONDS)
        return watched

    def test_a_dead_master_is_replaced_and_all_sentinels_agree(self):
        watched = self.start()
        old = watched.master
        old.must("SET", "k", "v")
        self.assertEqual(old.must("WAIT", 1, 5000), 1)
        old.kill()
        when, new = watched.wait_switched()
        self.assertIsNot(new, old)
        self.assertEqual(new.must("GET", "k"), b"v")
        watched.wait_agreed()

    def test_a_switch_by_order_leaves_the_old_master_a_replica(self):
        watched = self.start(replicas=2)
        old = watched.master
        watched.switch()
        when, new = watched.wait_switched()
        self.assertTrue(new.is_master())
        harness.wait_until(lambda: not old.is_master(), "the old master is a replica")


if __name__ == "__main__":
    harness.main()
