#!/usr/bin/env python3
"""A slot that stays half moved: some of its keys are at its old owner, some at its new one. All verbs
work on all of them, and what is new is made where it belongs."""

import harness
import resp
from cluster import slot_of
from cluster_case import INI, ClusterCase
from valve import Valve

TAG = b"{t}"
PREFIX = b"cart:" + TAG
KEYS = 20
TAGGED = INI.replace("prefix = cart:", "prefix = " + PREFIX.decode())


class HalfMoved(ClusterCase):
    def options(self, node):
        """Clients are told of a relay in front of each node."""
        valve = self.world.keep(Valve(("127.0.0.1", 0), node.address))
        self.valves[node.number] = valve
        node.shown_port = valve.port
        return ["--cluster-announce-port", str(valve.port)]

    def setUp(self):
        super().setUp()
        self.valves = {}
        self.start_cluster(2, options=self.options)
        self.start_daemon(TAGGED)
        self.client = self.connect(self.daemon)
        self.slot = slot_of(PREFIX)
        self.source = self.cluster.owners[self.slot]
        self.target = next(node for node in self.cluster.masters if node is not self.source)
        self.names = [b"%d" % number for number in range(KEYS)]

    def call(self, verb, *words):
        return self.client.call(verb, "carts", *words)

    def split(self):
        """Moves half of what there is; replies the names that stayed and those that went."""
        self.cluster.open_slot(self.slot, self.target)
        count = self.source.must("CLUSTER", "COUNTKEYSINSLOT", self.slot)
        self.cluster.move_keys(self.slot, self.target, most=count // 2)
        keys = self.keys_at(self.target)
        there = [key.removeprefix(PREFIX) for key in keys]
        return [name for name in self.names if name not in there], there

    def keys_at(self, node):
        return node.must("KEYS", PREFIX + b"*")

    def begin(self, verb="key.set", *rest):
        for name in self.names:
            self.call(verb, name, *(rest or (b"v" + name,)))
        here, there = self.split()
        self.assertEqual((len(here), len(there)), (KEYS // 2, KEYS // 2))
        return here, there

    def check_once(self, count):
        """So many keys there are, and none at both nodes."""
        here, there = self.keys_at(self.source), self.keys_at(self.target)
        self.assertFalse(set(here) & set(there))
        self.assertEqual(len(here) + len(there), count)

    def test_reads_find_keys_at_either_node(self):
        self.begin()
        for name in self.names:
            self.assertEqual(self.call("key.get", name), b"v" + name)
            self.assertEqual(self.call("exists", name), 1)
            self.assertGreater(self.call("pttl", name), 0)
        self.assertIsNone(self.call("key.get", "missing"))
        self.assertEqual(self.call("pttl", "missing"), -2)
        self.assertGreater(int(self.backend()["asked"]), 0)

    def test_verbs_of_several_keys_find_all_of_them(self):
        self.begin()
        values = [b"v" + name for name in self.names]
        self.assertEqual(self.call("key.mget", *self.names, "missing"), [*values, None])
        self.assertEqual(self.call("key.mget", *reversed(self.names)), values[::-1])
        self.assertEqual(self.call("del", *self.names, "missing"), KEYS)
        self.assertEqual(self.call("key.mget", *self.names), [None] * KEYS)
        self.check_once(0)

    def test_writes_go_where_the_key_is_and_new_keys_to_the_new_owner(self):
        self.begin("dict.set", "f", "1")
        for name in self.names:  # a transaction
            self.assertEqual(self.call("dict.incr", name, "f"), 2)
            self.assertEqual(self.call("dict.set", name, "g", "x"), 1)
            self.assertEqual(self.call("dict.items", name), [b"f", b"2", b"g", b"x"])
        self.assertEqual(self.call("key.incr", "new", 5), 5)
        self.assertIn(PREFIX + b"new", self.keys_at(self.target))
        self.check_once(KEYS + 1)
        for key in self.keys_at(self.target):
            left = self.target.call_all([("ASKING",), ("PTTL", key)])[1]
            self.assertGreater(left, 0, key)

    def test_memo_and_its_leases_work_on_keys_of_either_node(self):
        self.begin("memo.set")
        for name in self.names:
            self.assertEqual(self.call("memo.get", name), [b"HIT", b"v" + name, None])
            self.assertEqual(self.call("del", name), 1)
            state, value, lease = self.call("memo.get", name)
            self.assertEqual((state, value), (b"MISS", None))
            self.assertEqual(self.call("memo.get", name), [b"MISS", None, None])
            self.assertEqual(self.call("memo.put", name, lease, "new"), b"OK")
            self.assertEqual(self.call("memo.get", name), [b"HIT", b"new", None])
        self.check_once(KEYS)

    def test_a_lease_outlives_the_move_of_its_key(self):
        leases = {name: self.call("memo.get", name)[2] for name in self.names}
        self.split()
        for name, lease in leases.items():
            self.assertEqual(self.call("memo.put", name, lease, b"v" + name), b"OK")
        self.cluster.move_keys(self.slot, self.target)
        self.cluster.close_slot(self.slot, self.target)
        for name in self.names:
            self.assertEqual(self.call("memo.get", name), [b"HIT", b"v" + name, None])

    def test_many_requests_at_once_keep_their_order(self):
        self.begin("counter.set", "n", "0")
        requests = [(turn, name) for turn in range(1, 51) for name in self.names]
        self.client.send(b"".join(resp.array("counter.incr", "carts", n, "n") for _, n in requests))
        for turn, name in requests:
            self.assertEqual(self.client.read(), turn, name)

    def test_a_key_that_moves_between_queued_and_exec_is_written_once(self):
        """Then EXEC itself is redirected."""
        for name in self.names:
            self.call("dict.set", name, "f", "1")
        self.cluster.open_slot(self.slot, self.target)
        valve = self.valves[self.source.number]
        for name in self.names[:2]:
            valve.shut_questions(b"$4\r\nEXEC", exactly=True)
            self.client.send(resp.array("dict.incr", "carts", name, "f"))
            valve.wait_for_question(b"$4\r\nEXEC")
            self.cluster.move_these([PREFIX + name], self.source, self.target)
            if name == self.names[1]:  # the slot itself goes, too
                self.cluster.move_keys(self.slot, self.target)
                self.cluster.close_slot(self.slot, self.target)
            valve.open_questions()
            self.assertEqual(self.client.read(), 2)
        self.assertEqual(self.call("dict.get", self.names[0], "f"), b"2")
        self.assertEqual(self.call("dict.get", self.names[1], "f"), b"2")


if __name__ == "__main__":
    harness.main()
