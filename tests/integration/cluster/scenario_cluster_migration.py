#!/usr/bin/env python3
"""Slots that move while clients work: nobody notices. `CLUSTER_LONG=1`: nearly all slots of two masters."""

import time

import harness
import load
from cluster import SLOTS
from cluster_case import IS_LONG, ClusterCase

MOVES = 10_914 if IS_LONG else 2_000
KEPT = 3  # slots that a master keeps, or it would become a replica
MOST_MS = 50  # for 99 % of the replies
MOST_REFRESHES = 10  # a second, of what the daemon knows of the cluster
HOT_ROUNDS = 100 if IS_LONG else 15


class Migration(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster(3)
        self.start_daemon()

    def moved_slots(self):
        """Of the first two masters, in turns."""
        owners = self.cluster.owners
        slots_of = lambda node: [slot for slot in range(SLOTS) if owners[slot] is node]
        first, second = map(slots_of, self.cluster.masters[:2])
        pairs = zip(first[KEPT:], second[KEPT:])
        return [slot for pair in pairs for slot in pair][:MOVES]

    def numbers(self):
        """What the backend has counted."""
        return {name: int(value) for name, value in self.backend().items() if value.isdigit()}

    def test_no_request_fails_or_reads_wrong_while_slots_move_to_another_master(self):
        slots = self.moved_slots()
        groups = [0 if slot in set(slots) else None for slot in range(SLOTS)] if not IS_LONG else None
        before, began = self.numbers(), time.monotonic()
        with load.Load([self.daemon.path], groups) as running:
            for slot in slots:
                self.cluster.migrate_slot(slot, self.cluster.masters[2])
            running.wait_replies(2000)
            report = running.finish()
        seconds, after = time.monotonic() - began, self.numbers()
        self.assert_clean(report)
        self.assertGreater(after["moved"] + after["asked"], before["moved"] + before["asked"])
        self.assertEqual(after["disagreed"], 0)
        self.assertLessEqual(report.percentile(0.99), MOST_MS + report.worst_lag * 1000)
        self.assertLessEqual(after["refreshes"] - before["refreshes"], MOST_REFRESHES * (seconds + 1))

    def test_no_request_fails_or_reads_wrong_while_the_same_slots_move_again_and_again(self):
        """All keys are in them, so each move meets requests that are under way."""
        hot = range(0, SLOTS, SLOTS // 24)
        groups = [0 if slot in hot else None for slot in range(SLOTS)]
        with load.Load([self.daemon.path], groups, pause=0.02) as running:
            for number in range(HOT_ROUNDS):
                self.cluster.migrate_round(hot, number)
            report = running.finish()
        self.assert_clean(report)
        numbers = self.numbers()
        self.assertGreater(numbers["moved"], 0)
        self.assertGreater(numbers["asked"], 0)

    def test_a_purge_leaves_no_key_while_slots_move(self):
        keys, slots = 3000, self.moved_slots()[:200]
        with self.daemon.client(harness.LONG) as client:
            for number in range(keys):
                client.send(load.resp.array("key.set", "carts", number, "v"))
            self.assertEqual([client.read() for _ in range(keys)], [b"OK"] * keys)
            for slot in slots[:100]:
                self.cluster.migrate_slot(slot, self.cluster.masters[2])
            client.send(load.resp.array("purge", "carts"))
            for slot in slots[100:]:
                self.cluster.migrate_slot(slot, self.cluster.masters[2])
            self.assertEqual(client.read(), keys)
        self.assertEqual(sum(self.cluster.call_masters("DBSIZE")), 0)

    def test_a_node_is_added_and_removed_under_load(self):
        slots = self.moved_slots()[:300]
        groups = [0 if slot in set(slots) else None for slot in range(SLOTS)]
        home = {slot: self.cluster.owners[slot] for slot in slots}
        with load.Load([self.daemon.path], groups) as running:
            node = self.cluster.add_node()
            for slot in slots:
                self.cluster.migrate_slot(slot, node)
            harness.wait_until(node.connections, "the daemon uses the new node")
            self.cluster.wait_agreed()
            for slot in slots:
                self.cluster.migrate_slot(slot, home[slot])
            harness.wait_until(lambda: not node.is_master(), "the emptied node is a replica")
            harness.wait_until(lambda: not node.connections(), "the daemon has left it", 3)
            running.wait_replies(1000)
            report = running.finish()
        self.assert_clean(report)


if __name__ == "__main__":
    harness.main()
