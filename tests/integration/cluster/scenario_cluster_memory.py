#!/usr/bin/env python3
"""What the daemon keeps of requests that it may have to send again is bounded."""

import contextlib
import threading

import harness
import resp
from cluster import names_in_slot
from cluster_case import INI, NOT_COVERED, ClusterCase

MB = 1 << 20
MOST = 4 * MB
CLIENTS = 12  # each with a value of 1 MB
SMALL = INI.replace("{listen}\n", "{listen}\nmax_request = 4mb\n").replace("timeout = 1s", "timeout = 2s")


class Memory(ClusterCase):
    def test_a_node_that_stands_still_costs_no_more_than_max_request(self):
        self.start_cluster(3, options=NOT_COVERED)
        self.start_daemon(SMALL)
        node, other = self.cluster.masters[:2]
        names = names_in_slot(self.cluster.ranges_of(node)[0][0], b"cart:", CLIENTS)
        elsewhere = names_in_slot(self.cluster.ranges_of(other)[0][0], b"cart:")[0]
        before, value = self.daemon.memory("VmRSS"), b"v" * (1 * MB - 1000)
        node.stop()
        self.addCleanup(node.cont)
        with self.daemon.client() as watcher:
            kept, replies = [], []
            crowd = [threading.Thread(target=self.write, args=(name, value, replies)) for name in names]
            for thread in crowd:
                thread.start()
            while any(thread.is_alive() for thread in crowd):
                kept.append(int(self.backend()["kept"]))
                self.assertEqual(watcher.call("key.set", "carts", elsewhere, "v"), b"OK")
        codes = {reply.code for reply in replies if isinstance(reply, resp.Error)}
        in_all = self.daemon.memory("VmHWM")
        print(f"kept at most {max(kept) / MB:.1f} MB; {codes}; {(in_all - before) / MB:.1f} MB more in all")
        self.assertGreater(max(kept), MOST / 2)
        self.assertLessEqual(max(kept), MOST * 1.1 + len(value))
        self.assertIn("OVERLOADED", codes)
        self.assertLessEqual(codes, {"OVERLOADED", "TIMEOUT", "UNAVAILABLE", "LOST"})
        if not harness.is_sanitized():  # the clients' input, what is kept, and the same unsent
            self.assertLess(in_all - before, (CLIENTS + 2) * MB + 2 * MOST * 1.1)
        node.cont()
        self.wait_up()
        call = lambda: self.daemon.call("key.set", "carts", names[0], "v") == b"OK"
        harness.wait_until(call, "it is served again")
        self.assertEqual(self.backend()["kept"], "0")

    def write(self, name, value, replies):
        with contextlib.closing(self.daemon.client(harness.LONG)) as client:
            replies.append(client.call("key.set", "carts", name, value))


if __name__ == "__main__":
    harness.main()
