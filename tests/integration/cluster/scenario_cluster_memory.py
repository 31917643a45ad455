#!/usr/bin/env python3
"""What the daemon keeps of requests that it may have to send again is bounded."""

import threading

import harness
import resp
from cluster import names_in_slot
from cluster_case import INI, NOT_COVERED, ClusterCase

MB = 1 << 20
MOST = 4 * MB
SMALL = INI.replace("{listen}\n", "{listen}\nmax_request = 4mb\n").replace("timeout = 1s", "timeout = 2s")


class Memory(ClusterCase):
    def test_a_node_that_stands_still_costs_no_more_than_max_request(self):
        self.start_cluster(3, options=NOT_COVERED)
        self.start_daemon(SMALL)
        node = self.cluster.masters[0]
        names = names_in_slot(self.cluster.ranges_of(node)[0][0], b"cart:", 40)
        other = names_in_slot(self.cluster.ranges_of(self.cluster.masters[1])[0][0], b"cart:")[0]
        before, value = self.daemon.memory("VmRSS"), b"v" * (1 * MB - 1000)
        with self.daemon.client(harness.LONG) as client, self.daemon.client() as watcher:
            node.stop()
            self.addCleanup(node.cont)
            sent = send_beside(client, names, value)
            most_kept = 0
            while sent.is_alive() or most_kept == 0:
                most_kept = max(most_kept, int(self.backend()["kept"]))
                self.assertEqual(watcher.call("key.set", "carts", other, "v"), b"OK")
            replies = [client.read() for _ in names]
            sent.join()
        codes = {reply.code for reply in replies if isinstance(reply, resp.Error)}
        in_all = self.daemon.memory("VmHWM")
        print(f"kept at most {most_kept / MB:.1f} MB; {codes}; {in_all / MB:.1f} MB in all")
        self.assertGreater(most_kept, MOST / 2)
        self.assertLessEqual(most_kept, MOST * 1.1 + len(value))
        self.assertIn("OVERLOADED", codes)
        self.assertLessEqual(codes, {"OVERLOADED", "TIMEOUT", "UNAVAILABLE", "LOST"})
        if not harness.is_sanitized():  # what is kept, the same unsent, and the request that is read
            self.assertLess(in_all - before, 3 * MOST * 1.1)
        node.cont()
        self.wait_up()
        call = lambda: self.daemon.call("key.set", "carts", names[0], "v") == b"OK"
        harness.wait_until(call, "it is served again")
        self.assertEqual(self.backend()["kept"], "0")


def send_beside(client, names, value):
    """Sends beside what this thread does: the daemon reads slowly."""
    def send():
        for name in names:
            client.send(resp.array("key.set", "carts", name, value))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


if __name__ == "__main__":
    harness.main()
