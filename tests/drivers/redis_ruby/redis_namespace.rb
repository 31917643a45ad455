# Redis-namespace: its keys in every kind of call.
# debian: ruby-redis-namespace
# prefix: app:
require "redis-namespace"

redis = Redis::Namespace.new("app", redis: Redis.new(url: ENV["REDIS_URL"]))
redis.set("k", "v", ex: 60) == "OK" && redis.get("k") == "v" && redis.mget("k", "none") == ["v", nil] or abort "mget"
redis.sadd("s", %w[x y]) && redis.sadd("t", %w[y z]) && redis.sinterstore("u", "s", "t") == 1 or abort "sinterstore"
redis.multi { |all| all.incr("n"); all.incr("n") } == [1, 2] or abort "multi"
redis.eval("return redis.call('INCR', KEYS[1])", keys: ["n"]) == 3 or abort "eval"
redis.keys.sort == %w[k n s t u] && redis.scan_each(match: "k*").to_a == ["k"] or abort "scan"
redis.del("k", "n", "s", "t", "u") == 5 or abort "del"
