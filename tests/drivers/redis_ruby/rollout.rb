# Rollout, whose switches of features are values without ttl.
# debian: ruby-rollout ruby-redis
# prefix: feature:
require "redis"
require "rollout"

rollout = Rollout.new(Redis.new(url: ENV["REDIS_URL"]))
rollout.activate_percentage(:chat, 100)
rollout.active?(:chat) && !rollout.active?(:mail) or abort "activate"
rollout.deactivate(:chat)
rollout.active?(:chat) && abort("deactivate")
