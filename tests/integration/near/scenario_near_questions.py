#!/usr/bin/env python3
"""What a request keeps of its question for the near cache: its own, never an earlier request's, and no more
than near_memory has room for."""

import struct

import harness
import resp
from valve import Valve

INI = """\
[cachesd]
listen = {listen}
near_memory = 8mb
client_output = 64mb
[backend main]
url = VALVE
timeout = TIMEOUT
[backend second]
url = VALVE?db=3
timeout = TIMEOUT
"""
SPACE = """\
[namespace NAME]
backend = BACKEND
prefix = m:
stale = 1h
near = yes
on_error = stale
"""
MB = 1 << 20
VERBS = 128  # more than there are


class Questions(harness.TestCase):
    timeout = "400ms"

    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.valve = self.world.keep(Valve(f"{self.world.folder}/valve.sock", self.redis.path))
        ini = INI.replace("VALVE", self.valve.url).replace("TIMEOUT", self.timeout)
        for name, backend in (("one", "main"), ("two", "second")):
            ini += SPACE.replace("NAME", name).replace("BACKEND", backend)
        self.daemon = self.world.daemon(ini.replace("[cachesd]\n", "[cachesd]\nworkers = 1\n"))
        self.client = self.connect(self.daemon, harness.LONG)
        self.daemon.wait_near(backends=2)

    def lose_tracking(self):
        self.valve.shut("tracking")
        self.valve.cut("tracking")
        are_down = lambda: self.daemon.call("backends").count(b"tracking=down") == 2
        harness.wait_until(are_down, "both trackers are down")

    def ask(self, *requests):
        self.client.send(b"".join(resp.array(*words) for words in requests))
        return [self.client.read() for _ in requests]

    def keep_secret(self):
        """Many requests at once ask for it, so that many structs of the daemon's have held the question."""
        heard = int(self.daemon.backend()["invalidations"])
        self.client.call("memo.set", "one", "k", "secret")
        # Redis tells of this write, too: were that heard later, it would void what is kept.
        harness.wait_until(lambda: int(self.daemon.backend()["invalidations"]) > heard, "the write is heard of")
        self.valve.shut("data")
        self.client.send(resp.array("memo.get", "one", "k") * VERBS)
        self.valve.wait_for("data", b"secret")
        self.valve.open("data")
        for _ in range(VERBS):
            self.assertEqual(self.client.read(), [b"HIT", b"secret", None])

    def test_no_answer_of_another_namespace_is_served_as_stale(self):
        """A key that looks like the kept question, verb and all, in a request that follows one for it."""
        self.keep_secret()
        self.lose_tracking()
        self.valve.shut("data")
        keys = [b"k" + struct.pack("<HBB", verb, 0, 0) for verb in range(VERBS)]
        replies = self.ask(*(("memo.get", "two", key) for key in keys))
        self.assertEqual({getattr(reply, "code", repr(reply)) for reply in replies}, {"TIMEOUT"})

    def test_what_was_kept_is_served_as_stale_though_the_tracking_was_lost_before_the_timeout(self):
        self.keep_secret()
        self.lose_tracking()
        self.valve.shut("data")
        self.assertEqual(self.ask(("memo.get", "one", "k")), [[b"STALE", b"secret", None]])


class Memory(Questions):
    timeout = "20s"
    test_no_answer_of_another_namespace_is_served_as_stale = None
    test_what_was_kept_is_served_as_stale_though_the_tracking_was_lost_before_the_timeout = None

    def wait_pending(self, count):
        pending = lambda: b" pending=%d " % count in self.daemon.call("backends")
        harness.wait_until(pending, f"{count} are under way")

    def test_large_questions_under_way_take_no_memory(self):
        before, field = self.daemon.memory("VmHWM"), "f" * (2 * MB)
        self.valve.shut("data")
        for number in range(24):
            self.client.send(resp.array("dict.get", "one", str(number), field))
            self.wait_pending(number + 1)
        grown = self.daemon.memory("VmHWM") - before
        self.valve.open("data")
        for _ in range(24):
            self.client.read()
        if not harness.is_sanitized():
            self.assertLess(grown, 24 * MB)

    def test_many_small_questions_under_way_are_counted_in_near_memory(self):
        bytes_of = lambda: int(harness.sections(self.daemon.call("stats"))["near"]["near_bytes"])
        before, field = bytes_of(), "f" * 60_000
        self.valve.shut("data")
        self.client.send(resp.array("dict.get", "one", "k", field) * 100)
        harness.wait_until(lambda: bytes_of() - before > 900_000, "questions are counted", 5)
        self.assertLessEqual(bytes_of(), 8 * MB)
        self.assertLessEqual(bytes_of() - before, MB, "an eighth of near_memory")
        self.valve.open("data")
        for _ in range(100):
            self.client.read()
        harness.wait_until(lambda: bytes_of() - before < 200_000, "they are let go", 5)


if __name__ == "__main__":
    harness.main()
