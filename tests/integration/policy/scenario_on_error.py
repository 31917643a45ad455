#!/usr/bin/env python3
"""on_error = miss: while the backend is down, reads answer as if nothing were there."""

import signal
import unittest

import harness
import resp
import verbs

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 100ms
[namespace carts]
on_error = miss
[namespace users]
"""

# With more words than a verb needs, where its reply depends on them.
LONGER = {
    "key.mget": (["k", "l", "m"], [None] * 3),
    "dict.mget": (["k", "f", "g"], [None] * 2),
    "set.random": (["k", "5"], []),
}


class OnError(unittest.TestCase):
    def each_read(self, client):
        for verb in verbs.of(client):
            if verb.is_read:
                with self.subTest(verb=verb.name):
                    yield verb

    def test_each_read_replies_what_it_replies_when_nothing_is_there(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client:
                client.call("memo.get", "carts", "memo")  # the lease is taken
                right = {v.name: client.call(*v.request()) for v in self.each_read(client)}
                self.assertEqual(set(right), verbs.READS)
                right["scan"] = [b"0", []]  # it has found the lease
                redis.kill()
                harness.wait_until(lambda: self.is_down(client), "the backend is down")
                for verb in self.each_read(client):
                    self.assertEqual(client.call(*verb.request()), right[verb.name])
                for name, (words, reply) in LONGER.items():
                    self.assertEqual(client.call(name, "carts", *words), reply)

    def is_down(self, client):
        reply = client.call("key.get", "users", "k")
        return isinstance(reply, resp.Error) and reply.code == "UNAVAILABLE"

    def test_writes_and_reads_of_other_namespaces_stay_unavailable(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client:
                redis.kill()
                harness.wait_until(lambda: self.is_down(client), "the backend is down")
                for verb in verbs.of(client):
                    if verb.is_write:
                        with self.subTest(verb=verb.name):
                            self.assertEqual(client.call(*verb.request()).code, "UNAVAILABLE")
                for verb in self.each_read(client):
                    self.assertEqual(client.call(*verb.request("users")).code, "UNAVAILABLE")

    def test_what_policy_refuses_is_no_miss(self):
        ini = INI.replace("[namespace users]", "max_key = 10\ndeny = set.len\n[namespace users]")
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini)
            redis.kill()
            with daemon.client() as client:
                harness.wait_until(lambda: self.is_down(client), "the backend is down")
                self.assertEqual(client.call("key.get", "carts", "long key").code, "POLICY")
                self.assertEqual(client.call("set.len", "carts", "k").code, "POLICY")
                self.assertEqual(client.call("key.get", "carts").code, "ARGS")

    def test_a_backend_that_hangs_is_down_too_and_serves_again(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                self.assertIsNone(client.call("key.get", "carts", "k"))
                reply = client.call("key.set", "carts", "k", "v")
                self.assertIn(reply.code, ("TIMEOUT", "LOST", "UNAVAILABLE"))
                redis.send_signal(signal.SIGCONT)
                harness.wait_until(
                    lambda: client.call("key.get", "carts", "k") == b"v", "it serves again"
                )

    def test_a_replica_that_serves_nothing_is_down_too(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                redis.call("CONFIG", "SET", "replica-serve-stale-data", "no")
                redis.call("REPLICAOF", "127.0.0.1", "1")
                self.assertEqual(client.call("key.get", "users", "k").code, "UNAVAILABLE")
                self.assertIsNone(client.call("key.get", "carts", "k"))
                self.assertEqual(client.call("dict.items", "carts", "k"), [])

    def test_the_wrong_type_is_no_miss(self):
        with harness.World() as world:
            with world.daemon(INI).client() as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                self.assertEqual(client.call("dict.get", "carts", "k", "f").code, "WRONGTYPE")

    def test_such_a_miss_is_counted_as_a_miss_and_as_an_error(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            with daemon.client() as client:
                redis.kill()
                harness.wait_until(lambda: self.is_down(client), "the backend is down")
                self.assertIsNone(client.call("key.get", "carts", "k"))
                stats = daemon.stats("carts")
                self.assertEqual((stats["misses"], stats["hits"]), (1, 0))
                self.assertEqual(stats["errors_UNAVAILABLE"], 1)


if __name__ == "__main__":
    harness.main()
