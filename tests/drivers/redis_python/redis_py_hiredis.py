# Redis-py with hiredis as its parser.
# debian: python3-redis python3-hiredis
import os
import sys

import redis

if not redis.utils.HIREDIS_AVAILABLE:
    print(f"redis-py {redis.__version__} wants a newer hiredis")
    sys.exit(77)
client = redis.Redis.from_url(os.environ["REDIS_URL"], health_check_interval=1)
with client.pipeline() as pipe:
    for number in range(500):
        pipe.setex(f"k{number}", 60, b"\0\r\n" * number)
    assert pipe.execute() == [True] * 500
assert client.mget([f"k{number}" for number in range(500)]) == [b"\0\r\n" * number for number in range(500)]
assert len(set(client.scan_iter("k*", count=50))) == 500
assert client.zadd("z", {"m": 1.5}) == 1 and client.zscore("z", "m") == 1.5
assert client.flushdb() and client.keys() == []
