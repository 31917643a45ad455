#!/usr/bin/env python3
"""SCAN, KEYS, DBSIZE and FLUSHDB on a listener of Redis's dialect: they see the client's own keys, and all of them."""

import shutil
import subprocess
import threading
import unittest

import cluster
import fake_redis
import harness
import resp
from redis_listener import RedisListener, bound, prefixed

REST = "rest = misc\nnamespaces = sess, cart\n"


def user(name, more):
    return f"[user {name}]\ntoken = {harness.token_hash(name)}\n{more}"


class Keyspace(harness.TestCase):
    def start(self, ini, **options):
        self.listener = RedisListener(self.world, ini, **options)
        self.redis = self.listener.redis
        self.client = self.world.keep(self.listener.client())
        return self.client

    def as_user(self, name):
        client = self.world.keep(self.listener.client())
        self.assertEqual(client.call("AUTH", name, name), b"OK")
        return client

    def fill(self, *keys):
        for key in keys:
            self.assertEqual(self.redis.call("SET", key, "v", "PX", 3600000), b"OK")

    def scan(self, *options, client=None, most=10000):
        """All keys that SCAN finds, in their order; each cursor but the last leads on."""
        client = client or self.client
        cursor, found = b"0", []
        for _ in range(most):
            reply = client.call("SCAN", cursor, *options)
            self.assertIsInstance(reply, list, reply)
            cursor, keys = reply
            found += keys
            if cursor == b"0":
                return found
        raise AssertionError("SCAN does not end")

    def keys(self, pattern="*", client=None):
        reply = (client or self.client).call("KEYS", pattern)
        self.assertIsInstance(reply, list, reply)
        return sorted(reply)

    def check_both(self, pattern, expected, client=None):
        """That KEYS and SCAN find just these."""
        expected = sorted(key.encode() for key in expected)
        self.assertEqual(self.keys(pattern, client), expected, pattern)
        self.assertEqual(sorted(set(self.scan("MATCH", pattern, "COUNT", 100, client=client))), expected, pattern)


class Seen(Keyspace):
    """Which keys a client finds."""

    def test_of_a_bound_listener(self):
        self.start(bound())
        self.fill("t:a", "t:b", "t:t:c", "other:d", "t", "t:")
        self.check_both("*", ["a", "b", "t:c", ""])
        self.check_both("t:*", ["t:c"])
        self.assertEqual(self.client.call("DBSIZE"), 4)

    def test_of_prefixes(self):
        self.start(prefixed())
        self.fill("sess:a", "cart:a", "cart:b", "other:d", "ses", "sess")
        self.check_both("*", ["sess:a", "cart:a", "cart:b"])
        self.check_both("sess:*", ["sess:a"])
        self.check_both("*:a", ["sess:a", "cart:a"])
        self.check_both("c*", ["cart:a", "cart:b"])
        self.check_both("[sc]*a", ["sess:a", "cart:a"])
        self.check_both("other:*", [])
        self.check_both("cart:", [])
        self.check_both("cart", [])
        self.check_both("", [])
        self.assertEqual(self.client.call("DBSIZE"), 3)

    def test_of_a_rest(self):
        self.start(prefixed("sess", "cart", "misc", options=REST))
        self.fill("sess:a", "cart:a", "misc:a", "misc:misc:b", "other:d")
        self.check_both("*", ["sess:a", "cart:a", "a", "misc:b"])
        self.check_both("a", ["a"])
        self.check_both("misc:*", ["misc:b"])
        self.check_both("sess:*", ["sess:a"])

    def test_a_key_of_the_rest_that_looks_like_another_namespaces(self):
        client = self.start(prefixed("sess", "cart", "misc", options=REST))
        self.fill("misc:sess:a", "misc:b", "sess:c")  # the first is one that the client has no name for
        self.assertIsNone(client.call("GET", "sess:a"))
        self.check_both("*", ["b", "sess:c"])
        self.assertEqual(client.call("DBSIZE"), 2)

    def test_patterns(self):
        names = ["abc", "abd", "a*c", "a?c", "a[c", "a]c", "a\\c", "b", "a-c", "aac", "a^c"]
        patterns = ["*", "a*", "ab?", "ab[cd]", "a[^b]c", "a[a-c]c", "a\\*c", "a\\?c", "a\\[c", "a\\\\c", "a[\\]]c",
                    "a[]c", "?", "??", "", "**", "a[", "a\\", "[a", "[^a]", "a[b", "\\a*", "*c", "*[c"]
        plain = self.world.redis("plain")
        self.start(prefixed())
        self.fill(*("sess:" + name for name in names))
        for name in names:
            plain.call("SET", "sess:" + name, "v")
        for pattern in patterns + ["sess:" + p for p in patterns] + ["s?ss:*", "[s]ess:a*", "\\sess:a*"]:
            expected = sorted(plain.call("KEYS", pattern))
            self.assertEqual(self.keys(pattern), expected, pattern)
            self.assertEqual(sorted(set(self.scan("MATCH", pattern))), expected, pattern)

    def test_patterns_of_a_bound_listener(self):
        names = ["abc", "abd", "a*c", "a?c", "a[c", "a]c", "a\\c", "b", "t[x]:a"]
        plain = self.world.redis("plain")
        self.start(bound().replace("prefix = t:", "prefix = t[x]*:"))
        self.fill(*("t[x]*:" + name for name in names), "tx:abc", "txy:abc")
        for name in names:
            plain.call("SET", name, "v")
        for pattern in "*", "a*", "ab?", "ab[cd]", "a[^b]c", "a\\*c", "a\\[c", "a\\\\c", "", "a[", "a\\", "t[[]x]:*":
            expected = sorted(plain.call("KEYS", pattern))
            self.assertEqual(self.keys(pattern), expected, pattern)
            self.assertEqual(sorted(set(self.scan("MATCH", pattern))), expected, pattern)

    def test_long_keys(self):
        self.start(bound())
        names = ["x" * length for length in (500, 1000, 5000, 20000, 70000)]
        self.fill(*("t:" + name for name in names))
        self.check_both("*", names)

    def test_a_user_sees_its_own_namespaces(self):
        users = user("one", "access = read\nnamespaces = cart\n") + user("all", "access = admin\nnamespaces = *\n")
        self.start(prefixed().replace("[listener", users + "[listener"))
        self.fill("sess:a", "cart:a")
        self.check_both("*", ["cart:a"], self.as_user("one"))
        self.check_both("sess:*", [], self.as_user("one"))
        self.check_both("s*", [], self.as_user("one"))
        self.assertEqual(self.as_user("one").call("DBSIZE"), 1)
        self.check_both("*", ["cart:a", "sess:a"], self.as_user("all"))

    def test_deny_scan_hides_a_namespace(self):
        self.start(prefixed().replace("prefix = sess:\n", "prefix = sess:\ndeny = scan\n"))
        self.fill("sess:a", "cart:a")
        self.check_both("*", ["cart:a"])

    def test_after_a_failed_select_there_are_no_keys(self):
        client = self.start(bound(options="select = 1: t\n"))
        self.fill("t:a")
        self.assertIsInstance(client.call("SELECT", 7), resp.Error)
        self.assertEqual([client.call("SCAN", 0), client.call("KEYS", "*"), client.call("DBSIZE")],
                         [[b"0", []], [], 0])
        self.assertEqual(client.call("SELECT", 1), b"OK")
        self.check_both("*", ["a"])


class Steps(Keyspace):
    """SCAN's cursors and options."""

    def test_every_key_is_found_with_small_steps(self):
        self.start(prefixed("sess", "cart", "misc", options=REST))
        names = [f"{prefix}{number}" for prefix in ("sess:", "cart:", "misc:") for number in range(300)]
        self.fill(*names)
        expected = {name.removeprefix("misc:").encode() for name in names}
        for count in 1, 7, 1000, 10**9:
            self.assertEqual(set(self.scan("COUNT", count)), expected)
        self.assertEqual(len(self.keys()), 900)
        self.assertEqual(self.client.call("DBSIZE"), 900)

    def test_types(self):
        client = self.start(prefixed())
        client.call("HSET", "sess:h", "f", "v")
        client.call("SET", "cart:s", "v")
        self.assertEqual(self.scan("TYPE", "hash"), [b"sess:h"])
        self.assertEqual(self.scan("TYPE", "string", "MATCH", "c*", "COUNT", 5), [b"cart:s"])
        self.assertEqual(self.scan("TYPE", "zset"), [])

    def test_wrong_words(self):
        client = self.start(bound())
        for words, text in (
            (("x",), b"ERR invalid cursor"),
            (("-1",), b"ERR invalid cursor"),
            (("99999999999999999999999",), b"ERR invalid cursor"),
            (("0", "COUNT"), b"ERR syntax error"),
            (("0", "COUNT", "0"), b"ERR syntax error"),
            (("0", "COUNT", "x"), b"ERR value is not an integer or out of range"),
            (("0", "NOSUCH", "x"), b"ERR syntax error"),
            ((), b"ERR wrong number of arguments for 'scan' command"),
        ):
            reply = client.call("SCAN", *words)
            self.assertIsInstance(reply, resp.Error)
            self.assertEqual(reply, text, words)
        self.assertEqual(client.call("KEYS"), b"ERR wrong number of arguments for 'keys' command")
        self.assertEqual(client.call("FLUSHDB", "x"), b"ERR syntax error")

    def test_a_cursor_that_is_nobodys_ends_some_time(self):
        client = self.start(prefixed())
        self.fill(*(f"cart:{number}" for number in range(50)))
        for cursor in 1, 2, 3, 12345, 2**63, 2**64 - 1:
            reply = client.call("SCAN", cursor)
            self.assertIsInstance(reply, list, reply)
            while reply[0] != b"0":
                reply = client.call("SCAN", reply[0])

    def test_keys_that_stay_are_found_while_others_come_and_go(self):
        self.start(bound())
        stay = {b"stay%d" % number for number in range(2000)}
        self.fill(*(b"t:" + name for name in stay))
        ends = threading.Event()

        def disturb():
            with self.redis.client() as client:
                number = 0
                while not ends.is_set():
                    client.send(b"".join(resp.array("SET", f"t:go{number + i}", "v", "PX", 60000) for i in range(100)))
                    [client.read() for _ in range(100)]
                    client.call("DEL", *(f"t:go{number + i - 5000}" for i in range(100)))
                    number += 100

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            for _ in range(5):
                self.assertLessEqual(stay, set(self.scan("COUNT", 100)))
                found = self.keys()
                self.assertEqual(len(found), len(set(found)))
                self.assertLessEqual(stay, set(found))
        finally:
            ends.set()
            thread.join()

    def test_in_a_cluster(self):
        nodes = self.world.keep(cluster.Cluster(3))
        ini = prefixed().replace("{redis:main}", nodes.url)
        self.listener = RedisListener(self.world, ini)
        self.client = client = self.world.keep(self.listener.client())
        names = sorted(b"%s:%d" % (space, number) for space in (b"sess", b"cart") for number in range(200))
        for name in names:
            self.assertEqual(client.call("SET", name, "v"), b"OK")
        self.assertEqual(self.keys(), names)
        self.assertEqual(set(self.scan("COUNT", 20)), set(names))
        self.assertEqual(set(self.scan("MATCH", "cart:*")), {name for name in names if name.startswith(b"cart")})
        self.assertEqual(client.call("DBSIZE"), 400)


class FoundTwice(Keyspace):
    """What Redis's SCAN may do while its table grows or shrinks, here at each step."""

    PAGES = {b"0": (b"7", [b"t:a", b"other:x", b"t:b"]), b"7": (b"0", [b"t:b", b"t", b"t:c"])}

    def page(self, connection, words, right):
        if words[0].upper() != b"SCAN":
            connection.send(right)
            return
        cursor, keys = self.PAGES[words[1]]
        found = fake_redis.array([fake_redis.bulk(key) for key in keys])
        connection.send(fake_redis.array([fake_redis.bulk(cursor), found]))

    def test_keys_tells_of_a_key_once_and_of_none_of_others(self):
        fake = self.world.keep(fake_redis.FakeRedis(self.world))
        client = self.start(bound().replace("{redis:main}", fake.url))
        fake.behave = self.page
        self.assertEqual(client.call("KEYS", "*"), [b"a", b"b", b"c"])
        self.assertEqual(self.scan(), [b"a", b"b", b"b", b"c"])  # as Redis's own would
        self.assertEqual(client.call("DBSIZE"), 4)


class OddServers(Keyspace):
    """Answers to SCAN that no Redis gives: the client gets an error, and the next answer is its own."""

    LAST = b"18446744073709551615"

    def start_before(self, ini):
        self.fake = self.world.keep(fake_redis.FakeRedis(self.world))
        return self.start(ini.replace("{redis:main}", self.fake.url))

    def answer_scan(self, answer):
        self.fake.behave = fake_redis.only_for(b"SCAN", fake_redis.answer_with(answer))

    def test_answers_of_another_shape(self):
        client = self.start_before(bound())
        for answer in (
            b"+OK\r\n",
            b":1\r\n",
            b"$-1\r\n",
            b"*0\r\n",
            b"*1\r\n$1\r\n0\r\n",
            b"*3\r\n$1\r\n0\r\n*0\r\n*0\r\n",
            b"*2\r\n$1\r\nx\r\n*0\r\n",
            b"*2\r\n$2\r\n-1\r\n*0\r\n",
            b"*2\r\n:0\r\n*0\r\n",
            b"*2\r\n*0\r\n*0\r\n",
            b"*2\r\n$1\r\n0\r\n$1\r\na\r\n",
            b"*2\r\n$1\r\n0\r\n:1\r\n",
            b"*2\r\n$1\r\n0\r\n*1\r\n:1\r\n",
            b"*2\r\n$1\r\n0\r\n*1\r\n*1\r\n$3\r\nt:a\r\n",
        ):
            self.answer_scan(answer)
            for words in ("SCAN", 0), ("KEYS", "*"), ("DBSIZE",):
                reply = client.call(*words)
                self.assertIsInstance(reply, resp.Error, (words, answer))
                self.assertEqual(reply.split()[1], b"INTERNAL", (words, answer))
                self.assertEqual(client.call("PING"), b"PONG")

    def scan_to_the_last_cursor(self, ini):
        client = self.start_before(ini)
        self.answer_scan(fake_redis.array([fake_redis.bulk(self.LAST), fake_redis.array([])]))
        return client.call("SCAN", 0)

    def test_the_last_cursor_passes(self):
        self.assertEqual(self.scan_to_the_last_cursor(bound()), [self.LAST, []])

    def test_a_cursor_without_room_for_the_place(self):
        self.assertIn(b"the server's cursor is too large", self.scan_to_the_last_cursor(prefixed()))

    def test_a_server_that_refuses_scan(self):
        client = self.start_before(bound())
        self.answer_scan(b"-NOPERM this user has no permissions to run the 'scan' command\r\n")
        self.assertIn(b"backend main refuses this daemon's account: scan", client.call("SCAN", 0))
        for words in ("KEYS", "*"), ("DBSIZE",), ("FLUSHDB",):
            reply = client.call(*words)
            self.assertRegex(reply, rb"\ALOADING cachesd: .*stopped: backend main refuses this daemon's account: scan")
        self.assertEqual(client.call("PING"), b"PONG")


    def test_a_client_leaves_in_the_midst_of_an_answer(self):
        self.start_before(bound())
        daemon = self.listener.daemon
        for command in ("SCAN", "0"), ("KEYS", "*"), ("DBSIZE",):
            half, rest = threading.Event(), threading.Event()

            def in_halves(connection, words, right):
                connection.send(b"*2\r\n$1\r\n0\r\n*2\r\n$3\r\nt:a\r\n")
                half.set()
                rest.wait(harness.LONG)
                connection.send(b"$3\r\nt:b\r\n")

            with self.subTest(command=command), self.listener.client() as client:
                self.fake.behave = fake_redis.only_for(b"SCAN", in_halves)
                client.send(resp.array(*command))
                self.assertTrue(half.wait(harness.LONG))
                self.assertEqual(daemon.call("ping"), b"PONG")  # it has read the first half by then
                others = daemon.call("clients").count(b"\n") - 1
                client.close()
                harness.wait_until(lambda: daemon.call("clients").count(b"\n") == others, "the client has left")
                rest.set()
                idle = lambda: daemon.backend("main")["pending"] == "0"
                harness.wait_until(idle, "the second half has come")


class Flush(Keyspace):
    def flush(self, client=None, command="FLUSHDB"):
        return (client or self.client).call(command)

    def test_the_clients_keys_are_gone_and_others_stay(self):
        self.start(bound())
        self.fill(*(f"t:{number}" for number in range(500)), "other:a", "t")
        for command in ("FLUSHDB",), ("FLUSHALL", "ASYNC"), ("FLUSHDB", "SYNC"):
            self.fill("t:x")
            self.assertEqual(self.client.call(*command), b"OK")
            self.assertEqual(sorted(self.redis.call("KEYS", "*")), [b"other:a", b"t"])

    def test_all_places(self):
        self.start(prefixed("sess", "cart", "misc", options=REST))
        self.fill("sess:a", "cart:a", "misc:a", "other:a")
        self.assertEqual(self.flush(), b"OK")
        self.assertEqual(self.redis.call("KEYS", "*"), [b"other:a"])

    def start_with_users(self, flush):
        users = user("reader", "access = read\nnamespaces = *\n")
        users += user("writer", "access = write\nnamespaces = cart\n")
        users += user("boss", "access = admin\nnamespaces = *\n")
        self.start(prefixed(options=f"flush = {flush}\n").replace("[listener", users + "[listener"))
        self.fill("sess:a", "cart:a")
        self.assertEqual(self.flush().code, "NOAUTH")
        self.assertEqual(self.flush(self.as_user("reader")).code, "NOPERM")
        self.assertEqual(self.redis.call("DBSIZE"), 2)

    def test_who_may(self):
        self.start_with_users("no")
        self.assertEqual(self.flush(self.as_user("writer")).code, "NOPERM")
        self.assertEqual(self.redis.call("DBSIZE"), 2)
        self.assertEqual(self.flush(self.as_user("boss")), b"OK")
        self.assertEqual(self.redis.call("DBSIZE"), 0)

    def test_who_may_where_writers_may(self):
        self.start_with_users("write")
        self.assertEqual(self.flush(self.as_user("writer")), b"OK")
        self.assertEqual(self.redis.call("KEYS", "*"), [b"sess:a"])
        self.assertEqual(self.flush(self.as_user("boss")), b"OK")
        self.assertEqual(self.redis.call("DBSIZE"), 0)

    def test_deny(self):
        self.start(prefixed().replace("prefix = sess:\n", "prefix = sess:\ndeny = purge\n"))
        self.fill("sess:a", "cart:a")
        self.assertEqual(self.flush(), b"OK")
        self.assertEqual(self.redis.call("KEYS", "*"), [b"sess:a"])

    def test_near_answers_are_void(self):
        client = self.start(bound(namespace="near = yes\n"))
        self.listener.daemon.wait_near()
        other = self.world.keep(self.listener.client())
        for number in range(30):
            client.call("SET", "k", number)
            self.assertEqual([other.call("GET", "k") for _ in range(2)], [b"%d" % number] * 2)
            self.assertEqual(self.flush(), b"OK")
            self.assertIsNone(other.call("GET", "k"))

    def test_commands_behind_it_see_no_key(self):
        client = self.start(bound())
        self.fill(*(f"t:{number}" for number in range(1000)))
        sent = [("FLUSHDB",), ("DBSIZE",), ("SET", "k", "v"), ("KEYS", "*"), ("SCAN", "0", "COUNT", "1000")]
        client.send(b"".join(resp.array(*words) for words in sent))
        self.assertEqual([client.read() for _ in sent], [b"OK", 0, b"OK", [b"k"], [b"0", [b"k"]]])


class Bounds(Keyspace):
    def test_more_keys_than_client_output_has_room_for(self):
        client = self.start(bound().replace("[cachesd]\n", "[cachesd]\nclient_output = 1mb\n"))
        self.fill(*("t:" + "x" * 1000 + str(number) for number in range(1500)))
        reply = client.call("KEYS", "*")
        self.assertIsInstance(reply, resp.Error)
        self.assertEqual(reply.code, "OVERLOADED")
        self.assertEqual(client.call("DBSIZE"), 1500)

    def test_clients_leave_meanwhile(self):
        self.start(bound())
        self.fill(*(f"t:{number}" for number in range(3000)))
        for command in ("KEYS", "*"), ("DBSIZE",), ("SCAN", "0", "COUNT", "1000"):
            for _ in range(20):
                with self.listener.client() as client:
                    client.send(resp.array(*command))
        self.assertEqual(self.client.call("DBSIZE"), 3000)

    def test_the_daemon_ends_meanwhile(self):
        client = self.start(bound())
        self.fill(*(f"t:{number}" for number in range(20000)))
        client.send(resp.array("KEYS", "*") + resp.array("DBSIZE"))
        self.listener.daemon.stop()

    def test_the_backend_is_down(self):
        client = self.start(bound())
        self.fill("t:a")
        self.redis.kill()
        harness.wait_until(lambda: isinstance(client.call("GET", "a"), resp.Error), "the backend is down")
        self.assertEqual(client.call("SCAN", 0).code, "LOADING")


class Programs(Keyspace):
    @unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not there")
    def test_redis_cli(self):
        self.start(prefixed())
        self.fill("sess:a", "cart:a", "other:a")

        def told(*options):
            command = ["redis-cli", "-p", str(self.listener.port), *options]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

        self.assertEqual(sorted(told("--scan").split()), ["cart:a", "sess:a"])
        self.assertEqual(told("--scan", "--pattern", "s*").split(), ["sess:a"])
        self.assertIn("Sampled 2 keys in the keyspace", told("--bigkeys"))


if __name__ == "__main__":
    harness.main()
