# Rack::Attack on redis-rb itself.
# debian: ruby-rack-attack ruby-redis
# prefix: rack::attack
require "redis"
require "rack"
require "rack/mock"
require "rack/attack"

Rack::Attack.cache.store = Redis.new(url: ENV["REDIS_URL"])
Rack::Attack.throttle("requests", limit: 2, period: 3600, &:ip)
browser = Rack::MockRequest.new(Rack::Attack.new(->(_) { [200, {}, ["hello"]] }))
said = Array.new(3) { browser.get("/", "REMOTE_ADDR" => "192.0.2.1").status }
said == [200, 200, 429] or abort said.inspect
