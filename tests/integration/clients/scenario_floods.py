#!/usr/bin/env python3
"""Floods that must cost others next to nothing; of a crowd that waits, tests/bench/scenario_crowd.py."""

import unittest

import harness

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[namespace carts]
[namespace sessions]
"""


class Floods(unittest.TestCase):
    def test_a_flood_of_mistakes_gets_few_guesses_and_a_single_one_gets_one(self):
        with harness.World() as world:
            with world.daemon(INI).client() as client:
                for wrong, guess in ((b"key.gett carts a\n", b"key.get NAMESPACE"),
                                     (b"key.get sesions a\n", b"did you mean sessions")):
                    client.send(wrong * 5000)
                    replies = [client.read() for _ in range(5000)]
                    self.assertIn(guess, replies[0])
                    self.assertLess(sum(guess in reply for reply in replies), 4000)
                    client.call("ping")
                    client.send(wrong)
                    self.assertIn(guess, client.read())


if __name__ == "__main__":
    harness.main()
