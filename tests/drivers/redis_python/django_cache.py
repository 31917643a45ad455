# Redis's cache that Django has itself, since its version 4.
# debian: python3-django python3-redis
# prefix: app:
import os
import sys

import django
from django.conf import settings

if django.VERSION < (4, 0):
    print(f"Django 4 is wanted, and this is {django.get_version()}")
    sys.exit(77)
CACHE = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": os.environ["REDIS_URL"], "KEY_PREFIX": "app"}
settings.configure(CACHES={"default": CACHE})
from django.core.cache import cache

cache.set("k", {"a": 1}, timeout=60)
assert cache.get("k") == {"a": 1} and cache.add("k", 2) is False and cache.add("l", 2, timeout=60) is True
cache.set("forever", 1, timeout=None)
cache.set("gone", 1, timeout=0)
assert cache.get("forever") == 1 and cache.get("gone") is None and cache.add("gone", 1, timeout=0) is True
cache.set("n", 1, timeout=60)
assert cache.incr("n") == 2 and cache.decr("n") == 1
assert cache.set_many({"x": 1, "y": 2}, timeout=60) == [] and cache.set_many({"w": 1}, timeout=None) == []
assert cache.get_many(["x", "y", "none"]) == {"x": 1, "y": 2}
assert cache.touch("x", 30) and cache.touch("y", None) and "x" in cache and cache.get_or_set("z", 9, 60) == 9
cache.delete_many(["x", "y"])
assert cache.delete("k") and not cache.delete("k")
cache.incr_version("z")
assert cache.get("z", version=2) == 9
cache.clear()
assert cache.get("n") is None
