#!/usr/bin/env python3
"""Everything that an operator does to a cluster, in any order, under load: no client notices.

`SECONDS_OF_TURMOIL` and `SEED` choose how long and in which order.
"""

import os
import random
import time

import harness
import load
from cluster import SLOTS
from cluster_case import IS_LONG, ClusterCase

SECONDS = float(os.environ.get("SECONDS_OF_TURMOIL") or (120 if IS_LONG else 8))
SEED = int(os.environ.get("SEED") or random.randrange(1 << 32))
REST = 3.0  # seconds: masters elect no replica again of one whose replica they just elected
HOT = range(0, SLOTS, SLOTS // 48)  # the slots of all keys


class Turmoil(ClusterCase):
    def setUp(self):
        super().setUp()
        print(f"SEED={SEED}")
        self.rng = random.Random(SEED)
        self.failed_over = [0.0] * 3  # when each
        self.half_moved = {}  # slots on their way, and where to
        self.events = {"move": 0, "open": 0, "close": 0, "fail_over": 0, "burst": 0}

    def other_master(self, slot):
        return self.rng.choice([n for n in self.cluster.masters if n is not self.cluster.owners[slot]])

    def still_slot(self):
        """One that is on no way."""
        return self.rng.choice([slot for slot in HOT if slot not in self.half_moved])

    def move(self):
        slot = self.still_slot()
        self.cluster.migrate_slot(slot, self.other_master(slot))

    def burst(self):
        """Many of one master's, one behind the other."""
        source, target = self.rng.sample(self.cluster.masters, 2)
        for slot in HOT:
            if slot not in self.half_moved and self.cluster.owners[slot] is source:
                self.cluster.migrate_slot(slot, target)

    def open(self):
        """Half of its keys go."""
        slot = self.still_slot()
        target = self.half_moved[slot] = self.other_master(slot)
        count = self.cluster.owners[slot].must("CLUSTER", "COUNTKEYSINSLOT", slot)
        self.cluster.open_slot(slot, target)
        self.cluster.move_keys(slot, target, most=count // 2)

    def close(self):
        if self.half_moved:
            slot, target = self.half_moved.popitem()
            self.cluster.move_keys(slot, target)
            self.cluster.close_slot(slot, target)

    def close_all(self):
        while self.half_moved:
            self.close()
            self.cluster.wait_agreed()

    def fail_over(self):
        """Not of one that a slot is on its way from or to: its replica would not know."""
        now = time.monotonic()
        rested = [at for at in range(3) if now - self.failed_over[at] > REST]
        if rested:
            self.close_all()
            at = self.rng.choice(rested)
            self.cluster.failover(self.cluster.masters[at])
            self.failed_over[at] = now

    def test_no_request_fails_or_reads_wrong(self):
        self.start_cluster(3, 1)
        self.start_daemon()
        groups = [0 if slot in HOT else None for slot in range(SLOTS)]
        with load.Load([self.daemon.path], groups, seed=SEED, pause=0.02) as running:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                name = self.rng.choice(list(self.events))
                getattr(self, name)()
                self.events[name] += 1
                self.cluster.wait_agreed()
            self.close_all()
            report = running.finish()
        print(self.events, self.backend())
        self.assert_clean(report)


if __name__ == "__main__":
    harness.main()
