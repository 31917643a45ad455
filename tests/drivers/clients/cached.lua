-- Drives ../../../clients/lua/cachesd.lua: a command a line, `call|forget|refresh WORD`, and a result a line.
local cachesd = require "cachesd"
local socket = require "socket"
io.stdout:setvbuf("line")

local folder = os.getenv("FOLDER")
local client = cachesd.new { timeout = 10 }

local function lines(name)
  local file = io.open(folder .. "/" .. name)
  return file and file:lines() or function() end
end

local function compute(word)
  local file = assert(io.open(folder .. "/computed", "a"))
  file:write(word, "\n")
  file:close()
  while word:find("^gate") and not io.open(folder .. "/gate") do socket.sleep(0.005) end
  if word:find("^throw") then error(word, 0) end
  if word:find("^null") then return nil end
  local count = 0
  for line in lines("computed") do
    if line == word then count = count + 1 end
  end
  return { word = word, count = count }
end

local function dump(result) return ('{"word": "%s", "count": %d}'):format(result.word, result.count) end

-- Refuses what a full reader of JSON would.
local function load(text)
  local word, count = text:match('^{"word": "(.*)", "count": (%d+)}$')
  return word and { word = word, count = tonumber(count) } or assert(tonumber(text), "no JSON")
end

for line in io.lines() do
  local verb, word = line:match("(%S+) (%S+)")
  local memo = {
    namespace = os.getenv("NAMESPACE"), key = "f:" .. word, ttl = os.getenv("TTL"), wait = os.getenv("WAIT_MS") / 1000,
    dump = dump, load = load, compute = function() return compute(word) end,
  }
  local is_forgotten = verb ~= "call" and client:forget(memo)
  if verb == "forget" then
    print(is_forgotten)
  else
    local ok, result = pcall(client.cached, client, memo)
    if not ok then print("threw " .. result)
    elseif type(result) == "table" then print(dump(result))
    else print(result or "null") end
  end
end
