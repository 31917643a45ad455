# Dogpile.cache with its backend for Redis, with and without distributed locks.
# debian: python3-dogpile.cache python3-redis
import os

from dogpile.cache import make_region
from dogpile.cache.api import NO_VALUE

for locked in (False, True):
    arguments = {"url": os.environ["REDIS_URL"], "redis_expiration_time": 120, "distributed_lock": locked,
                 "thread_local_lock": not locked}
    region = make_region().configure("dogpile.cache.redis", expiration_time=60, arguments=arguments)
    made = []
    make = lambda: made.append(1) or "value"
    assert region.get_or_create("k", make) == region.get_or_create("k", make) == "value" and len(made) == 1
    region.set_multi({"x": 1, "y": 2})
    assert region.get_multi(["x", "y", "none"]) == [1, 2, NO_VALUE]
    region.delete_multi(["x", "y"])
    region.delete("k")
    assert region.get("k") is NO_VALUE
forever = make_region().configure("dogpile.cache.redis", arguments={"url": os.environ["REDIS_URL"]})
forever.set("k", 1)
assert forever.get("k") == 1
