#!/usr/bin/env python3
"""The near cache: what it answers, and what makes it forget."""

import signal
import time

import harness
import resp
import verbs
from fake_redis import FakeRedis

INI = """\
[cachesd]
listen = {listen}
near_memory = 1mb
[backend main]
url = {redis:main}
timeout = 20s
[namespace near]
prefix = n:
ttl = 2h
max_ttl = forever
near = yes
[namespace far]
prefix = f:
"""

# Each verb that the near cache serves, with the command of Redis that makes its key, and one that
# changes the answer.
VERBS = [
    ("key.get near k", "SET n:k 1", "SET n:k 2"),
    ("exists near k", "SET n:k 1", "DEL n:k"),
    ("dict.get near k f", "HSET n:k f 1", "HSET n:k f 2"),
    ("dict.mget near k f g", "HSET n:k f 1", "HSET n:k g 2"),
    ("dict.has near k g", "HSET n:k f 1", "HSET n:k g 2"),
    ("dict.len near k", "HSET n:k f 1", "HSET n:k g 2"),
    ("dict.keys near k", "HSET n:k f 1", "HDEL n:k f"),
    ("dict.values near k", "HSET n:k f 1", "HSET n:k f 2"),
    ("dict.items near k", "HSET n:k f 1", "HSET n:k f 2"),
    ("set.has near k a", "SADD n:k a", "SREM n:k a"),
    ("set.len near k", "SADD n:k a", "SADD n:k b"),
    ("set.members near k", "SADD n:k a", "SPOP n:k"),
    ("sorted.has near k a", "ZADD n:k 1 a", "ZREM n:k a"),
    ("sorted.len near k", "ZADD n:k 1 a", "ZADD n:k 2 b"),
    ("sorted.score near k a", "ZADD n:k 1 a", "ZINCRBY n:k 1 a"),
    ("sorted.rank near k a", "ZADD n:k 1 a", "ZADD n:k 0 b"),
    ("sorted.rank order=desc near k a", "ZADD n:k 1 a", "ZADD n:k 2 b"),
    ("sorted.range near k 0 -1", "ZADD n:k 1 a", "ZADD n:k 2 b"),
    ("sorted.range order=desc near k 0 0", "ZADD n:k 1 a", "ZADD n:k 2 b"),
    ("sorted.between near k 0 9", "ZADD n:k 1 a", "ZADD n:k 2 b"),
    ("sorted.between limit=1 near k 0 9", "ZADD n:k 1 a", "ZADD n:k 0 b"),
    ("counter.get near k f", "HSET n:k f 1", "HINCRBY n:k f 1"),
    ("counter.len near k", "HSET n:k f 1", "HSET n:k g 1"),
    ("counter.total near k", "HSET n:k f 1", "HSET n:k g 1"),
    ("counter.items near k", "HSET n:k f 1", "HSET n:k f 2"),
    ("counter.top near k 1", "HSET n:k f 1", "HSET n:k f 2"),
]


class Near(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.start(INI)

    def start(self, ini):
        self.daemon = self.world.daemon(ini)
        self.client = self.connect(self.daemon, harness.LONG)
        self.direct = self.connect(self.redis)
        if "near = yes" in ini:
            self.daemon.wait_near()

    def call(self, *words):
        return self.client.call(*words)

    def tracking(self, name="tracking"):
        return self.daemon.backend()[name]

    def hits(self):
        return self.daemon.stats("near")["near_hits"]

    def in_sync(self):
        """Waits until every invalidation that Redis has sent so far has been taken."""
        before = int(self.tracking("invalidations"))
        self.direct.call("SET", "n:in sync", "")
        harness.wait_until(lambda: int(self.tracking("invalidations")) > before, "invalidation")

    def expect_kept(self, *words):
        """That the answer is given again from memory; returns it."""
        first = self.call(*words)
        before = self.hits()
        again = self.call(*words)
        self.assertEqual(repr(again), repr(first), words)
        self.assertEqual(self.hits(), before + 1, f"{words} is not kept")
        return first

    def expect_change(self, old, *words):
        """That the answer becomes another one soon; returns it."""
        change = lambda: [reply for reply in [self.call(*words)] if repr(reply) != repr(old)]
        return harness.wait_until(change, f"{words} changes")[0]

    # --- what is kept ---------------------------------------------------------------------------

    def test_each_verb_is_answered_from_memory_until_its_key_changes(self):
        for verb, make, change in VERBS:
            self.direct.call("DEL", "n:k")
            self.direct.call(*make.split())
            self.in_sync()
            kept = self.expect_kept(*verb.split())
            self.direct.call(*change.split())
            self.expect_change(kept, *verb.split())

    def test_each_verb_that_is_kept_is_tried(self):
        kept = {
            verb.name
            for verb in verbs.of(self.client)
            if verb.is_read and b"near: kept" in self.call("explain", *verb.request("near"))
        }
        kept.discard("memo.get")  # scenario_memo.py
        tried = {line.split()[0] for line, _, _ in VERBS}
        self.assertEqual(kept, tried, "verbs that are kept (VERB_NEAR), and those of VERBS above")

    def test_a_read_that_depends_on_more_than_one_key_is_not_kept(self):
        for words in (
            *(["ttl", "near", "k"], ["pttl", "near", "k"], ["key.mget", "near", "k"]),
            *(["set.random", "near", "s"], ["set.scan", "near", "s", "0"]),
            *(["dict.scan", "near", "d", "0"], ["sorted.scan", "near", "z", "0"]),
        ):
            before = self.hits()
            self.call(*words)
            self.call(*words)
            self.assertEqual(self.hits(), before, words)

    def test_questions_that_differ_in_any_word_are_kept_apart(self):
        for space in ("near", "far"):
            self.call("dict.set", space, "d", "f", "1", "fg", "2", "g", "3")
            self.call("sorted.add", space, "z", "1", "a", "2", "b")
            self.call("set.add", space, "s", "a")
        questions = [
            *(["dict.get", "near", "d", field] for field in ("f", "fg", "g")),
            *(["dict.mget", "near", "d", *fields] for fields in (("f", "g"), ("fg",), ("f", "fg"))),
            *(["dict.mget", "near", "d", f"f{zeros}g"] for zeros in ("\0", "\0" * 4, "\1\0\0\0")),
            *(["dict.has", "near", "d", "f"], ["exists", "near", "d"], ["exists", "near", "z"]),
            *(["sorted.range", "near", "z", *range_] for range_ in (("0", "0"), ("0", "1"))),
            ["sorted.range", "order=desc", "near", "z", "0", "0"],
            *(["sorted.between", "near", "z", "0", "9"],),
            *(["sorted.between", f"limit={n}", "near", "z", "0", "9"] for n in (0, 1)),
            *(["sorted.between", "order=desc", "near", "z", max, "0"] for max in ("9", "1")),
            *([f"sorted.{verb}", "near", "z", "b"] for verb in ("has", "score", "rank")),
            ["sorted.rank", "order=desc", "near", "z", "b"],
            *([f"dict.{verb}", "near", "d"] for verb in ("len", "keys", "values", "items")),
            *([f"counter.{verb}", "near", "d"] for verb in ("len", "total", "items")),
            *(["counter.get", "near", "d", "f"], ["counter.top", "near", "d", "1"]),
            *(["set.has", "near", "s", "a"], ["set.len", "near", "s"], ["set.members", "near", "s"]),
        ]
        right = [self.call(*("far" if word == "near" else word for word in q)) for q in questions]
        first = [repr(self.call(*words)) for words in questions]
        self.assertEqual(first, [repr(reply) for reply in right])
        before = self.hits()
        self.assertEqual([repr(self.call(*words)) for words in questions], first)
        self.assertEqual(self.hits(), before + len(questions))

    def test_a_missing_key_is_kept_too_and_seen_when_it_comes(self):
        self.assertIsNone(self.expect_kept("key.get", "near", "new"))
        self.assertEqual(self.expect_kept("dict.items", "near", "new"), [])
        self.direct.call("SET", "n:new", "v")
        self.assertEqual(self.expect_change(None, "key.get", "near", "new"), b"v")
        stats = self.daemon.stats("near")
        self.assertEqual(stats["hits"] + stats["misses"], stats["requests"])

    def test_another_namespace_is_not_kept(self):
        self.call("key.set", "far", "k", "v")
        for _ in range(3):
            self.assertEqual(self.call("key.get", "far", "k"), b"v")
        self.assertEqual(self.daemon.stats("far")["near_hits"], 0)

    def test_an_error_is_not_kept(self):
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        for _ in range(2):
            self.assertEqual(self.call("dict.len", "near", "k").code, "WRONGTYPE")
        self.assertEqual(self.hits(), 0)

    def test_a_value_with_any_bytes_comes_back_as_it_was(self):
        value = bytes(range(256)) * 30
        self.call("key.set", "near", "k", value)
        self.assertEqual(self.expect_kept("key.get", "near", "k"), value)

    # --- own writes -----------------------------------------------------------------------------

    def test_a_client_sees_its_own_writes_at_once(self):
        for number in range(200):
            value = str(number).encode()
            self.assertEqual(self.call("key.set", "near", "k", value), b"OK")
            self.assertEqual(self.call("key.get", "near", "k"), value)
            self.assertEqual(self.call("key.get", "near", "k"), value)

    def test_a_client_sees_its_own_writes_in_one_packet(self):
        self.call("key.set", "near", "k", "old")
        self.expect_kept("key.get", "near", "k")
        for number in range(200):
            value = str(number).encode()
            batch = [("key.get", "near", "k"), ("key.set", "near", "k", value)]
            batch += [("key.get", "near", "k"), ("del", "near", "other", "k"), ("exists", "near", "k")]
            batch += [("key.set", "near", "k", "old"), ("key.get", "near", "k")]
            self.client.send(b"".join(resp.array(*words) for words in batch))
            replies = [self.client.read() for _ in batch]
            self.assertEqual(replies, [b"old", b"OK", value, 1, 0, b"OK", b"old"])

    def test_every_kind_of_write_is_seen(self):
        for write, right in (
            (("key.set", "near", "k", "1"), b"1"),
            (("key.incr", "near", "k", "4"), b"5"),
            (("key.swap", "near", "k", "6"), b"6"),
            (("key.replace", "near", "k", "7"), b"7"),
            (("key.take", "near", "k"), None),
            (("key.add", "near", "k", "8"), b"8"),
            (("del", "near", "other", "k"), None),
        ):
            self.call(*write)
            self.assertEqual(self.call("key.get", "near", "k"), right, write)
            self.expect_kept("key.get", "near", "k")

    def test_a_purge_is_seen_when_it_is_answered(self):
        for number in range(500):
            self.call("key.set", "near", str(number), "v")
            self.call("key.get", "near", str(number))
        self.assertEqual(self.call("purge", "near"), 500)
        found = [self.call("key.get", "near", str(number)) for number in range(500)]
        self.assertEqual(found, [None] * 500)

    def test_replies_keep_their_order_behind_a_slow_one(self):
        self.call("key.set", "near", "k", "v")
        self.expect_kept("key.get", "near", "k")
        with harness.World() as world, FakeRedis(world) as fake:
            held = []
            fake.behave = lambda connection, words, right: held.append((connection, right))
            ini = INI + "[backend slow]\nurl = SLOW\ntimeout = 20s\n[namespace slow]\nbackend = slow\n"
            ini = ini.replace("SLOW", fake.url).replace("[namespace far]", "[namespace far]\nbackend = main")
            ini = ini.replace("[namespace near]", "[namespace near]\nbackend = main")
            self.assertEqual(self.daemon.reload(ini), b"OK")
            self.assertEqual(self.call("key.get", "near", "k"), b"v")
            self.client.send(resp.array("key.get", "slow", "x") + resp.array("key.get", "near", "k"))
            harness.wait_until(lambda: held, "the slow one is asked")
            self.client.send(resp.array("ping", "end"))
            connection, right = held.pop()
            connection.send(right)
            self.assertEqual(self.client.read(), b"value of slow:x")
            self.assertEqual([self.client.read(), self.client.read()], [b"v", b"end"])

    # --- what others do -------------------------------------------------------------------------

    def test_what_other_clients_of_redis_do_is_seen(self):
        for command in (
            "DEL n:k", "UNLINK n:k", "SET n:k new", "APPEND n:k x", "RENAME n:k n:z", "PEXPIRE n:k 1",
            "GETDEL n:k", "FLUSHDB", "FLUSHALL", "COPY f:other n:k REPLACE", "RESTORE", "EVAL",
        ):
            self.direct.call("SET", "n:k", "v")
            self.direct.call("SET", "f:other", "w")
            self.in_sync()
            self.assertEqual(self.expect_kept("key.get", "near", "k"), b"v")
            words = command.split()
            if words == ["RESTORE"]:
                words = ["RESTORE", "n:k", "0", self.direct.call("DUMP", "f:other"), "REPLACE"]
            if words == ["EVAL"]:
                words = ["EVAL", "return redis.call('SET', KEYS[1], 'new')", "1", "n:k"]
            self.direct.call(*words)
            self.expect_change(b"v", "key.get", "near", "k")

    def test_a_database_that_is_not_ours_costs_only_a_read(self):
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        self.expect_kept("key.get", "near", "k")
        self.direct.call("SELECT", "3")
        self.direct.call("SET", "n:k", "foreign")
        self.in_sync()
        self.assertEqual(self.call("key.get", "near", "k"), b"v")

    def test_an_eviction_is_seen(self):
        self.direct.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        for number in range(200):
            self.direct.call("SET", f"n:{number}", "v")
        self.in_sync()
        for number in range(200):
            self.expect_kept("key.get", "near", str(number))
        self.direct.call("CONFIG", "SET", "maxmemory", "1")
        self.direct.call("PING")
        harness.wait_until(lambda: self.direct.call("DBSIZE") == 0, "everything is evicted")
        for number in range(200):
            self.expect_change(b"v", "key.get", "near", str(number))
        self.direct.call("CONFIG", "SET", "maxmemory", "0")

    def test_what_is_published_on_redis_channel_is_not_trusted_and_harms_nothing(self):
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        self.expect_kept("key.get", "near", "k")
        flushes = int(self.tracking("flushes"))
        self.direct.call("PUBLISH", "__redis__:invalidate", "n:k\r\n*3\r\n")
        harness.wait_until(lambda: int(self.tracking("flushes")) > flushes, "taken for a flush")
        self.assertEqual(self.tracking(), "live")
        self.assertEqual(self.expect_kept("key.get", "near", "k"), b"v")

    # --- time -----------------------------------------------------------------------------------

    def test_nothing_outlives_the_keys_ttl(self):
        self.direct.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")  # Redis says nothing of what expires
        self.direct.call("SET", "n:k", "v", "PX", "300")
        self.in_sync()
        written = time.monotonic()
        self.expect_kept("key.get", "near", "k")
        harness.wait_until(lambda: self.call("key.get", "near", "k") is None, "it expires")
        self.assertGreaterEqual(time.monotonic() - written, 0.2)
        self.assertLess(time.monotonic() - written, 5)
        self.assertIsNone(self.call("key.get", "near", "k"))

    def test_nothing_is_kept_longer_than_near_ttl(self):
        short = INI.replace("near = yes", "near = yes\n" "near_ttl = 200ms")
        self.assertEqual(self.daemon.reload(short), b"OK")
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        self.assertEqual(self.call("key.get", "near", "k"), b"v")
        kept = harness.sections(self.call("stats"))["near"]["near_kept"]
        refilled = lambda: (
            self.call("key.get", "near", "k"),
            int(harness.sections(self.call("stats"))["near"]["near_kept"]) > int(kept),
        )[1]
        harness.wait_until(refilled, "it is asked for again", 5)

    # --- when Redis does not tell ---------------------------------------------------------------

    def test_nothing_is_served_while_the_tracking_connection_is_gone(self):
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        self.expect_kept("key.get", "near", "k")
        self.direct.call("ACL", "SETUSER", "default", "resetchannels")  # none is let in any more
        self.direct.call("CLIENT", "KILL", "TYPE", "pubsub")
        harness.wait_until(lambda: self.tracking() == "down", "it is noticed")
        self.direct.call("SET", "n:k", "new")
        self.assertEqual(self.call("key.get", "near", "k"), b"new")
        before = self.hits()
        self.direct.call("SET", "n:k", "newer")
        self.assertEqual(self.call("key.get", "near", "k"), b"newer")
        self.assertEqual(self.hits(), before)
        harness.wait_until(
            lambda: "the channel &__redis__:invalidate" in self.daemon.log(), "the log says why"
        )
        self.direct.call("ACL", "SETUSER", "default", "allchannels")
        self.daemon.wait_near()
        self.assertEqual(self.expect_kept("key.get", "near", "k"), b"newer")
        self.assertIn("near cache off", self.daemon.log())

    def test_a_tracking_connection_that_is_killed_comes_back_and_nothing_stale_stays(self):
        for number in range(20):
            value = str(number).encode()
            self.direct.call("SET", "n:k", value)
            self.in_sync()
            self.assertEqual(self.expect_kept("key.get", "near", "k"), value)
            losses = int(self.tracking("tracking_losses"))
            self.direct.call("MULTI")
            self.direct.call("CLIENT", "KILL", "TYPE", "pubsub")
            self.direct.call("SET", "n:k", "after")  # nobody is told
            self.direct.call("EXEC")
            harness.wait_until(lambda: int(self.tracking("tracking_losses")) > losses, "noticed")
            self.assertEqual(self.call("key.get", "near", "k"), b"after")
            self.daemon.wait_near()
            self.assertEqual(self.call("key.get", "near", "k"), b"after")

    def test_a_redis_that_hangs_is_not_answered_for(self):
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        self.expect_kept("key.get", "near", "k")
        self.redis.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        harness.wait_until(lambda: self.tracking() == "down", "no sign of life", 10)
        self.assertLess(time.monotonic() - stopped, 3.5)
        before = self.hits()
        self.client.send(resp.array("key.get", "near", "k"))
        with self.daemon.client() as other:
            harness.wait_until(lambda: b" pending=0 " not in other.call("backends"), "asked")
        self.redis.send_signal(signal.SIGCONT)
        self.assertEqual(self.client.read(), b"v")
        self.assertEqual(self.hits(), before)
        self.daemon.wait_near()

    def test_a_redis_that_was_restarted_is_asked_anew(self):
        self.direct.call("SET", "n:k", "v")
        self.in_sync()
        self.expect_kept("key.get", "near", "k")
        self.redis.kill()
        self.redis.start()
        self.direct.close()
        self.direct = self.redis.client()
        harness.wait_until(lambda: self.call("key.get", "near", "k") is None, "it is gone")
        self.daemon.wait_near()
        self.direct.call("SET", "n:k", "new")
        self.assertEqual(self.expect_change(None, "key.get", "near", "k"), b"new")

    # --- settings -------------------------------------------------------------------------------

    def test_a_reload_turns_it_on_and_off(self):
        off = INI.replace("near = yes", "near = no")
        self.call("key.set", "near", "k", "v")
        self.expect_kept("key.get", "near", "k")
        self.assertEqual(self.daemon.reload(off), b"OK")
        self.assertEqual(self.tracking(), "off")
        self.assertEqual(self.call("key.get", "near", "k"), b"v")
        self.direct.call("SET", "n:k", "unheard of")
        self.assertEqual(self.call("key.get", "near", "k"), b"unheard of")
        self.assertEqual(self.daemon.reload(INI), b"OK")
        self.daemon.wait_near()
        self.assertEqual(self.expect_kept("key.get", "near", "k"), b"unheard of")

    def test_a_changed_prefix_is_followed(self):
        self.call("key.set", "near", "k", "v")
        self.expect_kept("key.get", "near", "k")
        self.assertEqual(self.daemon.reload(INI.replace("n:", "other:")), b"OK")
        self.daemon.wait_near()
        self.assertIsNone(self.expect_kept("key.get", "near", "k"))
        self.direct.call("SET", "other:k", "new")
        self.assertEqual(self.expect_change(None, "key.get", "near", "k"), b"new")

    def test_a_reload_that_changes_nothing_of_it_keeps_it(self):
        self.call("key.set", "near", "k", "v")
        self.expect_kept("key.get", "near", "k")
        before = self.hits()
        self.assertEqual(self.daemon.reload(INI + "ttl = 1h\n"), b"OK")
        self.assertEqual(self.call("key.get", "near", "k"), b"v")
        self.assertEqual(self.hits(), before + 1)

    def test_without_memory_there_is_none(self):
        self.assertEqual(self.daemon.reload(INI.replace("1mb", "0")), b"OK")
        self.assertEqual(self.tracking(), "off")
        self.call("key.set", "near", "k", "v")
        for _ in range(3):
            self.assertEqual(self.call("key.get", "near", "k"), b"v")
        self.assertEqual(self.hits(), 0)

    def test_a_bound_beyond_the_machines_memory_costs_nothing_that_is_not_used(self):
        self.assertEqual(self.daemon.reload(INI.replace("1mb", "1024gb")), b"OK")
        self.call("key.set", "near", "k", "v")
        self.expect_kept("key.get", "near", "k")
        near = harness.sections(self.call("stats"))["near"]
        self.assertLess(int(near["near_bytes"]), 1 << 20)

    def test_memory_stays_within_its_bound(self):
        value = "v" * 2000
        most = 0
        for number in range(3000):
            self.call("key.set", "near", str(number), value)
            self.call("key.get", "near", str(number))
            if number % 100 == 0:
                near = harness.sections(self.call("stats"))["near"]
                most = max(most, int(near["near_bytes"]))
        near = harness.sections(self.call("stats"))["near"]
        self.assertLessEqual(most, 1 << 20)
        self.assertGreater(most, 1 << 19)
        self.assertGreater(int(near["near_evicted"]), 1000)
        self.call("key.set", "near", "large", "v" * 500_000)
        before = self.hits()
        for _ in range(2):
            self.assertEqual(len(self.call("key.get", "near", "large")), 500_000)
        self.assertEqual(self.hits(), before, "larger than an eighth of the memory")

    def test_over_tcp_with_a_password(self):
        with harness.World() as world:
            port = harness.free_port()
            redis = world.redis(port=port)
            redis.call("ACL", "SETUSER", "u", "on", ">p", "~*", "&*", "+@all")
            ini = INI.replace("{redis:main}", f"redis://u:p@{harness.local_name()}:{port}/2")
            daemon = world.daemon(ini)
            daemon.wait_near()
            with daemon.client() as client:
                client.call("key.set", "near", "k", "v")
                for _ in range(2):
                    self.assertEqual(client.call("key.get", "near", "k"), b"v")
            self.assertEqual(daemon.stats("near")["near_hits"], 1)

    def test_explain_says_what_is_kept(self):
        text = self.call("explain", "key.get", "near", "k")
        self.assertIn(b"near: kept for 1m or the key's ttl\ncommand: PTTL n:k\ncommand: GET n:k", text)
        self.assertNotIn(b"near: kept", self.call("explain", "key.get", "far", "k"))


if __name__ == "__main__":
    harness.main()
