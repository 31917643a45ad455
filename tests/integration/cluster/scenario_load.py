#!/usr/bin/env python3
"""The load of these scenarios finds nothing wrong where nothing is, and each fault that it is there for."""

import harness
import load

INI = (
    """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
"""
    + load.INI
)


class LoadItself(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.redis = self.world.redis()

    def under_load(self, disturb=lambda: None, **options):
        with load.Load([self.daemon.path], seed=1, **options) as running:
            running.wait_replies(3000)
            disturb()
            running.wait_replies(1000)
            return running.finish()

    def test_finds_nothing_where_nothing_is_wrong(self):
        report = self.under_load()
        self.assertEqual(report.problems(), [])
        self.assertEqual(report.lost, [])
        self.assertFalse(report.errors)
        self.assertGreater(report.replies, 4000)
        self.assertGreater(report.reads, report.replies * 0.4)
        self.assertEqual(sum(report.totals.values()), sum(report.added.values()))
        self.assertGreater(sum(report.added.values()), 100)

    def test_finds_an_increment_that_was_undone(self):
        report = self.under_load(lambda: self.redis.call("HINCRBY", "load:tally.3", "n", -1))
        self.assertEqual(len(report.problems()), 1, report.problems())
        self.assertIn("tally.3", report.problems()[0])

    def test_finds_another_keys_value(self):
        """As a reply that was given to the wrong request would show it."""

        def swap():
            keys = self.redis.call("KEYS", "load:key.*")
            for key, other in zip(keys, keys[1:]):
                self.redis.call("COPY", key, other, "REPLACE")

        self.assertNotEqual(self.under_load(swap).wrong, [])

    def test_finds_lost_writes_and_tells_them_from_wrong_replies(self):
        """Keys that are as they were some writes ago."""
        with load.Load([self.daemon.path], seed=2) as running:
            running.wait_replies(1000)
            keys = self.redis.call("KEYS", "load:sor.*")
            before = {key: self.redis.call("DUMP", key) for key in keys}
            running.wait_replies(2000)
            for key, dump in before.items():
                self.redis.call("RESTORE", key, 86_400_000, dump, "REPLACE")
            running.wait_replies(2000)
            report = running.finish()
        self.assertNotEqual(report.lost, [])
        self.assertEqual(report.wrong, [])
        self.assertNotEqual(report.problems(), [])
        self.assertEqual(report.problems(may_lose=True), [])

    def test_tells_of_errors_and_when_they_were(self):
        report = self.under_load(self.restart_redis)
        self.assertLessEqual(set(report.errors), {"LOST", "UNAVAILABLE", "TIMEOUT"})
        self.assertGreater(sum(report.errors.values()), 0)
        failure = report.failures[0]
        group = report.groups[0]
        self.assertGreater(group.first_success(failure.at), failure.at - load.BUCKET)
        self.assertGreater(group.longest_pause(), 0.0)

    def restart_redis(self):
        self.redis.kill()
        harness.wait_until(lambda: self.daemon.backend()["state"] != "up", "the backend is down")
        self.redis.start()
        # Refusals are replies, too, and come fast.
        harness.wait_until(lambda: self.daemon.backend()["state"] == "up", "the backend is up again")


if __name__ == "__main__":
    harness.main()
