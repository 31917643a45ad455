# Rate limits of the package limits: fixed, elastic and moving windows.
# debian: python3-limits python3-redis
# prefix: LIMIT
import os

from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

storage = storage_from_string(os.environ["REDIS_URL"])
assert storage.check()
for limiter in (FixedWindowRateLimiter(storage), MovingWindowRateLimiter(storage)):
    limit = parse("2/minute")
    name = type(limiter).__name__
    assert limiter.test(limit, name) and limiter.hit(limit, name) and limiter.hit(limit, name)
    assert not limiter.hit(limit, name) and not limiter.test(limit, name)
    reset, left = limiter.get_window_stats(limit, name)
    assert left == 0 and reset > 0
    limiter.clear(limit, name)
assert storage.incr("LIMITER/n", 60) == 1 and storage.get("LIMITER/n") == 1
storage.clear("LIMITER/n")
storage.incr("LIMITER/m", 60)
assert storage.reset() == 1 and storage.get("LIMITER/m") == 0  # a script that asks for KEYS
