#!/usr/bin/env python3
"""The near cache when the master changes: nothing that was kept of the old one is served."""

import harness
from sentinel import Sentinels

KEYS = 100


class Near(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.watched = Sentinels()
        self.addCleanup(self.watched.end)
        ini = harness.INI.replace("{redis:main}", self.watched.url) + "near = yes\n"
        self.daemon = self.world.daemon(ini)
        self.daemon.wait_near()
        self.client = self.connect(self.daemon)

    def write(self, server, value):
        server.call_all([("SET", f"cart:{number}", value) for number in range(KEYS)])

    def read(self):
        return {self.client.call("key.get", "carts", number) for number in range(KEYS)}

    def hits(self):
        return self.daemon.stats("carts")["near_hits"]

    def keep(self):
        """Until the near cache has all keys."""
        before = self.hits()
        harness.wait_until(lambda: self.read() and self.hits() - before >= KEYS, "keys are kept")

    def check_switch(self, begin):
        old = self.watched.master
        self.write(old, "before")
        self.keep()
        self.assertEqual(self.read(), {b"before"})
        begin(old)
        _, new = self.watched.wait_switched()
        harness.wait_until(lambda: self.daemon.backend()["switches"] == "1", "the daemon follows")
        self.write(new, "behind")
        self.assertEqual(self.read(), {b"behind"})
        self.daemon.wait_near()
        self.keep()
        self.write(new, "later")
        harness.wait_until(lambda: self.read() == {b"later"}, "changes are told of", harness.SOON)

    def test_nothing_old_is_served_behind_a_switch_by_order(self):
        self.check_switch(lambda old: self.watched.switch())

    def test_nothing_old_is_served_behind_the_death_of_a_master(self):
        self.check_switch(lambda old: old.kill())


if __name__ == "__main__":
    harness.main()
