#!/usr/bin/env python3
"""A backend whose account may not do everything."""

import re
import unittest

import harness
import resp
import verbs

ACCOUNT = "?user=u&password=p"
INI = harness.INI.replace("url = {redis:main}", "url = {redis:main}" + ACCOUNT)


class Acl(unittest.TestCase):
    def test_an_account_that_loses_multi_is_given_up(self):
        with harness.World() as world:
            redis = world.redis()
            redis.call("ACL", "SETUSER", "u", "on", ">p", "~*", "+@all")
            daemon = world.daemon(INI)
            self.assertEqual(daemon.call("dict.set", "carts", "a", "f", "v"), 1)
            redis.call("ACL", "SETUSER", "u", "-multi")
            # What followed MULTI has run, one by one: "not applied" would be untrue.
            self.assertEqual(daemon.call("dict.set", "carts", "b", "f", "v").code, "INTERNAL")
            self.assertGreater(redis.call("PTTL", "cart:b"), 0)
            self.assertEqual(daemon.call("dict.set", "carts", "c", "f", "v").code, "UNAVAILABLE")
            self.assertEqual(redis.call("EXISTS", "cart:c"), 0)
            redis.call("ACL", "SETUSER", "u", "+multi")
            harness.wait_until(lambda: daemon.call("dict.set", "carts", "c", "f", "v") == 1, "back")

    def test_an_account_without_multi_is_refused_from_the_start(self):
        with harness.World() as world:
            redis = world.redis()
            redis.call("ACL", "SETUSER", "u", "on", ">p", "~*", "+@all", "-multi")
            daemon = world.daemon(INI)
            self.assertEqual(daemon.call("key.set", "carts", "a", "v").code, "UNAVAILABLE")
            self.assertIn("MULTI refused", daemon.log())


EVERY = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}?user=u&password=p
[namespace sliding]
[namespace fixed]
ttl_mode = fixed
[namespace stale]
stale = 1h
max_ttl = 1d
"""
SPACES = ("sliding", "fixed", "stale")
FRAME = {"multi", "exec"}  # without them nothing is served
# What the key of each collection holds before the verb comes.
HELD = {
    "any": ("SET", "v"),
    "key": ("SET", "7"),
    "dict": ("HSET", "f", "1"),
    "set": ("SADD", "m"),
    "sorted": ("ZADD", "1", "m"),
    "counter": ("HSET", "f", "1"),
}


class OneCommandLess(unittest.TestCase):
    """Each verb under an account that lacks one of the commands that Redis ran for it."""

    @classmethod
    def setUpClass(cls):
        cls.world = harness.World()
        cls.addClassCleanup(cls.world.__exit__, None)
        cls.redis = cls.world.redis()
        cls.redis.call("ACL", "SETUSER", "u", "on", ">p", "~*", "&*", "+@all")
        cls.daemon = cls.world.daemon(EVERY)
        cls.direct, cls.client = cls.redis.client(), cls.daemon.client()
        cls.addClassCleanup(cls.direct.close)
        cls.addClassCleanup(cls.client.close)
        cls.verbs = [v for v in verbs.of(cls.client) if v.has_namespace and v.name != "purge"]
        cls.sent = {verb.name: cls.commands_of(verb) for verb in cls.verbs}

    def setUp(self):
        self.allow_all()

    @classmethod
    def put(cls, verb, space):
        """What the verb finds: a key of its collection with a ttl, for memo one under a lease."""
        key = f"{space}:{verb.collection}"
        cls.direct.call("DEL", key)
        if verb.collection == "memo":
            return cls.client.call("memo.get", space, "memo")[2]
        name, *rest = HELD[verb.collection]
        cls.direct.call(name, key, *rest)
        cls.direct.call("PEXPIRE", key, "3000000")
        return None

    @classmethod
    def ask(cls, verb, space, lease=None):
        sample = verbs.SAMPLES["lease"]
        words = [lease if lease and word == sample else word for word in verb.request(space)]
        return cls.client.call(*words)

    @classmethod
    def commands_of(cls, verb):
        """Those that Redis counted, inside scripts too."""
        found = set()
        for space in SPACES:
            for is_there in (False, True):
                lease = cls.put(verb, space) if is_there else None
                cls.direct.call("CONFIG", "RESETSTAT")
                cls.ask(verb, space, lease)
                stats = cls.direct.call("INFO", "commandstats").decode()
                found |= set(re.findall(r"cmdstat_(\w+)", stats))
                cls.direct.call("FLUSHALL")
        return found - {"config", "info", "ping"}

    def allow_all(self):
        self.direct.call("ACL", "SETUSER", "u", "+@all")
        self.direct.call("FLUSHALL")
        self.reconnect()

    def reconnect(self):
        self.direct.call("CLIENT", "KILL", "USER", "u")
        harness.wait_until(self.is_serving, "it serves")

    def is_serving(self):
        return self.client.call("dict.has", "sliding", "x", "f") == 0

    def check(self, verb, command, name):
        """One request: refused by name and nothing changed, or answered; never a key for ever."""
        for space in SPACES:
            for is_there in (False, True):
                if is_there and verb.collection == "memo" and verb.name != "memo.set":
                    continue  # the lease could not be had
                self.direct.call("FLUSHALL")
                if is_there:
                    self.put(verb, space)
                key = f"{space}:{verb.collection}"
                before = self.direct.call("DUMP", key)
                reply = self.ask(verb, space)
                with self.subTest(verb=verb.name, without=command, space=space, there=is_there):
                    self.assertEqual(harness.keys_without_ttl(self.redis, "")[0], [])
                    if isinstance(reply, resp.Error) and reply.code not in ("LEASE",):
                        self.assertEqual(reply.code, "UNAVAILABLE")
                        self.assertIn(name, str(reply).lower())
                        self.assertEqual(self.direct.call("DUMP", key), before)
                        self.refused.add((verb.name, command))

    def check_all(self, is_new):
        self.refused = set()
        commands = sorted(set().union(*self.sent.values()) - FRAME)
        for command in commands:
            self.allow_all()
            self.direct.call("ACL", "SETUSER", "u", "-" + command)
            if is_new:
                self.direct.call("CLIENT", "KILL", "USER", "u")
                harness.wait_until(self.is_answering, "it is back")
            for verb in self.verbs:
                if command in self.sent[verb.name]:
                    self.check(verb, command, command if is_new else "account")

    def is_answering(self):
        """Connected, whether or not it may run this."""
        reply = self.client.call("key.get", "sliding", "x")
        return not isinstance(reply, resp.Error) or "account" in str(reply)

    def test_an_account_without_one_command_is_refused_the_verbs_that_need_it(self):
        self.check_all(is_new=True)
        for verb in self.verbs:
            if verb.collection == "memo":
                continue
            for command in self.sent[verb.name] - FRAME:
                with self.subTest(verb=verb.name, command=command):
                    self.assertIn((verb.name, command), self.refused)

    def test_an_account_that_loses_one_command_leaves_no_key_for_ever(self):
        self.check_all(is_new=False)

    def test_what_is_allowed_again_is_served_again(self):
        self.direct.call("ACL", "SETUSER", "u", "-pexpire")
        self.reconnect()
        reply = self.client.call("counter.update", "sliding", "c", "f", "1")
        self.assertEqual(reply.code, "UNAVAILABLE")
        self.assertIn("PEXPIRE, which counter.update needs", str(reply))
        self.assertEqual(self.client.call("key.set", "sliding", "k", "v"), b"OK")
        self.direct.call("ACL", "SETUSER", "u", "+pexpire")
        harness.wait_until(
            lambda: self.client.call("counter.update", "sliding", "c", "f", "1") == [1], "served"
        )

    def test_keys_that_are_not_its_own_are_refused_and_those_beside_them_served(self):
        self.direct.call("ACL", "SETUSER", "u", "resetkeys", "~sliding:a*")
        self.reconnect_somehow()
        for verb in self.verbs:
            if verb.is_write:
                with self.subTest(verb=verb.name):
                    reply = self.client.call(*verb.request("sliding", key="b"))
                    self.assertEqual(getattr(reply, "code", reply), "UNAVAILABLE")
                    self.assertNotIn("needs", str(reply))
        self.assertEqual(self.client.call("dict.set", "sliding", "a", "f", "v"), 1)
        self.assertEqual(self.direct.call("KEYS", "*"), [b"sliding:a"])
        self.direct.call("ACL", "SETUSER", "u", "allkeys")

    def reconnect_somehow(self):
        self.direct.call("CLIENT", "KILL", "USER", "u")
        harness.wait_until(lambda: self.client.call("dict.has", "sliding", "a", "f") == 0, "back")

    def test_an_account_without_exec_applies_nothing(self):
        self.direct.call("ACL", "SETUSER", "u", "-exec")
        reply = self.client.call("dict.set", "sliding", "d", "f", "v")
        self.assertEqual(reply.code, "UNAVAILABLE")
        self.assertIn("account: exec", str(reply))
        self.direct.call("CLIENT", "KILL", "USER", "u")
        self.daemon.wait_logged("EXEC refused")
        self.assertEqual(self.direct.call("DBSIZE"), 0)


if __name__ == "__main__":
    harness.main()
