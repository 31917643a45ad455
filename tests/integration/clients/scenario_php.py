#!/usr/bin/env python3
"""../../../clients/php: the PSR-16 cache and the session handler, by programs of ../../drivers/clients that use them."""

import os
import unittest

import harness
from languages import DRIVERS, ENVIRONMENT

PSR = "/usr/share/php/Psr/SimpleCache/autoload.php"
INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[namespace demo]
ttl = 1h
"""


class PHP(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)

    def run_program(self, name):
        strict = "-d", "zend.assertions=1", "-d", "assert.exception=1", "-d", "error_reporting=-1", "-d", "display_errors=stderr"
        done = harness.run("php", *strict, str(DRIVERS / name), env={**ENVIRONMENT, "CACHESD_ADDRESS": self.daemon.path})
        self.assertEqual((done.returncode, done.stdout), (0, "all is well\n"), done.stderr)
        self.assertEqual(done.stderr, "")

    @unittest.skipUnless(os.path.exists(PSR), "Debian's package php-psr-simple-cache is wanted, and not installed")
    def test_the_cache_is_as_psr_16_says(self):
        self.run_program("simple_cache.php")

    def test_sessions_are_kept_live_on_and_end(self):
        self.run_program("session.php")
        forever, count = harness.keys_without_ttl(self.redis, "demo:")
        self.assertEqual((forever, count), ([], 1))


if __name__ == "__main__":
    harness.main()
