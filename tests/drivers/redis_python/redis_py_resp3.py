# Redis-py in protocol 3, which its newest versions speak by default.
# debian: python3-redis
import os
import sys

import redis

if int(redis.__version__.split(".")[0]) < 5:
    print(f"redis-py 5 is wanted, and this is {redis.__version__}")
    sys.exit(77)
client = redis.Redis.from_url(os.environ["REDIS_URL"], protocol=3, decode_responses=True)
assert client.set("k", "v", ex=60) and client.get("k") == "v" and client.get("none") is None
assert client.hset("h", mapping={"f": "1"}) == 1 and client.hgetall("h") == {"f": "1"}
assert client.sadd("s", "a", "b") == 2 and client.smembers("s") == {"a", "b"}
assert client.zadd("z", {"m": 1.5}) == 1 and client.zscore("z", "m") == 1.5
assert client.zrange("z", 0, -1, withscores=True) == [["m", 1.5]] and client.zpopmin("z") == ["m", 1.5]
with client.pipeline() as pipe:
    assert pipe.hgetall("h").smembers("s").get("none").execute() == [{"f": "1"}, {"a", "b"}, None]
assert client.register_script("return {KEYS[1], ARGV[1]}")(keys=["h"], args=["x"]) == ["h", "x"]
