# Moneta with its adapter for Redis.
# debian: ruby-moneta ruby-redis
require "moneta"

store = Moneta.new(:Redis, host: ENV["REDIS_HOST"], port: ENV["REDIS_PORT"].to_i, expires: true)
store["k"] = { "a" => 1 }
store.store("l", "v", expires: 60)
store["k"] == { "a" => 1 } && store["l"] == "v" && store.key?("l") && store["none"].nil? or abort "store"
store.increment("n") == 1 && store.increment("n", 4) == 5 or abort "increment"
store.create("k", 2) && abort("create")
store.values_at("k", "l") == [{ "a" => 1 }, "v"] && store.load("l", expires: 30) == "v" or abort "values_at"
store.delete("k") == { "a" => 1 } or abort "delete"
store.clear
store.key?("l") && abort("clear")
store.close
