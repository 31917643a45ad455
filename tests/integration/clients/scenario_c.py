#!/usr/bin/env python3
"""../../../clients/c: what cachesd_call() takes, by a program of ../../drivers/clients."""

import shutil
import unittest

import harness
from languages import CLIENTS, DRIVERS, ENVIRONMENT


@unittest.skipUnless(shutil.which("cc"), "cc is not installed")
class C(harness.TestCase):
    def test_a_word_too_many_is_refused_and_never_left_out(self):
        redis, daemon, program = self.world.redis(), self.world.daemon(), f"{self.world.folder}/many_words"
        sources = str(DRIVERS / "many_words.c"), str(CLIENTS / "c" / "cachesd.c")
        built = harness.run("cc", "-fsanitize=address,undefined", f"-I{CLIENTS}/c", "-o", program, *sources)
        self.assertEqual(built.returncode, 0, built.stderr)
        done = harness.run(program, env={**ENVIRONMENT, "CACHESD_ADDRESS": daemon.path})
        self.assertEqual((done.returncode, done.stdout), (0, "0 61 \n1 0 ARGS\n"), done.stderr)
        self.assertEqual(len(redis.call("SMEMBERS", "cart:s")), 61)


if __name__ == "__main__":
    harness.main()
