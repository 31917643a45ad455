# RedisCacheStore of Rails: values, counters, many keys, delete_matched, clear.
# debian: ruby-activesupport ruby-redis
# prefix: app:
require "logger"
require "active_support"
require "active_support/cache"
require "active_support/cache/redis_cache_store"
require "active_support/core_ext/numeric/time"

def check(holds, what)
  holds or abort "not so: #{what}"
end

failed = ->(method:, returning:, exception:) { abort "#{method}: #{exception}" }
cache = ActiveSupport::Cache::RedisCacheStore.new(url: ENV["REDIS_URL"], namespace: "app", expires_in: 1.minute, error_handler: failed)
check cache.write("k", { "a" => 1 }) && cache.read("k") == { "a" => 1 } && cache.exist?("k"), "write"
check !cache.write("k", 2, unless_exist: true) && cache.write("f", 1, expires_in: nil), "unless_exist"
check cache.fetch("x") { "made" } == "made" && cache.fetch("x") { "again" } == "made", "fetch"
check cache.fetch("race", expires_in: 10, race_condition_ttl: 5) { 1 } == 1, "race_condition_ttl"
check cache.write_multi({ "m" => 1, "n" => 2 }) && cache.read_multi("m", "n", "none") == { "m" => 1, "n" => 2 }, "multi"
check cache.fetch_multi("m", "o") { |key| key } == { "m" => 1, "o" => "o" }, "fetch_multi"
check cache.increment("count", 1, expires_in: 60) == 1 && cache.increment("count", 4) == 5 && cache.decrement("count") == 4, "counters"
# Newer ones set a counter's end only once, by EXPIRE NX; older ones only where it has none, and here it has.
ttl = Redis.new(url: ENV["REDIS_URL"]).ttl("app:count")
check ttl.between?(1, ActiveSupport.version >= Gem::Version.new("7.1") ? 60 : 7200), "a counter ends, and not in #{ttl} s"
check cache.delete("k") && cache.read("k").nil?, "delete"
cache.delete_multi(%w[m n]) if cache.respond_to?(:delete_multi)
cache.delete_matched("o*")
check cache.read("o").nil? && cache.read("x") == "made", "delete_matched"
cache.clear
check cache.read("x").nil?, "clear"
