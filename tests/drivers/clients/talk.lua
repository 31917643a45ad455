-- Drives ../../../clients/lua/cachesd.lua: see talk.md.
local cachesd = require "cachesd"
io.stdout:setvbuf("line")

local function shown(reply)
  if type(reply) == "number" then return ":" .. reply end
  if reply == false then return "nil" end
  if type(reply) == "string" then
    return "$" .. reply:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)
  end
  local items = {}
  for at, item in ipairs(reply) do items[at] = shown(item) end
  return "[" .. table.concat(items, " ") .. "]"
end

local client

local function answer(verb, words)
  if verb == "call" then
    local reply, problem = client:call((table.unpack or unpack)(words))
    if reply == nil then return "-" .. tostring(problem) .. (problem.perhaps_applied and " (perhaps)" or " (no)") end
    return (shown(reply))
  end
  if client then client:close() end
  client = cachesd.new { address = words[1], timeout = tonumber(words[2]) / 1000, user = words[3], token = words[4] }
  return "opened"
end

for line in io.lines() do
  local words = {}
  for word in line:gmatch("%S+") do
    words[#words + 1] = word == "." and "" or word
  end
  local verb = table.remove(words, 1)
  for at, word in ipairs(words) do
    words[at] = word:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)
  end
  local ok, text = pcall(answer, verb, words)
  print(ok and text or "-WRONG " .. tostring(text))
end
