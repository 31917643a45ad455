#!/usr/bin/env python3
"""How old may an answer of the near cache be? Writers go round the daemon, and all that Redis tells it
is delayed at random, held still and cut. `--long` for 10^6 reads."""

import collections
import contextlib
import multiprocessing
import random
import sys
import time

from sizes import READS, SEED, SLACK_MS

import harness
import resp
from slow_relay import SlowRelay

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = RELAY
timeout = 20s
[namespace near]
prefix = n:
ttl = 1d
near = yes
"""
KEYS, READERS, BATCH, MOST_WRITES = 8, 2, 50, 400_000
WORKERS = 3  # where writes go through the daemon
FRESH = 3.0  # seconds: TRACKER_FRESH_MS
PAUSE = 0.002  # between two writes: a rate
PAUSE_THROUGH = 0.1  # likewise, at most, of each key where writes go through the daemon

Seen = collections.namedtuple("Seen", "oldest too_old backwards")


class History:
    """Of each key, when Redis had acknowledged its n-th write; shared among processes."""

    def __init__(self):
        self.times = [multiprocessing.RawArray("d", MOST_WRITES // KEYS) for _ in range(KEYS)]
        self.count = multiprocessing.RawArray("L", KEYS)


def write(path, history, is_over, seed):
    harness.end_with_parent()
    rng = random.Random(seed)
    with resp.Client(path) as redis:
        while not is_over.is_set():
            key = rng.randrange(KEYS)
            number = history.count[key] + 1
            redis.call("SET", f"n:{key}", number)
            history.times[key][number] = time.monotonic()
            history.count[key] = number
            time.sleep(PAUSE)


def read(path, history, is_over, seed, reads, found):
    """An answer is as old as the time since another value has replaced it. None is older than one
    that the same reader has seen before."""
    harness.end_with_parent()
    rng = random.Random(seed)
    oldest, too_old, backwards, last = 0.0, [], [], [0] * KEYS
    with resp.Client(path) as client:
        while not is_over.is_set():
            keys = [rng.randrange(KEYS) for _ in range(BATCH)]
            sent = time.monotonic()
            client.send(b"".join(resp.array("key.get", "near", str(key)) for key in keys))
            for key in keys:
                number = int(client.read())
                replaced = history.times[key][number + 1]
                age = sent - replaced if 0 < replaced < sent else 0.0
                oldest = max(oldest, age)
                if number < last[key]:
                    backwards.append((key, number, last[key]))
                last[key] = number
                if age > FRESH + SLACK_MS / 1000:
                    too_old.append((key, number, age))
            reads.value += BATCH
    found.put(Seen(oldest, too_old[:5], backwards[:5]))


# --- through the daemon -------------------------------------------------------------------------

RELOADS = [
    ("ttl = 1d", "ttl = 12h"),
    ("near = yes", "near = no"),
    ("ttl = 1d", "ttl = 1d\nnear_ttl = 50ms"),
    ("timeout = 20s", "timeout = 19s"),
    ("{listen}\n", "{listen}\nnear_memory = 1mb\n"),
    ("{listen}\n", "{listen}\nnear_memory = 0\n"),
]


def write_through(path, history, is_over, key):
    """The only writer of this key, at whichever worker; counts what was acknowledged."""
    harness.end_with_parent()
    rng, number = random.Random(key), 0
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(resp.Client(path, harness.LONG)) for _ in range(WORKERS)]
        while not is_over.is_set():
            number += 1
            words = ("key.set", "near", str(key), str(number))
            if number % 7 == 0:
                words = ("key.incr", "near", str(key))
            reply = rng.choice(clients).call(*words)
            assert reply in (b"OK", number), reply
            history.count[key] = number
            time.sleep(rng.random() * PAUSE_THROUGH)


def read_through(path, history, is_over, seed, reads, found):
    """No answer may be older than the last write acknowledged before it was asked for."""
    harness.end_with_parent()
    rng, stale, backwards, last = random.Random(seed), [], [], [0] * KEYS
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(resp.Client(path, harness.LONG)) for _ in range(WORKERS)]
        while not is_over.is_set():
            keys, client = [rng.randrange(KEYS) for _ in range(BATCH)], rng.choice(clients)
            done = list(history.count)
            client.send(b"".join(resp.array("key.get", "near", str(key)) for key in keys))
            for key in keys:
                number = int(client.read())
                if number < done[key]:
                    stale.append((key, number, done[key]))
                if number < last[key]:
                    backwards.append((key, number, last[key]))
                last[key] = max(number, last[key])
            reads.value += BATCH
    found.put((stale[:5], backwards[:5]))


class Staleness(harness.TestCase):
    ini = INI

    def setUp(self):
        super().setUp()
        print(f"SEED={SEED}")
        self.rng = random.Random(SEED)
        self.redis = self.world.redis()
        for key in range(KEYS):
            self.redis.call("SET", f"n:{key}", 0)
        self.relay = SlowRelay(f"{self.world.folder}/relay.sock", self.redis.path, SEED)
        self.addCleanup(self.relay.__exit__)
        self.daemon = self.world.daemon(self.ini.replace("RELAY", self.relay.url))
        self.history = History()
        self.daemon.wait_near()

    def start(self, function, *args):
        process = multiprocessing.Process(target=function, args=args)
        process.start()
        return process

    def race(self, disturb):
        """Reads while it writes and `disturb()` is called, READS times at least; returns how many
        reads there were and what the readers saw."""
        is_over, found = multiprocessing.Event(), multiprocessing.Queue()
        reads = [multiprocessing.RawValue("L", 0) for _ in range(READERS)]
        writer = self.start(write, self.redis.path, self.history, is_over, SEED)
        readers = [
            self.start(read, self.daemon.path, self.history, is_over, SEED + i, reads[i], found)
            for i in range(READERS)
        ]
        while True:
            disturb()
            self.assertTrue(all(process.is_alive() for process in (writer, *readers)))
            if sum(count.value for count in reads) >= READS:
                break
        is_over.set()
        seen = [found.get(timeout=harness.LONG) for _ in readers]
        for process in (writer, *readers):
            process.join()
        return sum(count.value for count in reads), seen

    def expect_last_values(self):
        """Once things are quiet: within the delays of the messages."""
        last = [str(self.history.count[key]).encode() for key in range(KEYS)]
        get = lambda: [self.daemon.call("key.get", "near", str(key)) for key in range(KEYS)]
        harness.wait_until(lambda: get() == last, "the last values are seen", 1)
        for _ in range(100):
            self.assertEqual(get(), last)

    def report(self, reads, seen):
        """Prints and checks; returns the age of the oldest answer."""
        hits, oldest = self.daemon.stats("near")["near_hits"], max(s.oldest for s in seen)
        print(
            f"{reads} reads, {hits} from memory, {sum(self.history.count)} writes round the daemon; the"
            f" oldest answer had been replaced for {oldest * 1000:.0f} ms"
        )
        self.assertGreater(hits, reads // 20)
        self.assertEqual([s.too_old for s in seen], [[]] * READERS)
        self.assertEqual([s.backwards for s in seen], [[]] * READERS)
        return oldest

    def test_nothing_stale_is_left_once_things_are_quiet(self):
        oldest = self.report(*self.race(lambda: time.sleep(0.05)))
        self.assertLess(oldest, 1 + SLACK_MS / 1000)
        self.expect_last_values()

    def test_nothing_is_older_than_three_seconds_while_news_is_held_and_cut(self):
        def disturb():
            seconds = self.rng.uniform(4, 6)  # longer than anything may be served
            self.relay.hold(seconds)
            time.sleep(seconds)
            for _ in range(3):
                self.relay.hold(self.rng.random() * 2)
                time.sleep(self.rng.random())
                self.relay.cut()
            self.daemon.wait_near()
            time.sleep(self.rng.random())

        oldest = self.report(*self.race(disturb))
        self.assertGreater(oldest, 1, "news was not held at all")
        self.daemon.wait_near()
        self.expect_last_values()


class Promise(Staleness):
    """A write that was acknowledged is seen by every later read, at whichever worker."""

    test_nothing_stale_is_left_once_things_are_quiet = None
    test_nothing_is_older_than_three_seconds_while_news_is_held_and_cut = None
    ini = INI.replace("[cachesd]\n", f"[cachesd]\nworkers = {WORKERS}\n")

    def play(self, disturb):
        """Returns how many reads there were, when there are enough."""
        is_over, found = multiprocessing.Event(), multiprocessing.Queue()
        reads = [multiprocessing.RawValue("L", 0) for _ in range(READERS)]
        path, history = self.daemon.path, self.history
        writers = [self.start(write_through, path, history, is_over, key) for key in range(KEYS)]
        readers = [
            self.start(read_through, path, history, is_over, SEED + i, reads[i], found)
            for i in range(READERS)
        ]
        while sum(count.value for count in reads) < READS:
            disturb()
            self.assertTrue(all(process.is_alive() for process in (*writers, *readers)))
        is_over.set()
        self.assertEqual([found.get(timeout=harness.LONG) for _ in readers], [([], [])] * READERS)
        for process in (*writers, *readers):
            process.join()
        hits, writes = self.daemon.stats("near")["near_hits"], sum(self.history.count)
        print(f"{sum(count.value for count in reads)} reads, {hits} from memory, {writes} writes")
        return hits

    def test_an_acknowledged_write_is_seen_while_news_is_held_and_cut(self):
        def disturb():
            self.relay.hold(self.rng.random() * 2)
            time.sleep(self.rng.random())
            if self.rng.random() < 0.3:
                self.relay.cut()

        self.assertGreater(self.play(disturb), 1000)

    def test_an_acknowledged_write_is_seen_while_settings_change_and_connections_break(self):
        url = self.ini.replace("RELAY", self.relay.url)

        def disturb():
            old, new = self.rng.choice(RELOADS)
            self.assertEqual(self.daemon.reload(url.replace(old, new)), b"OK")
            self.relay.hold(self.rng.random() * 0.3)
            time.sleep(self.rng.random() * 0.2)
            self.relay.cut()
            self.assertEqual(self.daemon.reload(url), b"OK")
            time.sleep(self.rng.random() * 0.2)

        self.play(disturb)


if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word != "--long"]
    harness.main()
