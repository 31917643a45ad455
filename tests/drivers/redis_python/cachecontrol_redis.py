# CacheControl with its RedisCache.
# debian: python3-cachecontrol python3-redis
import datetime
import os

import redis
from cachecontrol.caches.redis_cache import RedisCache

cache = RedisCache(redis.Redis.from_url(os.environ["REDIS_URL"]))
cache.set("http://example/", b"page")
cache.set("http://example/soon", b"page", expires=datetime.datetime.utcnow() + datetime.timedelta(minutes=1))
assert cache.get("http://example/") == b"page" == cache.get("http://example/soon") and cache.get("none") is None
cache.delete("http://example/")
assert cache.get("http://example/") is None
cache.clear()
assert cache.get("http://example/soon") is None
cache.close()
