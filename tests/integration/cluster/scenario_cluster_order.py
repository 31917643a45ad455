#!/usr/bin/env python3
"""Requests of a client for one key run in their order, however often its slot moves meanwhile."""

import collections
import threading
import time

import harness
import resp
from cluster import slot_of
from cluster_case import INI, IS_LONG, ClusterCase

MOVES = 200 if IS_LONG else 60
PIPELINE = 64
KEY = b"k"


class Writer(threading.Thread):
    """Writes 1, 2, 3 … to the key, 64 under way at once. Each swap must reply what was written before."""

    def __init__(self, daemon):
        super().__init__()
        self.client = daemon.client(harness.LONG)
        self.is_over = False
        self.number = 0
        self.asked = collections.deque()
        self.wrong = []
        self.start()

    def ask(self):
        self.number += 1
        verb = "key.set" if self.number % 4 == 0 else "key.swap"
        before = b"%d" % (self.number - 1) if self.number > 1 else None
        self.asked.append((self.number, b"OK" if verb == "key.set" else before))
        return resp.array(verb, "carts", KEY, self.number)

    def run(self):
        self.client.send(b"".join(self.ask() for _ in range(PIPELINE)))
        while self.asked:
            number, right = self.asked.popleft()
            reply = self.client.read()
            if reply != right:
                self.wrong.append((number, right, reply))
            if not self.is_over:
                self.client.send(self.ask())
        self.client.close()


class Order(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster(3)

    def test_no_write_overtakes_another_while_the_slot_moves_to_and_fro(self):
        self.start_daemon()
        slot, began = slot_of(b"cart:" + KEY), time.monotonic()
        pair = [self.cluster.owners[slot], self.cluster.masters[0]]
        writer = Writer(self.daemon)
        try:
            for number in range(MOVES):
                self.cluster.migrate_slot(slot, pair[(number + 1) % 2])
                self.cluster.wait_agreed()
        finally:
            writer.is_over = True
            writer.join(harness.LONG)
        print(f"{writer.number} writes in {time.monotonic() - began:.1f} s; {self.backend()}")
        self.assertEqual(writer.wrong[:5], [])
        self.assertFalse(writer.is_alive())
        self.assertEqual(self.cluster.call("GET", b"cart:" + KEY), b"%d" % writer.number)
        self.assertGreater(int(self.backend()["moved"]), 0)

    def test_what_several_clients_ask_for_keys_of_one_moving_slot_keeps_its_order_for_each(self):
        """Counters with a hash tag: each increment replies one more than the last."""
        slot = slot_of(b"{cart:t}")
        names = [b"%d" % number for number in range(10)]
        self.start_daemon(INI.replace("prefix = cart:", "prefix = {cart:t}"))
        with self.daemon.client(harness.LONG) as client:
            for number in range(1, MOVES + 1):
                client.send(b"".join(resp.array("counter.incr", "carts", name, "n") for name in names * 20))
                target = self.cluster.masters[number % 3]
                if target is not self.cluster.owners[slot]:
                    self.cluster.migrate_slot(slot, target)
                replies = [client.read() for _ in names * 20]
                self.cluster.wait_agreed()
                right = [20 * (number - 1) + turn for turn in range(1, 21) for _ in names]
                self.assertEqual(replies, right)


if __name__ == "__main__":
    harness.main()
