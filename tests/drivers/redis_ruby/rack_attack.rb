# Rack::Attack: a throttle and a ban after failures, counted in Redis by the cache of Rails.
# debian: ruby-rack-attack ruby-activesupport ruby-redis
# prefix: rack::attack
require "logger"
require "active_support"
require "active_support/cache"
require "active_support/cache/redis_cache_store"
require "rack"
require "rack/mock"
require "rack/attack"

failed = ->(method:, returning:, exception:) { abort "#{method}: #{exception}" }
Rack::Attack.cache.store = ActiveSupport::Cache::RedisCacheStore.new(url: ENV["REDIS_URL"], error_handler: failed)
Rack::Attack.throttle("requests", limit: 2, period: 3600) { |request| request.ip unless request.path == "/login" }
Rack::Attack.blocklist("failed logins") do |request|
  Rack::Attack::Fail2Ban.filter("f-#{request.ip}", maxretry: 2, findtime: 3600, bantime: 3600) { request.path == "/login" }
end
browser = Rack::MockRequest.new(Rack::Attack.new(->(_) { [200, {}, ["hello"]] }))
said = %w[/ / / /login /login /].map { |path| browser.get(path, "REMOTE_ADDR" => "192.0.2.1").status }
said == [200, 200, 429, 403, 403, 403] or abort said.inspect
