#!/usr/bin/env python3
"""The near cache while answers and news of changes overtake each other, each order made on purpose."""

import signal
import time

import harness
import resp
import verbs
from valve import Valve

INI = """\
[cachesd]
listen = {listen}
near_memory = 1mb
[backend main]
url = VALVE
timeout = 20s
[namespace near]
prefix = n:
ttl = 2h
near = yes
"""
FRESH = 3.0  # seconds: as PROTOCOL.md promises
PONG = b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"


class Races(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.direct = self.connect(self.redis)
        self.valve = self.world.keep(Valve(f"{self.world.folder}/valve.sock", self.redis.path))
        self.ini = INI.replace("VALVE", self.valve.url)
        self.daemon = self.world.daemon(self.ini)
        self.client = self.connect(self.daemon, harness.LONG)
        self.other = self.connect(self.daemon, harness.LONG)  # is never held up
        self.daemon.wait_near()

    def tracking(self, name="tracking"):
        return self.daemon.backend()[name]

    def wait_more(self, counter, action):
        """Does it and waits until the tracker has counted it."""
        before = int(self.tracking(counter))
        action()
        harness.wait_until(lambda: int(self.tracking(counter)) > before, f"more {counter}")

    def get(self):
        return self.client.call("key.get", "near", "k")

    def hits(self):
        return self.daemon.stats("near")["near_hits"]

    def set_there(self, value):
        """Round the daemon; the news of it has come when this returns."""
        self.wait_more("invalidations", lambda: self.direct.call("SET", "n:k", value))

    def keep(self, value):
        self.set_there(value)
        before = self.hits()
        self.assertEqual([self.get(), self.get()], [value] * 2)
        self.assertEqual(self.hits(), before + 1)

    def ask_and_hold(self):
        """Asks for the value; Redis has answered, and nobody has heard it yet."""
        self.set_there(b"old")
        self.valve.shut("data")
        self.client.send(resp.array("key.get", "near", "k"))
        self.valve.wait_for("data", b"$3\r\nold\r\n")

    def expect_old_once(self, new):
        """The answer that was on its way comes: it was right when it was asked for. No other is."""
        self.valve.open("data")
        self.assertEqual(self.client.read(), b"old")
        self.assertEqual([self.get(), self.get()], [new] * 2)

    # --- an answer on its way -------------------------------------------------------------------

    def test_an_answer_that_the_news_of_a_change_overtakes_is_not_kept(self):
        for command, new in (("SET n:k new", b"new"), ("DEL n:k", None), ("RENAME n:k n:z", None)):
            self.ask_and_hold()
            self.wait_more("invalidations", lambda: self.direct.call(*command.split()))
            self.expect_old_once(new)

    def test_an_answer_that_a_flush_overtakes_is_not_kept(self):
        for command in ("FLUSHALL", "FLUSHDB"):
            self.ask_and_hold()
            self.wait_more("flushes", lambda: self.direct.call(command))
            self.expect_old_once(None)

    def test_an_answer_from_before_the_tracking_was_lost_is_not_kept(self):
        self.ask_and_hold()
        self.valve.shut("tracking")
        self.direct.call("SET", "n:k", "new")  # the news of it is lost
        self.valve.wait_for("tracking", b"n:k")
        self.valve.cut("tracking")
        harness.wait_until(lambda: self.tracking() == "down", "it is noticed")
        self.valve.open("tracking")
        self.daemon.wait_near()
        self.expect_old_once(b"new")

    def test_an_answer_from_before_a_reload_is_not_kept(self):
        """When memory changes, when the near cache goes off and on, when another prefix joins."""
        more = self.ini + "[namespace more]\nnear = yes\n"
        for first, second in (
            (self.ini.replace("1mb", "2mb"), self.ini),
            (self.ini.replace("near = yes", "near = no"), self.ini),
            (self.ini.replace("1mb", "0"), self.ini),
            (more, self.ini),
        ):
            for after in ((first,), (first, second)):
                self.ask_and_hold()
                self.set_there(b"new")
                for ini in after:
                    self.assertEqual(self.daemon.reload(ini), b"OK")
                harness.wait_until(lambda: self.tracking() != "down", "it follows")
                self.expect_old_once(b"new")
                self.assertEqual(self.daemon.reload(self.ini), b"OK")
                self.daemon.wait_near()

    def test_an_answer_from_before_memory_changed_is_not_kept(self):
        for size in ("2mb", "1mb"):
            self.set_there(b"old")
            self.assertEqual(self.daemon.reload(self.ini.replace("1mb", "3mb")), b"OK")
            self.daemon.wait_near()
            self.valve.shut("data")  # nothing has been forgotten since memory is new
            self.client.send(resp.array("key.get", "near", "k"))
            self.valve.wait_for("data", b"$3\r\nold\r\n")
            self.set_there(b"new")
            self.assertEqual(self.daemon.reload(self.ini.replace("1mb", size)), b"OK")
            self.expect_old_once(b"new")

    def test_an_answer_that_a_write_of_another_client_follows_is_not_kept(self):
        self.ask_and_hold()
        self.other.send(resp.array("key.set", "near", "k", "new"))
        harness.wait_until(lambda: self.direct.call("GET", "n:k") == b"new", "it is written")
        self.expect_old_once(b"new")
        self.assertEqual(self.other.read(), b"OK")

    def test_an_answer_whose_client_has_left_harms_nobody(self):
        for number in range(20):
            self.ask_and_hold()
            self.client.send(resp.array("key.get", "near", "k") * 50)
            self.client.close()
            self.set_there(b"new %d" % number)
            self.valve.open("data")
            self.client = self.daemon.client()
            self.assertEqual([self.get(), self.get()], [b"new %d" % number] * 2)

    def test_an_answer_after_its_timeout_is_not_given_as_another_keys(self):
        quick = self.ini.replace("timeout = 20s", "timeout = 200ms")
        self.set_there(b"old")
        self.assertEqual(self.daemon.reload(quick), b"OK")
        self.daemon.wait_near()
        is_up = lambda: b"state=up" in self.other.call("backends")
        harness.wait_until(is_up, "the new data connection is there")
        self.valve.shut("data")
        self.assertEqual(self.get().code, "TIMEOUT")
        self.set_there(b"new")
        self.valve.open("data")
        self.assertEqual([self.get(), self.get()], [b"new"] * 2)
        self.assertIsNone(self.client.call("key.get", "near", "other"))

    def test_answers_from_memory_wait_for_those_before_them(self):
        self.keep(b"v")
        self.valve.shut("data")
        batch = [("dict.get", "near", "d", "f"), ("key.get", "near", "k")] * 20
        before = self.hits()
        self.client.send(b"".join(resp.array(*words) for words in batch))
        harness.wait_until(lambda: self.hits() == before + 20, "the hits are there")
        self.valve.open("data")
        self.assertEqual([self.client.read() for _ in batch], [None, b"v"] * 20)

    # --- own writes, while Redis tells nothing ---------------------------------------------------

    def expect_forgotten(self, write, *reads):
        """Keeps the reads' answers; after the write none of them is given any more."""
        for words in reads:
            before = self.hits()
            self.client.call(*words)
            self.client.call(*words)
            self.assertEqual(self.hits(), before + 1, words)
        before = self.hits()
        self.client.call(*write)
        for words in reads:
            self.client.call(*words)
            self.assertEqual(self.hits(), before, f"{words} after {write}")

    def test_each_write_is_seen_without_redis_telling_of_it(self):
        writes = [verb for verb in verbs.of(self.client) if verb.is_write]
        self.assertGreater(len(writes), 25)
        for verb in writes:
            self.direct.call("FLUSHALL")
            self.valve.open("tracking")
            # So that a long list of writes meets no silence:
            self.wait_more("tracking_losses", lambda: self.valve.cut("tracking"))
            self.daemon.wait_near()
            self.valve.shut("tracking")
            words = verb.request("near")
            self.expect_forgotten(words, ("exists", "near", words[words.index("near") + 1]))

    def test_a_del_of_many_keys_is_seen_without_redis_telling_of_it(self):
        keys = [str(number) for number in range(20)]
        for key in keys:
            self.client.call("key.set", "near", key, "v")
        self.valve.shut("tracking")
        self.expect_forgotten(("del", "near", *keys), *[("key.get", "near", key) for key in keys])

    def test_a_purge_is_seen_without_redis_telling_of_it(self):
        self.set_there(b"old")
        self.valve.shut("tracking")
        self.expect_forgotten(("purge", "near"), ("key.get", "near", "k"))
        self.assertIsNone(self.get())

    # --- news on its way ------------------------------------------------------------------------

    def test_nothing_is_served_three_seconds_after_the_last_sign_of_life(self):
        self.keep(b"old")
        self.valve.shut("tracking")
        silent = time.monotonic()
        self.direct.call("SET", "n:k", "new")
        written = time.monotonic()
        while self.get() == b"old":
            self.assertLess(time.monotonic() - written, FRESH + 0.5)
        self.assertGreater(time.monotonic() - silent, 1, "it has not been served from memory")
        before = self.hits()
        self.assertEqual([self.get(), self.get()], [b"new"] * 2)
        self.assertEqual(self.hits(), before)

    def test_a_sign_of_life_proves_only_what_was_before_it_was_asked_for(self):
        self.keep(b"old")
        self.valve.shut("tracking")
        self.valve.wait_for("tracking", PONG)
        self.direct.call("SET", "n:k", "new")
        written = time.monotonic()
        self.valve.wait_for("tracking", b"n:k")
        harness.wait_until(lambda: time.monotonic() > written + 1.7, "it is late, not too late")
        self.assertEqual(self.get(), b"old")
        self.valve.let_through("tracking", PONG)
        while self.get() == b"old":
            self.assertLess(time.monotonic() - written, FRESH + 0.5)
        self.assertGreater(time.monotonic() - written, 2.2, "the sign of life has not counted")

    def test_a_daemon_that_stood_still_serves_nothing_old(self):
        self.keep(b"old")
        self.valve.shut("tracking")
        self.daemon.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        self.direct.call("SET", "n:k", "new")
        self.client.send(resp.array("key.get", "near", "k"))
        harness.wait_until(lambda: time.monotonic() > stopped + FRESH + 0.2, "time has passed")
        self.daemon.send_signal(signal.SIGCONT)
        self.assertEqual(self.client.read(), b"new")

    def test_what_was_kept_before_a_late_sign_of_life_is_forgotten(self):
        self.keep(b"old")
        losses = self.tracking("tracking_losses")
        self.valve.shut("tracking")
        self.valve.wait_for("tracking", PONG)
        self.direct.call("SET", "n:k", "new")
        self.valve.wait_for("tracking", b"n:k")
        harness.wait_until(lambda: self.tracking() == "down", "it has been silent for too long")
        self.assertEqual(self.get(), b"new")
        self.valve.let_through("tracking", PONG)  # the news of the change is still held
        self.daemon.wait_near()
        self.assertEqual(self.get(), b"new", "a reader went back in time")
        self.assertEqual(self.tracking("tracking_losses"), losses)

    def test_news_that_comes_byte_by_byte_is_understood(self):
        self.valve.is_dripping = True
        self.wait_more("tracking_losses", lambda: self.valve.cut("tracking"))
        self.daemon.wait_near()
        for number in range(20):
            self.keep(b"%d" % number)
        self.wait_more("flushes", lambda: self.direct.call("FLUSHALL"))
        self.assertIsNone(self.get())

    def test_one_message_tells_of_many_changes(self):
        """A script that changes everything: Redis tells of it at once."""
        keys, told = 30_000, 0
        script = "for i = 1, ARGV[1] do redis.call('SET', 'n:' .. i, ARGV[2]) end return 1"
        for value in (b"1", b"2", b"3"):
            self.direct.call("EVAL", script, "0", str(keys), value)
            told += keys
            heard = lambda: int(self.tracking("invalidations")) >= told
            harness.wait_until(heard, "the news has come")
            for number in range(1, keys + 1, 999):
                self.assertEqual(self.client.call("key.get", "near", str(number)), value)
        self.assertEqual(self.tracking("tracking_losses"), "0")

    # --- another server -------------------------------------------------------------------------

    def move(self):
        """From now on connections go to another Redis, as behind an address that has moved."""
        there = self.world.redis("there")
        self.valve.move(there.path)
        self.direct.close()
        self.direct = there.client()
        self.direct.call("SET", "n:k", "there")

    def expect_that_changes_are_seen(self):
        harness.wait_until(lambda: self.get() == b"there", "the other server is asked")
        self.daemon.wait_near()
        before = self.hits()
        harness.wait_until(lambda: self.get() == b"there" and self.hits() > before, "it is kept")
        self.direct.call("SET", "n:k", "new")
        harness.wait_until(lambda: self.get() == b"new", "the change is seen", FRESH + 1)

    def test_the_tracking_follows_the_data_to_another_server(self):
        self.keep(b"here")
        self.move()
        self.valve.cut("data")
        self.expect_that_changes_are_seen()

    def test_a_tracking_that_is_only_beginning_follows_too(self):
        self.keep(b"here")
        self.valve.shut("tracking")
        self.valve.cut("tracking")
        self.valve.wait_for("tracking", b"+OK")  # it greets, and hears nothing yet
        self.move()
        self.valve.cut("data")
        harness.wait_until(lambda: self.get() == b"there", "the other server is asked")
        self.valve.open("tracking")
        self.expect_that_changes_are_seen()


if __name__ == "__main__":
    harness.main()
