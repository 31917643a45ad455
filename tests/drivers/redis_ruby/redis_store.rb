# Redis-store with a namespace of its own: values, expiry, clear.
# debian: ruby-redis-store
# prefix: app:
require "redis-store"

store = Redis::Store.new(host: ENV["REDIS_HOST"], port: ENV["REDIS_PORT"].to_i, namespace: "app")
store.set("k", { "a" => 1 }) && store.get("k") == { "a" => 1 } or abort "set"
store.setex("l", 60, "v") && store.ttl("l").positive? && store.set("m", 1, expire_after: 60) or abort "setex"
store.mget("k", "l") == [{ "a" => 1 }, "v"] or abort "mget"
store.setnx("k", 2) && abort("setnx")
store.keys("*").size == 3 && store.del("k", "l") == 2 or abort "keys"
store.flushdb
store.get("m").nil? or abort "flushdb"
