# Redis-rb: each kind of value, pipelines, transactions, scripts, scans, and each way to log in.
# debian: ruby-redis
require "redis"

def check(holds, what)
  holds or abort "not so: #{what}"
end

def use(redis)
  check redis.ping == "PONG" && redis.set("s", "v", ex: 60) == "OK" && redis.get("s") == "v", "set"
  check redis.set("s", "w", nx: true) == false && redis.getdel("s") == "v" && redis.get("s").nil?, "set nx"
  check redis.mset("a", 1, "b", 2) == "OK" && redis.mget("a", "b", "none") == ["1", "2", nil], "mget"
  check redis.mapped_mget("a", "b") == { "a" => "1", "b" => "2" } && redis.incrby("n", 5) == 5, "mapped_mget"
  check redis.expire("n", 60) && redis.persist("n") && redis.ttl("a") != -2, "expire"
  check redis.hset("h", "f", "1", "g", "2") == 2 && redis.hgetall("h") == { "f" => "1", "g" => "2" }, "hgetall"
  check redis.sadd("set", %w[x y]) == 2 && redis.smembers("set").sort == %w[x y], "sets"
  check redis.zadd("z", [[1, "one"], [2.5, "two"]]) == 2 && redis.zscore("z", "two") == 2.5, "zscore"
  check redis.zrange("z", 0, -1, with_scores: true) == [["one", 1.0], ["two", 2.5]], "zrange"
  check redis.rpush("l", %w[1 2]) == 2 && redis.lrange("l", 0, -1) == %w[1 2] && redis.lpop("l") == "1", "lists"
  check redis.multi { |all| all.incr("n"); all.expire("n", 60); all.hgetall("h") } == [6, true, { "f" => "1", "g" => "2" }], "multi"
  check redis.pipelined { |all| all.set("a", 3); all.get("a") } == %w[OK 3], "pipelined"
  check redis.eval("return {KEYS[1], ARGV[1]}", keys: ["a"], argv: ["x"]) == %w[a x], "eval"
  sha = redis.script(:load, "return redis.call('INCRBY', KEYS[1], ARGV[1])")
  check redis.evalsha(sha, keys: ["n"], argv: [2]) == 8 && redis.script(:exists, sha), "evalsha"
  check redis.scan_each(match: "*").sort == %w[a b h l n set z] && redis.keys.size == 7, "scan"
  check redis.type("h") == "hash" && redis.exists("h", "z") == 2 && redis.info["loading"] == "0", "type"
  check redis.del("a", "b") == 2 && redis.unlink("h") == 1 && redis.flushdb == "OK" && redis.keys == [], "flushdb"
  redis.close
end

at = { host: ENV["REDIS_HOST"], port: ENV["REDIS_PORT"].to_i }
web = { username: "web", password: "right" }
[{}, web, { id: "app" }, { db: 1 }, web.merge(id: "app", db: 1)].each { |login| use(Redis.new(**at, **login)) }
