# Redis-activesupport, the cache of Rails before it had one for Redis.
# debian: ruby-redis-activesupport ruby-activesupport
# prefix: app:
require "logger"
require "active_support"
require "redis-activesupport"

cache = ActiveSupport::Cache::RedisStore.new({ host: ENV["REDIS_HOST"], port: ENV["REDIS_PORT"].to_i, namespace: "app" }, expires_in: 60)
cache.write("k", "v") && cache.read("k") == "v" or abort "write"
cache.fetch("x") { "made" } == "made" && cache.fetch("x") { "again" } == "made" or abort "fetch"
cache.read_multi("k", "x") == { "k" => "v", "x" => "made" } or abort "read_multi"
cache.increment("n") == 1 && cache.decrement("n") == 0 or abort "increment"
cache.delete("k")
cache.delete_matched("x*")
cache.read("x").nil? or abort "delete_matched"
cache.clear
