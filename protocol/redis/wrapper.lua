-- The wrapper of clients' scripts: Lua that stands before the text of a script, so that inside it the
-- policy of the script's namespace holds, for keys too that the client has not declared.
--
-- The daemon sends this file and the script as one text; of this file, a build keeps neither comments
-- nor line ends, so that the wrapper is one line and the lines of the script keep their numbers in
-- errors. wrapper.c opens a block before it and closes the block behind it:
--
--   local redis, server, _G, load, loadstring, collectgarbage, ... = redis
--   do local KNOWN = {get = 1}  <this file>  end  <the script>
--
-- So the script finds locals where Redis has globals that would lead around the wrapper, and cannot
-- name anything that stands in the block. What the wrapper itself takes from globals cannot be
-- changed: Redis makes them read-only. Nobody may get hold of the real redis.call, so the real table
-- `redis` is never handed out, nor reached by an __index. And nothing that a script hands over is
-- called here (as a table's __tostring would be), since it could make calls in the midst of another.
--
-- wrapper.c replaces the words in capitals by the values of the namespace: as constants they cost
-- nothing in a run, while each variable that a function shares with this block costs an allocation.
--
--   PREFIX    of its keys; SIZE: the prefix's length
--   BOUND     whether the script's keys lack the prefix, which is then added here; otherwise each key
--             must begin with it
--   GLOB      the prefix as a pattern of SCAN's
--   TTL       ms that a key is given which has no ttl; nil: none
--   MOST      ms that a ttl may have; math.huge: any
--   REJECT    the error for a ttl above that; nil: such a ttl becomes MOST
--   MAX_KEY   bytes of a key with its prefix; MAX_VALUE: bytes of a value, a field or a member
--   NO_TEXT   the error for an argument that is no text; FOREIGN, REFUSED, TOO_LONG: parts of errors
--   CODES     " get=1 set=6 ... ": the commands that the namespace allows, in lower case, each with
--             the code that says how to treat it (groups[] in wrapper.c):
--     1  a read of one key                     5  a read of a key's ttl
--     2  a write of one key that stores        6  SET
--        nothing and keeps the ttl             7  EXPIRE, 8: PEXPIRE
--     3  a write of one key that stores        letters: see `rare`
--     4  any number of keys, stores nothing
--   KNOWN     codes of the commands that the script mentions, by the name as it is written there

local real, ask = redis, redis.call

-- The keys (as Redis names them) that were given a ttl in this run, which the script has not changed;
-- and the key of the last write if it surely has a ttl, so that it need not be looked at again.
local healed, settled

-- The first declared key, as the script names it and as Redis does: most calls are about that one,
-- and comparing is quicker than anything else.
local first = KEYS[1]
local first_real = first
if BOUND and first then
  for i = 1, #KEYS do KEYS[i] = string.sub(KEYS[i], SIZE + 1) end
  first = KEYS[1]
end

-- Returns the key as Redis is to be given it, which is always a string: Redis writes numbers in
-- another way than Lua, and a table may have a metatable.
local function real_key(key)
  local kind = type(key)
  if kind == 'number' then
    key = string.format('%.17g', key)
  elseif kind ~= 'string' then
    error({err = NO_TEXT})
  end
  if BOUND then
    key = PREFIX .. key
  elseif string.sub(key, 1, SIZE) ~= PREFIX then
    error({err = "NOPERM the key '" .. key .. "' " .. FOREIGN})
  end
  if #key > MAX_KEY then
    error({err = 'POLICY key of ' .. #key .. ' bytes is too long: max_key' .. TOO_LONG .. MAX_KEY})
  end
  return key
end

-- All that most scripts do not need. It is given the call as the script made it, and is a function
-- whose inner functions are made when they are called for: each function costs time in every run of
-- every script.
local function rare(code, name, ...)
  local args, count = {...}, select('#', ...)

  local function refuse(text) error({err = text}) end

  local function check_lengths(from)
    for i = from, count do
      if type(args[i]) == 'string' and #args[i] > MAX_VALUE then
        refuse('POLICY value of ' .. #args[i] .. ' bytes is too long: max_value' .. TOO_LONG .. MAX_VALUE)
      end
    end
  end

  if not code then
    -- The name is not known yet, or was written in a way of its own.
    if name == nil then ask() end -- Redis knows what to say
    if type(name) ~= 'string' then refuse(NO_TEXT) end
    local _, to = string.find(CODES, ' ' .. string.lower(name) .. '=', 1, true)
    if not to then
      local command = real.pcall('COMMAND', 'INFO', name)
      if not command.err and not command[1] then refuse('ERR Unknown Redis command called from script') end
      refuse("NOPERM cachesd: '" .. name .. "' " .. REFUSED)
    end
    code = string.match(CODES, '^[^ ]+', to + 1)
    code = tonumber(code) or code
    KNOWN[name] = code
    return code
  end

  if code == 3 then return check_lengths(2) end
  if code == 'q' then return ask(name, ...) end -- no key

  local function map(from, to, step)
    for i = from, math.min(to, count), step or 1 do args[i] = real_key(args[i]) end
  end

  local function upper(i) return string.upper(args[i] or '') end

  for i = 1, count do
    if type(args[i]) ~= 'string' and type(args[i]) ~= 'number' then refuse(NO_TEXT) end
  end

  -- Returns whether n units of so many ms are a ttl above the limit; false for what is no number,
  -- since Redis will say so.
  local function is_too_long(n, unit)
    n = tonumber(n)
    if not n or n * unit <= MOST then return false end
    return not REJECT or refuse(REJECT)
  end

  -- What the reply to the script is made of; what must be done after the command: heals are the
  -- places of keys that get a ttl if they have none, caps of keys whose ttl is cut.
  local heal_from, heal_to, heal_step, cap, is_marked, is_new, shape = 1, 0, 1

  if code == 'k' then -- KEYS: as many steps of SCAN as a script may take
    local cursor, found, seen = '0', {}, {}
    if count ~= 1 then refuse('ERR Wrong number of args calling Redis command from script') end
    for _ = 1, 100 do
      local page = ask('SCAN', cursor, 'MATCH', (BOUND and GLOB or '') .. args[1], 'COUNT', 1000)
      cursor = page[1]
      for _, key in ipairs(page[2]) do
        if string.sub(key, 1, SIZE) == PREFIX and not seen[key] then
          seen[key] = true
          found[#found + 1] = BOUND and string.sub(key, SIZE + 1) or key
        end
      end
      if cursor == '0' then return found end
    end
    refuse("NOPERM cachesd: 'KEYS' looks at no more than 100000 keys in a script")
  end

  if code == 'c' then -- SCAN: its pattern gets the prefix, and what it finds must begin with it
    local has_match
    for i = 2, count, 2 do
      if upper(i) == 'MATCH' and i < count then
        args[i + 1] = (BOUND and GLOB or '') .. args[i + 1]
        has_match = true
      elseif upper(i) == 'COUNT' and (tonumber(args[i + 1]) or 0) > 1000 then
        args[i + 1] = 1000
      end
    end
    if not has_match then
      args[count + 1], args[count + 2] = 'MATCH', GLOB .. '*'
      count = count + 2
    end
    local page, found = ask(name, unpack(args, 1, count)), {}
    for _, key in ipairs(page[2]) do
      if string.sub(key, 1, SIZE) == PREFIX then
        found[#found + 1] = BOUND and string.sub(key, SIZE + 1) or key
      end
    end
    return {page[1], found}
  end

  if code == 4 then
    map(1, count)
  elseif code == 6 then -- SET with options, in the order in which Redis reads them
    check_lengths(2)
    map(1, 1)
    heal_to = 1
    local i = 3
    while i <= count do
      local option = upper(i)
      if (option == 'EX' or option == 'PX') and i < count then
        heal_to, is_new = 0, true
        cap = is_too_long(args[i + 1], option == 'EX' and 1000 or 1)
        i = i + 1
      elseif option ~= 'NX' and option ~= 'XX' and option ~= 'GET' then
        heal_to, cap = 1, true -- another option: Redis is left to judge it
        break
      end
      i = i + 1
    end
  elseif code == 7 or code == 8 then -- EXPIRE, PEXPIRE
    map(1, 1)
    local option = upper(3)
    if is_too_long(args[2], code == 7 and 1000 or 1) then
      name, args[2] = 'PEXPIRE', MOST
    end
    if option == 'NX' or option == 'LT' then
      -- Each key has a ttl here, so "only if it has none" is "only if it gets shorter"; but a key
      -- that was given its ttl in this run has none yet for the script.
      args[3] = 'LT'
      if healed and healed[args[1]] and count == 3 then count = 2 end
    end
    is_new = true
  elseif code == 'x' then -- SETEX, PSETEX
    check_lengths(3)
    map(1, 1)
    cap = is_too_long(args[2], string.lower(name) == 'setex' and 1000 or 1)
    is_new = true
  elseif code == 'a' then -- EXPIREAT, PEXPIREAT
    map(1, 1)
    local now = REJECT and ask('TIME')
    local unit = string.lower(name) == 'expireat' and 1000 or 1
    if now and tonumber(args[2]) then
      is_too_long(args[2] * unit - now[1] * 1000 - now[2] / 1000, 1)
    end
    if upper(3) == 'NX' then args[3] = 'LT' end
    cap = true
    is_new = true
  elseif code == 'p' then -- PERSIST
    map(1, 1)
    if MOST < math.huge then
      if REJECT then refuse(REJECT) end
      name, args[2], count = 'PEXPIRE', MOST, count + 1
      is_marked = true
    end
  elseif code == 'g' then -- GETEX
    map(1, 1)
    cap = count > 1
    if upper(2) == 'PERSIST' and MOST < math.huge then
      if REJECT then refuse(REJECT) end
      args[2], args[3], count = 'PX', MOST, count + 1
    elseif upper(2) == 'EX' or upper(2) == 'PX' then
      cap = is_too_long(args[3], upper(2) == 'EX' and 1000 or 1)
    end
    is_new = count > 1
  elseif code == 's' then -- a destination, then sources
    map(1, count)
    heal_to = 1
  elseif code == 'm' then -- pairs of a key and a value
    check_lengths(2)
    map(1, count, 2)
    heal_to, heal_step = count, 2
  elseif code == 'l' then -- two keys that are read
    map(1, 2)
  elseif code == 'o' then -- two keys: from the first to the second
    map(1, 2)
    heal_from, heal_to = 2, 2
  elseif code == 'r' then -- the same, and the ttl comes along
    map(1, 2)
    heal_from, heal_to, cap = 2, 2, true
    for i = 3, count do
      if upper(i) == 'DB' then refuse("NOPERM cachesd: DB of '" .. name .. "' " .. REFUSED) end
    end
  elseif code == 'd' then -- two keys: to the first from the second
    map(1, 2)
    heal_to = 1
  elseif code == 'n' or code == 'N' then -- how many keys, then the keys
    map(2, 1 + (tonumber(args[1]) or 0))
    shape = code == 'N' -- the reply names the key
  elseif code == 'z' then -- a destination, how many keys, then the keys
    map(1, 1)
    map(3, 2 + (tonumber(args[2]) or 0))
    heal_to = 1
  elseif code == 'b' then -- BITOP: the operation, a destination, then sources
    map(2, count)
    heal_from, heal_to = 2, 2
  elseif code == 'j' then -- OBJECT: what of the key, then the key
    map(2, count)
  elseif code == 'y' then -- SETRANGE, SETBIT: the value grows up to the place
    check_lengths(3)
    map(1, 1)
    heal_to = 1
    local at = tonumber(args[2]) or 0
    local size = string.lower(name) == 'setbit' and at / 8 or at + string.len(args[3] or '')
    if size > MAX_VALUE then
      refuse('POLICY value of ' .. math.floor(size) .. ' bytes is too long: max_value' .. TOO_LONG .. MAX_VALUE)
    end
  elseif code == 't' then -- SORT: patterns name keys, too
    map(1, 1)
    local i = 2
    while i <= count do
      local option = upper(i)
      if option == 'LIMIT' then
        i = i + 2
      elseif option == 'STORE' and i < count then
        i = i + 1
        map(i, i)
        heal_from, heal_to = i, i
      elseif (option == 'BY' or option == 'GET') and i < count then
        i = i + 1
        -- A pattern without "*" names no key.
        if string.find(args[i], '*', 1, true) then map(i, i) end
      end
      i = i + 1
    end
  elseif code == 'e' then -- GEORADIUS, GEORADIUSBYMEMBER
    map(1, 1)
    local i = string.lower(name) == 'georadius' and 6 or 5
    while i <= count do
      local option = upper(i)
      if (option == 'STORE' or option == 'STOREDIST') and i < count then
        i = i + 1
        map(i, i)
        heal_from, heal_to = i, i
      elseif option == 'COUNT' then
        i = i + 1
      end
      i = i + 1
    end
  end

  if is_new and healed then healed[args[1]] = nil end
  local reply = ask(name, unpack(args, 1, count))
  -- This must be done in the same function as the command: what fails here for want of room on the
  -- stack has failed there already.
  for i = heal_from, heal_to, heal_step do
    if TTL and ask('PEXPIRE', args[i], TTL, 'NX') == 1 then
      healed = healed or {}
      healed[args[i]] = true
    end
  end
  if cap and MOST < math.huge then
    ask('PEXPIRE', args[heal_to == 2 and 2 or 1], MOST, 'LT')
  end
  if is_marked and reply == 1 then
    healed = healed or {}
    healed[args[1]] = true
  end
  if shape and BOUND and type(reply) == 'table' and reply[1] then
    reply[1] = string.sub(reply[1], SIZE + 1)
  end
  return reply
end

-- Returns whether n of the unit, or of EXPIRE's or PEXPIRE's code, is a ttl that need not be cut.
local function is_short(n, unit)
  n = tonumber(n)
  if not n then return false end
  if unit == 'EX' or unit == 'ex' or unit == 7 then return n * 1000 <= MOST end
  return (unit == 'PX' or unit == 'px' or unit == 8) and n <= MOST
end

-- The script's redis.call. Each command is checked before Redis is asked, and each key that it makes
-- has its ttl before the script goes on. Here is what most scripts do, in a form that costs little.
local function call(name, key, ...)
  local code = KNOWN[name] or rare(nil, name)
  local value, more, third, fourth = ...
  if key == nil then return ask(name) end

  if code == 1 then
    if key == first then key = first_real else key = real_key(key) end
    return ask(name, key, ...)
  end

  if code == 5 then -- a key that was given its ttl in this run has none yet for the script
    if key == first then key = first_real else key = real_key(key) end
    local reply = ask(name, key, ...)
    if healed and healed[key] and reply > 0 then return -1 end
    return reply
  end

  if code == 3 then
    if third ~= nil or type(value) == 'string' and #value > MAX_VALUE
      or type(more) == 'string' and #more > MAX_VALUE then
      rare(3, name, key, ...)
    end
    if key == first then key = first_real else key = real_key(key) end
    local reply = ask(name, key, ...)
    if TTL and key ~= settled and ask('PEXPIRE', key, TTL, 'NX') == 1 then
      settled = key
      healed = healed or {}
      healed[key] = true
    end
    return reply
  end

  settled = nil

  if code == 2 or code == 4 and value == nil then
    if key == first then key = first_real else key = real_key(key) end
    return ask(name, key, ...)
  end

  if code == 6 and type(value) == 'string' and #value <= MAX_VALUE then
    if TTL and more == nil then
      if key == first then key = first_real else key = real_key(key) end
      healed = healed or {}
      healed[key] = true
      return ask(name, key, value, 'PX', TTL)
    elseif third ~= nil and fourth == nil
      and is_short(third, more) then
      if key == first then key = first_real else key = real_key(key) end
      if healed then healed[key] = nil end
      return ask(name, key, ...)
    end
  end

  if (code == 7 or code == 8) and more == nil and is_short(value, code) then
    if key == first then key = first_real else key = real_key(key) end
    if healed then healed[key] = nil end
    return ask(name, key, ...)
  end

  return rare(code, name, key, ...)
end

-- The script's `redis`: its other fields are handed out when they are asked for, since making a
-- table of them costs more than most scripts do.
redis = setmetatable({call = call}, {__index = function(fields, field)
  local value
  if field == 'call' then
    value = call
  elseif field == 'pcall' then
    value = function(...)
      local is_done, reply = pcall(call, ...)
      if is_done or type(reply) == 'table' then return reply end
      -- Redis's pcall returns the text of an error.
      return {err = (string.find(reply, '^%u+ ') and '' or 'ERR ') .. reply}
    end
  elseif type(field) == 'string' and string.find(' error_reply status_reply sha1hex log LOG_DEBUG LOG_VERBOSE LOG_NOTICE LOG_WARNING setresp replicate_commands breakpoint debug REDIS_VERSION REDIS_VERSION_NUM SERVER_NAME VALKEY_VERSION VALKEY_VERSION_NUM REPL_ALL REPL_AOF REPL_NONE REPL_REPLICA REPL_SLAVE ', ' ' .. field .. ' ', 1, true) then
    value = real[field]
  end
  fields[field] = value
  return value
end})
server = redis
