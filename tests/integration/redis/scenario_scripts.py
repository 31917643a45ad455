"""Scripts of the Redis dialect: EVAL, EVALSHA, SCRIPT, and the policy inside them."""

import hashlib
import pathlib
import re

import harness
from harness import wait_until
from redis_listener import RedisListener, bound, prefixed
from resp import Error, array

TTL, MOST = 7200, 86400  # seconds: what `bound` and `prefixed` say
LONG = 10 * MOST  # a ttl that the policy does not allow

# What a key holds before a script, by the command that makes it.
STRING = ["SET", "t:k", "1"]
HASH = ["HSET", "t:k", "f", "1"]
SET = ["SADD", "t:k", "1"]
SORTED = ["ZADD", "t:k", "1", "1"]
LIST = ["RPUSH", "t:k", "1"]
OTHER = ["SET", "t:other", "1"]  # beside it

GONE, NONE = -2, -1  # as PTTL says of a key that is not there, and of one without ttl
KEEPS = "keeps"
STATES = [GONE, NONE, 60, 400, LONG]  # the ttl before the script

# Of what a script calls: what the key holds before, and its ttl after each of these states.
HEALS = [TTL, TTL, KEEPS, KEEPS, KEEPS]
STAYS = [GONE, KEEPS, KEEPS, KEEPS, KEEPS]
RECIPES = [
    (["SET", "k", "v"], STRING, [TTL] * 5),
    (["SET", "k", "v", "EX", "100"], STRING, [100] * 5),
    (["set", "k", "v", "px", 100000], STRING, [100] * 5),
    (["SET", "k", "v", "EX", LONG], STRING, [MOST] * 5),
    (["SET", "k", "v", "PX", str(LONG * 1000)], STRING, [MOST] * 5),
    (["SET", "k", "v", "EXAT", "99999999999"], STRING, [MOST] * 5),
    (["SET", "k", "v", "KEEPTTL"], STRING, [TTL, TTL, KEEPS, KEEPS, MOST]),
    (["SET", "k", "v", "NX"], STRING, HEALS),
    (["SET", "k", "v", "XX"], STRING, [GONE, TTL, TTL, TTL, TTL]),
    (["SET", "k", "v", "GET"], STRING, [TTL] * 5),
    (["SET", "k", "v", "NX", "EX", "100"], STRING, [100, KEEPS, KEEPS, KEEPS, KEEPS]),
    (["SET", "k", "v", "EX", "100", "XX"], STRING, [GONE, 100, 100, 100, 100]),
    (["SETEX", "k", "100", "v"], STRING, [100] * 5),
    (["SETEX", "k", LONG, "v"], STRING, [MOST] * 5),
    (["PSETEX", "k", 100000, "v"], STRING, [100] * 5),
    (["SETNX", "k", "v"], STRING, HEALS),
    (["GETSET", "k", "v"], STRING, [TTL] * 5),
    (["MSET", "k", "v", "k2", "v"], STRING, [TTL] * 5),
    (["MSETNX", "k", "v", "k2", "v"], STRING, HEALS),
    (["APPEND", "k", "v"], STRING, HEALS),
    (["SETRANGE", "k", 2, "v"], STRING, HEALS),
    (["SETBIT", "k", 7, 1], STRING, HEALS),
    (["BITFIELD", "k", "SET", "u8", 0, 1], STRING, HEALS),
    (["INCR", "k"], STRING, HEALS),
    (["INCRBY", "k", 5], STRING, HEALS),
    (["INCRBYFLOAT", "k", "1.5"], STRING, HEALS),
    (["DECR", "k"], STRING, HEALS),
    (["GETEX", "k"], STRING, STAYS),
    (["GETEX", "k", "EX", "100"], STRING, [GONE, 100, 100, 100, 100]),
    (["GETEX", "k", "PX", LONG * 1000], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["GETEX", "k", "PXAT", "99999999999999"], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["GETEX", "k", "PERSIST"], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["GETDEL", "k"], STRING, [GONE] * 5),
    (["EXPIRE", "k", "100"], STRING, [GONE, 100, 100, 100, 100]),
    (["EXPIRE", "k", LONG], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["PEXPIRE", "k", 100000], STRING, [GONE, 100, 100, 100, 100]),
    (["PEXPIRE", "k", LONG * 1000], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["EXPIRE", "k", "-1"], STRING, [GONE] * 5),
    (["EXPIRE", "k", "100", "NX"], STRING, [GONE, 100, KEEPS, 100, 100]),
    (["EXPIRE", "k", "100", "LT"], STRING, [GONE, 100, KEEPS, 100, 100]),
    (["EXPIRE", "k", "100", "gt"], STRING, [GONE, KEEPS, 100, KEEPS, KEEPS]),
    (["EXPIRE", "k", LONG, "GT"], STRING, [GONE, KEEPS, MOST, MOST, KEEPS]),
    (["EXPIRE", "k", "100", "XX"], STRING, [GONE, KEEPS, 100, 100, 100]),
    (["EXPIREAT", "k", "99999999999"], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["PEXPIREAT", "k", "1"], STRING, [GONE] * 5),
    (["PERSIST", "k"], STRING, [GONE, MOST, MOST, MOST, MOST]),
    (["HSET", "k", "f", "v"], HASH, HEALS),
    (["HSET", "k", "f", "v", "g", "v", "h", "v"], HASH, HEALS),
    (["HINCRBY", "k", "f", 1], HASH, HEALS),
    (["HDEL", "k", "g"], HASH, STAYS),
    (["SADD", "k", "1"], SET, HEALS),
    (["SREM", "k", "2"], SET, STAYS),
    (["SMOVE", "other", "k", "1"], SET, None),
    (["ZADD", "k", 1, "2"], SORTED, HEALS),
    (["ZINCRBY", "k", 1, "2"], SORTED, HEALS),
    (["GEOADD", "k", 1, 1, "2"], SORTED, HEALS),
    (["LPUSH", "k", "1", "2", "3"], LIST, HEALS),
    (["RPUSHX", "k", "1"], LIST, [GONE, TTL, KEEPS, KEEPS, KEEPS]),
    (["LTRIM", "k", 0, 0], LIST, STAYS),
    (["PFADD", "hll", "1"], STRING, None),
    (["SUNIONSTORE", "k", "none"], SET, [GONE] * 5),
    (["RENAME", "other", "k"], STRING, [TTL] * 5),
    (["COPY", "other", "k"], STRING, [TTL, TTL, KEEPS, KEEPS, MOST]),
    (["COPY", "other", "k", "REPLACE"], STRING, [TTL] * 5),
]

CALL = "return redis.call(unpack(ARGV))"


def as_valkey_says(error):
    """The daemon's own errors have the words of Redis 7.0, which Valkey has without the name."""
    return error.replace(b"Lua redis lib command", b"Command").replace(b"Redis command", b"command")


def sha_of(script):
    return hashlib.sha1(script.encode()).hexdigest()


class ScriptCase(harness.TestCase):
    INI = bound()

    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world, self.INI)
        self.redis = self.listener.redis
        self.client = self.connect_client()

    def connect_client(self):
        client = self.listener.client()
        self.addCleanup(client.close)
        return client

    def eval(self, script, keys=(), args=()):
        return self.client.call("EVAL", script, len(keys), *keys, *args)

    def ttl(self, key):
        """In seconds, rounded up."""
        ms = self.redis.call("PTTL", key)
        return -(-ms // 1000) if ms > 0 else ms

    def check_error(self, reply, *parts):
        self.assertIsInstance(reply, Error)
        for part in parts:
            self.assertIn(part, reply)


class Ttls(ScriptCase):
    def check_recipe(self, words, before, expected):
        for state, after in zip(STATES, expected):
            with self.subTest(words=words, before=state):
                self.redis.call("FLUSHALL")
                self.redis.call(*OTHER)
                if state != GONE:
                    self.redis.call(*before)
                if state not in (GONE, NONE):
                    self.redis.call("EXPIRE", "t:k", state)
                reply = self.run_words(words)
                self.assertNotIsInstance(reply, Error, reply)
                after = state if after == KEEPS else after
                self.assertLessEqual(abs(self.ttl("t:k") - after), 5 if after > 0 else 0)

    def run_words(self, words):
        return self.eval(CALL, [], words)

    def test_each_command_leaves_the_ttl_that_the_policy_says(self):
        for words, before, expected in RECIPES:
            if expected:
                self.check_recipe(words, before, expected)

    def test_a_window_that_is_opened_when_there_is_no_ttl_yet_ends_when_it_should(self):
        window = """
            local n = redis.call('INCR', KEYS[1])
            if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
            return {n, redis.call('PTTL', KEYS[1])}"""
        n, left = self.eval(window, ["w"], [60000])
        self.assertEqual(n, 1)
        self.assertTrue(0 < left <= 60000, left)
        self.redis.call("PEXPIRE", "t:w", 30000)
        n, left = self.eval(window, ["w"], [60000])
        self.assertEqual(n, 2)
        self.assertTrue(0 < left <= 30000, left)

    def test_a_window_that_is_opened_by_expire_nx_ends_when_it_should(self):
        window = "redis.call('INCR', KEYS[1]) return redis.call('EXPIRE', KEYS[1], ARGV[1], 'NX')"
        self.assertEqual(self.eval(window, ["w"], [10 * 3600]), 1)
        self.assertEqual(self.ttl("t:w"), 10 * 3600)
        self.assertEqual(self.eval(window, ["w"], [20 * 3600]), 0)

    def test_a_key_that_the_script_gave_a_ttl_has_that_for_the_script(self):
        script = """
            redis.call('set', KEYS[1], 1)
            local before = redis.call('ttl', KEYS[1])
            redis.call('expire', KEYS[1], 50)
            local between = redis.call('ttl', KEYS[1])
            redis.call('persist', KEYS[1])
            return {before, between, redis.call('ttl', KEYS[1])}"""
        self.assertEqual(self.eval(script, ["k"]), [-1, 50, -1])
        self.assertEqual(self.ttl("t:k"), MOST)


class TtlsRejected(ScriptCase):
    INI = bound(namespace="over_ttl = reject\n")

    def test_a_ttl_above_the_limit_is_refused_and_nothing_is_written(self):
        for words in (
            ["SET", "k", "v", "EX", LONG],
            ["SETEX", "k", LONG, "v"],
            ["EXPIRE", "other", LONG],
            ["PEXPIREAT", "other", 99999999999999],
            ["PERSIST", "other"],
            ["GETEX", "other", "PERSIST"],
            ["GETEX", "other", "PX", LONG * 1000],
        ):
            self.redis.call("SET", "t:other", "1", "EX", "100")
            self.check_error(self.eval(CALL, [], words), b"POLICY", b"max_ttl of namespace 't' is 1d")
            self.assertEqual(self.redis.call("EXISTS", "t:k"), 0)
            self.assertTrue(0 < self.ttl("t:other") <= 100)

    def test_a_ttl_below_the_limit_is_taken(self):
        self.assertEqual(self.eval(CALL, [], ["SET", "k", "v", "EX", "100"]), b"OK")
        self.assertEqual(self.ttl("t:k"), 100)


class ForeverNamespace(ScriptCase):
    INI = bound(ttl="forever", max_ttl="forever")

    def test_no_ttl_is_given_and_any_is_taken(self):
        self.eval("redis.call('set', KEYS[1], 1) redis.call('incr', KEYS[1] .. 2) "
                  "redis.call('set', KEYS[1] .. 3, 1, 'EX', 999999999)", ["k"])
        self.assertEqual(self.redis.call("TTL", "t:k"), -1)
        self.assertEqual(self.redis.call("TTL", "t:k2"), -1)
        self.assertGreater(self.redis.call("TTL", "t:k3"), 999999000)
        self.assertEqual(self.eval("return redis.call('persist', KEYS[1])", ["k3"]), 1)
        self.assertEqual(self.redis.call("TTL", "t:k3"), -1)


class JitteredNamespace(ScriptCase):
    INI = bound(namespace="jitter = 50%\n")

    def test_each_run_draws_a_ttl_of_its_own_and_the_script_does_not_see_it(self):
        script = "redis.call('set', KEYS[1], 1) return #ARGV"
        found = set()
        for i in range(50):
            self.assertEqual(self.eval(script, [f"k{i}"], ["a", "b"]), 2)
            found.add(self.ttl(f"t:k{i}"))
        self.assertGreater(len(found), 10)
        self.assertTrue(all(TTL / 2 - 1 <= ttl <= TTL for ttl in found), found)


class Languages(ScriptCase):
    """What scripts may take for granted."""

    def test_libraries_are_there(self):
        script = """
            return {cjson.encode({1, 2}), cmsgpack.unpack(cmsgpack.pack('x')), struct.unpack('>I2', struct.pack('>I2', 7)),
                    bit.band(6, 3), redis.sha1hex(''), math.floor(1.5), string.rep('a', 3), table.concat({1, 2}, '-')}"""
        self.assertEqual(
            self.eval(script),
            [b"[1,2]", b"x", 7, 2, hashlib.sha1(b"").hexdigest().encode(), 1, b"aaa", b"1-2"],
        )

    def test_the_fields_of_redis_are_there(self):
        script = """
            redis.log(redis.LOG_DEBUG, 'a test')
            redis.replicate_commands()
            return {redis.error_reply('CODE x').err, redis.status_reply('FINE').ok, type(redis.REDIS_VERSION_NUM)}"""
        self.assertEqual(self.eval(script), [b"CODE x", b"FINE", b"number"])

    def test_server_stands_for_redis(self):
        self.assertEqual(self.eval("return server.call('ping')"), b"PONG")

    def test_replies_are_converted_as_redis_does(self):
        self.assertEqual(self.eval("return {1, 2.9, 'a', {3, {'b'}}, true, false, nil, 4}"),
                         [1, 2, b"a", [3, [b"b"]], 1, None])
        self.assertEqual(self.eval("return redis.status_reply('FINE')"), b"FINE")
        self.check_error(self.eval("return redis.error_reply('CODE of mine')"), b"CODE of mine")
        self.assertIsNone(self.eval("return false"))

    def test_protocol_3_within_a_script(self):
        script = """
            redis.setresp(3)
            redis.call('hset', KEYS[1], 'f', 'v')
            return redis.call('hgetall', KEYS[1]).map.f"""
        self.assertEqual(self.eval(script, ["h"]), b"v")

    def test_numbers_are_keys_and_arguments(self):
        self.eval("redis.call('set', 7, 1.5) redis.call('incrby', 8, 2) redis.call('expire', 8, 100)")
        self.assertEqual(self.redis.call("GET", "t:7"), b"1.5")
        self.assertEqual(self.ttl("t:8"), 100)

    def test_errors_of_pcall_are_tables(self):
        self.redis.call("SET", "t:s", "x", "EX", "100")
        self.assertEqual(self.eval("return type(redis.pcall('lpush', 's', 1).err)"), b"string")
        self.check_error(self.eval("return redis.pcall('lpush', 's', 1)"), b"WRONGTYPE")
        self.check_error(self.eval("return redis.pcall('flushall')"), b"NOPERM cachesd: 'flushall'")
        self.check_error(self.eval("redis.call('lpush', 's', 1)"), b"WRONGTYPE")
        self.assertEqual(self.eval("local is_done, e = pcall(redis.call, 'lpush', 's', 1) return is_done and 1 or 0"), 0)

    def test_wrong_calls_have_the_errors_of_redis(self):
        for call in ("'nosuch'", "'get'", "'set', 'k'", "'keys'", "'keys', 'a', 'b'", "'zunionstore', 'k', 9, 'l'",
                     "'zunionstore', 'k', 'x', 'l'", "'lmove', 'k'", "'expire', 'k', 'x'", "{}", ""):
            with self.subTest(call):
                script = f"return redis.pcall({call})"
                replies = self.eval(script), self.redis.call("EVAL", script, 0)
                self.assertEqual(*map(as_valkey_says, replies))
        self.assertEqual(self.eval("redis.call('set', 7, 'x') return redis.call('keys', 7)"), [b"7"])

    def test_errors_that_the_script_raises_are_its_own(self):
        for script in ("error('x')", "local function f() error('x', 2) end f()", "error('x', 0)", "error({err = 'CODE x'})",
                       "error({err = 'CODE x', more = 1}, 2)", "error()", "error(7)", "return error == nil"):
            with self.subTest(script):
                shown = [re.sub(rb"[0-9a-f]{40}", b"SHA", reply) if isinstance(reply, bytes) else reply
                         for reply in (self.eval(script), self.redis.call("EVAL", script, 0))]
                self.assertEqual(*shown)

    def test_an_error_without_a_text_leaves_redis_alive(self):
        self.check_error(self.eval("error({})"), b"ERR the error is a table without err")
        self.assertEqual(self.eval("return 1"), 1)

    def test_replies_have_the_shapes_of_protocol_2_for_clients_of_protocol_3(self):
        client = self.listener.client(protocol=3)
        self.addCleanup(client.close)
        for script, expected in (
            ("redis.setresp(3) return redis.call('hgetall', KEYS[1])", [b"f", b"v"]), ("return {double = 1.5}", b"1.5"),
            ("return {true, false, 1}", [1, None, 1]), ("return false", None),
        ):
            self.redis.call("HSET", "t:h", "f", "v")
            self.assertEqual(client.call("EVAL", script, 1, "h"), expected, script)

    def test_lines_of_errors_are_those_of_the_script(self):
        self.check_error(self.eval("local a = 1\n\nlocal b = nil + a"), b"user_script:3:")
        self.check_error(self.eval("local a = 1\n\nlocal b = = a"), b"Error compiling script", b"user_script:3:")
        self.check_error(self.eval("#!lua\nlocal a\nlocal b = nil + 1"), b"user_script:3:")

    def test_a_script_may_end_with_a_comment_or_begin_with_a_bracket(self):
        self.assertEqual(self.eval("return 1 -- one"), 1)
        self.assertEqual(self.eval("-- nothing"), None)
        self.assertEqual(self.eval("(function() redis.call('set', 'x', 1) end)() return 2"), 2)
        self.assertEqual(self.eval(""), None)

    def test_a_first_line_with_flags_stays_the_first(self):
        self.check_error(self.eval("#!lua flags=no-writes\nreturn redis.call('set', KEYS[1], 1)", ["k"]),
                         b"Write commands are not allowed")
        self.assertEqual(self.eval("#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])", ["k"]), None)
        self.check_error(self.eval("#!python\nreturn 1"), b"ERR")

    def test_a_script_may_have_many_variables(self):
        many = "".join(f"local v{i} = {i}\n" for i in range(180))
        self.assertEqual(self.eval(many + "redis.call('set', KEYS[1], v179) return v179", ["k"]), 179)

    def test_many_arguments(self):
        self.eval("local t = {} for i = 1, 5000 do t[i] = 'k' .. i redis.call('set', t[i], i) end "
                  "return redis.call('del', unpack(t))")
        self.assertEqual(self.redis.call("DBSIZE"), 0)
        self.assertEqual(self.eval("return redis.call('rpush', KEYS[1], unpack(ARGV))", ["l"], range(3000)), 3000)
        self.listener.check_ttls()

    def test_sort_reads_keys_by_patterns(self):
        script = """
            redis.call('rpush', 'l', 1, 2, 3)
            redis.call('mset', 'w_1', 30, 'w_2', 20, 'w_3', 10, 'd_1', 'a', 'd_2', 'b', 'd_3', 'c')
            return redis.call('sort', 'l', 'BY', 'w_*', 'LIMIT', 0, 2, 'GET', '#', 'GET', 'd_*')"""
        self.assertEqual(self.eval(script), [b"3", b"c", b"2", b"b"])

    def test_names_of_keys_in_replies_have_no_prefix(self):
        self.eval("redis.call('rpush', 'l', 1, 2) redis.call('zadd', 'z', 1, 'm')")
        self.assertEqual(self.eval("return redis.call('lmpop', 1, 'l', 'LEFT')"), [b"l", [b"1"]])
        self.assertEqual(self.eval("return redis.call('zmpop', 1, 'z', 'MIN')[1]"), b"z")
        self.assertEqual(self.eval("return redis.call('keys', 'l*')"), [b"l"])
        self.assertEqual(self.eval("return redis.call('scan', 0, 'match', 'l', 'count', 100)"), [b"0", [b"l"]])
        self.assertEqual(self.eval("return KEYS", ["a", "b"]), [b"a", b"b"])

    def test_keys_looks_at_a_bounded_number_of_keys(self):
        self.redis.call("EVAL", "for i = 1, 150000 do redis.call('set', 'other:' .. i, '') end", 0)
        self.check_error(self.eval("return redis.call('keys', '*')"), b"no more than 100000 keys")

    def test_commands_of_several_keys(self):
        script = """
            redis.call('sadd', 'a', 1, 2) redis.call('sadd', 'b', 2, 3)
            redis.call('zadd', 'y', 1, 'm') redis.call('zadd', 'z', 2, 'm')
            return {redis.call('sinter', 'a', 'b'), redis.call('sintercard', 2, 'a', 'b'),
                    redis.call('zunionstore', 'u', 2, 'y', 'z'), redis.call('zscore', 'u', 'm'),
                    redis.call('exists', 'a', 'b', 'no'), redis.call('object', 'encoding', 'a'),
                    redis.call('type', 'a').ok, redis.call('smove', 'a', 'b', 1),
                    redis.call('geoadd', 'g', 1, 1, 'x', 2, 2, 'y'),
                    redis.call('geosearchstore', 'h', 'g', 'FROMMEMBER', 'x', 'BYRADIUS', 500, 'km')}"""
        self.assertEqual(
            self.eval(script),
            [[b"2"], 1, 1, b"3", 2, b"intset", b"set", 1, 2, 2],
        )
        self.listener.check_ttls()


class Policies(ScriptCase):
    INI = bound(namespace="max_value = 100\nmax_key = 20\ncollections = key, dict\ndeny = redis.append\n")

    def test_what_the_namespace_does_not_allow_is_refused(self):
        for words in (["SADD", "k", "1"], ["APPEND", "k", "v"], ["LPUSH", "k", "v"], ["ZADD", "k", 1, "m"]):
            self.check_error(self.eval(CALL, [], words), b"NOPERM", b"'t'")
        self.assertEqual(self.redis.call("DBSIZE"), 0)

    def test_long_values_and_keys_are_refused(self):
        long = "x" * 101
        for words in (
            ["SET", "k", long], ["SET", "k", long, "NX"], ["HSET", "k", "f", long], ["HSET", "k", long, "v"],
            ["HSET", "k", "f", "v", "g", "v", "h", long], ["GETSET", "k", long], ["SETRANGE", "k", 100, "v"],
            ["SETBIT", "k", 1000, 1], ["MSET", "k", long], ["SETEX", "k", 10, long],
        ):
            self.check_error(self.eval(CALL, [], words), b"POLICY", b"max_value of namespace 't' is 100")
        self.check_error(self.eval(CALL, [], ["SET", "k" * 21, "v"]), b"POLICY", b"max_key")
        self.assertEqual(self.redis.call("DBSIZE"), 0)


class DeniedVariant(ScriptCase):
    INI = bound(namespace="deny = key.swap\n")

    def test_a_command_is_refused_in_scripts_when_a_variant_of_it_is_denied(self):
        for words in (["SET", "k", "v", "GET"], ["SET", "k", "v"], ["GETSET", "k", "v"]):
            self.check_error(self.eval(CALL, [], words), b"NOPERM")
        self.assertEqual(self.client.call("SET", "k", "v"), b"OK")


class NumbersNamespace(ScriptCase):
    INI = bound(namespace="value = int\n")

    def test_values_cannot_be_written_by_scripts_but_numbers_count(self):
        self.check_error(self.eval(CALL, [], ["SET", "k", "v"]), b"NOPERM")
        self.assertEqual(self.eval(CALL, [], ["INCR", "k"]), 1)
        self.assertEqual(self.eval(CALL, [], ["GET", "k"]), b"1")
        self.assertEqual(self.eval(CALL, [], ["DEL", "k"]), 1)


class Commands(ScriptCase):
    """EVAL, EVALSHA, SCRIPT as clients call them."""

    SCRIPT = "return redis.call('get', KEYS[1])"

    def test_a_script_that_was_evaluated_is_known_by_its_hash(self):
        sha = sha_of(self.SCRIPT)
        self.assertEqual(self.client.call("EVALSHA", sha, 1, "k"),
                         b"NOSCRIPT No matching script. Please use EVAL.")
        self.assertEqual(self.client.call("SCRIPT", "EXISTS", sha, "x"), [0, 0])
        self.eval(self.SCRIPT, ["k"])
        self.assertEqual(self.client.call("SCRIPT", "EXISTS", sha, sha.upper(), "x"), [1, 1, 0])
        self.redis.call("SET", "t:k", "v", "EX", "100")
        self.assertEqual(self.client.call("EVALSHA", sha, 1, "k"), b"v")
        self.assertEqual(self.client.call("evalsha", sha.upper(), 1, "k"), b"v")

    def test_a_loaded_script_is_known_too(self):
        sha = self.client.call("SCRIPT", "LOAD", self.SCRIPT)
        self.assertEqual(sha, sha_of(self.SCRIPT).encode())
        self.assertEqual(self.client.call("EVALSHA", sha, 1, "k"), None)

    def test_scripts_outlive_redis(self):
        sha = self.client.call("SCRIPT", "LOAD", self.SCRIPT)
        self.assertEqual(self.client.call("EVALSHA", sha, 1, "k"), None)
        self.redis.call("SCRIPT", "FLUSH")
        self.assertEqual(self.client.call("EVALSHA", sha, 1, "k"), None)
        self.redis.kill()
        self.redis.start()
        wait_until(lambda: not isinstance(self.client.call("GET", "k"), Error), "Redis is back")
        self.assertEqual(self.client.call("EVALSHA", sha, 1, "k"), None)

    def test_redis_is_sent_a_hash_once_it_has_the_script(self):
        for _ in range(5):
            self.eval(self.SCRIPT, ["k"])
        stats = self.redis.call("INFO", "commandstats")
        self.assertIn(b"cmdstat_eval:calls=1,", stats)
        self.assertIn(b"cmdstat_evalsha:calls=4,", stats)

    def test_many_scripts_take_turns(self):
        scripts = [f"return {{KEYS[1], {i}}}" for i in range(150)]
        for _ in range(3):
            self.client.send(b"".join(array("EVAL", script, 1, "k") for script in scripts))
            self.assertEqual([self.client.read() for _ in scripts], [[b"k", i] for i in range(150)])
        calls = {
            name: int(count)
            for name, count in re.findall(rb"cmdstat_(eval|evalsha):calls=(\d+)", self.redis.call("INFO", "commandstats"))
        }
        self.assertEqual(sum(calls.values()), 450)
        self.assertLess(calls[b"eval"], 200)  # few are sent as a whole again

    def test_script_flush_changes_nothing(self):
        self.eval(self.SCRIPT, ["k"])
        for words in (["FLUSH"], ["flush", "ASYNC"], ["FLUSH", "SYNC"]):
            self.assertEqual(self.client.call("SCRIPT", *words), b"OK")
        self.assertEqual(self.client.call("EVALSHA", sha_of(self.SCRIPT), 1, "k"), None)

    def test_other_subcommands_of_script_are_refused(self):
        for words in (["KILL"], ["debug", "YES"]):
            self.check_error(self.client.call("SCRIPT", *words), b"NOPERM cachesd: 'SCRIPT " + words[0].upper().encode())

    def test_wrong_words_of_script_are_refused_as_redis_does(self):
        for words in ([], ["LOAD"], ["LOAD", "return 1", "x"], ["EXISTS"], ["FLUSH", "x"], ["FLUSH", "SYNC", "x"], ["NOSUCH"]):
            with self.subTest(words):
                self.assertEqual(self.client.call("SCRIPT", *words), self.redis.call("SCRIPT", *words))
        self.assertIn(b"EXISTS sha1 [sha1 ...]", self.client.call("SCRIPT", "HELP"))

    def test_bad_numbers_of_keys_are_refused_as_redis_does(self):
        self.check_error(self.client.call("EVAL", "return 1", "x"), b"ERR value is not an integer or out of range")
        self.check_error(self.client.call("EVAL", "return 1", -1), b"ERR Number of keys can't be negative")
        self.check_error(self.client.call("EVAL", "return 1", 2, "a"),
                         b"ERR Number of keys can't be greater than number of args")
        self.check_error(self.client.call("EVAL", "return 1"), b"ERR wrong number of arguments for 'eval' command")

    def test_a_script_that_only_reads(self):
        self.redis.call("SET", "t:k", "v", "EX", "100")
        self.assertEqual(self.client.call("EVAL_RO", self.SCRIPT, 1, "k"), b"v")
        self.assertEqual(self.client.call("EVALSHA_RO", sha_of(self.SCRIPT), 1, "k"), b"v")
        self.check_error(self.client.call("EVAL_RO", "return redis.call('del', KEYS[1])", 1, "k"),
                         b"Write commands are not allowed from read-only scripts")
        self.assertEqual(self.redis.call("GET", "t:k"), b"v")

    def test_a_lock_is_released_by_who_holds_it(self):
        release = """
            if redis.call("get", KEYS[1]) == ARGV[1] then
                return redis.call("del", KEYS[1])
            else
                return 0
            end"""
        self.assertEqual(self.client.call("SET", "lock", "me", "NX", "PX", 30000), b"OK")
        self.assertEqual(self.eval(release, ["lock"], ["you"]), 0)
        self.assertEqual(self.eval(release, ["lock"], ["me"]), 1)

    def test_many_at_once_are_answered_in_order(self):
        requests = [array("EVAL", f"return {i % 7}", 0) for i in range(300)]
        self.client.send(b"".join(requests))
        self.assertEqual([self.client.read() for _ in requests], [i % 7 for i in range(300)])

    def test_what_follows_a_script_in_one_write_sees_what_it_wrote(self):
        for i in range(20):
            script = f"return redis.call('set', KEYS[1], {i})"
            self.client.send(array("EVAL", script, 1, "k") + array("GET", "k")
                             + array("EVALSHA", sha_of(script), 1, "k2") + array("GET", "k2"))
            replies = [self.client.read() for _ in range(4)]
            self.assertEqual(replies, [b"OK", str(i).encode()] * 2)

    def test_arguments_of_any_bytes_and_any_length(self):
        words = [b"", b"\r\n$3\r\n", bytes(range(256)), b"x" * 300000]
        script = "local t = {} for i, word in ipairs(ARGV) do t[i] = word end return t"
        for _ in range(2):
            self.assertEqual(self.eval(script, [], words), words)
        self.redis.call("SCRIPT", "FLUSH")
        self.assertEqual(self.eval(script, [], words), words)

    def test_a_reply_may_be_nested_deep(self):
        nest = "local t = 1 for i = 1, tonumber(ARGV[1]) do t = {t} end return t"
        for protocol in (2, 3):
            with self.listener.client(protocol) as client:
                client.send(array("EVAL", nest, 0, 200) + array("EVAL", "return 2", 0))
                reply = client.read()
                for _ in range(200):
                    self.assertEqual(len(reply), 1)
                    reply = reply[0]
                self.assertEqual((reply, client.read()), (1, 2))
        told = [line for line in self.listener.daemon.lines("backend main") if ": up (" not in line]
        self.assertEqual(told, [])

    def test_an_error_of_a_script_says_nothing_of_the_server(self):
        for text in ("MOVED 1 127.0.0.1:1", "READONLY no", "CLUSTERDOWN no", "MASTERDOWN no", "TRYAGAIN no",
                     "NOREPLICAS no", "ASK 1 127.0.0.1:1"):
            reply = self.eval("return redis.error_reply(ARGV[1])", [], [text])
            self.assertIsInstance(reply, Error)
            self.assertNotEqual(reply.code, text.split()[0])
        for text in ("LOADING no", "NOAUTH no", "OOM no", "BUSY no", "mine"):
            self.assertIsInstance(self.eval("return redis.error_reply(ARGV[1])", [], [text]), Error)
        self.assertEqual(self.eval("return 1"), 1)
        told = [line for line in self.listener.daemon.lines("backend main") if ": up (" not in line]
        self.assertEqual(told, [])

    def test_a_script_that_says_noscript_ends(self):
        script = "redis.call('incr', KEYS[1]) return redis.error_reply('NOSCRIPT mine')"
        for i in range(1, 4):
            self.check_error(self.eval(script, ["n"]), b"NOSCRIPT mine")


class Transactions(ScriptCase):
    def exec(self, *commands):
        self.assertEqual(self.client.call("MULTI"), b"OK")
        for words in commands:
            self.assertEqual(self.client.call(*words), b"QUEUED")
        return self.client.call("EXEC")

    def test_scripts_run_among_the_other_commands(self):
        script = "return redis.call('incrby', KEYS[1], ARGV[1])"
        self.assertEqual(
            self.exec(["SET", "n", 1], ["EVAL", script, 1, "n", 5], ["EVAL_RO", Commands.SCRIPT, 1, "n"],
                      ["EVALSHA", sha_of(script), 1, "n", 5], ["GET", "n"]),
            [b"OK", 6, b"6", 11, b"11"],
        )
        self.listener.check_ttls()

    def test_errors_of_scripts_are_elements_as_any_other(self):
        replies = self.exec(["EVALSHA", sha_of("return 7"), 0], ["EVAL", "return redis.error_reply('MINE x')", 0],
                            ["EVAL", "return redis.error_reply('MOVED 1 a:1')", 0],
                            ["EVAL", "return redis.call('get', KEYS[1])", 1, "k"])
        self.assertEqual([reply.code for reply in replies[:2]], ["NOSCRIPT", "MINE"])
        self.assertNotEqual(replies[2].code, "MOVED")
        self.assertIsNone(replies[3])

    def test_a_script_sees_a_key_that_has_no_ttl_yet(self):
        window = "if redis.call('PTTL', KEYS[1]) < 0 then return redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return 0"
        self.assertEqual(self.exec(["INCR", "n"], ["EVAL", window, 1, "n", 60000]), [1, 1])
        self.assertTrue(0 < self.redis.call("PTTL", "t:n") <= 60000)
        self.assertEqual(self.exec(["INCR", "n"], ["EVAL", window, 1, "n", 60000]), [2, 0])


class Workers(ScriptCase):
    INI = bound().replace("[cachesd]\n", "[cachesd]\nworkers = 3\n")

    def test_a_script_is_known_to_all_workers(self):
        script = "return redis.call('incr', KEYS[1])"
        self.eval(script, ["n"])
        clients = [self.connect_client() for _ in range(12)]
        for i, client in enumerate(clients):
            self.assertEqual(client.call("EVALSHA", sha_of(script), 1, "n"), i + 2)


class Patterns(ScriptCase):
    """What libraries do by scripts, in other words."""

    def test_several_locks_at_once(self):
        take = """
            for i = 1, #KEYS do if redis.call('exists', KEYS[i]) == 1 then return 0 end end
            for i = 1, #KEYS do redis.call('set', KEYS[i], ARGV[1], 'PX', ARGV[2]) end
            return #KEYS"""
        give = """
            local count = 0
            for _, key in ipairs(KEYS) do
                if redis.call('get', key) == ARGV[1] then count = count + redis.pcall('del', key) end
            end
            return count"""
        self.assertEqual(self.eval(take, ["a", "b"], ["me", 30000]), 2)
        self.assertEqual(self.eval(take, ["b", "c"], ["you", 30000]), 0)
        self.assertLessEqual(self.redis.call("PTTL", "t:a"), 30000)
        self.assertEqual(self.eval(give, ["a", "b", "c"], ["me"]), 2)

    def test_a_sliding_window_in_a_sorted_set(self):
        script = """
            local now = redis.call('TIME')
            local ms = now[1] * 1000 + math.floor(now[2] / 1000)
            redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, ms - ARGV[1])
            local count = redis.call('ZCARD', KEYS[1])
            if count < tonumber(ARGV[2]) then
                redis.call('ZADD', KEYS[1], ms, ms .. '-' .. count)
                redis.call('PEXPIRE', KEYS[1], ARGV[1])
                return count + 1
            end
            return -1"""
        self.assertEqual([self.eval(script, ["w"], [60000, 3]) for _ in range(5)], [1, 2, 3, -1, -1])
        self.assertTrue(0 < self.redis.call("PTTL", "t:w") <= 60000)

    def test_a_bucket_of_tokens_in_a_hash(self):
        script = """
            local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
            local tokens = tonumber(held[1]) or tonumber(ARGV[1])
            if tokens < 1 then return {0, tostring(tokens)} end
            redis.call('HSET', KEYS[1], 'tokens', tokens - 1, 'at', ARGV[2])
            if redis.call('TTL', KEYS[1]) == -1 then redis.call('EXPIRE', KEYS[1], 60) end
            return {1, tostring(tokens - 1)}"""
        self.assertEqual([self.eval(script, ["b"], [2, i])[0] for i in range(4)], [1, 1, 0, 0])
        self.assertLessEqual(self.ttl("t:b"), 60)

    def test_keys_that_the_script_names_itself(self):
        script = """
            local job = redis.call('incr', ARGV[1] .. 'id')
            redis.call('hset', ARGV[1] .. job, 'data', cmsgpack.pack({1, 2}), 'state', 'waits')
            redis.call('rpush', ARGV[1] .. 'waits', job)
            local next = redis.call('lpop', ARGV[1] .. 'waits')
            redis.call('zadd', ARGV[1] .. 'done', 1, next)
            return cjson.encode(cmsgpack.unpack(redis.call('hget', ARGV[1] .. next, 'data')))"""
        self.assertEqual(self.eval(script, [], ["queue:"]), b"[1,2]")
        self.assertEqual(self.listener.check_ttls(), 3)

    def test_keys_are_found_by_a_pattern_and_removed(self):
        self.client.call("MSET", "limit:1", 1, "limit:2", 2, "other", 3)
        script = """
            local keys = redis.call('keys', KEYS[1])
            local count = 0
            for i = 1, #keys, 5000 do
                count = count + redis.call('del', unpack(keys, i, math.min(i + 4999, #keys)))
            end
            return count"""
        self.assertEqual(self.eval(script, ["limit:*"]), 2)
        self.assertEqual(self.redis.call("KEYS", "*"), [b"t:other"])


class Mapping(ScriptCase):
    """In which namespace a script runs."""

    INI = prefixed("t", "u")

    def test_the_declared_keys_say_the_namespace(self):
        self.assertEqual(self.eval("return redis.call('set', KEYS[1], 1)", ["t:k"]), b"OK")
        self.assertEqual(self.eval("return redis.call('set', KEYS[1], 1)", ["u:k"]), b"OK")
        self.check_error(self.eval("return redis.call('get', 'u:k')", ["t:k"]), b"NOPERM", b"'u:k'", b"'t'")

    def test_keys_of_two_namespaces_or_of_none_are_refused(self):
        self.check_error(self.eval("return 1", ["t:k", "u:k"]), b"NOPERM")
        self.check_error(self.eval("return 1", ["x:k"]), b"NOPERM", b"x:k")
        self.check_error(self.eval("return 1", []), b"NOPERM")

    def test_one_script_may_run_in_each(self):
        script = "return redis.call('incr', KEYS[1])"
        for i in range(1, 4):
            self.assertEqual(self.eval(script, ["t:n"]), i)
            self.assertEqual(self.eval(script, ["u:n"]), i)
            self.assertEqual(self.client.call("EVALSHA", sha_of(script), 1, "u:m"), i)


class NoScripts(ScriptCase):
    INI = bound(namespace="scripts = no\n")

    def test_a_namespace_may_refuse_scripts(self):
        self.check_error(self.eval("return 1", ["k"]), b"NOPERM", b"scripts")
        self.check_error(self.eval("return 1"), b"NOPERM", b"scripts")


class SomeScripts(ScriptCase):
    INI = bound(namespace="deny = redis.eval\n")

    def test_scripts_are_verbs_of_their_own(self):
        self.check_error(self.eval("return 1"), b"NOPERM", b"redis.eval")
        self.client.call("SCRIPT", "LOAD", "return 1")
        self.assertEqual(self.client.call("EVALSHA", sha_of("return 1"), 0), 1)


class AccountWithoutTtls(ScriptCase):
    INI = bound().replace("{redis:main}", "{redis:main}?user=weak\npassword_file = {folder}/password")

    def setUp(self):
        harness.TestCase.setUp(self)
        self.redis = self.world.redis()
        self.redis.call("ACL", "SETUSER", "weak", "on", ">p", "~*", "+@all", "-pexpire")
        pathlib.Path(self.world.folder, "password").write_text("p")
        self.listener = RedisListener(self.world, self.INI)
        self.client = self.connect_client()

    def test_a_script_is_refused_where_the_account_may_set_no_ttl(self):
        reply = self.eval("return redis.call('incr', KEYS[1])", ["n"])
        self.check_error(reply, b"refuses this daemon's account", b"PEXPIRE")
        self.assertEqual(self.redis.call("EXISTS", "t:n"), 0)


class Near(ScriptCase):
    INI = bound(namespace="near = yes\n")

    def test_what_a_script_writes_is_seen_at_once(self):
        self.listener.daemon.wait_near()
        for i in range(20):
            self.eval("return redis.call('set', KEYS[1], ARGV[1])", ["k"], [i])
            self.assertEqual(self.client.call("GET", "k"), str(i).encode())
            self.assertEqual(self.client.call("GET", "k"), str(i).encode())


if __name__ == "__main__":
    harness.main()
