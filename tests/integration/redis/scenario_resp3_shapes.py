#!/usr/bin/env python3
"""What cachesd makes of Redis's replies for a client of protocol 3 is, byte for byte, what Redis says itself."""

import pathlib
import shlex
import subprocess
import unittest

import harness
import resp3
from resp3_forms import forms

REWRITE = [*harness.UNDER, str(pathlib.Path(harness.CACHESD).with_name("rewrite_resp3"))]


class RawClient(resp3.Client3):
    """Its replies are the bytes themselves."""

    @staticmethod
    def parse(data, at=0):
        parsed = resp3.parse(data, at)
        return parsed and (bytes(data[at : parsed[1]]), parsed[1])

    def ask(self, line):
        return self.call(*shlex.split(line))


def rewrite(replies):
    """The replies, pairs of a shape and bytes, as cachesd rewrites them."""
    told = b"".join(b"%s %d\n%s" % (shape.encode(), len(reply), reply) for shape, reply in replies)
    out = subprocess.run(REWRITE, input=told, stdout=subprocess.PIPE, check=True).stdout
    rewritten = []
    while out:
        length, _, out = out.partition(b"\n")
        rewritten.append(out[: int(length)])
        out = out[int(length) :]
    return rewritten


def without_nils(reply):
    return reply.replace(b"$-1\r\n", b"_\r\n").replace(b"*-1\r\n", b"_\r\n")


class Shapes(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.older, self.newer = (RawClient(self.world.redis().path) for _ in range(2))
        self.older.ask("HELLO 2")
        self.newer.ask("HELLO 3")
        self.addCleanup(self.older.close)
        self.addCleanup(self.newer.close)

    def ask(self, client, command, setup):
        self.older.ask("FLUSHALL")
        for line in setup:
            self.assertFalse(self.older.ask(line).startswith(b"-"), line)
        return client.ask(command)

    def test_each_form_of_each_command_has_the_reply_of_the_real_server(self):
        all_forms = list(forms())
        older = [self.ask(self.older, command, setup) for _, command, setup in all_forms]
        newer = [self.ask(self.newer, command, setup) for _, command, setup in all_forms]
        rewritten = rewrite([(form[0], reply) for form, reply in zip(all_forms, older)])
        self.assertEqual(len(rewritten), len(newer))
        shaped = set()
        for (shape, command, setup), before, got, wanted in zip(all_forms, older, rewritten, newer):
            with self.subTest(command=command, setup=setup, shape=shape):
                self.assertEqual(got, wanted)
            if without_nils(before) != wanted:
                shaped.add(shape)
        self.assertEqual(shaped, {form[0] for form in all_forms} - {"SAME"})

    def test_large_replies_too(self):
        # A hash table may change its order between two answers.
        self.older.ask("CONFIG SET hash-max-listpack-entries 20000")
        self.older.ask("CONFIG SET set-max-intset-entries 20000")
        self.older.call("ZADD", "z", *(word for i in range(5000) for word in (f"{i}.25", f"m{i}")))
        self.older.call("HSET", "h", *(f"w{i}" for i in range(10000)))
        self.older.call("SADD", "s", *(str(i) for i in range(10000)))
        commands = {
            "ZRANGE z 0 -1 WITHSCORES": "PAIRS",
            "HRANDFIELD h 5000 WITHVALUES": "PAIRS_TEXT",
            "HGETALL h": "MAP",
            "SMEMBERS s": "SET",
            "HMGET h " + " ".join(f"w{i}" for i in range(10000)): "SAME",
        }
        got = rewrite([(shape, self.older.ask(command)) for command, shape in commands.items()])
        for reply, command in zip(got, commands):
            with self.subTest(command=command[:30]):
                self.assertTrue(reply == self.newer.ask(command))


if __name__ == "__main__":
    unittest.main()
