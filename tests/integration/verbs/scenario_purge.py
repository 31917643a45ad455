#!/usr/bin/env python3
"""Purge: all keys of a namespace and no others, in small steps, whatever happens meanwhile."""

import contextlib
import re
import signal
import unittest

import fake_redis
import harness
import resp
from fake_redis import FakeRedis, value_of

MANY = 100_000

HEAD = """\
[cachesd]
listen = {listen}
drain = 300ms
[backend main]
url = {redis:main}
timeout = 5s
"""
INI = HEAD + "[namespace carts]\n[namespace users]\n"
GLOBS = ["a*", "b?", "c[d]", "e[^f]", "g\\h", "i[j-k]", "[", "]", "^", "\\", "l\\*", "m:{n}"]


def populate(redis, prefix, count):
    """Keys `prefix:0` and so on."""
    redis.call("DEBUG", "POPULATE", count, prefix, 10)


def user(name, access):
    """A user whose token is its name."""
    hash_ = harness.token_hash(name)
    return f"[user {name}]\ntoken = {hash_}\nnamespaces = *\naccess = {access}\n"


class LateRedis(FakeRedis):
    """Holds the answers to the first SCANs back: each goes out when the next SCAN has come, which
    says that the daemon has given it up. Each tells of a key of its own."""

    def __init__(self, world, late):
        super().__init__(world)
        self.behave = self.answer_late
        self.late = late
        self.scans = 0
        self.held = None
        self.unlinked = []

    def answer_late(self, connection, words, right):
        if words[0] == b"UNLINK":
            self.unlinked += words[1:]
        if words[0] != b"SCAN":
            connection.send(right)
            return
        self.send_held()
        self.scans += 1
        key = fake_redis.bulk(b"carts:key %d" % self.scans)
        self.held = connection, fake_redis.array([fake_redis.bulk(b"0"), fake_redis.array([key])])
        if self.scans > self.late:
            self.send_held()

    def send_held(self):
        if self.held:
            connection, answer = self.held
            self.held = None
            connection.send(answer)


class LyingRedis(FakeRedis):
    """Answers SCAN and UNLINK with what the test says, each in turn and the last for ever."""

    def __init__(self, world, scans, unlinks=(b":1\r\n",)):
        super().__init__(world)
        self.answers = {b"SCAN": list(scans), b"UNLINK": list(unlinks)}
        self.asked = {b"SCAN": [], b"UNLINK": []}
        self.behave = self.lie

    def lie(self, connection, words, right):
        answers = self.answers.get(words[0])
        if answers is None:
            connection.send(right)
            return
        self.asked[words[0]].append(words[1:])
        connection.send(answers.pop(0) if len(answers) > 1 else answers[0])


def scan_answer(cursor, *keys):
    return fake_redis.array([fake_redis.bulk(cursor), fake_redis.array(map_bulk(keys))])


def map_bulk(items):
    return [fake_redis.bulk(item) for item in items]


class Lies(unittest.TestCase):
    """A purge ends, whatever the backend says, and tells the client whether keys may be gone."""

    def purge(self, scans, unlinks=(b":1\r\n",)):
        with harness.World() as world, LyingRedis(world, scans, unlinks) as fake:
            daemon = world.daemon(INI.replace("{redis:main}", fake.url))
            with daemon.client(timeout=5) as client:
                reply = client.call("purge", "carts")
                self.assertEqual(client.call("key.get", "carts", "k"), value_of(b"carts:k"))
            if isinstance(reply, resp.Error):
                self.assertEqual(reply.code, "INTERNAL", reply)
                self.assertIn("purge carts: the purge stopped", daemon.log())
            return reply, fake.asked

    def test_a_cursor_that_never_changes(self):
        _, asked = self.purge([scan_answer(b"7")])
        self.assertLess(len(asked[b"SCAN"]), 5)

    def test_cursors_that_go_round_in_a_circle(self):
        way_in = [scan_answer(b"%d" % n) for n in range(1, 50)]
        circle = [scan_answer(b"%d" % (100 + n % 30)) for n in range(10000)]
        _, asked = self.purge(way_in + circle)
        self.assertLess(len(asked[b"SCAN"]), 200)

    def test_answers_that_are_none_of_scans(self):
        for answer in (b"*0\r\n", b"*1\r\n$1\r\n0\r\n", b"*2\r\n*0\r\n$1\r\n0\r\n", b":0\r\n",
                       b"*2\r\n$1\r\n0\r\n$1\r\n0\r\n", b"*2\r\n:0\r\n*0\r\n", b"+OK\r\n", b"$-1\r\n",
                       b"*3\r\n$1\r\n0\r\n*0\r\n*0\r\n", b"*2\r\n$1\r\n0\r\n*1\r\n:1\r\n",
                       scan_answer(b""), scan_answer(b"-1"), scan_answer(b"x"),
                       scan_answer(b"1" * 40)):
            with self.subTest(answer=answer):
                reply, asked = self.purge([answer])
                self.assertIsInstance(reply, resp.Error)
                self.assertEqual(len(asked[b"SCAN"]), 1)

    def test_answers_that_are_none_of_unlinks(self):
        for answer in (b":-1\r\n", b":2\r\n", b":9223372036854775807\r\n", b"+OK\r\n", b"*0\r\n", b"$1\r\n1\r\n"):
            with self.subTest(answer=answer):
                reply, _ = self.purge([scan_answer(b"0", b"carts:a")], [answer])
                self.assertIsInstance(reply, resp.Error)
                self.assertIn(b"0 keys were removed", reply)

    def test_keys_of_others_are_not_believed(self):
        reply, asked = self.purge([scan_answer(b"0", b"users:a", b"carts:b", b"cart", b"")])
        self.assertEqual(reply, 1)
        self.assertEqual(asked[b"UNLINK"], [[b"carts:b"]])

    def test_more_keys_than_are_held_at_a_time_are_asked_for_again(self):
        keys = [b"carts:%d:" % n + b"x" * 100_000 for n in range(200)]
        reply, asked = self.purge([scan_answer(b"0", *keys), scan_answer(b"5", keys[-1]),
                                   scan_answer(b"0")], [b":84\r\n", b":1\r\n"])
        self.assertEqual(reply, 85)
        self.assertEqual([words[0] for words in asked[b"SCAN"]], [b"0", b"0", b"5"])
        self.assertLess(sum(map(len, asked[b"UNLINK"][0])), 9 << 20)


class Purge(unittest.TestCase):
    def wait_for_progress(self, daemon, least=1):
        harness.wait_until(
            lambda: daemon.stats("carts")["purge_removed"] >= least, "the purge has begun"
        )

    def wait_until_over(self, daemon):
        harness.wait_until(lambda: daemon.stats("carts")["purging"] == 0, "the purge is over")

    # --- what goes and what stays -------------------------------------------------------------

    def test_other_prefixes_are_untouched(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            for prefix in ("carts", "users", "other", "xcarts", "carts2"):
                populate(redis, prefix, 3000)
            self.assertEqual(daemon.call("purge", "carts"), 3000)
            self.assertEqual(redis.call("KEYS", "carts:*"), [])
            self.assertEqual(redis.call("DBSIZE"), 4 * 3000)

    def test_a_prefix_with_glob_characters_is_taken_as_it_is(self):
        for glob in GLOBS:
            others = [glob + glob, "x" + glob, "aa", "bx", "cd", "ex", "gh", "ij", "lx", "m:n"]
            with self.subTest(prefix=glob), harness.World() as world:
                ini = HEAD + f"[namespace carts]\nprefix = {glob}:\n"
                redis, daemon = world.redis(), world.daemon(ini)
                redis.call("MSET", *(w for other in others for w in (other + ":k", "v")))
                for i in range(10):
                    daemon.call("key.set", "carts", f"k{i}", "v")
                self.assertEqual(daemon.call("purge", "carts"), 10)
                self.assertEqual(redis.call("DBSIZE"), len(set(others)))

    def test_an_empty_prefix_stands_for_the_whole_database(self):
        ini = HEAD + "[namespace carts]\nprefix =\n"
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(ini)
            populate(redis, "any", 1000)
            with redis.client() as direct:
                direct.call("SELECT", "1")
                direct.call("SET", "any:0", "v")
            self.assertEqual(daemon.call("purge", "carts"), 1000)
            self.assertIn(b"db1:keys=1", redis.call("INFO", "keyspace"))

    def test_each_collection_large_or_small_goes(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            words = [f"w{i}" for i in range(20000)]
            with daemon.client() as client:
                client.call("dict.set", "carts", "d", *words)
                client.call("set.add", "carts", "s", *words)
                client.call("key.set", "carts", bytes(range(256)), "v")
                client.call("key.set", "carts", "", "v")
                self.assertEqual(client.call("purge", "carts"), 4)
            self.assertEqual(redis.call("DBSIZE"), 0)

    # --- who may ------------------------------------------------------------------------------

    def test_only_an_admin_of_the_namespace_may(self):
        mine = user("mine", "admin").replace("= *", "= users")
        with harness.World() as world:
            redis = world.redis()
            users = user("reader", "read") + user("writer", "write") + user("boss", "admin")
            daemon = world.daemon(INI + users + mine)
            populate(redis, "carts", 100)
            self.assertEqual(daemon.call("purge", "carts").code, "NOAUTH")
            for name in ("reader", "writer", "mine"):
                with daemon.client() as client:
                    self.assertEqual(client.call("auth", name, name), b"OK")
                    self.assertEqual(client.call("purge", "carts").code, "NOPERM")
            self.assertEqual(redis.call("DBSIZE"), 100)
            with daemon.client() as client:
                client.call("auth", "boss", "boss")
                self.assertEqual(client.call("purge", "carts"), 100)

    def test_a_readonly_namespace_is_refused(self):
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(HEAD + "[namespace carts]\nreadonly = yes\n")
            populate(redis, "carts", 100)
            self.assertEqual(daemon.call("purge", "carts").code, "POLICY")
            self.assertEqual(redis.call("DBSIZE"), 100)

    # --- meanwhile ----------------------------------------------------------------------------

    def test_progress_can_be_watched(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", MANY)
            with daemon.client() as client, daemon.client() as other:
                client.send(resp.array("purge", "carts"))
                seen = []
                while not seen or seen[-1] < MANY:
                    stats = harness.sections(other.call("stats", "carts"))["namespace carts"]
                    seen.append(int(stats["purge_removed"]))
                    if seen[-1] < MANY:
                        self.assertEqual(stats["purging"], "1")
                self.assertEqual(client.read(), MANY)
                self.assertEqual(seen, sorted(seen))
                self.assertTrue(set(seen) - {0, MANY}, "it is seen on its way")
                self.wait_until_over(daemon)
            self.assertRegex(daemon.log(), rf"purge carts: done, {MANY} ")

    def test_it_goes_on_when_its_client_leaves(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", MANY)
            with daemon.client() as client:
                client.send(resp.array("purge", "carts"))
                self.wait_for_progress(daemon)
            self.wait_until_over(daemon)
            self.assertEqual(redis.call("DBSIZE"), 0)

    def test_its_client_can_go_on_and_gets_its_replies_in_order(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", 10000)
            with daemon.client() as client:
                client.send(resp.array("purge", "carts") + resp.array("key.set", "users", "k", "v"))
                client.send(resp.array("ping"))
                self.assertEqual([client.read() for _ in range(3)], [10000, b"OK", b"PONG"])

    def test_four_at_a_time_and_no_more(self):
        with harness.World() as world, contextlib.ExitStack() as stack:
            redis, daemon = world.redis(), world.daemon(INI)
            clients = [stack.enter_context(daemon.client(harness.LONG)) for _ in range(5)]
            redis.send_signal(signal.SIGSTOP)
            for number, client in enumerate(clients[:4]):
                client.send(resp.array("purge", "carts"))
                begun = lambda: daemon.stats("carts")["purging"] == number + 1
                harness.wait_until(begun, "it has begun")
            self.assertEqual(clients[4].call("purge", "carts").code, "OVERLOADED")
            redis.send_signal(signal.SIGCONT)
            self.assertEqual([client.read() for client in clients[:4]], [0] * 4)
            self.assertEqual(clients[4].call("purge", "carts"), 0)

    def test_two_at_once_share_the_work(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", 20000)
            populate(redis, "users", 5000)
            with daemon.client() as one, daemon.client() as two, daemon.client() as three:
                for client, namespace in ((one, "carts"), (two, "carts"), (three, "users")):
                    client.send(resp.array("purge", namespace))
                self.assertEqual(one.read() + two.read(), 20000)
                self.assertEqual(three.read(), 5000)
            self.assertEqual(redis.call("DBSIZE"), 0)

    def test_it_goes_on_under_the_settings_it_began_with_when_they_change(self):
        changes = {
            "prefix": INI.replace("[namespace users]", "prefix = new:\n[namespace users]"),
            "backend": INI.replace("{redis:main}", "{redis:other}"),
            "namespace gone": INI.replace("[namespace carts]\n", ""),
            "readonly": INI.replace("[namespace users]", "readonly = yes\n[namespace users]"),
        }
        for name, ini in changes.items():
            with self.subTest(name), harness.World() as world:
                redis, daemon = world.redis(), world.daemon(INI)
                for prefix in ("carts", "new", "users"):
                    populate(redis, prefix, 50000 if prefix == "carts" else 100)
                with daemon.client() as client:
                    client.send(resp.array("purge", "carts"))
                    self.wait_for_progress(daemon)
                    self.assertEqual(daemon.reload(ini), b"OK")
                    self.assertEqual(client.read(), 50000)
                self.assertEqual(redis.call("DBSIZE"), 200)

    # --- a backend in trouble -----------------------------------------------------------------

    def test_a_backend_that_hangs_in_the_middle_is_waited_for(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI.replace("5s", "100ms"))
            populate(redis, "carts", MANY)
            with daemon.client() as client, daemon.client() as other:
                client.send(resp.array("purge", "carts"))
                self.wait_for_progress(daemon)
                redis.send_signal(signal.SIGSTOP)
                reply = other.call("key.get", "users", "k")
                self.assertIn(reply.code, ("TIMEOUT", "LOST", "UNAVAILABLE"))
                redis.send_signal(signal.SIGCONT)
                self.assertGreater(client.read(), 0)
            self.assertEqual(redis.call("DBSIZE"), 0)

    def test_a_connection_that_breaks_again_and_again_is_made_anew(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", MANY)
            with daemon.client() as client, redis.client() as direct:
                client.send(resp.array("purge", "carts"))
                for part in range(1, 5):
                    self.wait_for_progress(daemon, part * MANY // 5)
                    direct.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                self.assertGreater(client.read(), 0)
            self.assertEqual(redis.call("DBSIZE"), 0)

    def test_a_backend_that_dies_in_the_middle_and_comes_back_is_purged_to_the_end(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", MANY)
            populate(redis, "users", 100)
            with daemon.client() as client:
                client.send(resp.array("purge", "carts"))
                self.wait_for_progress(daemon, MANY // 4)
                with redis.client() as direct:  # what is left is there again when it starts
                    direct.send(resp.array("SHUTDOWN", "SAVE"))
                redis.process.wait()
                redis.start()
                self.assertGreater(client.read(), MANY // 4)
            harness.wait_until(lambda: redis.call("PING") == b"PONG", "it has loaded")
            self.assertEqual(redis.call("DBSIZE"), 100)

    def test_a_backend_that_stays_away_ends_it_and_its_client_is_told(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", MANY)
            with daemon.client() as client:
                client.timeout = harness.LONG
                client.send(resp.array("purge", "carts"))
                self.wait_for_progress(daemon)
                redis.kill()
                reply = client.read()
            self.assertEqual(reply.code, "LOST", "some keys are gone")
            removed = int(re.search(rb"(\d+) keys were removed", reply)[1])
            self.assertEqual(removed, daemon.stats("carts")["purge_removed"])
            self.assertEqual(daemon.stats("carts")["purging"], 0)

    def test_a_right_that_the_account_lacks_ends_it_at_once(self):
        for command in ("scan", "unlink"):
            with self.subTest(command), harness.World() as world:
                redis, daemon = world.redis(), world.daemon(INI)
                populate(redis, "carts", 10)
                redis.call("ACL", "SETUSER", "default", f"-{command}")
                reply = daemon.call("purge", "carts")
                self.assertEqual(reply.code, "UNAVAILABLE", "nothing was removed")
                self.assertIn(b"the purge stopped: backend main refuses this daemon's account: %s: 0 keys" % command.encode(), reply)
                stats = redis.call("INFO", "commandstats")
                rejected = int(re.search(rb"cmdstat_%s:.*rejected_calls=(\d+)," % command.encode(), stats)[1])
                self.assertLess(rejected, 5, "the purge's own, and those that find out what the account may do")
                self.assertIn(f"account: {command}", daemon.log())

    def test_an_error_that_does_not_pass_is_the_reason_in_the_end(self):
        with harness.World() as world, LyingRedis(world, [b"-MISCONF no disk\r\n"]) as fake:
            daemon = world.daemon(INI.replace("{redis:main}", fake.url))
            with daemon.client(harness.LONG) as client:
                reply = client.call("purge", "carts")  # 51 times 200 ms
            self.assertEqual(reply.code, "UNAVAILABLE")
            self.assertIn(b"the purge stopped: backend main can't save its data: 0 keys", reply)

    def test_an_answer_that_comes_after_its_timeout_is_passed_over(self):
        with harness.World() as world, LateRedis(world, late=1) as fake:
            daemon = world.daemon(INI.replace("{redis:main}", fake.url).replace("5s", "100ms"))
            with daemon.client() as client:
                self.assertEqual(client.call("purge", "carts"), 1)
                self.assertEqual(client.call("key.get", "users", "k"), value_of(b"users:k"))
            self.assertEqual(fake.unlinked, [b"carts:key 2"])

    def test_an_answer_that_comes_after_the_purge_was_given_up_is_passed_over(self):
        with harness.World() as world, LateRedis(world, late=1000) as fake:
            daemon = world.daemon(INI.replace("{redis:main}", fake.url).replace("5s", "5ms"))
            with daemon.client(harness.LONG) as client:
                reply = client.call("purge", "carts")  # 51 times 200 ms
                self.assertEqual(reply.code, "UNAVAILABLE")
                self.assertIn(b" 0 keys were removed", reply)
                self.assertEqual(daemon.stats("carts")["purging"], 0)
                fake.send_held()
                harness.wait_until(
                    lambda: client.call("key.get", "users", "k") == value_of(b"users:k"), "served"
                )
            self.assertEqual(fake.unlinked, [])

    def test_its_client_is_told_when_the_daemon_ends(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon(INI)
            populate(redis, "carts", MANY)
            with daemon.client() as client:
                client.send(resp.array("purge", "carts"))
                self.wait_for_progress(daemon)
                redis.send_signal(signal.SIGSTOP)
                daemon.send_signal(signal.SIGTERM)
                self.assertEqual(client.read().code, "LOST", "some keys are gone")
                self.assertEqual(daemon.wait(), 0)
                redis.send_signal(signal.SIGCONT)


if __name__ == "__main__":
    harness.main()
