#!/usr/bin/env python3
"""Each word of a command of Redis that is a key is one for cachesd, too: or clients would reach other namespaces."""

import pathlib
import shlex
import subprocess
import unittest

import harness
import resp
from resp3_forms import forms

KEYS = [*harness.UNDER, str(pathlib.Path(harness.CACHESD).with_name("redis_keys"))]

# Forms with keys at several places, of which the replies say nothing new.
MORE = """\
MSET k a l b m c
MSETNX k a l b
DEL k l m
BITOP NOT l k
BITOP XOR l k m n
LMOVE k l LEFT LEFT
SINTERSTORE m k l n
ZUNIONSTORE m 2 k l WEIGHTS 2 3 AGGREGATE MAX
ZINTERSTORE m 1 k
ZDIFFSTORE m 3 k l n
ZRANGESTORE m k 0 -1 BYSCORE REV LIMIT 0 1
ZINTERCARD 2 k l LIMIT 5
SINTERCARD 3 k l m LIMIT 5
ZMPOP 2 k l MAX COUNT 5
LMPOP 3 k l m RIGHT COUNT 5
ZUNION 3 k l m WITHSCORES
SORT k STORE l
SORT k BY w_* GET # GET n_* STORE l
SORT k LIMIT 0 5 DESC ALPHA STORE l
GEORADIUS k 15 37 200 km STORE l
GEORADIUS k 15 37 200 km STOREDIST l
GEORADIUS k 15 37 200 km COUNT 5 DESC STOREDIST l
GEORADIUSBYMEMBER k a 200 km STORE l
GEOSEARCHSTORE l k FROMMEMBER a BYBOX 1 2 km STOREDIST
EVAL 'return 1' 2 k l m
EVALSHA 0123456789012345678901234567890123456789 1 k l
COPY k l REPLACE
RENAMENX k l
LCS k l IDX
PFMERGE l k m
PFCOUNT k l
OBJECT FREQ k
TOUCH k l
SMOVE k l a
RPOPLPUSH k l
"""

# Commands whose rows are the daemon's own: their keys are tried through it.
ELSEWHERE = {"COMMAND", "EVAL", "EVALSHA", "EVAL_RO"}


def patterns_of(words):
    """The words of SORT that name keys by a pattern, which Redis does not count."""
    if words[0] not in ("SORT", "SORT_RO"):
        return []
    return [word for before, word in zip(words, words[1:]) if before in ("BY", "GET") and "*" in word]


def keys_of(commands):
    """What the rows of cachesd say of each command, lists of words: a list of keys, or a text."""
    told = b""
    for words in commands:
        told += b"%d\n" % len(words)
        told += b"".join(b"%d\n%s" % (len(word), word) for word in map(str.encode, words))
    out = subprocess.run(KEYS, input=told, stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in out.splitlines():
        kind, *rest = line.split(" ")
        yield sorted(rest) if kind == "keys" else line


class Keys(harness.TestCase):
    def test_the_keys_of_each_form_of_each_command_are_those_that_redis_says(self):
        redis = self.connect(self.world.redis())
        commands = [shlex.split(command) for _, command, _ in forms()]
        commands += [shlex.split(line) for line in MORE.splitlines()]
        for words, got in zip(commands, keys_of(commands)):
            keys = redis.call("COMMAND", "GETKEYS", *words)
            if isinstance(keys, resp.Error) and "no key arguments" not in str(keys):
                continue  # this server does not know the form
            wanted = [] if isinstance(keys, resp.Error) else list(map(bytes.decode, keys))
            with self.subTest(command=words):
                if isinstance(got, str):
                    self.assertTrue(not wanted or words[0] in ELSEWHERE, got)
                elif words[0] != "COMMAND":  # of another command
                    self.assertEqual(got, sorted(wanted + patterns_of(words)))


if __name__ == "__main__":
    unittest.main()
