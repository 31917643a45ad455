#!/usr/bin/env python3
"""Policy against every verb that `help` lists: which it refuses, and which ttl it leaves."""

import hashlib
import unittest

import harness
import resp
import verbs

HEAD = "[cachesd]\nlisten = {listen}\n[backend main]\nurl = {redis:main}\n"
COLLECTIONS = ("key", "dict", "set", "sorted", "list", "counter")
TTL_MS, MAX_TTL_MS = 7_200_000, 86_400_000
SLACK_MS = 60_000
# These write nothing where nothing is; they need a key that is there.
NEED_A_KEY = {"touch", "key.replace"}
# They replace the value, or restart its ttl: a new ttl in either ttl_mode.
NEW_TTL = {"touch", "key.set", "key.add", "key.replace", "key.swap", "memo.put", "memo.set"}
# What Redis holds under the lease of verbs.SAMPLES.
HASH = hashlib.sha1(verbs.SAMPLES["lease"].encode()).hexdigest()
LEASED = f"\0memoL{HASH} 9999999999999".encode()


def of_namespaces(client):
    """Those that work on keys."""
    return [verb for verb in verbs.of(client) if verb.has_namespace and verb.name != "purge"]


class Refusals(unittest.TestCase):
    def code(self, client, *words):
        return verbs.code_of(client.call(*words))

    def test_readonly_refuses_every_write_and_serves_every_read(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + "[namespace carts]\nreadonly = yes\n")
            with daemon.client() as client:
                for verb in of_namespaces(client):
                    with self.subTest(verb=verb.name):
                        right = "served" if verb.is_read else "POLICY"
                        self.assertEqual(self.code(client, *verb.request()), right)
            self.assertEqual(world.redis().call("DBSIZE"), 0)

    def test_deny_refuses_each_verb_that_it_names_and_no_other(self):
        with harness.World() as world:
            with world.daemon().client() as client:
                names = [verb.name for verb in of_namespaces(client)] + ["purge"]
            world.daemons.pop().stop()
            spaces = [f"[namespace no-{name}]\ndeny = {name}\n" for name in names]
            with world.daemon(HEAD + "".join(spaces)).client() as client:
                for verb in of_namespaces(client):
                    for name in names:
                        request = verb.request(f"no-{name}")
                        right = "POLICY" if name == verb.name else "served"
                        with self.subTest(verb=verb.name, deny=name):
                            self.assertEqual(self.code(client, *request), right)

    def test_collections_serves_those_that_it_names_and_the_verbs_for_any(self):
        spaces = [f"[namespace {name}s]\ncollections = {name}\n" for name in COLLECTIONS]
        with harness.World() as world:
            with world.daemon(HEAD + "".join(spaces)).client() as client:
                for verb in of_namespaces(client):
                    for name in COLLECTIONS:
                        right = "served" if verb.collection in ("any", name) else "POLICY"
                        request = verb.request(f"{name}s")
                        with self.subTest(verb=verb.name, collections=name):
                            self.assertEqual(self.code(client, *request), right)

    def test_max_key_holds_for_every_verb_and_counts_the_prefix(self):
        with harness.World() as world:
            with world.daemon(HEAD + "[namespace carts]\nmax_key = 20\n").client() as client:
                for verb in of_namespaces(client):
                    if "K" not in verb.words:
                        continue
                    with self.subTest(verb=verb.name):
                        exact = verb.request(key="k" * (20 - len("carts:")))
                        over = verb.request(key="k" * (21 - len("carts:")))
                        self.assertEqual(self.code(client, *exact), "served")
                        self.assertEqual(self.code(client, *over), "POLICY")
                        client.call("del", "carts", "k" * 14)

    def test_over_ttl_reject_holds_for_every_verb_that_takes_ttl(self):
        policy = "[namespace carts]\nttl = 2h\nmax_ttl = 1d\nover_ttl = reject\n"
        with harness.World() as world:
            with world.daemon(HEAD + policy).client() as client:
                for verb in filter(lambda verb: verb.takes_ttl, of_namespaces(client)):
                    with self.subTest(verb=verb.name):
                        exact = verb.request(key="k", ttl="1d")
                        self.assertEqual(self.code(client, *exact), "served")
                        client.call("del", "carts", "k")
                        over = verb.request(key="k", ttl="86400001ms")
                        self.assertEqual(self.code(client, *over), "POLICY")
                        self.assertEqual(client.call("exists", "carts", "k"), 0)


class Ttls(unittest.TestCase):
    """Against Redis's own PTTL, for every verb that can create a key or restart its ttl."""

    def each_verb(self, policy, check):
        text = HEAD + f"[namespace carts]\nttl = 2h\nmax_ttl = 1d\n{policy}"
        with harness.World() as world:
            daemon, redis = world.daemon(text), world.redis()
            with daemon.client() as client, redis.client() as direct:
                self.direct = direct
                takers = [verb for verb in verbs.of(client) if verb.takes_ttl]
                self.assertGreaterEqual(len(takers), 14)
                for verb in takers:
                    with self.subTest(verb=verb.name):
                        direct.call("FLUSHALL")
                        if verb.name in NEED_A_KEY:
                            direct.call("SET", "carts:k", "1")
                        check(verb, client, direct)

    def write(self, client, verb, ttl=None):
        if verb.name == "memo.put":
            self.direct.call("SET", "carts:k", LEASED, "PX", 9000)
        self.assertNotIsInstance(client.call(*verb.request(key="k", ttl=ttl)), resp.Error)

    def expect_ttl(self, direct, right_ms):
        found = direct.call("PTTL", "carts:k")
        self.assertLessEqual(found, right_ms)
        self.assertGreater(found, right_ms - min(SLACK_MS, right_ms / 2))

    def check_new_keys(self, verb, client, direct):
        for ttl, right_ms in ((None, TTL_MS), ("100s", 100_000), ("1d", MAX_TTL_MS),
                              ("86400001ms", MAX_TTL_MS), ("forever", MAX_TTL_MS)):
            direct.call("FLUSHALL")
            if verb.name in NEED_A_KEY:
                direct.call("SET", "carts:k", "1")
            self.write(client, verb, ttl)
            self.expect_ttl(direct, right_ms)

    def test_a_new_key_has_its_ttl_under_sliding(self):
        self.each_verb("ttl_mode = sliding\n", self.check_new_keys)

    def test_a_new_key_has_its_ttl_under_fixed(self):
        self.each_verb("ttl_mode = fixed\n", self.check_new_keys)

    def second_write(self, verb, client, direct, ttl=None):
        """After a first one whose ttl has a thousand seconds left."""
        self.write(client, verb)
        if verb.name == "key.add":  # its second does nothing, and so tells nothing
            direct.call("DEL", "carts:k")
        direct.call("PEXPIRE", "carts:k", "1000000")
        self.write(client, verb, ttl)

    def test_each_write_restarts_it_under_sliding(self):
        def check(verb, client, direct):
            self.second_write(verb, client, direct)
            self.expect_ttl(direct, TTL_MS)
            direct.call("FLUSHALL")
            if verb.name in NEED_A_KEY:
                direct.call("SET", "carts:k", "1")
            self.second_write(verb, client, direct, ttl="9000s")
            self.expect_ttl(direct, 9_000_000)

        self.each_verb("ttl_mode = sliding\n", check)

    def test_it_counts_from_the_first_write_under_fixed_unless_the_value_is_replaced(self):
        def check(verb, client, direct):
            self.second_write(verb, client, direct)
            self.expect_ttl(direct, TTL_MS if verb.name in NEW_TTL else 1_000_000)

        self.each_verb("ttl_mode = fixed\n", check)

    def test_a_key_add_that_adds_nothing_leaves_the_ttl_alone(self):
        for mode in ("sliding", "fixed"):
            text = HEAD + f"[namespace carts]\nttl_mode = {mode}\n"
            with harness.World() as world:
                daemon, redis = world.daemon(text), world.redis()
                self.assertEqual(daemon.call("key.add", "carts", "k", "1"), 1)
                redis.call("PEXPIRE", "carts:k", "1000000")
                self.assertEqual(daemon.call("key.add", "carts", "k", "2"), 0)
                self.assertIn(redis.call("PTTL", "carts:k"), range(900_000, 1_000_001))

    def test_jitter_shortens_by_a_random_share_up_to_its_limit(self):
        for percent in (0, 10, 100):
            with self.subTest(jitter=percent):
                self.check_jitter(percent, self.ttls_under(percent))

    def ttls_under(self, percent, count=400):
        """In seconds: of keys with a ttl of 10,000 s."""
        text = HEAD + f"[namespace carts]\nttl = 10000s\njitter = {percent}%\n"
        with harness.World() as world:
            daemon, redis = world.daemon(text), world.redis()
            with daemon.client() as client, redis.client() as direct:
                keys = [f"k{i}" for i in range(count)]
                client.send(b"".join(resp.array("key.set", "carts", key, "v") for key in keys))
                self.assertEqual([client.read() for _ in keys], [b"OK"] * count)
                direct.send(b"".join(resp.array("PTTL", f"carts:{key}") for key in keys))
                return [direct.read() / 1000 for _ in keys]

    def check_jitter(self, percent, ttls):
        least = 10000 * (1 - percent / 100)
        spread = max(ttls) - min(ttls)
        self.assertLessEqual(max(ttls), 10000)
        self.assertGreater(min(ttls), max(0, least - 60))
        # Of 400 random shares some are near each end.
        self.assertGreaterEqual(spread, 0.9 * (10000 - least))
        self.assertLessEqual(spread, 10000 - least + 60)


if __name__ == "__main__":
    harness.main()
