#!/usr/bin/env python3
"""Peak memory against what the configuration adds up to, for each shape that once went beyond."""

import contextlib
import select
import threading
import time
import unittest

import fake_redis
import harness
import resp

MB = 1 << 20
ROOM = 6 * MB  # beside what is configured: spare buffers, sockets, the heap's gaps
INI = """\
[cachesd]
listen = {listen}
client_output = LIMIT
max_request = REQUEST
[backend main]
url = {redis:main}
timeout = 20s
[namespace carts]
max_value = MOST
"""
STRANGERS = "[user web]\ntoken = %s\nnamespaces = *\naccess = write\n" % harness.token_hash("t")


def settings(limit, request="1mb", most="1mb"):
    return INI.replace("LIMIT", limit).replace("REQUEST", request).replace("MOST", most)


class Memory(unittest.TestCase):
    def start(self, world, ini, **env):
        daemon = world.daemon(ini, env=env)
        self.assertEqual(daemon.call("ping"), b"PONG")
        self.before = daemon.memory("VmHWM")
        return daemon

    def expect_peak(self, daemon, configured):
        grown = daemon.memory("VmHWM") - self.before
        print(f"grown by {grown / MB:.1f} MB, {configured / MB:.1f} are configured")
        if not harness.is_sanitized():  # which gives nothing back
            self.assertLess(grown, configured + ROOM)

    def fill_set(self, redis, members, size):
        """Members of so many bytes each in the set `s`."""
        add = "for i = 1, ARGV[1] do redis.call('SADD', KEYS[1], string.rep('m', ARGV[2]) .. i) end"
        redis.call("EVAL", add, "1", "carts:s", members, size)

    def fill_key(self, redis, size):
        redis.call("EVAL", "redis.call('SET', KEYS[1], string.rep('v', ARGV[1]))", "1", "carts:k", size)

    def test_a_large_value_that_does_not_fit_is_never_collected(self):
        with harness.World() as world:
            daemon = self.start(world, settings("1mb"))
            self.fill_key(world.redis(), 24 * MB)
            with daemon.client() as client:
                for verb in ("key.get", "memo.get"):
                    self.assertEqual(client.call(verb, "carts", "k").code, "OVERLOADED", verb)
                    self.assertEqual(client.call("exists", "carts", "k"), 1)
            self.expect_peak(daemon, 1 * MB)

    def test_a_large_value_that_fits_is_collected_once(self):
        with harness.World() as world:
            daemon = self.start(world, settings("32mb"))
            self.fill_key(world.redis(), 24 * MB)
            with daemon.client(harness.LONG) as client:
                self.assertEqual(client.call("key.get", "carts", "k"), b"v" * (24 * MB))
                self.assertEqual(client.call("memo.get", "carts", "k")[:2], [b"HIT", b"v" * (24 * MB)])
            self.expect_peak(daemon, 24 * MB)

    def test_what_many_are_taken_at_once_is_lost_when_it_does_not_fit(self):
        with harness.World() as world:
            daemon = self.start(world, settings("1mb"))
            self.fill_set(world.redis(), 240, 100_000)
            with daemon.client() as client:
                client.send(b"set.pop carts s 240\nset.len carts s\n")
                reply = client.read()
                self.assertEqual(reply.code, "LOST")
                self.assertIn(b"longer than client_output", reply)
                self.assertEqual(client.read(), 0)
            self.expect_peak(daemon, 2 * MB)

    def test_what_is_taken_by_count_waits_for_room_and_all_comes(self):
        with harness.World() as world:
            daemon = self.start(world, settings("1mb", most="256kb"))
            self.fill_set(world.redis(), 200, 100_000)
            with daemon.client(harness.LONG) as client:
                client.send(b"set.pop carts s 9\n" * 20)
                for _ in range(20):
                    self.assertEqual(len(client.read()), 9)
            self.expect_peak(daemon, 2 * MB)

    def test_members_that_do_not_fit_hold_up_no_other_namespace(self):
        ini = settings("1mb") + "[namespace other]\n"
        with harness.World() as world:
            daemon = self.start(world, ini)
            self.fill_set(world.redis(), 240, 100_000)
            with daemon.client(harness.LONG) as greedy, daemon.client() as other:
                greedy.send(b"set.members carts s\n" * 8)
                refused = threading.Thread(
                    target=lambda: [self.assertEqual(greedy.read().code, "OVERLOADED") for _ in range(8)]
                )
                refused.start()
                while refused.is_alive():
                    self.assertIsNone(other.call("key.get", "other", "k"))
                refused.join()
            self.assertIn(b"connects=1 ", daemon.call("backends"))
            self.expect_peak(daemon, 1 * MB)

    def test_a_deep_pipeline_of_reads_is_never_refused(self):
        with harness.World() as world:
            daemon = self.start(world, settings("2mb", most="64kb"))
            redis, count = world.redis(), 4000
            redis.call("SET", "carts:k", b"v" * 10_000)
            with daemon.client(harness.LONG) as client:
                sender = threading.Thread(target=client.send, args=(b"key.get carts k\n" * count,))
                sender.start()
                for _ in range(count):
                    self.assertEqual(client.read(), b"v" * 10_000)
                sender.join()
            self.expect_peak(daemon, 2 * MB)

    def test_a_long_field_is_not_held_afterwards(self):
        field = b"f" * (12 * MB)
        with harness.World() as world:
            # By itself malloc keeps a block of that size, now and then, for the next. This is of the daemon.
            daemon = self.start(world, settings("32mb", "32mb", "16mb"), MALLOC_MMAP_THRESHOLD_=str(MB))
            with daemon.client(harness.LONG) as client:
                self.assertEqual(client.call("dict.set", "carts", "d", field, "v"), 1)
                self.assertEqual(client.call("dict.get", "carts", "d", field), b"v")
                self.assertEqual(client.call("dict.keys", "carts", "d"), [field])
                self.assertEqual(client.call("ping"), b"PONG")
                held = daemon.memory("VmRSS") - self.before
            print(f"holds {held / MB:.1f} MB more")
            if not harness.is_sanitized():
                self.assertLess(held, ROOM)

    def test_a_ping_beyond_client_output_is_refused(self):
        with harness.World() as world:
            daemon = self.start(world, settings("64kb", "9mb"))
            with daemon.client(harness.LONG) as client:
                for _ in range(3):
                    self.assertEqual(client.call("ping", b"m" * (8 * MB)).code, "OVERLOADED")
            self.expect_peak(daemon, 8 * MB)

    def test_strangers_cost_little_before_they_authenticate(self):
        ini = settings("64mb", "16mb") + STRANGERS
        with harness.World() as world:
            daemon = self.start(world, ini)
            with contextlib.ExitStack() as stack:
                crowd = [stack.enter_context(daemon.client(harness.LONG)) for _ in range(20)]
                for client in crowd:
                    client.send(b"*2\r\n$4\r\nping\r\n$4194304\r\n" + b"m" * (3 * MB))
                for client in crowd:
                    reply = client.read()
                    self.assertEqual(reply.code, "PROTOCOL")
                    self.assertIn(b"auth USER TOKEN", reply)
            self.expect_peak(daemon, len(crowd) * 128 * 1024)

    def test_who_authenticates_has_the_usual_limits_at_once(self):
        with harness.World() as world:
            daemon = world.daemon(settings("64mb", "16mb") + STRANGERS)
            with daemon.client() as client:
                client.send(resp.array("auth", "web", "t") + resp.array("ping", b"m" * MB))
                self.assertEqual([client.read(), client.read()], [b"OK", b"m" * MB])


class Progress(unittest.TestCase):
    def test_a_reply_that_takes_long_is_no_stall(self):
        """It takes several times what may pass without a byte; the next answer comes behind it."""

        def slow(connection, _, right):
            size = 40 * 20_000
            connection.send(b"$%d\r\n" % size)
            for _ in range(40):
                connection.send(b"v" * 20_000)
                time.sleep(0.04)
            connection.send(b"\r\n")

        ini = harness.INI.replace("timeout = 20s", "timeout = 200ms")
        with harness.World() as world, fake_redis.FakeRedis(world) as fake:
            daemon = world.daemon(ini.replace("{redis:main}", fake.url))
            with daemon.client() as client:
                is_up = lambda: b"state=up" in client.call("backends")
                harness.wait_until(is_up, "it is greeted")
                fake.behave = fake_redis.once(slow)
                self.assertEqual(client.call("key.get", "carts", "slow").code, "TIMEOUT")
                value = fake_redis.value_of(b"cart:k")
                harness.wait_until(lambda: client.call("key.get", "carts", "k") == value, "it answers")
                self.assertEqual(fake.accepted, 1)

    def test_one_that_asks_for_too_much_again_and_again_leaves_others_their_turn(self):
        with harness.World() as world:
            redis = world.redis()
            with redis.client() as direct:
                for number in range(600):
                    direct.call("SADD", "carts:s", b"%d" % number + b"v" * 100_000)
            daemon = world.daemon(settings("1mb"))
            refused, answered = 0, 0
            with daemon.client(timeout=harness.LONG) as greedy, daemon.client() as other:
                while refused < 6:
                    greedy.send(resp.array("set.members", "carts", "s"))
                    while not select.select([greedy.socket], [], [], 0)[0]:
                        other.call("key.get", "carts", "k")
                        answered += 1
                    self.assertEqual(greedy.read().code, "OVERLOADED")
                    refused += 1
            # Behind each reply that is skipped one waits; far more have their turn before the next.
            self.assertGreater(answered, 10 * refused)


if __name__ == "__main__":
    harness.main()
