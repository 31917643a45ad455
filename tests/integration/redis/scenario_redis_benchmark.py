#!/usr/bin/env python3
"""redis-benchmark runs its whole default list through a listener of Redis's dialect, without an error."""

import re
import subprocess

import harness
from redis_listener import RedisListener

REQUESTS = 2_000 if harness.is_sanitized() else 10_000
SECONDS = 120
# What it prints a line of, by default.
TESTS = {"PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET"}
TESTS |= {"SPOP", "ZADD", "ZPOPMIN", "LPUSH (needed to benchmark LRANGE)", "MSET (10 keys)"}
TESTS |= {f"LRANGE_{count} (first {count} elements)" for count in (100, 300, 500, 600)}
LINE = re.compile(r"^(.*): [\d.]+ requests per second", re.MULTILINE)


class Benchmark(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world)

    def run_all(self, *options):
        """All tests, with keys that differ; gives the names of those that it ran."""
        command = ["redis-benchmark", "-s", self.listener.path, "-q", "-n", str(REQUESTS), "-r", "100"]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=SECONDS)
        said = (done.stdout + done.stderr).replace("\r", "\n")
        self.assertEqual(done.returncode, 0, said)
        self.assertNotRegex(said, r"(?i)error|warning")
        return set(LINE.findall(said))

    def expect_all(self, *options):
        self.assertEqual(self.run_all(*options), TESTS)
        self.assertGreater(self.listener.check_ttls(), 100)

    def test_one_request_at_a_time(self):
        self.expect_all("-P", "1")

    def test_pipelined(self):
        self.expect_all("-P", "16")

    def test_in_protocol_3(self):
        self.expect_all("-P", "16", "-3")


if __name__ == "__main__":
    harness.main()
