#!/usr/bin/env python3
"""MULTI, EXEC and DISCARD on a listener of Redis's dialect: what they reply, and what then is in Redis."""

import signal
import unittest

import cluster
import harness
import resp
import resp3
from redis_listener import RedisListener, bound, prefixed

QUEUED = b"QUEUED"
ABORTED = b"EXECABORT Transaction discarded because of previous errors."

class Multi(harness.TestCase):
    def start(self, ini=None, protocol=2, **options):
        self.listener = RedisListener(self.world, ini or bound(**options))
        self.redis = self.listener.redis
        self.client = self.enter(self.listener.client(protocol))
        return self.client

    def enter(self, context):
        return self.world.keep(context)

    def block(self, *commands, client=None):
        """What EXEC replies to these commands, each of which must be queued."""
        client = client or self.client
        self.assertEqual(client.call("MULTI"), b"OK")
        for command in commands:
            self.assertEqual(client.call(*command.split()), QUEUED, command)
        return client.call("EXEC")

    def check_refused(self, reply, text):
        self.assertIsInstance(reply, resp.Error)
        self.assertIn(text.encode(), reply)


class Places(Multi):
    """Each reply is at its place, whatever is refused."""

    def test_the_replies_of_a_block(self):
        self.start()
        self.assertEqual(self.block("SET k v", "GET k", "INCR n", "GET none", "HGETALL none"),
                         [b"OK", b"v", 1, None, []])
        self.assertEqual(self.client.call("GET", "k"), b"v")
        self.listener.check_ttls()

    def test_a_refused_command_has_its_error_at_once_and_aborts_the_block(self):
        self.start()
        for refused, text in (
            (("WATCH", "k"), "NOPERM"),
            (("NOSUCH", "x"), "ERR unknown command 'NOSUCH'"),
            (("GET",), "ERR wrong number of arguments for 'get' command"),
            (("MULTI",), "ERR MULTI calls can not be nested"),
            (("SELECT", "0"), "ERR Command 'SELECT' not allowed inside a transaction"),
            (("KEYS", "*"), "not allowed inside a transaction"),
            (("FLUSHDB",), "not allowed inside a transaction"),
            (("SCAN", "0"), "not allowed inside a transaction"),
            (("HELLO", "3"), "not allowed inside a transaction"),
            (("CLIENT", "ID"), "not allowed inside a transaction"),
            (("stats",), "not allowed inside a transaction"),
            (("memo.get", "t", "k"), "not allowed inside a transaction"),
        ):
            with self.subTest(refused=refused):
                client = self.enter(self.listener.client())
                sent = [("MULTI",), ("SET", "k", "v"), refused, ("SET", "l", "v"), ("EXEC",), ("PING",)]
                client.send(b"".join(resp.array(*words) for words in sent))
                replies = [client.read() for _ in sent]
                self.check_refused(replies[2], text)
                is_nested = refused == ("MULTI",)  # which aborts nothing in Redis
                self.assertEqual(replies[:2] + replies[3:],
                                 [b"OK", QUEUED, QUEUED, [b"OK", b"OK"] if is_nested else ABORTED, b"PONG"])
                self.assertEqual(self.redis.call("EXISTS", "t:k", "t:l"), 2 * is_nested)
                self.redis.call("FLUSHALL")

    def test_after_an_abort_the_client_may_begin_again(self):
        client = self.start()
        client.call("MULTI")
        client.call("NOSUCH")
        self.assertEqual(client.call("EXEC"), ABORTED)
        self.check_refused(client.call("EXEC"), "ERR EXEC without MULTI")
        self.assertEqual(self.block("SET k v"), [b"OK"])

    def test_exec_and_discard_without_multi(self):
        client = self.start()
        self.assertEqual(client.call("EXEC"), b"ERR EXEC without MULTI")
        self.assertEqual(client.call("DISCARD"), b"ERR DISCARD without MULTI")

    def test_discard_forgets_the_commands(self):
        client = self.start()
        client.call("MULTI")
        client.call("SET", "k", "v")
        self.assertEqual(client.call("DISCARD"), b"OK")
        self.assertEqual(client.call("EXEC"), b"ERR EXEC without MULTI")
        self.assertIsNone(client.call("GET", "k"))

    def test_a_wrong_number_of_words_for_exec_aborts_as_in_redis(self):
        client = self.start()
        client.call("MULTI")
        client.call("SET", "k", "v")
        self.check_refused(client.call("EXEC", "x"), "ERR wrong number of arguments for 'exec' command")
        self.assertEqual(client.call("EXEC"), ABORTED)
        self.assertIsNone(client.call("GET", "k"))

    def test_reset_ends_the_block(self):
        client = self.start()
        client.call("MULTI")
        client.call("SET", "k", "v")
        self.assertEqual(client.call("RESET"), b"RESET")
        self.assertEqual(client.call("EXEC"), b"ERR EXEC without MULTI")
        self.assertIsNone(client.call("GET", "k"))

    def test_quit_ends_the_connection(self):
        client = self.start()
        client.call("MULTI")
        client.call("SET", "k", "v")
        self.assertEqual(client.call("QUIT"), b"OK")
        with self.assertRaises((resp.Closed, OSError)):
            client.call("PING")

    def test_an_empty_block(self):
        self.start()
        self.assertEqual(self.block(), [])
        self.assertEqual(self.block("SET k v"), [b"OK"])

    def test_commands_without_a_key(self):
        self.start()
        replies = self.block("PING", "ECHO x", "PING y")
        self.assertEqual(replies, [b"PONG", b"x", b"y"])
        pong, time, value = self.block("PING", "TIME", "INCR n")
        self.assertEqual((pong, len(time), value), (b"PONG", 2, 1))

    def test_an_error_of_one_command_is_at_its_place(self):
        self.start()
        replies = self.block("SET k v", "LPUSH k x", "INCR n", "INCR k", "GET n")
        self.assertEqual(replies[0], b"OK")
        self.assertEqual(replies[1], b"WRONGTYPE Operation against a key holding the wrong kind of value")
        self.assertEqual(replies[3], b"ERR value is not an integer or out of range")
        self.assertEqual((replies[2], replies[4]), (1, b"1"))
        self.assertIsInstance(replies[1], resp.Error)

    def test_a_thousand_blocks_in_one_write(self):
        client = self.start()
        one = [("MULTI",), ("INCR", "n"), ("RPUSH", "l", "x"), ("EXEC",)]
        client.send(b"".join(resp.array(*words) for words in one) * 1000)
        for number in range(1, 1001):
            self.assertEqual([client.read() for _ in one], [b"OK", QUEUED, QUEUED, [number, number]])
        self.listener.check_ttls()


class Ttls(Multi):
    def test_repairs_come_after_all_commands(self):
        self.start(ttl="1h")
        replies = self.block("INCR n", "TTL n", "EXPIRE n 60 NX", "TTL n")
        self.assertEqual(replies, [1, -1, 1, 60])
        self.assertLessEqual(self.redis.call("TTL", "t:n"), 60)

    def test_a_key_without_ttl_is_healed_by_the_block(self):
        self.start(ttl="1h")
        self.redis.call("HSET", "t:h", "f", "v")
        self.assertEqual(self.block("HSET h g w", "LPUSH l x", "SETNX s v"), [1, 1, 1])
        self.assertEqual(self.listener.check_ttls(max_ttl=3600), 3)

    def test_a_long_ttl_is_cut(self):
        self.start(ttl="1h", max_ttl="2h")
        self.block("SET a v EX 100000", "SET b v", "EXPIRE b 100000", "SET c v", "PERSIST c",
                   "SET d v EXAT 99999999999")
        self.assertEqual(self.listener.check_ttls(max_ttl=7200), 4)


class Shapes(Multi):
    def test_the_shapes_of_protocol_3(self):
        self.start(protocol=3)
        self.block("HSET h f v", "SADD s m", "ZADD z 1.5 m")
        got = self.block("HGETALL h", "SMEMBERS s", "ZSCORE z m", "GET none", "HGETALL none",
                         "ZRANGE z 0 -1 WITHSCORES", "LPUSH h x", "INCR n", "ZSCORE z none")
        self.assertEqual(got[0], {b"f": b"v"})
        self.assertIsInstance(got[0], resp3.Map)
        self.assertIsInstance(got[1], resp3.Set)
        self.assertIsInstance(got[2], resp3.Double)
        self.assertEqual(got[1:6], [[b"m"], 1.5, None, {}, [[b"m", 1.5]]])
        self.assertIsInstance(got[6], resp.Error)
        self.assertEqual(got[7:], [1, None])

    def test_long_values(self):
        for protocol in 2, 3:
            with self.subTest(protocol=protocol):
                client = self.start(protocol=protocol) if protocol == 2 else self.enter(self.listener.client(3))
                self.client = client
                for length in 32000, 40000, 200000, 900000:
                    value = b"v" * length
                    client.call("MULTI")
                    client.call("SET", "k", value)
                    client.call("HSET", "h", "f", value)
                    for words in ("GET", "k"), ("INCR", "n"), ("HGETALL", "h"), ("GET", "k"):
                        client.call(*words)
                    replies = client.call("EXEC")
                    self.assertEqual(len(replies), 6)
                    self.assertEqual((replies[2], replies[5]), (value, value))
                    pairs = {b"f": value} if protocol == 3 else [b"f", value]
                    self.assertEqual(replies[4], pairs)

    def test_a_reply_beyond_client_output(self):
        client = self.start(bound().replace("[cachesd]\n", "[cachesd]\nclient_output = 1mb\n"))
        client.call("SET", "k", b"v" * 400000)
        reply = self.block("INCR n", *["GET k"] * 12)
        self.check_refused(reply, "LOST")  # the commands were run
        self.assertEqual(client.call("GET", "n"), b"1")
        self.assertEqual(self.block("INCR n"), [2])

    def test_a_memo_is_read_as_its_value(self):
        self.start()
        native = self.enter(self.listener.daemon.client())
        native.call("memo.set", "t", "m", "value")
        self.assertEqual(self.block("GET m", "MGET m m", "INCR n"), [b"value", [b"value", b"value"], 1])


class Scripts(Multi):
    def test_scripts_in_a_block(self):
        client = self.start()
        script = "redis.call('INCR', KEYS[1]) return redis.call('GET', KEYS[1])"
        sha = client.call("SCRIPT", "LOAD", script)
        client.call("MULTI")
        self.assertEqual(client.call("EVAL", script, 1, "n"), QUEUED)
        self.assertEqual(client.call("EVALSHA", sha, 1, "n"), QUEUED)
        self.assertEqual(client.call("EVALSHA", "0" * 40, 1, "n"), QUEUED)
        self.assertEqual(client.call("EVAL", "return redis.error_reply('MINE own')", 1, "n"), QUEUED)
        self.assertEqual(client.call("GET", "n"), QUEUED)
        replies = client.call("EXEC")
        self.assertEqual(replies[:2] + replies[3:], [b"1", b"2", b"MINE own", b"2"])
        self.assertIsInstance(replies[2], resp.Error)
        self.assertTrue(replies[2].startswith(b"NOSCRIPT"), replies[2])
        self.listener.check_ttls()


class Namespaces(Multi):
    def test_a_block_of_several_namespaces(self):
        self.start(prefixed(ttl="1h"))
        replies = self.block("SET sess:a 1", "INCR cart:n", "MSET sess:b 2 cart:b 3", "MGET sess:a cart:b",
                             "RENAME sess:b cart:c")
        self.assertEqual(replies, [b"OK", 1, b"OK", [b"1", b"3"], b"OK"])
        self.assertEqual(self.redis.call("EXISTS", "sess:a", "cart:n", "cart:b", "cart:c"), 4)
        self.listener.check_ttls()

    def test_the_key_of_a_pop_keeps_its_own_form_beside_other_namespaces(self):
        self.start(prefixed("sess", "misc", options="rest = misc\nnamespaces = sess\n"))
        self.client.call("RPUSH", "sess:q", "x", "y")
        self.client.call("RPUSH", "q", "z")
        replies = self.block("LMPOP 1 sess:q LEFT", "LMPOP 1 q LEFT", "LMPOP 1 sess:q LEFT")
        self.assertEqual(replies, [[b"sess:q", [b"x"]], [b"q", [b"z"]], [b"sess:q", [b"y"]]])

    def test_the_keys_of_each_command_have_prefixes_of_their_own(self):
        self.start(prefixed("sess", "misc", options="rest = misc\nnamespaces = sess\n"))
        replies = self.block("MSET sess:a 1 b 2", "MSET c 3 sess:d 4", "MGET b sess:d c")
        self.assertEqual(replies, [b"OK", b"OK", [b"2", b"4", b"3"]])
        self.assertEqual(sorted(self.redis.call("KEYS", "*")), [b"misc:b", b"misc:c", b"sess:a", b"sess:d"])
        self.listener.check_ttls()

    def test_two_backends(self):
        self.world.redis("other")
        self.start(
            prefixed().replace("[listener", "[backend other]\nurl = {redis:other}\n[listener").replace(
                "prefix = cart:\n", "prefix = cart:\nbackend = other\n").replace(
                "prefix = sess:\n", "prefix = sess:\nbackend = main\n")
        )
        client = self.client
        client.call("MULTI")
        self.assertEqual(client.call("SET", "sess:a", 1), QUEUED)
        self.check_refused(client.call("SET", "cart:a", 1), "CROSSSLOT")
        self.assertEqual(client.call("EXEC"), ABORTED)
        self.assertEqual(self.block("SET cart:a 1"), [b"OK"])

    def test_other_clients_near_answers_are_void(self):
        self.start(namespace="near = yes\n")
        other = self.enter(self.listener.client())
        self.listener.daemon.wait_near()
        for number in range(50):
            self.assertEqual(self.block(f"SET k {number}", f"HSET h f {number}"), [b"OK", int(number == 0)])
            for _ in range(2):
                self.assertEqual(other.call("GET", "k"), b"%d" % number)
                self.assertEqual(other.call("HGET", "h", "f"), b"%d" % number)

    def test_a_memo_waiter_is_woken(self):
        self.start(namespace="lease = 20s\nstale = 1h\n")
        with self.listener.daemon.client() as first, self.listener.daemon.client() as waiter:
            self.assertEqual(first.call("memo.get", "t", "m")[0], b"MISS")
            waiter.send(resp.array("memo.get", "wait=20s", "t", "m"))
            harness.wait_until(lambda: self.listener.daemon.stats("t")["memo_waiting"] == 1, "one waits")
            self.assertEqual(self.block("GET m", "SET m v"), [None, b"OK"])
            self.assertEqual(waiter.read()[:2], [b"HIT", b"v"])


class Refusals(Multi):
    def test_a_block_beyond_max_request(self):
        client = self.start(bound().replace("[cachesd]\n", "[cachesd]\nmax_request = 2mb\n"))
        client.call("MULTI")
        replies = [client.call("SET", f"k{number}", b"v" * 500000) for number in range(6)]
        self.assertEqual(replies[:3], [QUEUED] * 3)
        self.check_refused(replies[5], "OVERLOADED")
        self.assertEqual(client.call("EXEC"), ABORTED)
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        self.assertEqual(self.block("INCR n"), [1])

    def test_a_user_that_may_only_read(self):
        users = f"[user reader]\ntoken = {harness.token_hash('reader')}\naccess = read\nnamespaces = t\n"
        self.start(bound().replace("[listener", users + "[listener"), protocol=None)
        client = self.client
        self.check_refused(client.call("MULTI"), "NOAUTH")
        self.assertEqual(client.call("AUTH", "reader", "reader"), b"OK")
        self.assertEqual(self.block("GET k"), [None])
        client.call("MULTI")
        self.check_refused(client.call("SET", "k", "v"), "NOPERM")
        self.assertEqual(client.call("EXEC"), ABORTED)

    def test_the_settings_change_before_exec(self):
        client = self.start()
        client.call("MULTI")
        self.assertEqual(client.call("SET", "k", "v"), QUEUED)
        ini = self.listener.ini.replace("prefix = t:\n", "prefix = t:\ndeny = key.set\n")
        self.assertEqual(self.listener.daemon.reload(ini), b"OK")
        self.assertEqual(client.call("EXEC"), ABORTED)
        self.assertIsNone(self.redis.call("GET", "t:k"))
        self.assertEqual(self.listener.daemon.reload(self.listener.ini), b"OK")
        client.call("MULTI")
        self.assertEqual(client.call("SET", "k", "v"), QUEUED)
        self.assertEqual(self.listener.daemon.reload(self.listener.ini.replace("ttl = 2h", "ttl = 1h")), b"OK")
        self.assertEqual(client.call("GET", "k"), QUEUED)
        self.assertEqual(client.call("EXEC"), [b"OK", b"v"])
        self.listener.check_ttls(max_ttl=3600)

    def test_statistics(self):
        self.start()
        before = self.listener.daemon.stats("t")
        self.block("SET k v", "LPUSH k x", "GET k")
        self.client.call("GET", "k")
        after = self.listener.daemon.stats("t")
        self.assertGreater(sum(after.values()), sum(before.values()))


class Backends(Multi):
    def stop_redis(self):
        self.redis.send_signal(signal.SIGSTOP)
        self.addCleanup(self.redis.send_signal, signal.SIGCONT)

    def pending(self):
        return int(self.listener.daemon.backend()["pending"])

    def test_the_backend_is_down(self):
        client = self.start()
        self.redis.kill()
        harness.wait_until(lambda: isinstance(client.call("GET", "k"), resp.Error), "the backend is down")
        for _ in range(3):
            reply = self.block("SET k v", "GET k")
            self.assertIsInstance(reply, resp.Error)
            self.assertEqual(reply.code, "LOADING")

    def test_the_backend_dies_in_the_middle(self):
        client = self.start()
        self.redis.send_signal(signal.SIGSTOP)
        client.send(b"".join(resp.array(*words) for words in (("MULTI",), ("INCR", "n"), ("EXEC",))))
        self.assertEqual([client.read(), client.read()], [b"OK", QUEUED])
        harness.wait_until(lambda: self.pending() > 0, "the block is at the backend")
        self.redis.kill()
        self.assertEqual(client.read().code, "LOST")

    def test_no_answer_in_time(self):
        client = self.start(bound().replace("timeout = 20s", "timeout = 300ms"))
        self.stop_redis()
        self.assertEqual(self.block("INCR n", "GET n").code, "TIMEOUT")
        self.redis.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: client.call("GET", "n") == b"1", "the late answer is dropped")
        self.assertEqual(self.block("INCR n", "GET n"), [2, b"2"])

    def test_a_full_backend(self):
        self.start(bound().replace("timeout = 20s", "timeout = 20s\nmax_pending = 3"))
        others = [self.enter(self.listener.client()) for _ in range(3)]
        self.stop_redis()
        for number, other in enumerate(others):
            other.send(resp.array("GET", f"o{number}"))
        harness.wait_until(lambda: self.pending() == 3, "three are pending")
        begin, count, end = ("MULTI",), ("INCR", "n"), ("EXEC",)
        words = begin, count, ("EVAL", "return 7", "1", "n"), end, begin, count, end
        self.client.send(b"".join(resp.array(*one) for one in words))
        self.assertEqual([self.client.read() for _ in range(3)], [b"OK", QUEUED, QUEUED])
        leaver = self.listener.client()
        leaver.send(b"".join(resp.array(*one) for one in words))
        self.assertEqual([leaver.read() for _ in range(3)], [b"OK", QUEUED, QUEUED])
        leaver.close()
        self.redis.send_signal(signal.SIGCONT)
        first, ok, queued, second = [self.client.read() for _ in range(4)]
        self.assertEqual((first[1], ok, queued), (7, b"OK", QUEUED))
        self.assertGreater(second[0], first[0])

    def test_clients_leave_in_the_middle(self):
        self.start()
        words = ("MULTI",), ("INCR", "n"), ("HGETALL", "h"), ("EVAL", "return {1, 2}", "1", "n"), ("EXEC",)
        self.stop_redis()
        for sent in range(1, len(words) + 1):
            with self.listener.client() as client:
                client.send(b"".join(resp.array(*one) for one in words[:sent]))
                for _ in range(min(sent, 4)):
                    client.read()
        self.redis.send_signal(signal.SIGCONT)
        self.assertEqual(len(self.block("INCR n", "GET n")), 2)

    def test_a_cluster(self):
        nodes = self.enter(cluster.Cluster())
        self.listener = RedisListener(self.world, bound().replace("{redis:main}", nodes.url))
        self.client = client = self.enter(self.listener.client())
        self.assertEqual(self.block("SET {a}k v", "INCR {a}n", "HSET {a}h f v", "GET {a}k"), [b"OK", 1, 1, b"v"])
        client.call("MULTI")
        self.assertEqual(client.call("SET", "{a}k", "w"), QUEUED)
        self.check_refused(client.call("SET", "{b}k", "w"), "CROSSSLOT")
        self.assertEqual(client.call("EXEC"), ABORTED)
        self.assertEqual(self.block("PING"), [b"PONG"])
        slot = cluster.slot_of(b"t:{a}k")
        target = next(node for node in nodes.masters if node is not nodes.owners[slot])
        nodes.migrate_slot(slot, target)
        self.assertEqual(self.block("INCR {a}n", "GET {a}k", "LPUSH {a}l x"), [2, b"v", 1])
        self.assertEqual(target.call("EXISTS", "t:{a}n", "t:{a}l"), 2)
        self.assertGreater(target.call("PTTL", "t:{a}l"), 0)


class Libraries(Multi):
    def test_redis_py(self):
        try:
            import redis
        except ImportError:
            self.skipTest("python3-redis is not there")
        self.start()
        client = redis.Redis(host=self.listener.host, port=self.listener.port)
        with client.pipeline(transaction=True) as pipe:
            pipe.set("k", "v").incr("n").hset("h", mapping={"f": 1}).hgetall("h").lpush("k", 1)
            replies = pipe.execute(raise_on_error=False)
        self.assertEqual(replies[:4], [True, 1, 1, {b"f": b"1"}])
        self.assertIsInstance(replies[4], redis.ResponseError)
        with client.pipeline(transaction=True) as pipe:
            pipe.set("k", "w").execute_command("NOSUCH")
            with self.assertRaises(redis.ResponseError):
                pipe.execute()
        self.assertEqual(client.get("k"), b"v")
        client.close()


if __name__ == "__main__":
    harness.main()
