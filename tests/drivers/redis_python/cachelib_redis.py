# RedisCache of cachelib.
# debian: python3-cachelib python3-redis
# prefix: app:
import os

from cachelib import RedisCache

cache = RedisCache(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), default_timeout=60, key_prefix="app:")
assert cache.set("k", {"a": 1}) and cache.get("k") == {"a": 1} and cache.add("k", 2) is False and cache.add("l", 2)
assert cache.set("forever", 1, timeout=0) and cache.has("forever")
assert cache.inc("n") == 1 and cache.inc("n", 5) == 6 and cache.dec("n") == 5
cache.set_many({"x": 1, "y": 2})
assert cache.get_many("x", "y", "none") == [1, 2, None] and cache.get_dict("x") == {"x": 1}
cache.delete_many("x", "y")
assert cache.delete("k") and cache.clear() and cache.get("forever") is None
