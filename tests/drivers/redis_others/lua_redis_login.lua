-- Lua-redis that logs in, and a transaction that watches a key: it is refused by its name, and the connection lives on.
-- debian: lua5.1 lua-redis
-- expects: NOPERM .*'watch'
local redis = require("redis")
local client = redis.connect(os.getenv("REDIS_HOST"), tonumber(os.getenv("REDIS_PORT")))
redis.commands.login = redis.command("AUTH")
client = redis.connect(os.getenv("REDIS_HOST"), tonumber(os.getenv("REDIS_PORT")))
assert(client:login("web", "right"))
local ok, message = pcall(client.transaction, client, { watch = "k", cas = true }, function(all) all:multi() all:set("k", 1) end)
assert(os.getenv("BASELINE") and ok or not ok and message:lower():find("'watch'"), message)
assert(client:setex("k", 60, "v") and client:get("k") == "v")
