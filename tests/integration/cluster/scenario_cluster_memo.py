#!/usr/bin/env python3
"""Memo at a cluster: leases and those who wait for a result, while the slots of their keys move."""

import harness
import resp
from cluster import slot_of
from cluster_case import INI, ClusterCase

PREFIX = b"cart:"
KEYS = 30
ROUNDS = 3


class Memo(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster(3)
        self.start_daemon(INI)
        self.client = self.connect(self.daemon, harness.LONG)
        self.names = [b"%d" % number for number in range(KEYS)]
        self.slots = sorted({slot_of(PREFIX + name) for name in self.names})

    def move_all(self):
        for number in range(ROUNDS):
            self.cluster.migrate_round(self.slots, number)

    def take_leases(self):
        leases = []
        for name in self.names:
            state, value, lease = self.client.call("memo.get", "carts", name)
            self.assertEqual((state, value), (b"MISS", None))
            self.assertTrue(lease)
            leases.append(lease)
        return leases

    def begin_waits(self):
        """A client for each name."""
        waiters = [self.connect(self.daemon, harness.LONG) for _ in self.names]
        for waiter, name in zip(waiters, self.names):
            waiter.send(resp.array("memo.get", "wait=25s", "carts", name))
        self.wait_for_waits(KEYS)
        return waiters

    def wait_for_waits(self, count):
        waiting = lambda: self.daemon.stats("carts")["memo_waiting"] == count
        harness.wait_until(waiting, f"{count} wait")

    def test_who_waits_is_told_of_a_result_that_is_put_after_the_slots_have_moved(self):
        leases = self.take_leases()
        waiters = self.begin_waits()
        self.move_all()
        for name, lease in zip(self.names, leases):
            self.assertEqual(self.client.call("memo.put", "carts", name, lease, name), b"OK")
        for waiter, name in zip(waiters, self.names):
            self.assertEqual(waiter.read(), [b"HIT", name, None])
        self.assertEqual(self.daemon.stats("carts")["leases_refused"], 0)

    def test_a_lease_that_ends_meanwhile_goes_to_who_waits(self):
        leases = self.take_leases()
        waiters = self.begin_waits()
        for number in range(ROUNDS):
            self.cluster.migrate_round(self.slots, number)
            for index in range(number, KEYS, ROUNDS):
                dropped = self.client.call("memo.drop", "carts", self.names[index], leases[index])
                self.assertEqual(dropped, 1)
        for waiter in waiters:
            state, value, lease = waiter.read()
            self.assertEqual((state, value), (b"MISS", None))
            self.assertTrue(lease)

    def test_the_lease_of_a_client_that_has_left_is_given_back(self):
        self.take_leases()
        waiters, others = self.begin_waits(), [self.connect(self.daemon, harness.LONG) for _ in self.names]
        for other, name in zip(others, self.names):
            other.send(resp.array("memo.get", "wait=25s", "carts", name))
        self.wait_for_waits(2 * KEYS)
        for waiter in waiters:
            waiter.close()
        self.cluster.migrate_round(self.slots, 0)
        self.assertEqual(self.client.call("del", "carts", *self.names), KEYS)  # and the leases
        for other in others:
            self.assertTrue(other.read()[2])


if __name__ == "__main__":
    harness.main()
