#!/usr/bin/env python3
"""stats: every counter that it lists is moved by something, and by that only."""

import contextlib
import os
import signal

import harness
import resp

INI = """\
[cachesd]
listen = {listen}
max_clients = 8
[backend main]
url = {redis:main}
timeout = 100ms
[backend slow]
url = {redis:slow}
timeout = 20s
[namespace carts]
backend = main
prefix = c:
max_key = 10
max_value = 10
value = int
max_ttl = 1d
collections = key, dict, set, counter
deny = set.pop
[namespace frozen]
backend = main
readonly = yes
[namespace strict]
backend = main
over_ttl = reject
[namespace others]
backend = main
[namespace slow]
backend = slow
"""
CARTS, FROZEN, STRICT = "carts", "frozen", "strict"

# name of the counter, namespace, request: each moves its own by 1, and no other of its kind.
REFUSALS = {
    "refused_collection": (CARTS, ("sorted.add", "carts", "z", "1", "m")),
    "refused_verb": (CARTS, ("set.pop", "carts", "s")),
    "refused_readonly": (FROZEN, ("key.set", "frozen", "k", "v")),
    "refused_max_key": (CARTS, ("key.get", "carts", "k" * 9)),
    "refused_max_value": (CARTS, ("key.set", "carts", "k", "1" * 11)),
    "refused_value": (CARTS, ("key.set", "carts", "k", "one")),
    "refused_ttl": (STRICT, ("key.set", "ttl=9d", "strict", "k", "v")),
}
NOT_MOVED_HERE = {
    # scenario_redis_errors.py:
    *((place, "errors_" + code) for place in ("requests", "namespace")
      for code in ("NOSCRIPT", "CROSSSLOT", "EXECABORT")),
    ("requests", "errors_NOPERM"),  # needs users: test_refused_callers_are_counted
    ("namespace", "near_hits"),  # scenario_near.py
    *(("near", "near_" + name) for name in ("entries", "hits", "misses", "kept", "evicted")),
    *(("near", "near_" + name) for name in ("void", "too_large")),
    ("backends", "switches"),  # scenario_sentinel_switch.py
    ("backends", "moved"),  # here and below: scenario_cluster_*.py
    ("backends", "asked"),
    ("backends", "again"),
    ("backends", "disagreed"),
    ("backends", "refreshes"),
    # scenario_memo.py:
    *(("namespace", "memo_" + name) for name in ("hits", "stale", "nulls", "misses", "waiting", "waits")),
    *(("namespace", "leases_" + name) for name in ("given", "refused", "expired")),
    *(("namespace", "computations_saved"), ("namespace", "errors_LEASE"), ("requests", "errors_LEASE")),
}


class Stats(harness.TestCase):
    def setUp(self):
        super().setUp()
        # A Redis without a command gives an answer that nobody expects.
        self.world.redis("slow", options=("--rename-command", "GETDEL", ""))
        self.redis, self.daemon = self.world.redis(), self.world.daemon(INI)
        self.client = self.connect(self.daemon)

    def all(self):
        return harness.sections(self.client.call("stats"))

    def moved(self, namespace, *requests):
        """What the requests add to each counter of the namespace that they move."""
        before = self.daemon.stats(namespace)
        self.replies = [self.client.call(*request) for request in requests]
        after = self.daemon.stats(namespace)
        return {name: after[name] - before[name] for name in after if after[name] != before[name]}

    def expect(self, right, namespace, *requests):
        moved = self.moved(namespace, *requests)
        for name, value in right.items():
            self.assertEqual(moved.pop(name, 0), value, (name, requests, moved))
        moved = {k: v for k, v in moved.items() if not k.startswith(("requests", "bytes_"))}
        self.assertEqual(moved, {})

    def test_hits_misses_and_writes(self):
        self.expect({"writes": 1}, CARTS, ("key.set", "carts", "k", "1"))
        self.expect({"hits": 1}, CARTS, ("key.get", "carts", "k"))
        self.expect({"misses": 1}, CARTS, ("key.get", "carts", "none"))
        self.expect({"misses": 1}, CARTS, ("dict.items", "carts", "none"))
        self.expect({"writes": 1}, CARTS, ("dict.set", "carts", "d", "f", "1"))
        self.expect({"hits": 1}, CARTS, ("dict.get", "carts", "d", "f"))
        self.expect({}, CARTS, ("key.get", "others", "k"), ("stats", "carts"), ("ping",))

    def test_bytes_in_and_out(self):
        moved = self.moved(CARTS, ("key.set", "carts", "k", "12345"), ("key.get", "carts", "k"))
        self.assertEqual(moved["requests"], 2)
        self.assertEqual(moved["bytes_in"], len("key.setcartsk12345") + len("key.getcartsk"))
        self.assertEqual(moved["bytes_out"], len("+OK\r\n") + len("$5\r\n12345\r\n"))

    def test_a_clamped_ttl_is_counted_and_one_at_the_limit_is_not(self):
        self.expect({"writes": 1}, CARTS, ("key.set", "ttl=1d", "carts", "k", "1"))
        for ttl in ("86400001ms", "forever"):
            self.expect({"clamped_ttls": 1, "writes": 1}, CARTS,
                        ("key.set", f"ttl={ttl}", "carts", "k", "1"))
        self.expect({"clamped_ttls": 0}, CARTS, ("explain", "key.set", "ttl=9d", "carts", "k", "1"))

    def test_refusals_are_counted_by_reason(self):
        for name, (namespace, request) in REFUSALS.items():
            with self.subTest(name):
                self.expect({name: 1, "errors_POLICY": 1}, namespace, request)
        shown = {name for name in self.daemon.stats(CARTS) if name.startswith("refused_")}
        self.assertEqual(shown, set(REFUSALS), "reasons (protocol/refusal.h), and REFUSALS above")

    def test_an_explain_of_what_is_refused_counts_nothing(self):
        for namespace, request in REFUSALS.values():
            self.expect({}, namespace, ("explain", *request))

    def test_a_purge_is_counted_while_it_goes_on_and_by_its_keys(self):
        self.redis.call("DEBUG", "POPULATE", 100000, "c", 10)
        with self.daemon.client() as other, self.purge_under_way(other):
            pass
        self.assertEqual(self.purged, 100000)
        harness.wait_until(lambda: self.daemon.stats(CARTS)["purging"] == 0, "it is over")
        self.assertEqual(self.daemon.stats(CARTS)["purge_removed"], 100000)

    @contextlib.contextmanager
    def purge_under_way(self, client):
        """Holds Redis still meanwhile, so that the purge can't be over before anybody looks. Then `purged` is its reply."""
        self.redis.send_signal(signal.SIGSTOP)
        client.send(resp.array("purge", "carts"))
        harness.wait_until(lambda: self.daemon.stats(CARTS)["purging"] == 1, "it goes on")
        yield
        self.redis.send_signal(signal.SIGCONT)
        self.purged = client.read()

    def test_errors_of_the_daemons_own_verbs_are_counted_too(self):
        for request in (("nosuch",), ("help", "nosuch"), ("explain", "nosuch")):
            with self.subTest(request=request):
                before = self.all()["requests"]["errors_VERB"]
                self.assertEqual(self.client.call(*request).code, "VERB")
                self.assertEqual(int(self.all()["requests"]["errors_VERB"]), int(before) + 1)

    # --- all of them --------------------------------------------------------------------------

    def test_every_counter_that_is_listed_is_moved_by_something(self):
        self.test_hits_misses_and_writes()
        self.test_a_clamped_ttl_is_counted_and_one_at_the_limit_is_not()
        self.redis.call("DEBUG", "POPULATE", 100000, "c", 10)
        listed, moved = set(), set()
        with self.daemon.client() as other, self.purge_under_way(other):
            self.note(listed, moved)
        self.fail_in_every_way()
        self.turn_one_away()
        harness.wait_until(lambda: self.all()["daemon"]["uptime_seconds"] != "0", "a second passes")
        self.note(listed, moved)
        self.assertEqual(listed - moved, NOT_MOVED_HERE, "counters that nothing here has moved, and "
                         "NOT_MOVED_HERE: those that another scenario moves")
        self.assertGreater(len(listed), 40)

    def note(self, listed, moved):
        """Every counter, and those that are not 0 in some namespace."""
        for heading, counters in self.all().items():
            section = heading.split()[0]
            listed.update((section, name) for name in counters)
            moved.update((section, name) for name, value in counters.items() if value != "0")

    def fail_in_every_way(self):
        self.fail_by_request()
        self.fail_by_answer()
        self.fail_by_silence()
        for namespace, request in REFUSALS.values():
            self.expect_error("POLICY", *request)

    def expect_error(self, code, *request):
        self.assertEqual(self.client.call(*request).code, code)

    def fail_by_request(self):
        self.expect_error("VERB", "nosuch")
        self.expect_error("NOPROTO", "hello", "3")
        self.expect_error("NAMESPACE", "key.get", "nosuch", "k")
        with self.daemon.client() as other:
            other.send(b'ping "\n')
            self.assertEqual(other.read().code, "PROTOCOL")
            self.assertTrue(other.is_closed())
        with self.daemon.client() as other:
            self.assertEqual(other.call("auth", "web", "web").code, "NOAUTH")

    def fail_by_answer(self):
        self.client.call("key.set", "slow", "n", 2**63 - 1)
        self.expect_error("ARGS", "key.incr", "slow", "n")
        self.expect_error("WRONGTYPE", "dict.get", "slow", "n", "f")
        slow = self.world.redis("slow")
        slow.call("CONFIG", "SET", "maxmemory", "1")
        self.expect_error("OVERLOADED", "key.set", "slow", "k", "1")
        self.expect_error("INTERNAL", "key.take", "slow", "k")

    def fail_by_silence(self):
        self.redis.send_signal(signal.SIGSTOP)
        self.expect_error("TIMEOUT", "key.get", "carts", "k")
        self.redis.send_signal(signal.SIGCONT)
        slow = self.world.redis("slow")
        slow.send_signal(signal.SIGSTOP)
        self.client.send(resp.array("key.get", "slow", "k"))
        with self.daemon.client() as other:
            harness.wait_until(lambda: b"pending=1 " in other.call("backends"), "it is sent")
        slow.kill()
        self.assertEqual(self.client.read().code, "LOST")
        self.expect_error("UNAVAILABLE", "key.get", "slow", "k")

    def turn_one_away(self):
        clients = [self.daemon.client() for _ in range(8)]
        self.assertEqual(clients[-1].read().code, "OVERLOADED")
        for client in clients:
            client.close()

    def test_refused_callers_are_counted(self):
        users = "[user me]\nuid = {}\nnamespaces = carts\n"
        for uid, code in ((os.getuid(), "NOPERM"), (os.getuid() + 1, "NOAUTH")):
            everyone = f"[user all]\ntoken = {harness.token_hash('all')}\nnamespaces = *\n"
            with self.subTest(code), harness.World() as world:
                daemon = world.daemon(harness.INI + users.format(uid) + everyone)
                with daemon.client() as client:
                    self.assertEqual(client.call("key.set", "carts", "k", "v").code, code)
                    self.assertEqual(client.call("auth", "all", "all"), b"OK")
                    errors = harness.sections(client.call("stats"))["requests"]
                    self.assertEqual(errors[f"errors_{code}"], "1")


if __name__ == "__main__":
    harness.main()
