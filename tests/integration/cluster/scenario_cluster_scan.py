#!/usr/bin/env python3
"""scan at a cluster: all its masters, one after the other, from whichever worker."""

import harness
import resp
from cluster_case import INI, NOT_COVERED, ClusterCase

WORKERS = 3
KEYS = 3000
INI = INI.replace("{listen}", f"{{listen}}\nworkers = {WORKERS}") + "[namespace misses]\nprefix = miss:\non_error = miss\n"


class ClusterScan(ClusterCase):
    def setUp(self):
        super().setUp()
        self.start_cluster(3, options=NOT_COVERED)
        self.start_daemon(INI)
        self.clients = [self.connect(self.daemon, harness.LONG) for _ in range(2 * WORKERS)]
        self.client = self.clients[0]

    def fill(self, count=KEYS):
        names = [b"k%d" % number for number in range(count)]
        words = [resp.array("key.set", space, name, "v") for name in names for space in ("carts", "misses")]
        self.client.send(b"".join(words))
        self.assertEqual([self.client.read() for _ in words], [b"OK"] * len(words))
        return names

    def steps(self, *words, namespace="carts"):
        """Each step's cursor and keys; every step is asked of another client."""
        cursor, number = b"0", 0
        while cursor != b"0" or number == 0:
            number += 1
            client = self.clients[number % len(self.clients)]
            cursor, keys = client.call("scan", *words, namespace, cursor)
            yield cursor, keys

    def test_each_key_of_each_master_is_found_whichever_worker_is_asked(self):
        names = self.fill()
        steps = list(self.steps())
        found = [key for _, keys in steps for key in keys]
        self.assertEqual(set(found), set(names))
        servers = [cursor.rpartition(b"/")[0] for cursor, _ in steps]
        order = list(dict.fromkeys(servers))
        self.assertEqual(order, sorted(order[:-1]) + [b""])
        self.assertEqual(len(order), 4)
        self.assertTrue(all(len(keys) < 300 for _, keys in steps))

    def test_the_pattern_and_the_count_hold_at_each_master(self):
        names = self.fill()
        few = [key for _, keys in self.steps("match=k1?") for key in keys]
        self.assertEqual(set(few), {name for name in names if len(name) == 3 and name[1:2] == b"1"})
        self.assertLess(len(list(self.steps("count=1000"))), len(list(self.steps("count=100"))))

    def test_a_cursor_that_names_no_master_is_told_to_begin_again(self):
        for cursor in ("5", "127.0.0.1:1/0", "127.0.0.1:1/5", "nonsense/0", "/0"):
            reply = self.client.call("scan", "carts", cursor)
            self.assertEqual(reply.code, "UNAVAILABLE", cursor)
            self.assertIn(b"begin again with 0", reply)

    def test_a_cluster_that_lacks_a_master_is_not_taken_for_one_without_its_keys(self):
        self.fill(10)
        self.cluster.nodes[0].kill()
        harness.wait_until(lambda: self.client.call("scan", "carts", "0")[:11] == b"UNAVAILABLE",
                           "the lost master is noticed")
        self.assertEqual(self.client.call("scan", "misses", "0"), [b"0", []])

    def test_replies_keep_their_order_among_others(self):
        names = self.fill(50)
        for _ in range(20):
            self.client.send(resp.array("key.get", "carts", "k1") + resp.array("scan", "carts", "0") +
                             resp.array("key.get", "carts", "none") + resp.array("scan", "carts", "x/0") +
                             resp.array("ping"))
            self.assertEqual(self.client.read(), b"v")
            self.assertEqual(len(self.client.read()), 2)
            self.assertIsNone(self.client.read())
            self.assertEqual(self.client.read().code, "UNAVAILABLE")
            self.assertEqual(self.client.read(), b"PONG")
        self.assertEqual(len(names), 50)


if __name__ == "__main__":
    harness.main()
