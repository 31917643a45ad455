#!/usr/bin/env python3
"""Wrong passwords in Redis's dialect are guesses as any others: the further ones wait."""

import time

import harness
import resp
from redis_listener import RedisListener, bound

USERS = "".join(
    f"[user {name}]\ntoken = {harness.token_hash(name)}\naccess = write\nnamespaces = *\n" for name in ("web", "default")
)
WRONG = b"WRONGPASS invalid username-password pair or user is disabled."
AT_ONCE = 5  # so many guesses do not wait


class Guesses(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world, bound() + USERS)

    def guess(self, *words):
        """Each over a connection of its own; says how long it took."""
        began = time.monotonic()
        reply = self.listener.call(*words)
        return reply, time.monotonic() - began

    def check_waits(self, wrong, right, answer):
        for words in (wrong * AT_ONCE)[:AT_ONCE]:
            self.assertEqual(self.guess(*words)[0], WRONG)
        reply, seconds = self.guess(*right)
        self.assertTrue(answer(reply), reply)
        self.assertGreater(seconds, 0.2)

    def test_those_of_auth_wait(self):
        self.check_waits([("AUTH", "web", "wrong")], ("AUTH", "web", "web"), lambda reply: reply == b"OK")

    def test_a_password_alone_is_a_guess_at_the_user_default(self):
        wrong = [("AUTH", "wrong"), ("AUTH", "default", "wrong")]
        self.check_waits(wrong, ("AUTH", "default"), lambda reply: reply == b"OK")

    def test_those_of_hello_wait_with_those_of_auth(self):
        wrong = [("HELLO", "3", "SETNAME", "me", "AUTH", "web", "wrong"), ("AUTH", "web", "wrong")]
        self.check_waits(wrong, ("HELLO", "2", "AUTH", "web", "web"), lambda reply: reply[:2] == [b"server", b"redis"])

    def test_another_user_does_not_wait_and_what_follows_keeps_its_order(self):
        with self.listener.client() as guesser, self.listener.client() as other:
            guesser.send(resp.array("AUTH", "web", "wrong") * (AT_ONCE + 2) + resp.array("PING"))
            for _ in range(AT_ONCE):
                self.assertEqual(guesser.read(), WRONG)
            self.assertEqual(other.call("AUTH", "default", "default"), b"OK")
            self.assertEqual([guesser.read() for _ in range(3)], [WRONG, WRONG, b"PONG"])

    def test_a_crowd_is_told_that_there_are_too_many(self):
        with self.listener.client() as first:
            first.send(resp.array("AUTH", "web", "wrong") * AT_ONCE)
            self.assertEqual({first.read() for _ in range(AT_ONCE)}, {WRONG})
        crowd = [self.world.keep(self.listener.client()) for _ in range(40)]
        for client in crowd:
            client.send(resp.array("AUTH", "web", "wrong"))
        self.assertIn(b"WRONGPASS too many wrong tokens", crowd[-1].read())
        self.assertEqual(crowd[-1].call("PING"), b"PONG")


if __name__ == "__main__":
    harness.main()
