#!/usr/bin/env python3
"""Masters that hand over, die or stand still under load. A group of the load is a master's slots."""

import threading
import time

import harness
import load
import resp
from cluster import names_in_slot
from cluster_case import MOST_PAUSE, NOT_COVERED, TIMEOUT, ClusterCase

CUTS = 60
MAY_FAIL_WITH = {"LOST", "UNAVAILABLE", "TIMEOUT"}
MOST_SECONDS = 4.0  # from a master's end to its last error: its node timeout of 1 s, and 3 s more
MOST_MS = 50  # for 99 % of the replies of masters that nothing happens to


class Planned(ClusterCase):
    def test_a_planned_failover_of_each_master_fails_no_request(self):
        self.start_cluster(3, 1)
        self.start_daemon()
        with self.load(apart=True) as running:
            running.wait_replies(1000)
            for master in list(self.cluster.masters):
                self.cluster.failover(master)
                running.wait_replies(2000)
                self.cluster.wait_agreed()
            report = running.finish()
        self.assert_clean(report)
        for name, group in report.groups.items():
            self.assertLessEqual(group.worst() / 1000 - report.worst_lag, MOST_PAUSE, name)


class Cut(ClusterCase):
    def test_connections_that_break_lose_what_was_sent_and_confuse_nothing(self):
        self.start_cluster(3)
        self.start_daemon()
        with self.load(pause=0.01) as running:
            running.wait_replies(1000)
            for turn in range(CUTS):
                node = self.cluster.masters[turn % 3]
                node.must("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                running.wait_replies(300)
            report = running.finish()
        print(report)
        self.assertEqual(report.problems(), [])
        self.assertLessEqual(set(report.errors), {"LOST", "UNAVAILABLE"})
        self.assertGreater(report.errors["LOST"], 0)


class Watcher(threading.Thread):
    """Finds out when a node takes writes for a slot."""

    def __init__(self, nodes, slot):
        super().__init__(daemon=True)
        self.nodes, self.key = nodes, b"x:" + names_in_slot(slot, b"x:")[0]
        self.taken_at = None
        self.start()

    def run(self):
        clients = [node.client() for node in self.nodes]
        while not self.taken_at:
            for client in clients:
                if client.call("SET", self.key, "v") == b"OK":
                    self.taken_at = time.monotonic()
            time.sleep(0.002)
        for client in clients:
            client.close()


class Unplanned(ClusterCase):
    def begin(self, options=()):
        self.start_cluster(3, 1, options=options)
        self.start_daemon()
        self.running = self.load(apart=True)
        self.running.wait_replies(2000)
        self.master = self.cluster.masters[1]
        self.others = [node.number for node in self.cluster.masters if node is not self.master]
        slot = self.cluster.owners.index(self.master)
        self.watcher = Watcher(self.cluster.replicas_of(self.master), slot)

    def wait_taken(self):
        """Until the replica takes writes, and the load some time more."""
        self.cluster.wait_promoted(self.master)
        self.watcher.join()
        self.running.wait_replies(3000)

    def errors_of(self, report, group):
        """Those of requests for this group's slots alone."""
        numbers = self.numbers
        return [f for f in report.failures if {numbers[slot] for slot in f.slots} == {group}]

    def check_master(self, report, began, late=0.0):
        """Its slots fail for a while, and not longer; their replies are right. `late`: seconds that an
        error and the first success may come later, as where a request waits for the old master."""
        self.assertEqual(report.problems(may_lose=True), [])
        failures = self.errors_of(report, self.master.number)
        self.assertTrue(failures)
        self.assertLessEqual({failure.code for failure in failures}, MAY_FAIL_WITH)
        self.assertGreaterEqual(min(failure.at for failure in failures), began)
        last = max(failure.at for failure in failures)
        self.assertLessEqual(last - began, MOST_SECONDS + late)
        self.assertLessEqual(last - self.watcher.taken_at, MOST_PAUSE + late)
        first = report.groups[self.master.number].first_success(self.watcher.taken_at)
        self.assertLessEqual(first - self.watcher.taken_at, MOST_PAUSE + late)

    def check_others_undisturbed(self, report):
        for other in self.others:
            self.assertEqual(self.errors_of(report, other), [])
        most = MOST_MS + report.worst_lag * 1000
        self.assertLessEqual(report.percentile(0.99, *self.others), most)

    def test_a_masters_death_is_only_its_own_slots_trouble_where_full_coverage_is_off(self):
        self.begin(NOT_COVERED)
        self.numbers, began = self.groups(), time.monotonic()
        self.master.kill()
        self.wait_taken()
        report = self.running.finish()
        print(report, f"the replica took writes after {self.watcher.taken_at - began:.2f} s")
        self.check_master(report, began)
        self.check_others_undisturbed(report)

    def test_a_masters_death_is_all_slots_trouble_for_a_second_where_full_coverage_is_on(self):
        self.begin()
        self.numbers, began = self.groups(), time.monotonic()
        self.master.kill()
        self.wait_taken()
        report = self.running.finish()
        print(report, f"the replica took writes after {self.watcher.taken_at - began:.2f} s")
        self.check_master(report, began)
        for other in self.others:
            failures = self.errors_of(report, other)
            # A `del` of several keys is LOST where some were removed and others not.
            codes = {failure.code for failure in failures if len(failure.slots) == 1}
            self.assertLessEqual(codes, {"UNAVAILABLE"})
            times = [failure.at for failure in failures] or [began]
            self.assertLessEqual(max(times) - min(times), 1.5)

    def test_a_master_that_stood_still_gets_no_request_after_the_switch(self):
        self.begin(NOT_COVERED)
        self.numbers, began = self.groups(), time.monotonic()
        self.master.stop()
        self.addCleanup(self.master.cont)
        self.wait_taken()
        before = self.running.finish()
        self.check_master(before, began, TIMEOUT)
        names = names_in_slot(self.cluster.ranges_of(self.cluster.masters[1])[0][0], b"cart:", 50)
        with self.daemon.client() as client:  # a command that the load does not have
            self.assertEqual([client.call("key.incr", "carts", name) for name in names], [1] * 50)
            self.master.cont()
            has_woken = lambda: self.ask_all(client, names) and not self.master.is_master()
            harness.wait_until(has_woken, "it is a replica")
            self.ask_all(client, names)
        self.assertEqual(self.master.counters().get("incrby", 0), 0)
        self.cluster.wait_agreed()

    def ask_all(self, client, names):
        client.send(b"".join(resp.array("key.incr", "carts", name) for name in names))
        replies = [client.read() for _ in names]
        self.assertTrue(all(type(reply) is int for reply in replies), replies)
        return True


if __name__ == "__main__":
    harness.main()
