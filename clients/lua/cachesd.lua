-- A client of cachesd for Lua 5.1 to 5.4 and LuaJIT, with lua-socket, and for OpenResty, whose own sockets it uses.
--
--   local cachesd = require "cachesd".new()
--   cachesd:call("key.set", "ttl=90s", "demo", "greeting", "hello")
--   print(cachesd:call("key.get", "demo", "greeting"))
--
-- Requests are sent as arrays of words, so that no value can be taken for anything else: any bytes will do, and nothing
-- is ever quoted.
--
-- A reply is a string, a number, an array, or false for nil, as in Redis's own scripts. What fails returns nil and an
-- error: a table with `code`, `message` and `perhaps_applied`, which tostring() makes readable. The code is the daemon's own
-- word (WRONGTYPE, POLICY, …), or that of the client itself: UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in
-- time), LOST (the connection broke before the answer).

local LINE = 65536 -- bytes of a reply's line, at most
local DEPTH = 8 -- arrays within arrays, at most
local LARGEST = 2 ^ 30 -- bytes of a value, or items of an array
local CHUNK = 65536 -- bytes that are read at a time
local PERHAPS_APPLIED = { TIMEOUT = true, LOST = true, INTERNAL = true }

local unpack = table.unpack or unpack

-- --- errors ---------------------------------------------------------------------------------

local Error = {}
Error.__index = Error
Error.__tostring = function(self) return self.code .. " " .. self.message end

local function failure(code, message)
  return setmetatable({ code = code, message = message, perhaps_applied = PERHAPS_APPLIED[code] or false }, Error)
end

-- Inside of this file errors are thrown, and the client catches them.
local function fail(code, message) error(failure(code, message), 0) end
local function broken() fail("LOST", "a broken reply") end

-- --- sockets: those of lua-socket, and those of nginx ---------------------------------------

local function open_plain(place, seconds, _)
  local socket = require "socket"
  local stream
  if place.path then
    local unix = require "socket.unix"
    stream = type(unix) == "table" and unix.stream and unix.stream() or unix()
    stream:settimeout(seconds)
    local ok, problem = stream:connect(place.path)
    if not ok then return nil, problem end
  else
    local problem
    stream, problem = (socket.tcp6 and place.host:find(":", 1, true) and socket.tcp6 or socket.tcp)()
    if not stream then return nil, problem end
    stream:settimeout(seconds)
    local ok
    ok, problem = stream:connect(place.host, place.port)
    if not ok then return nil, problem end
    stream:setoption("tcp-nodelay", true)
  end
  stream:settimeout(0)
  local function ready(left, is_writing)
    local read, write = socket.select(not is_writing and { stream } or nil, is_writing and { stream } or nil, left)
    return #read + #write > 0
  end
  return {
    now = socket.gettime,
    send = function(bytes, deadline)
      local at = 1
      while at <= #bytes do
        if not ready(math.max(deadline - socket.gettime(), 0), true) then return nil, "timeout" end
        local last, problem, reached = stream:send(bytes, at)
        if not last and problem ~= "timeout" then return nil, problem, reached == 0 end
        at = (last or reached) + 1
      end
      return true
    end,
    receive = function(deadline)
      if not ready(math.max(deadline - socket.gettime(), 0), false) then return nil, "timeout" end
      local bytes, problem, part = stream:receive(CHUNK)
      bytes = bytes or part
      if bytes == "" then return nil, problem end
      return bytes
    end,
    is_good = function() return not ready(0, false) end,
    close = function() stream:close() end,
  }
end

-- A connection goes back to nginx's pool after each reply, where other requests of the worker find it. Each `caller` has a pool of its
-- own: the daemon has been told whose a connection is.
local function open_nginx(place, seconds, caller)
  local stream = ngx.socket.tcp()
  stream:settimeout(seconds * 1000)
  local ok, problem
  local options = { pool = "cachesd " .. place.name .. " " .. ngx.md5(caller) }
  if place.path then ok, problem = stream:connect("unix:" .. place.path, options)
  else ok, problem = stream:connect(place.host:find(":", 1, true) and "[" .. place.host .. "]" or place.host, place.port, options) end
  if not ok then return nil, problem end
  local now = function()
    ngx.update_time()
    return ngx.now()
  end
  local function within(deadline)
    local left = deadline - now()
    if left > 0 then stream:settimeout(left * 1000) end
    return left > 0
  end
  return {
    now = now,
    is_old = stream:getreusedtimes() > 0,
    send = function(bytes, deadline)
      if not within(deadline) then return nil, "timeout" end
      return stream:send(bytes)
    end,
    receive = function(deadline)
      if not within(deadline) then return nil, "timeout" end
      return stream:receiveany(CHUNK)
    end,
    is_good = function() return false end, -- it is in the pool, or it was closed
    done = function() stream:setkeepalive() end,
    close = function() stream:close() end,
  }
end

local is_nginx = ngx and ngx.socket and true or false
local open = is_nginx and open_nginx or open_plain
local function now() return is_nginx and ngx.now() or require("socket").gettime() end

-- --- places ---------------------------------------------------------------------------------

local function split(address)
  if address:find("/", 1, true) then return { path = address, name = address } end
  local host, port = address:match("^%[([^%]]+)%]:(%d%d?%d?%d?%d?)$")
  if not host then host, port = address:match("^([^:%[%]]+):(%d%d?%d?%d?%d?)$") end
  if not host or tonumber(port) > 65535 then
    error("address " .. address .. ": a path, HOST:PORT or [IPV6]:PORT was expected", 0)
  end
  return { host = host, port = tonumber(port), name = address }
end

local function given(value) return value ~= "" and value or nil end

-- Where a daemon may be. Lua can't see whose a folder is, so those below /tmp are not looked at.
local function places(address)
  if address then return { split(address) } end
  local runtime = given(os.getenv("XDG_RUNTIME_DIR"))
  return {
    split("/run/cachesd/cachesd.sock"),
    runtime and split(runtime .. "/cachesd.sock") or split("127.0.0.1:7379"),
    runtime and split("127.0.0.1:7379"),
  }
end

-- --- replies --------------------------------------------------------------------------------

-- What was read and is not yet taken: bytes from `at` on.
local Reader = {}
Reader.__index = Reader

function Reader:more()
  local bytes, problem = self.stream.receive(self.deadline)
  if bytes then return bytes end
  if problem == "timeout" then fail("TIMEOUT", "no answer in time") end
  fail("LOST", "the connection broke before the answer: " .. tostring(problem))
end

function Reader:take(size)
  local have = #self.unread - self.at + 1
  if have < size + 2 then
    local parts = { self.unread:sub(self.at) }
    while have < size + 2 do
      parts[#parts + 1] = self:more()
      have = have + #parts[#parts]
    end
    self.unread, self.at = table.concat(parts), 1
  end
  local stop = self.at + size
  if self.unread:sub(stop, stop + 1) ~= "\r\n" then broken() end
  local taken = self.unread:sub(self.at, stop - 1)
  self.at = stop + 2
  return taken
end

function Reader:line()
  while true do
    local stop = self.unread:find("\r\n", self.at, true)
    if stop then return self:take(stop - self.at) end
    if #self.unread - self.at > LINE then broken() end
    self.unread, self.at = self.unread:sub(self.at) .. self:more(), 1
  end
end

local function integer(text)
  if not text:find("^%-?%d+$") or #text > 20 then broken() end
  local number = tonumber(text)
  if math.type then return math.type(number) == "integer" and number or broken() end
  return math.abs(number) <= 2 ^ 53 and number or text -- Lua before 5.3 has no such integers
end

local function size_of(text)
  local size = tonumber(integer(text))
  if size < 0 or size > LARGEST then broken() end
  return size
end

function Reader:reply(depth)
  local line = self:line()
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "+" then return rest end
  if kind == "-" then return failure(rest:match("^(%S*) ?(.*)$")) end
  if kind == ":" then return integer(rest) end
  if kind ~= "$" and kind ~= "*" then broken() end
  if rest == "-1" then return false end
  if kind == "$" then return self:take(size_of(rest)) end
  if depth == 0 then broken() end
  local items = {}
  for at = 1, size_of(rest) do
    items[at] = self:reply(depth - 1)
    if getmetatable(items[at]) == Error then broken() end -- no array of the daemon's has errors
  end
  return items
end

local function encoded(words)
  if #words == 0 then error("no verb is given", 0) end
  local parts = { "*" .. #words .. "\r\n" }
  for at, word in ipairs(words) do
    if type(word) ~= "string" and type(word) ~= "number" then
      error("word " .. at .. " is a " .. type(word) .. ": a string or a number was expected", 0)
    end
    word = tostring(word)
    parts[#parts + 1] = "$" .. #word .. "\r\n" .. word .. "\r\n"
  end
  return table.concat(parts)
end

-- --- the client -----------------------------------------------------------------------------

local Client = {}
Client.__index = Client

-- address: the path of a socket, HOST:PORT or [IPV6]:PORT; else $CACHESD_ADDRESS, else where a daemon usually is. user and
-- token: else $CACHESD_USER and $CACHESD_TOKEN. timeout: seconds, to connect and for each answer.
local function new(options)
  options = options or {}
  local self = setmetatable({
    address = given(options.address) or given(os.getenv("CACHESD_ADDRESS")),
    user = given(options.user) or given(os.getenv("CACHESD_USER")),
    token = given(options.token) or given(os.getenv("CACHESD_TOKEN")),
    timeout = options.timeout or 5,
  }, Client)
  if self.token and not self.user then error("a token needs a user: the option user, or CACHESD_USER", 0) end
  places(self.address)
  return self
end

local function exchange(stream, bytes, deadline)
  local ok, problem, is_unsent = stream.send(bytes, deadline)
  if is_unsent then fail("UNAVAILABLE", "there is no connection: " .. problem) end -- lua-socket sees that only now
  if not ok and problem == "timeout" then fail("TIMEOUT", "no answer in time") end
  if not ok then fail("LOST", "the connection broke: " .. tostring(problem)) end
  local reader = setmetatable({ stream = stream, deadline = deadline, unread = "", at = 1 }, Reader)
  local reply = reader:reply(DEPTH)
  if reader.at <= #reader.unread then broken() end
  return reply
end

function Client:connect(deadline)
  local stream, problem
  local caller = (self.user or "") .. "\0" .. (self.token or "")
  for _, place in ipairs(places(self.address)) do
    stream, problem = open(place, math.max(deadline - now(), 0.001), caller)
    if stream then break end
    problem = "cannot connect to " .. place.name .. ": " .. tostring(problem)
  end
  if not stream then fail("UNAVAILABLE", problem) end
  if not self.token or stream.is_old then return stream end
  local is_whole, reply = pcall(exchange, stream, encoded { "auth", self.user, self.token }, deadline)
  if is_whole and reply == "OK" then return stream end
  stream.close()
  if is_whole then error(reply, 0) end
  fail("UNAVAILABLE", "auth: " .. tostring(reply)) -- the request itself was not sent
end

-- The reply to these words, which are strings and numbers.
function Client:call(...) return self:call_within(self.timeout, ...) end

-- The same for a request that may take so many seconds, as memo.get with wait= does.
function Client:call_within(seconds, ...)
  local bytes = encoded { ... }
  local deadline = now() + seconds
  local stream = self.stream
  self.stream = nil -- only a whole reply puts it back
  if stream and not stream.is_good() then
    stream.close()
    stream = nil
  end
  local is_whole, reply = pcall(function()
    stream = stream or self:connect(deadline)
    return exchange(stream, bytes, deadline)
  end)
  if is_whole and stream.done then stream.done()
  elseif is_whole then self.stream = stream
  elseif stream then stream.close() end
  if getmetatable(reply) == Error then return nil, reply end
  if not is_whole then error(reply, 0) end
  return reply
end

function Client:close()
  if self.stream then self.stream.close() end
  self.stream = nil
end

-- --- cached results -------------------------------------------------------------------------

local function report(memo, problem)
  if memo.on_error then memo.on_error(problem) end
end

-- The reply, or nil: a cache that is away or refuses must not stop anybody.
local function ask(self, memo, seconds, ...)
  local reply, problem = self:call_within(self.timeout + seconds, ...)
  if reply == nil then report(memo, problem) end
  return reply
end

local function memo_get(self, memo, wait)
  local words = { "memo.get", memo.namespace, memo.key }
  if wait > 0 then table.insert(words, 2, ("wait=%dms"):format(math.ceil(wait * 1000))) end
  local reply = ask(self, memo, wait, unpack(words))
  if type(reply) ~= "table" or #reply ~= 3 then return "AWAY" end
  return reply[1], reply[2] or nil, reply[3] or nil
end

local function compute(self, memo, lease)
  local is_done, result = pcall(memo.compute)
  local is_written, value = is_done, result
  if is_done and result ~= nil and memo.dump then
    is_written, value = pcall(memo.dump, result)
    if not is_written then report(memo, value) end
  end
  if not is_written then ask(self, memo, 0, "memo.drop", memo.namespace, memo.key, lease)
  elseif value == nil then ask(self, memo, 0, "memo.null", memo.namespace, memo.key, lease)
  elseif memo.ttl then ask(self, memo, 0, "memo.put", "ttl=" .. memo.ttl, memo.namespace, memo.key, lease, value)
  else ask(self, memo, 0, "memo.put", memo.namespace, memo.key, lease, value) end
  if not is_done then error(result, 0) end
  return result
end

-- What is kept, or what `compute` returns: it is called once, whoever asks, in whatever process.
--
--   local report = cachesd:cached { namespace = "demo", key = "report:7", ttl = "10m", compute = function() return ... end }
--
-- A caller that asks while another computes waits for that result (`wait`, 10 s). When the daemon is away or refuses, the function
-- is simply called; `on_error` is told why. nil is kept as a result too. Values are strings, unless you give dump and load.
function Client:cached(memo)
  local wait = memo.wait or 10
  local state, value, lease = memo_get(self, memo, 0)
  if state == "MISS" and not lease and wait > 0 then -- somebody else computes it
    state, value, lease = memo_get(self, memo, wait)
  end
  if lease then return compute(self, memo, lease) end
  if state == "NULL" then return nil end
  if not value then return memo.compute() end
  if not memo.load then return value end
  local is_read, result = pcall(memo.load, value)
  if is_read then return result end
  report(memo, result) -- perhaps another version of the program has written it
  self:forget(memo)
  return memo.compute()
end

-- The next call computes. Tells whether the daemon could be told.
function Client:forget(memo) return ask(self, memo, 0, "del", memo.namespace, memo.key) ~= nil end

return { new = new }
