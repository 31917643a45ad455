# Django's cache in django-redis: all of its calls.
# debian: python3-django-redis
# prefix: app:
import os

import django
from django.conf import settings

CACHE = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": os.environ["REDIS_URL"], "KEY_PREFIX": "app"}
settings.configure(CACHES={"default": CACHE})
django.setup()
from django.core.cache import cache

assert cache.set("k", {"a": 1}, timeout=60) and cache.get("k") == {"a": 1} and 0 < cache.ttl("k") <= 60
assert cache.set("forever", 1, timeout=None) and cache.get("forever") == 1
assert cache.add("k", 2) is False and cache.add("l", 2, timeout=60) is True and cache.set("l", 3, nx=True) is False
cache.set("n", 1, timeout=60)
assert cache.incr("n") == 2 and cache.incr("n", 5) == 7 and cache.decr("n") == 6
cache.set_many({"x": 1, "y": 2}, timeout=60)
assert cache.get_many(["x", "y", "none"]) == {"x": 1, "y": 2} and "x" in cache and cache.has_key("y")
assert cache.touch("x", 30) and cache.expire("x", 20) and cache.pexpire("x", 20000) and cache.persist("x")
assert cache.pttl("y") > 0 and cache.get_or_set("z", lambda: 9, 60) == 9
assert sorted(cache.keys("*")) == ["forever", "k", "l", "n", "x", "y", "z"] and set(cache.iter_keys("x*")) == {"x"}
with cache.lock("lock", timeout=10):
    assert cache.add("other", 1, timeout=60)
cache.delete_many(["x", "y"])
assert cache.delete("k") and cache.delete_pattern("l*") == 1 and cache.get("l") is None
cache.incr_version("z")
assert cache.get("z", version=2) == 9
cache.clear()
assert cache.get("n") is None
cache.close()
