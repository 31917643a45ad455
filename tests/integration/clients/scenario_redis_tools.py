#!/usr/bin/env python3
"""redis-cli and redis-benchmark drive the daemon through the array form."""

import csv
import unittest

import harness
import resp


class RedisTools(unittest.TestCase):
    def cli(self, daemon, *words, **options):
        return harness.run("redis-cli", "-s", daemon.path, *words, **options)

    def test_redis_cli_shows_every_type_of_reply(self):
        with harness.World() as world:
            daemon = world.daemon()
            shown = [
                self.cli(daemon, "--no-raw", *words).stdout.rstrip("\n")
                for words in (
                    ("key.set", "carts", "a", "two words"),
                    ("key.get", "carts", "a"),
                    ("key.get", "carts", "missing"),
                    ("dict.set", "ttl=90", "carts", "7", "sku-1", "2"),
                    ("dict.items", "carts", "7"),
                )
            ]
            self.assertEqual(
                shown, ["OK", '"two words"', "(nil)", "(integer) 1", '1) "sku-1"\n2) "2"']
            )
            self.assertIn("VERB", self.cli(daemon, "get", "a").stdout)

    def test_redis_cli_runs_a_pipe(self):
        with harness.World() as world:
            daemon = world.daemon()
            lines = "".join(f"key.set carts k{i} v{i}\n" for i in range(100))
            done = self.cli(daemon, input=lines)
            self.assertEqual(done.stdout.split(), ["OK"] * 100)
            self.assertEqual(daemon.call("key.get", "carts", "k99"), b"v99")

    def test_redis_cli_pipe_loads_in_bulk(self):
        with harness.World() as world:
            daemon = world.daemon()
            data = b"".join(resp.array("key.set", "carts", f"k{i}", f"v{i}") for i in range(1000))
            done = self.cli(daemon, "--pipe", input=data.decode())
            self.assertIn("errors: 0, replies: 1000", done.stdout)
            self.assertEqual(daemon.call("key.get", "carts", "k999"), b"v999")

    def benchmark(self, daemon, *words):
        """Runs it; gives its columns."""
        done = harness.run(
            *("redis-benchmark", "-s", daemon.path, "-n", "2000", "-c", "20", "-P", "16"),
            *("-r", "1000", "--csv", *words),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        table = done.stdout[done.stdout.index('"test"') :]
        return next(csv.DictReader(table.splitlines()))

    def test_redis_benchmark_runs(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            row = self.benchmark(daemon, "key.set", "carts", "k__rand_int__", "value")
            self.assertGreater(float(row["rps"]), 0)
            print("key.set:", row["rps"], "requests a second")
            self.assertGreater(redis.call("DBSIZE"), 500)
            row = self.benchmark(daemon, "dict.incr", "carts", "all", "f")
            self.assertGreater(float(row["rps"]), 0)
            self.assertEqual(daemon.call("dict.get", "carts", "all", "f"), b"2000")
            self.assertEqual(harness.keys_without_ttl(redis, "cart:")[0], [])


if __name__ == "__main__":
    harness.main()
