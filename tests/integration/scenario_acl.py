#!/usr/bin/env python3
"""A backend whose account may not do everything."""

import unittest

import harness

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


if __name__ == "__main__":
    harness.main()
