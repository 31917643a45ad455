# What cachesd refuses in redis-rb is refused by its name, and the connection lives on.
# debian: ruby-redis
# expects: NOPERM .*'(watch|blpop|publish|xadd|swapdb|subscribe)'
require "redis"

if ENV["BASELINE"]
  puts "redis-server refuses none of this"
  exit 77
end
redis = Redis.new(url: ENV["REDIS_URL"])
[%w[watch k], %w[blpop l 1], %w[publish news x], %w[xadd x * f v], %w[swapdb 0 1]].each do |words|
  answer = redis.call(*words)
  abort "#{words[0]} was answered #{answer}"
rescue Redis::CommandError => e
  e.message.downcase.include?("'#{words[0]}'") or abort e.message
  redis.set("k", words[0], ex: 60) == "OK" && redis.get("k") == words[0] or abort "not stored after #{words[0]}"
end
