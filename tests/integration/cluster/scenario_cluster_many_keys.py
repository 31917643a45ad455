#!/usr/bin/env python3
"""Requests of several keys at a cluster: a command for each key, and one reply; and `purge`."""

import re
import threading

import harness
import resp
from cluster import slot_of
from cluster_case import INI, NOT_COVERED, ClusterCase

MB = 1 << 20
PREFIX = b"cart:"
MISSES = INI + "[namespace misses]\nprefix = miss:\non_error = miss\n"


class ClusterOfThree(ClusterCase):
    ini = INI

    def setUp(self):
        super().setUp()
        self.start_cluster(3, options=NOT_COVERED)
        self.start_daemon(self.ini)
        self.client = self.connect(self.daemon, harness.LONG)

    def call(self, verb, *words, namespace="carts"):
        return self.client.call(verb, namespace, *words)

    def names(self, count):
        return [b"%d" % number for number in range(count)]

    def names_at(self, node, count, prefix=PREFIX):
        """So many names whose keys are at the node."""
        found = [name for name in self.names(100 * count) if self.cluster.owner_of(prefix + name) is node]
        return found[:count]

    def fill(self, names, namespace="carts"):
        """The value of each name is the name."""
        self.client.send(b"".join(resp.array("key.set", namespace, name, name) for name in names))
        self.assertEqual([self.client.read() for _ in names], [b"OK"] * len(names))

    def assert_error(self, reply, code, text=b""):
        self.assertIsInstance(reply, resp.Error)
        self.assertEqual(reply.code, code, reply)
        self.assertIn(text, reply)


class ManyKeys(ClusterOfThree):
    def test_values_come_in_the_order_of_the_keys_and_del_counts_what_was_there(self):
        names = self.names(1000)
        self.fill(names)
        self.call("dict.set", "dict", "f", "v")
        for asked in (names, names[::-1], names[:2], names[:1]):
            self.assertEqual(self.call("key.mget", *asked), asked)
        self.assertEqual(self.call("key.mget", "0", "missing", "dict", "1"), [b"0", None, None, b"1"])
        self.assertEqual(self.call("key.mget", "5", "6", "5"), [b"5", b"6", b"5"])
        self.assertEqual(self.call("del", "missing", "none"), 0)
        self.assertEqual(self.call("del", "1", "1", "dict", "missing"), 2)
        self.assertEqual(self.call("del", *names), 999)
        self.assertEqual(self.cluster.dbsize(), 0)

    def test_requests_of_a_client_keep_their_order(self):
        requests, wanted = [], []
        for number in range(300):
            value = b"%d" % number
            requests += [resp.array("key.set", "carts", "a", value), resp.array("key.set", "carts", "b", value),
                         resp.array("key.mget", "carts", "a", "b", "c"), resp.array("del", "carts", "a", "c")]
            wanted += [b"OK", b"OK", [value, value, None], 1]
        self.client.send(b"".join(requests))
        self.assertEqual([self.client.read() for _ in requests], wanted)

    def test_nothing_fails_or_reads_wrong_while_slots_move(self):
        names, rounds = self.names(60), 0
        mover = threading.Thread(target=self.move_all, args=[names], daemon=True)
        mover.start()
        while mover.is_alive():
            self.fill(names)
            self.assertEqual(self.call("key.mget", *names), names)
            self.assertEqual(self.call("del", *names), len(names))
            self.assertEqual(self.call("key.mget", *names), [None] * len(names))
            rounds += 1
        mover.join()
        self.assertGreater(rounds, 10)
        self.assertTrue(self.have_moved)

    def move_all(self, names):
        """The slots of all names, from one master to the next."""
        self.have_moved = False
        for number in range(4):
            self.cluster.migrate_round(sorted({slot_of(PREFIX + name) for name in names}), number)
        self.have_moved = True

    def test_explain_shows_slot_and_node_of_each_key_and_a_command_for_each(self):
        names = [self.names_at(node, 1)[0] for node in self.cluster.masters]
        keys = [PREFIX + name for name in names]
        text = self.call_explain("del", "carts", *names)
        self.assertEqual(re.findall(rb"^key: (.*)$", text, re.M), keys)
        self.assertEqual(re.findall(rb"^slot: (.*)$", text, re.M), [b"%d" % slot_of(key) for key in keys])
        addresses = [b"%s:%d" % (node.host.encode(), node.port) for node in self.cluster.masters]
        self.assertEqual(re.findall(rb"^node: (.*)$", text, re.M), addresses)
        self.assertEqual(re.findall(rb"^command: (.*)$", text, re.M), [b"UNLINK " + key for key in keys])
        text = self.call_explain("key.get", "carts", names[1])
        self.assertIn(b"key: %s\nslot: %d\nnode: %s\n" % (keys[1], slot_of(keys[1]), addresses[1]), text)
        text = self.call_explain("purge", "carts")
        self.assertIn(b"command: SCAN 0", text)

    def call_explain(self, *words):
        return self.client.call("explain", *words)

    def test_the_near_cache_forgets_all_keys_of_a_del(self):
        self.daemon.reload(self.near_ini())
        self.daemon.wait_near()
        names = self.names(50)
        self.fill(names)
        for _ in range(2):
            self.assertEqual([self.call("key.get", name) for name in names], names)
        self.assertGreater(self.daemon.stats("carts")["near_hits"], 0)
        self.assertEqual(self.call("del", *names), len(names))
        self.assertEqual([self.call("key.get", name) for name in names], [None] * len(names))

    def near_ini(self):
        return self.ini.replace("CLUSTER", self.cluster.url).replace("ttl = 1d\n", "ttl = 1d\nnear = yes\n", 1)

    def test_a_del_wakes_who_waits_for_the_result_of_any_of_its_keys(self):
        names = [self.names_at(node, 1)[0] for node in self.cluster.masters]
        for name in names:
            self.assertEqual(self.call("memo.get", name)[0], b"MISS")  # and its lease
        waiters = [self.connect(self.daemon) for _ in names]
        for waiter, name in zip(waiters, names):
            waiter.send(resp.array("memo.get", "wait=20s", "carts", name))
        waiting = lambda: self.daemon.stats("carts")["memo_waiting"] == len(names)
        harness.wait_until(waiting, "all wait")
        self.assertEqual(self.call("del", *names), len(names))
        for waiter in waiters:
            state, value, lease = waiter.read()
            self.assertEqual((state, value), (b"MISS", None))
            self.assertTrue(lease)


class Failures(ClusterOfThree):
    ini = MISSES

    def setUp(self):
        super().setUp()
        self.here, self.there = (self.names_at(node, 3) for node in self.cluster.masters[:2])
        self.fill(self.here + self.there)
        self.missed = [name for node in self.cluster.masters[:2] for name in self.names_at(node, 2, b"miss:")]
        self.fill(self.missed, "misses")
        self.lost = self.cluster.masters[1]
        self.addCleanup(lambda: self.lost.is_alive and self.lost.cont())

    def check_misses(self):
        """With on_error = miss the lost master's keys are nil, and no others."""
        values = self.call("key.mget", *self.missed[::-1], namespace="misses")
        self.assertEqual(values, [None, None, *self.missed[1::-1]])

    def test_a_master_that_hangs(self):
        self.lost.stop()
        both = [self.here[0], *self.there, self.here[1]]
        self.assert_error(self.call("key.mget", *both), "TIMEOUT")
        self.assert_error(self.call("del", *both), "LOST", b"2 keys were removed, others perhaps not")
        self.assertEqual(self.call("key.mget", *self.here), [None, None, self.here[2]])
        self.check_misses()
        self.lost.cont()
        served = lambda: self.call("key.set", self.there[0], "new") == b"OK"
        harness.wait_until(served, "it is served again")
        self.assertEqual(self.call("key.mget", self.there[0], self.here[2]), [b"new", self.here[2]])

    def test_a_master_that_is_gone(self):
        self.lost.kill()
        gone = lambda: b"UNAVAILABLE" in self.call("key.set", self.there[0], "v")
        harness.wait_until(gone, "the daemon knows")
        self.assert_error(self.call("key.mget", self.here[0], self.there[0]), "UNAVAILABLE")
        self.assert_error(self.call("del", *self.here, self.there[0]), "UNAVAILABLE")
        self.assertEqual(self.call("key.mget", *self.here), self.here)  # nothing was removed
        self.check_misses()
        text = self.client.call("explain", "key.mget", "carts", self.here[0], self.there[0])
        addresses = [f"{node.host}:{node.port}" for node in self.cluster.masters[:2]]
        nodes = re.findall(r"^node: (.*)$", text.decode(), re.M)
        self.assertEqual(nodes, [addresses[0], addresses[1] + ", which is down"])

    def test_a_command_that_the_account_may_not_run_is_refused_for_all_keys(self):
        keys = [*self.here, *self.there]
        for node in self.cluster.masters:
            node.must("ACL", "SETUSER", "default", "-unlink")
        for _ in range(3):  # by the servers first, then by the daemon itself
            self.assert_error(self.call("del", *keys), "UNAVAILABLE", b"refuses this daemon's account")
        self.assertEqual(self.call("key.mget", *keys), keys)
        for node in self.cluster.masters:
            node.must("ACL", "SETUSER", "default", "+unlink")
        allowed = lambda: self.call("del", *keys) == len(keys)
        harness.wait_until(allowed, "the daemon finds that it may")

    def test_one_server_of_several_that_refuses_does_not_hide_what_others_have_done(self):
        self.lost.must("ACL", "SETUSER", "default", "-unlink")
        self.assert_error(self.call("del", *self.here, *self.there), "LOST", b"3 keys were removed, others perhaps not")
        self.assertEqual(self.call("key.mget", *self.here, *self.there), [None] * 3 + self.there)

    def test_clients_may_leave_while_a_master_hangs(self):
        self.lost.stop()
        for verb in ("key.mget", "del"):
            for _ in range(20):
                with self.daemon.client() as client:
                    client.send(resp.array(verb, "carts", *self.here, *self.there))
        self.assertEqual(self.call("key.set", self.here[0], "v"), b"OK")
        self.lost.cont()
        served = lambda: self.call("key.set", self.there[0], "v") == b"OK"
        harness.wait_until(served, "it is served again")
        harness.wait_until(lambda: self.backend()["pending"] == "0", "nothing is under way")


class Bounds(ClusterOfThree):
    ini = INI.replace("{listen}\n", "{listen}\nclient_output = 4mb\n").replace("timeout = 1s", "timeout = 5s\nmax_pending = 500")

    def test_a_reply_that_is_too_long_is_refused_and_costs_no_memory(self):
        names = self.names(30)
        for name in names:
            self.assertEqual(self.call("key.set", name, b"v" * (MB - 10)), b"OK")
        before = self.daemon.memory("VmHWM")
        for _ in range(3):
            self.assert_error(self.call("key.mget", *names), "OVERLOADED", b"client_output")
            self.assertEqual(self.call("key.mget", *names[:3]), [b"v" * (MB - 10)] * 3)
        request = resp.array("key.mget", "carts", *names)
        self.client.send(request * 20)
        for _ in range(20):
            self.assert_error(self.client.read(), "OVERLOADED")
        if not harness.is_sanitized():
            self.assertLess(self.daemon.memory("VmHWM") - before, 40 * MB)

    def test_a_request_has_at_most_as_many_keys_as_may_be_under_way(self):
        names = self.names(501)
        self.assertEqual(self.call("key.mget", *names[:500]), [None] * 500)
        self.assert_error(self.call("key.mget", *names), "OVERLOADED", b"more keys than")
        self.assert_error(self.call("del", *names), "OVERLOADED", b"more keys than")

    def test_many_such_requests_wait_for_room(self):
        names = self.names(400)
        self.fill(names[:100])
        request = resp.array("key.mget", "carts", *names)
        clients = [self.connect(self.daemon, harness.LONG) for _ in range(10)]
        for client in clients:
            client.send(request * 10)
        for client in clients:
            for _ in range(10):
                self.assertEqual(client.read(), names[:100] + [None] * 300)


class Purge(ClusterCase):
    KEYS = 20_000

    def test_it_removes_all_keys_of_its_prefix_and_no_other_while_replicas_take_over(self):
        self.start_cluster(3, 1, options=NOT_COVERED)
        self.start_daemon(INI + "[namespace users]\n")
        client = self.connect(self.daemon, harness.LONG)
        for first in range(0, self.KEYS, 1000):
            numbers = range(first, first + 1000)
            client.send(b"".join(resp.array("key.set", "carts", number, "v") for number in numbers))
            self.assertEqual([client.read() for _ in numbers], [b"OK"] * 1000)
        self.assertEqual(client.call("key.set", "users", "u", "v"), b"OK")
        client.send(resp.array("purge", "carts"))
        for master in list(self.cluster.masters):
            self.cluster.failover(master)
            self.cluster.wait_agreed()
        self.assertEqual(client.read(), self.KEYS)
        self.assertEqual(self.cluster.dbsize(), 1)
        self.assertEqual(client.call("key.get", "users", "u"), b"v")
        self.assertEqual(client.call("purge", "carts"), 0)


if __name__ == "__main__":
    harness.main()
