"""A script cannot get out of its namespace: not by Lua, not by odd arguments, not by what it leaves behind.

Each attempt is a script that tries to read or write the key `other:secret`, which is of no namespace, to
leave a key without a ttl or with one above max_ttl, or to change what later scripts see. Sent to Redis
itself, most of them do it.
"""

import harness
from redis_listener import RedisListener, bound, prefixed
from resp import Error

MINE = "t:"  # the prefix of the namespace
SECRET = b"the secret of others"

# Sentences of what is tried, and scripts. KEYS[1] is a key of the namespace. `OUT` stands for what a
# script does once it has the real redis.call as `f`.
OUT = " f('set', 'other:made', '1') return f('get', 'other:secret') "
ATTEMPTS = {
    # --- another way to redis.call ------------------------------------------------------------
    "an alias of redis.call": "local f = redis.call" + OUT,
    "an alias of the table redis": "local r = redis local f = r['call']" + OUT,
    "redis in _G": "local f = _G.redis.call" + OUT,
    "redis in _G by its name in two halves": "local f = _G['re' .. 'dis']['ca' .. 'll']" + OUT,
    "redis in _G by rawget": "local f = rawget(_G, 'redis').call" + OUT,
    "redis in _G found by pairs": "for k, v in pairs(_G) do if k == 'redis' then local f = v.call" + OUT
    + "end end",
    "redis in _G found by next": "local k, v repeat k, v = next(_G, k) until k == 'redis' local f = v.call" + OUT,
    "Valkey's table server": "local f = server.call" + OUT,
    "loadstring": "return loadstring([[local f = redis.call" + OUT + "]])()",
    "load": "local done return load(function() if not done then done = 1 return [[local f = redis.call"
    + OUT + "]] end end)()",
    "the bytecode of a function": "return loadstring(string.dump(function() local f = redis.call"
    + OUT + "end))()",
    "getfenv": "local f = getfenv(0).redis.call" + OUT,
    "getfenv of a function of Lua's": "local f = getfenv(print or error).redis.call" + OUT,
    "setfenv": "local g = function() return redis end setfenv(g, getfenv()) local f = g().call" + OUT,
    "debug": "local f = debug.getregistry()._LOADED.redis.call" + OUT,
    "debug's upvalues": "for i = 1, 50 do local n, f = debug.getupvalue(redis.call, i) if n == 'ask' then"
    + OUT + "end end",
    "package": "local f = package.loaded._G.redis.call" + OUT,
    "require": "local f = require('redis').call" + OUT,
    "module": "module('x', function(m) m.f = redis.call end) local f = f" + OUT,
    "newproxy": "local p = newproxy(true) getmetatable(p).__index = _G local f = p.redis.call" + OUT,
    "the environment of a coroutine": "local c = coroutine.create(function() local f = redis.call" + OUT
    + "end) local _, v = coroutine.resume(c) return v",
    "a wrapped coroutine": "return coroutine.wrap(function() local f = redis.call" + OUT + "end)()",
    "redis.call run as a coroutine": "local f = coroutine.wrap(redis.call) return f('get', 'other:secret')",
    "xpcall": "local f = redis.call local _, v = xpcall(function()" + OUT + "end, function(e) return e end) return v",
    "xpcall with redis.call as the handler of errors":
    "local _, v = xpcall(function() error('get') end, redis.call) return v",
    "the handler of errors that Redis has": "local f = (__redis__err__handler or __server__err__handler)"
    "({redis.call}) return f.redis",
    "pcall of redis.call": "local _, v = pcall(redis.call, 'get', 'other:secret') return v",
    "redis.pcall": "local f = redis.pcall" + OUT,
    "redis.call taken away": "redis.call = nil local f = redis.call" + OUT,
    "redis.pcall taken away": "local p = redis.pcall redis.pcall = nil local f = redis.pcall" + OUT,
    "redis.call taken away by rawset": "rawset(redis, 'call', nil) local f = redis.call" + OUT,
    "redis taken away": "redis = nil local f = redis.call" + OUT,
    "the metatable of redis": "local m = getmetatable(redis) local f = m.__index({}, 'call')" + OUT,
    "the metatable of redis with another name": "local m = getmetatable(redis) local f = m.__index({}, 'call ')"
    + OUT,
    "the metatable of redis replaced": "setmetatable(redis, {__index = function(t, k) return _G.redis[k] end}) "
    "redis.call = nil local f = redis.call" + OUT,
    "a field of redis whose name holds several": "local f = redis['sha1hex log'] or redis[' call '] "
    "or redis['']" + OUT,
    "a block of the wrapper ended early": "end local f = redis.call" + OUT + "do",
    "a block of the wrapper ended early, in a comment": "--]] end local f = redis.call" + OUT,
    "a long string that goes on": "]=] end local f = redis.call" + OUT,
    "a call of what stands before": "(redis.call)('get', 'other:secret')",
    "the local variables of the wrapper": "local f = ask or real and real.call or call" + OUT,
    "globals of the wrapper's names": "ask = 1 KNOWN = {get = 'q'} first = 'other:secret' "
    "return redis.call('get', 'other:secret')",
    "a first line for Redis": "#!lua name=x flags=no-cluster\nlocal f = redis.call" + OUT,
    "a first line for Redis, then code behind it": "#!lua \rlocal f = redis.call" + OUT + "\nreturn 1",
    "bytecode": "\x1bLua\x51\x00\x01\x04\x08\x04\x08\x00",
    "redis.acl_check_cmd": "return tostring(redis.acl_check_cmd('get', 'other:secret'))",
    "redis.set_repl": "redis.set_repl(redis.REPL_NONE) local f = redis.call" + OUT,
    "redis.breakpoint and redis.debug": "redis.breakpoint() redis.debug('x') local f = redis.call" + OUT,
    "redis.register_function": "redis.register_function('x', redis.call) local f = redis.call" + OUT,
    # --- another key or command ---------------------------------------------------------------
    "KEYS replaced": "KEYS[1] = 'other:secret' return redis.call('get', KEYS[1])",
    "KEYS with a metatable": "setmetatable(KEYS, {__index = function() return 'other:secret' end}) "
    "KEYS[1] = nil return redis.call('get', KEYS[1])",
    "ARGV replaced": "ARGV[#ARGV + 1] = '0' ARGV[1] = 'other:secret' return redis.call('get', ARGV[1])",
    "a key that is a table": "local k = setmetatable({}, {__tostring = function() return 'other:secret' end}) "
    "return redis.call('get', k)",
    "a key that joins itself": "local k = setmetatable({}, {__concat = function() return 'other:secret' end}) "
    "return redis.call('get', k)",
    "a key that equals each": "local k = setmetatable({}, {__eq = function() return true end}) "
    "return redis.call('get', k)",
    "a key that is true": "return redis.call('get', true)",
    "a number as a key": "redis.call('set', 12345678901234567890, 'x') return redis.call('get', 1e15)",
    "a number with a fraction as a key": "redis.call('set', 0.1, 'x') return redis.call('get', 0/0)",
    "the prefix and a way back": "return redis.call('get', 't:../other:secret')",
    "a key with a zero byte": "return redis.call('get', 'other:secret\\0')",
    "a command that is a table": "return redis.call({'get'}, 'other:secret')",
    "a command whose name is spelt oddly": "return redis.call('gEt', 'other:secret')",
    "a name that holds two commands": "return redis.call('get=1 set', 'other:secret', 'x')",
    "a command with a space": "return redis.call('get ', 'other:secret')",
    "a command with a zero byte": "return redis.call('get\\0', 'other:secret')",
    "a subcommand in the name": "return redis.call('config|get', 'dir')",
    "a command with nothing": "return redis.call('')",
    "no command": "return redis.call()",
    "SELECT": "redis.call('select', '1') redis.call('set', KEYS[1], 1)",
    "SELECT, then a key": "redis.pcall('select', '1') return redis.call('get', 'other:secret')",
    "EVAL": "return redis.call('eval', \"return redis.call('get', 'other:secret')\", '0')",
    "EVALSHA": "return redis.call('evalsha', 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db', '0')",
    "FUNCTION": "return redis.call('function', 'load', '#!lua name=x\\nredis.register_function(\"x\", function() "
    "return 1 end)')",
    "FCALL": "return redis.call('fcall', 'x', '0')",
    "SCRIPT": "return redis.call('script', 'flush')",
    "FLUSHALL": "redis.call('flushall') redis.call('flushdb')",
    "FLUSHALL in redis.pcall": "redis.pcall('FLUSHALL') redis.pcall('FlushDB')",
    "SWAPDB": "return redis.call('swapdb', '0', '1')",
    "MOVE": "redis.call('set', KEYS[1], 1) return redis.call('move', KEYS[1], '1')",
    "COPY to another database": "redis.call('set', KEYS[1], 1) return redis.call('copy', KEYS[1], KEYS[1], 'DB', '1')",
    "COPY to another database with a table":
    "redis.call('set', KEYS[1], 1) return redis.call('copy', KEYS[1], KEYS[1], "
    "setmetatable({}, {__tostring = function() return 'DB' end}), '1')",
    "COPY from a key of others": "redis.call('copy', 'other:secret', KEYS[1]) return redis.call('get', KEYS[1])",
    "RENAME from a key of others": "redis.call('rename', 'other:secret', KEYS[1]) return redis.call('get', KEYS[1])",
    "RENAME to a key of others": "redis.call('set', KEYS[1], 1) return redis.call('rename', KEYS[1], 'other:made')",
    "RESTORE": "return redis.call('restore', 'other:made', '0', redis.call('dump', KEYS[1]))",
    "DUMP": "return redis.call('dump', 'other:secret')",
    "MIGRATE": "return redis.call('migrate', '127.0.0.1', '1', 'other:secret', '0', '10')",
    "CONFIG": "return redis.call('config', 'set', 'maxmemory', '1')",
    "DEBUG": "return redis.call('debug', 'object', 'other:secret')",
    "RANDOMKEY": "local k repeat k = redis.call('randomkey') until k == 'other:secret' return k",
    "INFO": "return redis.call('info')",
    "DBSIZE": "return redis.call('dbsize')",
    "PUBLISH": "return redis.call('publish', 'other:channel', 'x')",
    "CLIENT": "return redis.call('client', 'list')",
    "OBJECT of a key of others": "return redis.call('object', 'encoding', 'other:secret')",
    "MEMORY of a key of others": "return redis.call('memory', 'usage', 'other:secret')",
    "MGET": "return redis.call('mget', KEYS[1], 'other:secret')[2]",
    "MGET with many keys": "local t = {} for i = 1, 100 do t[i] = KEYS[1] end t[101] = 'other:secret' "
    "return redis.call('mget', unpack(t))[101]",
    "DEL": "return redis.call('del', KEYS[1], 'other:secret')",
    "EXISTS": "return redis.call('exists', 'other:secret') == 1 and 'the secret of others' or 'x'",
    "MSET": "return redis.call('mset', KEYS[1], '1', 'other:made', '2')",
    "SORT by patterns": "redis.call('sadd', KEYS[1], 'secret') return redis.call('sort', KEYS[1], 'BY', 'nosort', "
    "'GET', 'other:*')[1]",
    "SORT with a pattern as its limit": "redis.call('sadd', KEYS[1], 'secret') return redis.call('sort', KEYS[1], "
    "'LIMIT', '0', 'GET', 'GET', 'other:*')[1]",
    "SORT with a pattern as the pattern before": "redis.call('sadd', KEYS[1], 'secret') "
    "return redis.call('sort', KEYS[1], 'BY', 'GET', 'GET', 'other:*')[1]",
    "SORT to a key of others": "redis.call('sadd', KEYS[1], '1') return redis.call('sort', KEYS[1], 'STORE', "
    "'other:made')",
    "SORT_RO by patterns": "redis.call('sadd', KEYS[1], 'secret') return redis.call('sort_ro', KEYS[1], 'BY', "
    "'nosort', 'GET', 'other:*')[1]",
    "GEORADIUS to a key of others": "redis.call('geoadd', KEYS[1], '1', '1', 'a') return redis.call('georadius', "
    "KEYS[1], '1', '1', '1', 'km', 'STORE', 'other:made')",
    "GEORADIUSBYMEMBER to a key of others": "redis.call('geoadd', KEYS[1], '1', '1', 'a') "
    "return redis.call('georadiusbymember', KEYS[1], 'a', '1', 'km', 'COUNT', '1', 'STOREDIST', 'other:made')",
    "GEOSEARCHSTORE to a key of others": "redis.call('geoadd', KEYS[1], '1', '1', 'a') return "
    "redis.call('geosearchstore', 'other:made', KEYS[1], 'FROMMEMBER', 'a', 'BYRADIUS', '1', 'km')",
    "SINTERSTORE to a key of others": "redis.call('sadd', KEYS[1], '1') return redis.call('sunionstore', "
    "'other:made', KEYS[1])",
    "ZUNIONSTORE with fewer keys than it says": "return redis.call('zunionstore', KEYS[1], '0x1', 'other:secret')",
    "ZUNIONSTORE to a key of others": "redis.call('zadd', KEYS[1], '1', 'a') return redis.call('zunionstore', "
    "'other:made', '1', KEYS[1])",
    "ZRANGESTORE to a key of others": "redis.call('zadd', KEYS[1], '1', 'a') return redis.call('zrangestore', "
    "'other:made', KEYS[1], '0', '-1')",
    "LMPOP of a key of others": "return redis.call('lmpop', '2', KEYS[1], 'other:list', 'LEFT')",
    "LMOVE to a key of others": "redis.call('rpush', KEYS[1], '1') return redis.call('lmove', KEYS[1], 'other:made', "
    "'LEFT', 'LEFT')",
    "SMOVE to a key of others": "redis.call('sadd', KEYS[1], '1') return redis.call('smove', KEYS[1], 'other:made', '1')",
    "BITOP to a key of others": "redis.call('set', KEYS[1], '1') return redis.call('bitop', 'NOT', 'other:made', KEYS[1])",
    "BITOP from a key of others": "redis.call('bitop', 'AND', KEYS[1], 'other:secret', 'other:secret') "
    "return redis.call('get', KEYS[1])",
    "PFMERGE from a key of others": "return redis.call('pfmerge', KEYS[1], 'other:secret')",
    "LCS with a key of others": "redis.call('set', KEYS[1], 'the secret of others') "
    "return redis.call('lcs', KEYS[1], 'other:secret')",
    "KEYS of all": "for _, k in ipairs(redis.call('keys', '*')) do if string.find(k, 'other:') then return k end end",
    "KEYS of others": "return redis.call('keys', 'other:*')",
    "SCAN of all": "local c, t = '0' repeat t = redis.call('scan', c) c = t[1] for _, k in ipairs(t[2]) do "
    "if string.find(k, 'other:') then return k end end until c == '0'",
    "SCAN of others": "return redis.call('scan', '0', 'MATCH', 'other:*', 'COUNT', '10000')[2]",
    "a stream": "return redis.call('xadd', KEYS[1], '*', 'a', 'b')",
    "a wait": "return redis.call('blpop', KEYS[1], '0')",
    "WATCH": "return redis.call('watch', 'other:secret')",
    "MULTI": "return redis.call('multi')",
    # --- a key without ttl, or above max_ttl --------------------------------------------------
    "PERSIST": "redis.call('set', KEYS[1], '1', 'EX', '10') redis.call('persist', KEYS[1])",
    "GETEX with PERSIST": "redis.call('set', KEYS[1], '1', 'EX', '10') redis.call('getex', KEYS[1], 'pErSist')",
    "GETEX with a long ttl": "redis.call('set', KEYS[1], '1') redis.call('getex', KEYS[1], 'EX', '999999999')",
    "GETEX with a time far away": "redis.call('set', KEYS[1], '1') redis.call('getex', KEYS[1], 'PXAT', '99999999999999')",
    "a long ttl": "redis.call('set', KEYS[1], '1', 'PX', '99999999999')",
    "a long ttl as a number": "redis.call('set', KEYS[1], '1', 'px', 99999999999)",
    "a long ttl behind NX": "redis.call('set', KEYS[1], '1', 'NX', 'EX', '99999999')",
    "a ttl with a letter": "redis.call('set', KEYS[1], '1') redis.pcall('expire', KEYS[1], '0xfffffff')",
    "a time far away": "redis.call('set', KEYS[1], '1', 'EXAT', '99999999999')",
    "KEEPTTL": "redis.call('set', KEYS[1], '1', 'KEEPTTL')",
    "SET with an option for no ttl": "redis.call('set', KEYS[1], '1', 'GET') redis.call('set', KEYS[1] .. 2, '1', 'NX')",
    "SETEX": "redis.call('setex', KEYS[1], '99999999', '1')",
    "PSETEX": "redis.call('psetex', KEYS[1], 99999999999, '1')",
    "EXPIRE": "redis.call('set', KEYS[1], '1') redis.call('expire', KEYS[1], '99999999')",
    "EXPIRE GT": "redis.call('set', KEYS[1], '1') redis.call('expire', KEYS[1], '99999999', 'GT')",
    "PEXPIREAT": "redis.call('set', KEYS[1], '1') redis.call('pexpireat', KEYS[1], '99999999999999')",
    "EXPIREAT XX": "redis.call('set', KEYS[1], '1') redis.call('expireat', KEYS[1], '99999999999', 'XX')",
    "INCR": "redis.call('incr', KEYS[1]) redis.call('incr', KEYS[1])",
    "a write in redis.pcall": "redis.pcall('incr', KEYS[1]) pcall(redis.call, 'hset', KEYS[1] .. 2, 'a', 'b')",
    "a write in a coroutine that is never resumed": "local c = coroutine.create(function() redis.call('incr', KEYS[1]) "
    "coroutine.yield() end) coroutine.resume(c)",
    "a write, then an error": "redis.call('incr', KEYS[1]) error('x')",
    "a write, then Lua's stack at its end": "local function deep(n) pcall(redis.call, 'incr', KEYS[1] .. n) "
    "return 1 + deep(n + 1) end deep(1)",
    "writes at each depth of C's stack": "local function deep(n) pcall(function() pcall(redis.pcall, 'rpush', "
    "KEYS[1] .. n, 'a') deep(n + 1) end) end deep(1)",
    "a key removed and made again": "redis.call('zadd', KEYS[1], '1', 'a') redis.call('zrem', KEYS[1], 'a') "
    "redis.call('zadd', KEYS[1], '1', 'a') redis.call('del', KEYS[1]) redis.call('zadd', KEYS[1], '1', 'a')",
    "a key popped and made again": "redis.call('rpush', KEYS[1], 'a') redis.call('lmpop', '1', KEYS[1], 'LEFT') "
    "redis.call('rpush', KEYS[1], 'a')",
    "a key renamed and made again": "redis.call('rpush', KEYS[1], 'a') redis.call('rename', KEYS[1], KEYS[1] .. 2) "
    "redis.call('rpush', KEYS[1], 'a')",
    "a key moved and made again": "redis.call('sadd', KEYS[1], 'a') redis.call('smove', KEYS[1], KEYS[1] .. 2, 'a') "
    "redis.call('sadd', KEYS[1], 'a')",
    "a key expired and made again": "redis.call('sadd', KEYS[1], 'a') redis.call('expire', KEYS[1], '-1') "
    "redis.call('sadd', KEYS[1], 'a')",
    "a key expired in the midst of a call": "local k = KEYS[1] redis.call('sadd', k, 'a') local o = setmetatable({}, "
    "{__tostring = function() redis.call('sadd', k, 'b') return 'NX' end}) redis.pcall('expire', k, '-1', o) "
    "redis.call('sadd', k, 'c')",
    "RPUSHX of a key that is not there": "redis.call('rpushx', KEYS[1], 'a') redis.call('rpush', KEYS[1], 'a')",
    "MSET without ttl": "redis.call('mset', KEYS[1], '1', KEYS[1] .. 2, '2')",
    "MSETNX without ttl": "redis.call('msetnx', KEYS[1], '1', KEYS[1] .. 2, '2')",
    "stores": "redis.call('sadd', KEYS[1], '1') redis.call('sunionstore', KEYS[1] .. 2, KEYS[1]) "
    "redis.call('zunionstore', KEYS[1] .. 3, '1', KEYS[1]) redis.call('zrangestore', KEYS[1] .. 4, KEYS[1] .. 3, '0', "
    "'-1') redis.call('sort', KEYS[1], 'STORE', KEYS[1] .. 5) redis.call('copy', KEYS[1], KEYS[1] .. 6)",
    "HyperLogLogs and bits": "redis.call('pfadd', KEYS[1], 'a') redis.call('pfmerge', KEYS[1] .. 2, KEYS[1]) "
    "redis.call('setbit', KEYS[1] .. 3, '7', '1') redis.call('bitop', 'NOT', KEYS[1] .. 4, KEYS[1] .. 3) "
    "redis.call('bitfield', KEYS[1] .. 5, 'SET', 'u8', '0', '1')",
    "a GEORADIUS that stores twice": "redis.call('geoadd', KEYS[1], '1', '1', 'a') redis.call('georadius', KEYS[1], '1', "
    "'1', '1', 'km', 'STORE', KEYS[1] .. 2, 'STOREDIST', KEYS[1] .. 3)",
    "a SORT that stores twice": "redis.call('rpush', KEYS[1], '1') redis.call('sort', KEYS[1], 'STORE', KEYS[1] .. 2, "
    "'STORE', KEYS[1] .. 3)",
    "a ttl of ARGV's": "ARGV[#ARGV + 1] = '0' ARGV[#ARGV] = nil redis.call('incr', KEYS[1])",
    # --- the end of Redis: of an error without a text 7.0 dies --------------------------------
    "an error that is an empty table": "error({})",
    "an error whose text is no text": "error({err = {}}, 2)",
    "an error without a text in a coroutine": "coroutine.wrap(function() error({}) end)()",
    "an error that loses its text": "local _, e = pcall(redis.call, 'nosuch') e.err = nil error(e)",
    "an error that says its text once": "local n = 0 error(setmetatable({}, {__index = function() n = n + 1 "
    "return n == 1 and 'ERR x' or nil end}))",
    "an error by a name in a variable": "local t = {f = error} pcall(function() t.f({}) end) t.f({})",
    "an error that is a table of Redis's": "error(string)",
    # --- what later scripts see ---------------------------------------------------------------
    "a global": "evil = 1",
    "a global by rawset": "rawset(_G, 'evil', 1)",
    "a function that is a global": "function tonumber() return 666 end",
    "a function of string": "string.sub = function() return 'other:secret' end",
    "a function of string by rawset": "rawset(string, 'sub', function() return 'other:secret' end)",
    "a function of table": "table.concat = function() return 'evil' end",
    "an entry of math": "table.insert(math, 1)",
    "the metatable of all strings": "getmetatable('').__index = function() return function() return 'evil' end end",
    "the metatable of all strings, replaced": "setmetatable(getmetatable(''), {__index = 1})",
    "the metatable of numbers": "getmetatable(1).__call = function() return 1 end",
    "the metatable of nothing": "getmetatable(nil).__index = redis",
    "the metatable of cjson.null": "getmetatable(cjson.null).__index = redis",
    "a function of cjson": "cjson.encode = function() return 'evil' end",
    "a setting of cjson": "cjson.encode_max_depth(1)",
    "a setting of cjson by a name in two halves": "cjson['encode_max_' .. 'depth'](1)",
    "a setting of cjson in a variable": "local c = cjson for _, f in pairs(c) do if type(f) == 'function' then "
    "pcall(f, 1) end end",
    "numbers as cjson writes them": "cjson.encode_number_precision(1)",
    "cmsgpack": "cmsgpack.pack = nil",
    "the collector of garbage": "collectgarbage('stop')",
    "the real table redis": "_G.redis.call = function() return 'evil' end",
    "the seed of random": "math.randomseed(7)",
    "protocol 3": "redis.setresp(3) redis.call('hset', KEYS[1], 'a', 'b')",
}

# What a script of somebody else's must reply after each of them.
LATER = """
redis.call('hset', KEYS[1], 'f', 'v')
local t = redis.call('hgetall', KEYS[1])
return {t[1], t[2], ('abc'):sub(2, 2), string.sub('abc', 3), tonumber('7'), table.concat({1, 2}, ','),
        cjson.encode({{{1.25}}}), cjson.encode(0.123456789), #cmsgpack.pack('a'), type(cjson.decode),
        redis.call('ttl', KEYS[1] .. 'x'), rawequal(#math, 0) and 1 or 0}
"""
EXPECTED = [b"f", b"v", b"b", b"c", 7, b"1,2", b"[[[1.25]]]", b"0.123456789", 2, b"function", -2, 1]


class Escapes:
    """All attempts, in both mappings of keys."""

    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world, self.INI)
        self.redis = self.listener.redis
        self.client = self.listener.client()
        self.addCleanup(self.client.close)

    def key(self, name):
        return self.KEY_PREFIX + name

    def test_no_attempt_gets_out_of_the_namespace(self):
        for sentence, script in ATTEMPTS.items():
            with self.subTest(sentence):
                self.check(script)

    def check(self, script):
        self.redis.call("FLUSHALL")
        self.redis.call("SET", "other:secret", SECRET)
        self.redis.call("RPUSH", "other:list", SECRET)
        reply = self.client.call("EVAL", script, 1, self.key("k"), "an argument")
        self.assertNotIn(SECRET, repr(reply).encode())
        if b"NOPERM" not in repr(reply).encode():  # which repeats the script's own words
            self.assertNotIn(b"other:", repr(reply).encode())
        self.check_others()
        self.listener.check_ttls()
        later = self.client.call("EVAL", LATER, 1, self.key("later"))
        self.assertEqual(later, EXPECTED, f"after {reply!r}")

    def check_others(self):
        """That what is not of the namespace is as it was, in each database."""
        keys = [key for key in self.redis.call("KEYS", "*") if not key.startswith(MINE.encode())]
        self.assertEqual(sorted(keys), [b"other:list", b"other:secret"])
        self.assertEqual(self.redis.call("GET", "other:secret"), SECRET)
        self.assertEqual(self.redis.call("LRANGE", "other:list", 0, -1), [SECRET])
        self.assertNotIn(b"db1", self.redis.call("INFO", "keyspace"))


class BoundListener(Escapes, harness.TestCase):
    INI = bound()
    KEY_PREFIX = ""


class ListenerWithPrefixes(Escapes, harness.TestCase):
    INI = prefixed("t")
    KEY_PREFIX = "t:"


if __name__ == "__main__":
    harness.main()
