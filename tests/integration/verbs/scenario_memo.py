#!/usr/bin/env python3
"""memo: one computes, the others wait or get what has just expired; nothing comes back after a del."""

import multiprocessing
import os
import random
import re
import select
import signal
import threading
import time
import unittest

import fake_redis
import harness
import resp

INI = """\
[cachesd]
listen = unix:SOCKET
[backend main]
url = {redis:main}
timeout = 5s
[namespace memo]
prefix = m:
ttl = 10s
stale = 5s
lease = LEASE
null_ttl = 10s
value = bytes
"""


def start(world, number=0, lease="10s", more="", backend="{redis:main}"):
    """A daemon with a socket of its own."""
    path = f"{world.folder}/{number}.sock"
    ini = INI.replace("SOCKET", path).replace("LEASE", lease).replace("{redis:main}", backend)
    daemon = world.daemon(ini + more)
    daemon.path = path
    return daemon


class Memo(harness.TestCase):
    LEASE, MORE = "10s", ""

    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = start(self.world, 0, self.LEASE, self.MORE)
        self.client, self.other = (self.connect(self.daemon, harness.LONG) for _ in range(2))
        self.direct = self.connect(self.redis)

    def call(self, *words):
        return self.client.call(*words)

    def take_lease(self, key="k", client=None):
        state, value, lease = (client or self.client).call("memo.get", "memo", key)
        self.assertIsNotNone(lease, (state, value))
        return lease

    def let_expire(self, key="k", left_ms=4000):
        """As if time had passed: less than `stale` is left."""
        self.assertEqual(self.direct.call("PEXPIRE", f"m:{key}", left_ms), 1)

    def wait_for_waiters(self, count):
        waiting = lambda: self.daemon.stats("memo")["memo_waiting"] == count
        harness.wait_until(waiting, f"{count} wait")

    def ask(self, client, wait="30s", key="k"):
        client.send(resp.array("memo.get", f"wait={wait}", "memo", key))


class Leases(Memo):
    def test_who_holds_the_lease_stores_and_everybody_has_it(self):
        lease = self.take_lease()
        self.assertEqual(self.other.call("memo.get", "memo", "k"), [b"MISS", None, None])
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "v"), b"OK")
        self.assertEqual(self.other.call("memo.get", "memo", "k"), [b"HIT", b"v", None])
        self.assertEqual(self.direct.call("GET", "m:k"), b"v")
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "w").code, "LEASE")

    def test_nothing_is_a_result_too(self):
        self.assertEqual(self.call("memo.null", "memo", "k", self.take_lease()), b"OK")
        self.assertEqual(self.other.call("memo.get", "memo", "k"), [b"NULL", None, None])
        self.assertIn(self.direct.call("PTTL", "m:k"), range(9000, 10001))

    def test_a_lease_that_is_given_back_goes_to_the_next(self):
        lease = self.take_lease()
        self.assertEqual(self.call("memo.drop", "memo", "k", lease), 1)
        self.assertEqual(self.direct.call("EXISTS", "m:k"), 0)
        self.assertEqual(self.call("memo.drop", "memo", "k", lease), 0)
        self.assertNotEqual(self.take_lease(), lease)

    def test_a_del_by_anybody_ends_the_lease(self):
        for remove in (
            lambda: self.other.call("del", "memo", "k"),
            lambda: self.direct.call("DEL", "m:k"),
            lambda: self.other.call("purge", "memo"),
        ):
            lease = self.take_lease()
            remove()
            self.assertEqual(self.call("memo.put", "memo", "k", lease, "old").code, "LEASE")
            self.assertEqual(self.direct.call("EXISTS", "m:k"), 0)

    def test_every_write_ends_the_lease(self):
        for words in (("memo.set", "memo", "k", "w"), ("key.set", "memo", "k", "w")):
            lease = self.take_lease()
            self.assertEqual(self.other.call(*words), b"OK")
            self.assertEqual(self.call("memo.null", "memo", "k", lease).code, "LEASE")
            self.assertEqual(self.other.call("memo.get", "memo", "k")[:2], [b"HIT", b"w"])
            self.call("del", "memo", "k")

    def test_an_expired_value_is_given_to_all_and_its_lease_to_one(self):
        self.call("memo.set", "memo", "k", "old")
        self.let_expire()
        lease = self.take_lease()
        for _ in range(3):
            self.assertEqual(self.other.call("memo.get", "memo", "k"), [b"STALE", b"old", None])
        self.assertIn(self.direct.call("PTTL", "m:k"), range(9000, 10001), "the lease has its time")
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "new"), b"OK")
        self.assertEqual(self.other.call("memo.get", "memo", "k"), [b"HIT", b"new", None])
        self.assertIn(self.direct.call("PTTL", "m:k"), range(14000, 15001))

    def test_a_lease_on_a_stale_value_that_is_given_back_leaves_the_value(self):
        self.call("memo.set", "memo", "k", b"\0memo looks like ours")
        self.let_expire()
        lease = self.take_lease()
        self.assertEqual(self.call("memo.drop", "memo", "k", lease), 1)
        self.assertLess(self.direct.call("PTTL", "m:k"), 4001, "it lives no longer for it")
        self.assertEqual(self.take_lease() and self.other.call("memo.get", "memo", "k"),
                         [b"STALE", b"\0memo looks like ours", None])

    def test_a_stale_value_is_served_no_longer_than_stale_though_a_lease_is_held(self):
        self.call("memo.set", "memo", "k", "old")
        self.let_expire(left_ms=300)
        lease = self.take_lease()
        gone = lambda: self.other.call("memo.get", "memo", "k") == [b"MISS", None, None]
        harness.wait_until(gone, "it is too old")
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "new"), b"OK")

    def test_what_only_looks_like_ours_is_a_value(self):
        for end in (b"S", b"Stoken", b"Stoken 1 2 x v", b"V", b"Vx v", b"V1", b"X", b""):
            value = b"\0memo" + end
            self.direct.call("SET", "m:k", value, "PX", 15000)
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", value, None])
            self.assertEqual(self.call("memo.put", "memo", "k", "token", "v").code, "LEASE")
        self.direct.call("SET", "m:k", b"\0memoL")
        self.assertEqual(self.call("memo.put", "memo", "k", self.take_lease(), "v"), b"OK")

    def test_values_with_any_bytes_come_back_as_they_were(self):
        for value in (b"", b"\0memo", b"\0memoL", b"\0memoV9 x", b"\0memoS a 1 2 3 x", bytes(range(256))):
            self.call("del", "memo", "k")
            self.call("memo.put", "memo", "k", self.take_lease(), value)
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", value, None])
            self.call("memo.set", "memo", "k", value)
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", value, None])
            self.let_expire()
            self.take_lease()
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"STALE", value, None])

    def test_two_daemons_give_one_lease(self):
        second = start(self.world, 1)
        with second.client() as client:
            lease = self.take_lease()
            self.assertEqual(client.call("memo.get", "memo", "k"), [b"MISS", None, None])
            self.assertEqual(client.call("memo.put", "memo", "k", lease, "v"), b"OK")
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", b"v", None])

    def test_no_key_is_without_a_ttl(self):
        self.take_lease("lease")
        self.call("memo.set", "memo", "set", "v")
        self.call("memo.put", "memo", "put", self.take_lease("put"), "v")
        self.call("memo.null", "memo", "null", self.take_lease("null"))
        self.call("memo.set", "memo", "stale", "v")
        self.let_expire("stale")
        self.take_lease("stale")
        self.assertEqual(harness.keys_without_ttl(self.redis, "m:"), ([], 5))

    def test_who_may_not_write_gets_no_lease(self):
        self.daemon.configure(
            INI.replace("SOCKET", self.daemon.path).replace("LEASE", "10s")
            + f"[user u]\ntoken = {harness.token_hash('t')}\nnamespaces = *\naccess = read\n"
        )
        self.assertEqual(self.call("reload"), b"OK")
        self.direct.call("SET", "m:there", "v", "PX", 15000)
        self.direct.call("SET", "m:stale", "v", "PX", 4000)
        self.assertEqual(self.call("auth", "u", "t"), b"OK")
        self.assertEqual(self.call("memo.get", "memo", "there"), [b"HIT", b"v", None])
        self.assertEqual(self.call("memo.get", "memo", "stale"), [b"STALE", b"v", None])
        self.assertEqual(self.call("memo.get", "memo", "missing"), [b"MISS", None, None])
        self.assertEqual(self.direct.call("EXISTS", "m:missing"), 0)
        self.assertEqual(self.call("memo.set", "memo", "k", "v").code, "NOPERM")

    def test_the_counters_tell_what_was(self):
        self.call("memo.put", "memo", "k", self.take_lease(), "v")
        self.call("memo.get", "memo", "k")
        self.let_expire()
        self.take_lease()
        self.call("memo.get", "memo", "k")
        self.call("memo.put", "memo", "k", "nolease", "v")
        self.call("memo.null", "memo", "n", self.take_lease("n"))
        self.call("memo.get", "memo", "n")
        stats = self.daemon.stats("memo")
        right = {"memo_hits": 1, "memo_stale": 2, "memo_nulls": 1, "memo_misses": 2}
        right.update({"leases_given": 3, "leases_refused": 1, "errors_LEASE": 1, "memo_waiting": 0})
        self.assertEqual({name: stats[name] for name in right}, right)


class OtherVerbs(Memo):
    """What the verbs that are not memo's do to a key of memo's: PROTOCOL.md, "Memo"."""

    LEASE = "400ms"
    # They leave the string as it is, whether they are answered or refused; several restart the ttl.
    LEAVE = (
        *(("touch",), ("touch", "ttl=1d"), ("exists",), ("ttl",), ("pttl",), ("key.get",)),
        *(("key.mget",), ("key.add", "v"), ("key.incr",), ("dict.set", "f", "v")),
        *(("dict.add", "f", "v"), ("dict.del", "f"), ("dict.incr", "f"), ("dict.pop", "f")),
        *(("dict.popitem",), ("set.add", "m"), ("set.del", "m"), ("set.pop",)),
        *(("sorted.add", "1", "m"), ("sorted.incr", "m"), ("sorted.pop",), ("sorted.del", "m")),
        *(("counter.set", "f", "1"), ("counter.incr", "f"), ("counter.update", "f", "1")),
    )
    # They end a lease: what they leave is theirs.
    REPLACE = (("del",), ("key.set", "v"), ("key.swap", "v"), ("key.replace", "v"), ("key.take",))
    MORE = "max_ttl = 1d\n"

    def do(self, words, key="k"):
        verb, *rest = words
        options = [word for word in rest if "=" in word]
        arguments = [word for word in rest if "=" not in word]
        return self.other.call(verb, *options, "memo", key, *arguments)

    def test_none_makes_a_lease_longer_or_ends_it(self):
        for i, words in enumerate(self.LEAVE):
            with self.subTest(words=words):
                kept, late = f"kept{i}", f"late{i}"
                lease = self.take_lease(kept)
                self.do(words, kept)
                self.assertEqual(self.call("memo.get", "memo", kept), [b"MISS", None, None])
                self.assertEqual(self.call("memo.put", "memo", kept, lease, "v"), b"OK")
        leases = [self.take_lease(f"late{i}") for i, _ in enumerate(self.LEAVE)]
        for i, words in enumerate(self.LEAVE):
            self.do(words, f"late{i}")
        time.sleep(0.5)  # the lease's time
        for i, words in enumerate(self.LEAVE):
            with self.subTest(words=words):
                late = f"late{i}"
                self.assertEqual(self.call("memo.put", "memo", late, leases[i], "v").code, "LEASE")
                second = self.take_lease(late)
                self.do(words, late)
                self.assertEqual(self.call("memo.put", "memo", late, leases[i], "v").code, "LEASE")
                self.assertEqual(self.call("memo.put", "memo", late, second, "v"), b"OK")

    def test_a_write_that_replaces_the_value_ends_the_lease(self):
        for words in self.REPLACE:
            for is_stale in (False, True):
                with self.subTest(words=words, is_stale=is_stale):
                    self.call("del", "memo", "k")
                    if is_stale:
                        self.call("memo.set", "memo", "k", "old")
                        self.let_expire()
                    lease = self.take_lease()
                    self.do(words)
                    self.assertEqual(self.call("memo.put", "memo", "k", lease, "v").code, "LEASE")
                    self.assertEqual(self.call("memo.drop", "memo", "k", lease), 0)

    def test_nothing_ends_when_its_time_has_come_though_its_key_is_touched(self):
        ini = INI.replace("null_ttl = 10s", "null_ttl = 400ms")
        self.daemon.configure(ini.replace("SOCKET", self.daemon.path).replace("LEASE", "10s") + self.MORE)
        self.assertEqual(self.call("reload"), b"OK")
        for i, words in enumerate(self.LEAVE):
            self.call("memo.null", "memo", f"n{i}", self.take_lease(f"n{i}"))
            self.do(words, f"n{i}")
        self.assertEqual(self.call("memo.get", "memo", f"n{i}"), [b"NULL", None, None])
        time.sleep(0.5)
        for i, words in enumerate(self.LEAVE):
            with self.subTest(words=words):
                self.take_lease(f"n{i}")

    def test_a_value_that_is_touched_is_fresh_for_its_ttl(self):
        self.call("memo.set", "memo", "k", "v")
        self.let_expire()
        self.assertEqual(self.call("touch", "ttl=3s", "memo", "k"), 1)  # less than `stale`
        self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", b"v", None])
        self.assertIn(self.direct.call("PTTL", "m:k"), range(7000, 8001))
        self.call("dict.set", "memo", "d", "f", "v")
        self.assertEqual(self.call("touch", "ttl=3s", "memo", "d"), 1)
        self.assertIn(self.direct.call("PTTL", "m:d"), range(2000, 3001))
        self.assertEqual(self.call("touch", "memo", "none"), 0)

    def test_no_other_verb_makes_a_stale_value_last_while_its_successor_is_computed(self):
        for i, words in enumerate(self.LEAVE):
            self.call("memo.set", "memo", f"s{i}", "old")
            self.let_expire(f"s{i}", left_ms=3000)
            self.take_lease(f"s{i}")
            self.do(words, f"s{i}")
            with self.subTest(words=words):
                held = self.direct.call("GET", f"m:s{i}")
                self.assertTrue(held.startswith(b"\0memoS"), held)
                ends = int(held.split(b" ")[2])
                seconds, micros = map(int, self.direct.call("TIME"))
                left_ms = ends - seconds * 1000 - micros // 1000
                self.assertLessEqual(left_ms, 3000)

    def test_who_reads_sees_no_lease_by_any_verb(self):
        self.call("memo.set", "memo", "stale", "old")
        self.let_expire("stale")
        leases = [self.take_lease("stale"), self.take_lease("none")]
        self.call("memo.null", "memo", "null", self.take_lease("null"))
        self.assertEqual(self.other.call("key.get", "memo", "none"), None)
        self.assertEqual(self.other.call("key.get", "memo", "null"), None)
        self.assertEqual(self.other.call("key.get", "memo", "stale"), b"old")
        mget = self.other.call("key.mget", "memo", "none", "stale", "null", "missing")
        self.assertEqual(mget, [None, b"old", None, None])
        for key in ("stale", "none"):
            held = self.direct.call("GET", f"m:{key}")
            self.assertFalse([lease for lease in leases if lease in held])
        self.assertEqual(self.other.call("key.swap", "memo", "none", "v"), None)
        self.assertEqual(self.other.call("key.take", "memo", "stale"), b"old")
        self.assertEqual(self.other.call("key.take", "memo", "null"), None)

    def test_key_gives_back_every_value_that_it_was_given(self):
        lookalikes = (b"\0memo", b"\0memoN99", b"\0memoL0a 99", b"\0memoS0a 1 2 3 x", b"\0memoV1 x", b"\0")
        for value in lookalikes + (b"\0memoV1 " + bytes(200_000),):
            self.call("key.set", "memo", "k", value)
            self.assertEqual(self.call("key.get", "memo", "k"), value)
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", value, None])
            self.assertEqual(self.call("key.swap", "memo", "k", value), value)
            self.assertEqual(self.call("key.mget", "memo", "k"), [value])
            self.assertEqual(self.call("key.take", "memo", "k"), value)
            self.assertEqual(self.call("key.add", "memo", "k", value), 1)
            self.assertEqual(self.call("key.take", "memo", "k"), value)

    def test_a_lease_that_was_made_to_stay_for_ever_has_ended(self):
        lease = self.take_lease()
        self.direct.call("PERSIST", "m:k")
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "v").code, "LEASE")
        self.take_lease()
        self.assertGreater(self.direct.call("PTTL", "m:k"), 0)


class Forever(Memo):
    MORE = "max_ttl = forever\n"

    def test_a_result_without_ttl_is_never_stale(self):
        self.assertEqual(self.call("memo.put", "ttl=forever", "memo", "k", self.take_lease(), "v"), b"OK")
        self.assertEqual(self.direct.call("PTTL", "m:k"), -1)
        self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", b"v", None])


class Waiting(Memo):
    def test_who_waits_is_told_at_once(self):
        lease = self.take_lease()
        self.ask(self.other)
        self.wait_for_waiters(1)
        self.other.send(resp.array("ping", "behind"))
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "v"), b"OK")
        self.assertEqual(self.other.read(), [b"HIT", b"v", None])
        self.assertEqual(self.other.read(), b"behind")
        stats = self.daemon.stats("memo")
        self.assertEqual((stats["memo_waits"], stats["memo_waiting"]), (1, 0))

    def test_many_who_wait_are_told_the_same_and_one_of_them_gets_the_next_lease(self):
        lease = self.take_lease()
        clients = [self.daemon.client(harness.LONG) for _ in range(20)]
        for client in clients:
            self.ask(client)
        self.wait_for_waiters(20)
        self.assertEqual(self.call("memo.drop", "memo", "k", lease), 1)
        self.wait_for_waiters(19)
        self.assertEqual(self.daemon.stats("memo")["leases_expired"], 1)
        state, value, second = clients[0].read()  # who has waited longest
        self.assertEqual((state, value), (b"MISS", None))
        self.assertEqual(clients[0].call("memo.null", "memo", "k", second), b"OK")
        for client in clients[1:]:
            self.assertEqual(client.read(), [b"NULL", None, None])
        self.assertGreaterEqual(self.daemon.stats("memo")["computations_saved"], 18)
        for client in clients:
            client.close()

    def test_it_waits_no_longer_than_it_said(self):
        self.take_lease()
        started = time.monotonic()
        self.assertEqual(self.other.call("memo.get", "wait=300ms", "memo", "k"), [b"MISS", None, None])
        self.assertIn(int((time.monotonic() - started) * 1000), range(290, 300 + 1000 * harness.SOON))

    def test_a_result_from_another_daemon_is_seen_soon(self):
        second = start(self.world, 1)
        with second.client(harness.LONG) as client:
            for _ in range(5):
                lease = self.take_lease()
                self.ask(client)
                waiting = lambda: second.stats("memo")["memo_waiting"] == 1
                harness.wait_until(waiting, "it waits")
                self.assertEqual(self.call("memo.put", "memo", "k", lease, "v"), b"OK")
                stored = time.monotonic()
                self.assertEqual(client.read(), [b"HIT", b"v", None])
                self.assertLess(time.monotonic() - stored, harness.SOON)
                self.call("del", "memo", "k")

    def test_a_lease_that_was_meant_for_one_who_has_left_goes_to_the_next(self):
        lease = self.take_lease()
        leaves = self.daemon.client()
        self.ask(leaves)
        self.wait_for_waiters(1)
        self.ask(self.other)
        self.wait_for_waiters(2)
        leaves.close()
        self.assertEqual(self.call("memo.drop", "memo", "k", lease), 1)
        state, value, second = self.other.read()
        self.assertIsNotNone(second)
        self.assertEqual(self.other.call("memo.put", "memo", "k", second, "v"), b"OK")

    def test_a_lease_given_to_one_who_left_meanwhile_is_given_back(self):
        self.redis.send_signal(signal.SIGSTOP)
        for _ in range(20):
            with self.daemon.client() as leaves:
                leaves.send(resp.array("memo.get", "memo", "k"))
        self.redis.send_signal(signal.SIGCONT)
        alone = lambda: self.client.call("clients").count(b"\n") <= 2
        harness.wait_until(alone, "they have left")
        free = lambda: self.call("memo.get", "memo", "k")[2]
        harness.wait_until(free, "the lease is free", 5)  # its own ttl is longer

    def test_an_end_of_the_daemon_ends_all_waits(self):
        self.take_lease()
        self.ask(self.other)
        self.wait_for_waiters(1)
        self.daemon.send_signal(signal.SIGTERM)
        self.assertEqual(self.other.read(), [b"MISS", None, None])
        self.assertEqual(self.daemon.wait(), 0)

    def test_a_backend_that_dies_ends_all_waits_with_an_error(self):
        self.take_lease()
        self.ask(self.other)
        self.wait_for_waiters(1)
        self.redis.kill()
        self.assertIn(self.other.read().code, ("UNAVAILABLE", "LOST"))

    def test_waiting_costs_nothing_to_what_is_sent_meanwhile(self):
        lease = self.take_lease()
        self.ask(self.other)
        self.wait_for_waiters(1)
        self.other.send(resp.array("memo.put", "memo", "k", lease, "own"))  # by the one who waits
        self.assertEqual([self.other.read(), self.other.read()], [[b"HIT", b"own", None], b"OK"])


class Bounded(Memo):
    MOST = 5

    def setUp(self):
        super().setUp()
        ini = INI.replace("timeout = 5s", f"timeout = 5s\nmax_pending = {self.MOST}")
        self.daemon.configure(ini.replace("SOCKET", self.daemon.path).replace("LEASE", "10s"))
        self.assertEqual(self.client.call("reload"), b"OK")

    def test_no_more_wait_than_may_be_under_way_at_the_backend(self):
        lease = self.take_lease()
        for _ in range(2 * self.MOST):
            self.ask(self.other)
        self.wait_for_waiters(self.MOST)
        self.ask(self.client)
        self.assertEqual(self.client.read().code, "OVERLOADED")
        self.assertEqual(self.call("memo.get", "memo", "k"), [b"MISS", None, None])
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "v"), b"OK")
        for _ in range(self.MOST):
            self.assertEqual(self.other.read(), [b"HIT", b"v", None])
        for _ in range(self.MOST):
            self.assertEqual(self.other.read().code, "OVERLOADED")
        self.call("del", "memo", "k")
        self.take_lease()
        self.ask(self.other)
        self.wait_for_waiters(1)

    def test_who_leaves_makes_room(self):
        self.take_lease()
        with self.daemon.client() as leaves:
            for _ in range(self.MOST):
                self.ask(leaves)
            self.wait_for_waiters(self.MOST)
        nobody = lambda: self.daemon.stats("memo")["memo_waiting"] == 0
        harness.wait_until(nobody, "they have left", 5)  # before the lease ends

    def test_who_asks_for_a_key_is_not_forgotten_for_one_who_comes_and_goes(self):
        """One is asking when another begins to wait, and stops before that is answered."""
        miss, hit = b"*3\r\n$4\r\nMISS\r\n$-1\r\n$-1\r\n", b"*3\r\n$3\r\nHIT\r\n$1\r\nv\r\n$-1\r\n"
        is_stored = threading.Event()

        def hold_until_more_comes(connection, words, _):
            if words[0] == b"GET":
                return connection.send(b"$-1\r\n")
            while not connection.input and not is_stored.is_set():
                if select.select([connection.socket], [], [], 0.01)[0]:
                    connection.input += connection.socket.recv(65536)
            return connection.send(hit if is_stored.is_set() else miss)

        def answer_miss(connection, words, _):
            connection.send(b"$-1\r\n" if words[0] == b"GET" else miss)

        with fake_redis.FakeRedis(self.world) as fake:
            daemon = start(self.world, 1, backend=fake.url)
            with daemon.client(harness.LONG) as asks, daemon.client(harness.LONG) as leaves:
                waits = lambda: daemon.stats("memo")["memo_waiting"] == 1
                for _ in range(20):  # often, the other stops before the line's next turn to ask
                    is_stored.clear()
                    fake.behave = answer_miss
                    self.ask(asks)
                    harness.wait_until(waits, "it waits")
                    fake.behave = hold_until_more_comes
                    self.ask(leaves, wait="60ms")
                    self.assertEqual(leaves.read(), [b"MISS", None, None])
                    is_stored.set()
                    self.assertEqual(asks.read(), [b"HIT", b"v", None])


class Dying(Memo):
    LEASE = "400ms"

    def test_a_holder_that_dies_holds_nobody_up_for_longer_than_its_lease(self):
        late = self.take_lease()
        started = time.monotonic()
        self.ask(self.other)
        state, value, lease = self.other.read()
        self.assertIsNotNone(lease)
        self.assertIn(int((time.monotonic() - started) * 1000), range(300, 400 + 1000 * harness.SOON))
        self.assertEqual(self.call("memo.put", "memo", "k", late, "late").code, "LEASE")
        self.assertEqual(self.other.call("memo.put", "memo", "k", lease, "v"), b"OK")

    def test_a_slow_holder_of_a_stale_value_is_refused(self):
        self.call("memo.set", "memo", "k", "old")
        self.let_expire()
        late = self.take_lease()
        again = lambda: self.other.call("memo.get", "memo", "k")[2]
        lease = harness.wait_until(again, "its lease ends")
        self.assertEqual(self.call("memo.put", "memo", "k", late, "late").code, "LEASE")
        self.assertEqual(self.call("memo.drop", "memo", "k", late), 0)
        self.assertEqual(self.other.call("memo.put", "memo", "k", lease, "v"), b"OK")


class Readers(Memo):
    LEASE = "500ms"
    MORE = f"""\
[user all]
uid = {os.getuid()}
namespaces = *
access = admin
[user reader]
token = {harness.token_hash("t")}
namespaces = *
access = read
"""

    def test_one_who_may_not_compute_keeps_nobody_behind_it_from_the_lease(self):
        self.take_lease()  # and never stores
        with self.daemon.client(harness.LONG) as reader:
            self.assertEqual(reader.call("auth", "reader", "t"), b"OK")
            self.ask(reader)
            self.wait_for_waiters(1)
            self.ask(self.other, wait="4s")
            state, value, lease = self.other.read()
            self.assertIsNotNone(lease)
            self.assertEqual(self.other.call("memo.put", "memo", "k", lease, "v"), b"OK")
            self.assertEqual(reader.read(), [b"HIT", b"v", None])


class Unread(Memo):
    """Replies that do not fit into client_output."""

    def setUp(self):
        super().setUp()
        ini = INI.replace("[backend", "client_output = 64kb\n[backend")
        self.daemon.configure(ini.replace("SOCKET", self.daemon.path).replace("LEASE", "10s"))
        self.assertEqual(self.call("reload"), b"OK")

    def test_a_lease_whose_reply_does_not_fit_is_given_back(self):
        before, value = 1500, bytes(10_000)
        self.call("key.set", "memo", "big", value)
        self.other.send(resp.array("memo.get", "memo", "big") * before + resp.array("memo.get", "memo", "k"))

        def answered():
            stats = self.daemon.stats("memo")
            return sum(stats[name] for name in ("hits", "misses", "errors_OVERLOADED")) == before + 1

        harness.wait_until(answered, "the last is answered, too")
        for _ in range(before):
            reply = self.other.read()
            self.assertTrue(reply == [b"HIT", value, None] or reply.code == "OVERLOADED")
        self.assertEqual(self.other.read().code, "OVERLOADED")
        state, value, lease = self.call("memo.get", "wait=4s", "memo", "k")
        self.assertIsNotNone(lease)

    def test_one_who_waits_many_times_is_told_what_fits(self):
        lease, count = self.take_lease(), 300
        for _ in range(count):
            self.ask(self.other)
        self.wait_for_waiters(count)
        self.assertEqual(self.call("memo.put", "memo", "k", lease, bytes(40_000)), b"OK")
        replies = [self.other.read() for _ in range(count)]
        self.assertEqual(replies[0], [b"HIT", bytes(40_000), None])
        refused = [reply for reply in replies if isinstance(reply, resp.Error)]
        self.assertEqual({reply.code for reply in refused}, {"OVERLOADED"})
        self.assertGreater(len(refused), count / 2)

    def test_a_slow_reply_is_not_refused_for_what_waits_behind_it(self):
        lease, behind = self.take_lease(), 1000
        ask = resp.array("memo.get", "wait=30s", "memo", "k")
        self.other.send(ask + b"ping\n" * behind)
        self.wait_for_waiters(1)
        held = re.findall(rb" out=(\d+) .* verb=ping\n", self.call("clients"))
        self.assertGreaterEqual(int(held[0]), 64 * 1024)
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "v"), b"OK")
        self.assertEqual(self.other.read(), [b"HIT", b"v", None])
        self.assertEqual([self.other.read() for _ in range(behind)], [b"PONG"] * behind)


class Early(Memo):
    MORE = "early = 1000\n"

    def test_a_value_that_took_long_is_computed_again_before_it_expires(self):
        lease = self.take_lease()
        time.sleep(0.3)  # the computation
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "v"), b"OK")
        self.assertRegex(self.direct.call("GET", "m:k"), rb"^\0memoV[34]\d\d v$")
        self.let_expire(left_ms=6000)  # fresh for another second; the factor is ten
        due = lambda: [reply for reply in [self.call("memo.get", "memo", "k")] if reply[2]]
        ((state, value, lease),) = harness.wait_until(due, "it is due")
        self.assertEqual((state, value), (b"HIT", b"v"))
        self.assertEqual(self.other.call("memo.get", "memo", "k"), [b"HIT", b"v", None])
        self.assertEqual(self.call("memo.put", "memo", "k", lease, "w"), b"OK")
        self.assertEqual(self.other.call("memo.get", "memo", "k")[:2], [b"HIT", b"w"])

    def test_a_value_that_took_no_time_is_left_alone(self):
        self.call("memo.set", "memo", "k", "v")
        self.let_expire(left_ms=5200)
        for _ in range(50):
            state, _, lease = self.call("memo.get", "memo", "k")
            self.assertTrue(state == b"STALE" or lease is None)


class Near(Memo):
    MORE = "near = yes\non_error = stale\n"

    def test_a_hit_from_memory_until_the_value_is_stale(self):
        self.daemon.wait_near()
        self.call("memo.set", "ttl=1s", "memo", "k", "v")
        for _ in range(3):
            self.assertEqual(self.call("memo.get", "memo", "k"), [b"HIT", b"v", None])
        self.assertGreaterEqual(self.daemon.stats("memo")["near_hits"], 1)
        stale = lambda: self.call("memo.get", "memo", "k")[0] == b"STALE"
        harness.wait_until(stale, "it is stale", 5)
        self.assertEqual(self.call("memo.put", "memo", "k", "nolease", "w").code, "LEASE")

    def test_what_was_kept_is_served_as_stale_while_the_backend_is_down(self):
        self.daemon.wait_near()
        self.call("memo.set", "ttl=1s", "memo", "k", "v")
        self.call("memo.set", "memo", "gone", "v")
        for key in ("k", "gone"):
            self.assertEqual(self.call("memo.get", "memo", key), [b"HIT", b"v", None])
        self.call("del", "memo", "gone")
        self.redis.kill()
        stale = lambda: self.call("memo.get", "memo", "k") == [b"STALE", b"v", None]
        harness.wait_until(stale, "what was kept is served")
        self.assertEqual(self.call("memo.get", "memo", "gone").code, "UNAVAILABLE")
        self.assertEqual(self.call("memo.get", "memo", "never").code, "UNAVAILABLE")
        self.assertEqual(self.call("key.get", "memo", "k").code, "UNAVAILABLE")
        over = lambda: getattr(self.call("memo.get", "memo", "k"), "code", "") == "UNAVAILABLE"
        harness.wait_until(over, "it is too old even for that", 15)


class Missing(Memo):
    MORE = "on_error = miss\n"

    def test_a_backend_that_is_down_is_a_miss_without_a_lease(self):
        self.redis.kill()
        miss = lambda: self.call("memo.get", "memo", "k") == [b"MISS", None, None]
        harness.wait_until(miss, "a miss")


# --- crowds -------------------------------------------------------------------------------------

CALLERS, DAEMONS = 1000, 5


class Caller(threading.Thread):
    def __init__(self, path, wait, must_die, shared):
        super().__init__()
        self.path, self.wait, self.must_die = path, wait, must_die
        self.runs, self.answers, self.worst = shared

    def run(self):
        with resp.Client(self.path, timeout=harness.LONG) as client:
            started = time.monotonic()
            state, value, lease = client.call("memo.get", f"wait={self.wait}", "memo", "crowd")
            if lease:
                value = self.compute(client, lease)
            with self.answers.get_lock():
                self.answers.value += value == b"result"
                self.worst.value = max(self.worst.value, time.monotonic() - started)

    def compute(self, client, lease):
        with self.runs.get_lock():
            self.runs.value += 1
            is_first = self.runs.value == 1
        if self.must_die and is_first:
            os._exit(0)  # the holder is killed, and all the callers of its process with it
        time.sleep(0.2)  # the computation
        assert client.call("memo.put", "memo", "crowd", lease, "result") == b"OK"
        return b"result"


def call_for(paths, count, wait, must_die, shared):
    """`count` callers on one key, spread over the daemons, in one process."""
    harness.end_with_parent()
    harness.allow_many_files()
    callers = [Caller(paths[i % len(paths)], wait, must_die, shared) for i in range(count)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()


class Stampede(unittest.TestCase):
    def stampede(self, lease, must_die):
        processes, runs = 10, multiprocessing.Value("i", 0)
        answers, worst = multiprocessing.Value("i", 0), multiprocessing.Value("d", 0)
        with harness.World() as world:
            paths = [start(world, number, lease).path for number in range(DAEMONS)]
            args = (paths, CALLERS // processes, "20s", must_die, (runs, answers, worst))
            crowd = [multiprocessing.Process(target=call_for, args=args) for _ in range(processes)]
            for process in crowd:
                process.start()
            for process in crowd:
                process.join()
                self.assertEqual(process.exitcode, 0)
        dead = CALLERS // processes if must_die else 0
        print(f"{CALLERS} callers, {runs.value} computations, slowest {worst.value:.2f} s")
        self.assertGreaterEqual(answers.value, CALLERS - dead)
        return runs.value, worst.value

    def test_a_thousand_callers_through_five_daemons_compute_once(self):
        runs, worst = self.stampede("10s", must_die=False)
        self.assertEqual(runs, 1)
        self.assertLess(worst, 10)

    def test_with_a_holder_that_is_killed_they_compute_twice(self):
        runs, worst = self.stampede("1s", must_die=True)
        self.assertEqual(runs, 2)
        self.assertLess(worst, 1 + 20)


class Property(unittest.TestCase):
    """Random interleavings of everything on one key. A value names the computation that it is from; a
    computation that began before a del was answered must not be seen behind that."""

    SECONDS = float(os.environ.get("MEMO_SECONDS", "6"))
    SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))

    def test_no_value_is_served_after_a_del_that_was_answered(self):
        print(f"SEED={self.SEED}")
        with harness.World() as world:
            daemons = [start(world, number, "60ms", "early = 100\n") for number in range(3)]
            self.redis = world.redis()
            self.lock, self.ids, self.deleted = threading.Lock(), 0, 0
            self.gets, self.values, self.failures = 0, 0, []
            end = time.monotonic() + self.SECONDS
            threads = [
                threading.Thread(target=self.act, args=(daemons[n % 3], random.Random(self.SEED + n), end))
                for n in range(9)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        print(f"{self.gets} gets, {self.values} with a value, {self.ids} computations")
        self.assertEqual(self.failures[:3], [])
        self.assertGreater(self.values, 100)

    def begin(self):
        """The number of a computation that begins now."""
        with self.lock:
            self.ids += 1
            return self.ids

    def act(self, daemon, rng, end):
        client = daemon.client(harness.LONG)
        while time.monotonic() < end and not self.failures:
            deleted = self.deleted  # answered before the request is sent
            choice = rng.random()
            if choice < 0.03:
                with self.lock:  # what begins after this has a greater number
                    last = self.ids
                client.call(*rng.choice([("del", "memo", "k"), ("del", "memo", "x", "k")]))
                with self.lock:
                    self.deleted = max(self.deleted, last)
            elif choice < 0.04:
                client.close()  # a client that is killed, perhaps with a lease
                client = daemon.client(harness.LONG)
            else:
                self.get(client, rng, deleted)
        client.close()

    def get(self, client, rng, deleted):
        wait = rng.choice(["0", "20ms", "200ms"])
        state, value, lease = client.call("memo.get", f"wait={wait}", "memo", "k")
        self.gets += 1
        if value is not None:
            self.values += 1
            if int(value) <= deleted:
                self.failures.append((state, value, deleted))
        if lease is None:
            return
        number = self.begin()
        time.sleep(rng.choice([0, 0.001, 0.01, 0.05, 0.1]))  # some are too slow for their lease
        outcome = rng.random()
        if outcome < 0.7:
            client.call("memo.put", rng.choice(["ttl=50ms", "ttl=1s"]), "memo", "k", lease, str(number))
        elif outcome < 0.8:
            client.call("memo.null", "memo", "k", lease)
        elif outcome < 0.9:
            client.call("memo.drop", "memo", "k", lease)


if __name__ == "__main__":
    harness.main()
