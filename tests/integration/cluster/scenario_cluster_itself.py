#!/usr/bin/env python3
"""The clusters of the other scenarios: they come to be in time, and what is done to them happens."""

import time
import unittest

import harness
import resp
from cluster import SLOTS, Cluster, names_in_slot, slot_of

MOST_SECONDS = 2 + harness.SOON  # to start


class ClusterItself(unittest.TestCase):
    def start(self, masters, replicas=0, **options):
        began = time.monotonic()
        cluster = Cluster(masters, replicas, **options)
        self.addCleanup(cluster.end)
        self.assertLess(time.monotonic() - began, MOST_SECONDS)
        return cluster

    def test_three_masters_with_their_replicas_serve_all_slots_and_lose_nothing(self):
        cluster = self.start(3, 1)
        keys = [b"key:%d" % number for number in range(300)]
        for key in keys:
            cluster.call("SET", key, key)
        for slot in range(100):
            cluster.migrate_slot(slot, cluster.masters[2])
        cluster.settle(range(100))
        cluster.wait_agreed()
        self.assertIs(cluster.owners[50], cluster.masters[2])
        for master in list(cluster.masters):
            replica = cluster.failover(master)
            self.assertIn(replica, cluster.masters)
            cluster.wait_agreed()
        self.assertEqual([cluster.call("GET", key) for key in keys], keys)
        cluster.masters[0].kill()
        promoted = cluster.wait_promoted(cluster.masters[0])
        cluster.wait_agreed()
        self.assertIs(cluster.owners[200], promoted)
        self.assertEqual([cluster.call("GET", key) for key in keys], keys)

    def test_a_slot_is_redirected_while_it_moves_and_a_further_node_can_take_it(self):
        cluster = self.start(2)
        slot = slot_of(b"t:0")
        source, target = cluster.owners[slot], cluster.add_node()
        here, moved = (b"t:" + name for name in names_in_slot(slot, b"t:", 2))
        for key in (here, moved):
            source.must("SET", key, key)
        cluster.open_slot(slot, target)
        self.assertEqual(cluster.move_keys(slot, target, most=1), 1)
        replies = source.call_all([("GET", here), ("GET", moved)])
        refusals = [reply for reply in replies if isinstance(reply, resp.Error)]
        self.assertEqual([reply.code for reply in refusals], ["ASK"])
        cluster.move_keys(slot, target)
        cluster.close_slot(slot, target)
        cluster.wait_agreed()
        self.assertEqual(source.call("GET", here), b"MOVED %d 127.0.0.1:%d" % (slot, target.port))
        self.assertEqual(target.call("GET", here), here)

    def test_the_slot_of_a_key_is_what_redis_says(self):
        cluster = self.start(1)
        for key in (b"", b"a", b"cart:7", b"{t}7", b"x{}y", b"a{b{c}d}", b"a}b{c", b"\0\xff{\r\n}"):
            self.assertEqual(cluster.nodes[0].call("CLUSTER", "KEYSLOT", key), slot_of(key), key)
        self.assertEqual(cluster.ranges_of(cluster.nodes[0]), [[0, SLOTS - 1]])


if __name__ == "__main__":
    harness.main()
