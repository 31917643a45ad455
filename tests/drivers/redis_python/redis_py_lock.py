# Lock and Script of redis-py, which are scripts at the server.
# debian: python3-redis
import os

import redis

client = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
other = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
lock, rival = client.lock("lock", timeout=10), other.lock("lock", timeout=10, blocking=False)
assert lock.acquire() and not rival.acquire() and lock.locked() and lock.owned()
assert lock.extend(5) and lock.reacquire() and 0 < client.pttl("lock") <= 10000
lock.release()
assert rival.acquire()
try:
    lock.release()
    raise AssertionError("a lock that is another's was released")
except redis.exceptions.LockError:
    pass
rival.release()

add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
assert add(keys=["n"], args=[2]) == 2 and add(keys=["n"], args=[3]) == 5
with client.pipeline() as pipe:
    pipe.set("m", 1)
    add(keys=["m"], args=[4], client=pipe)
    assert pipe.execute() == [True, 5]
assert client.eval("return {redis.call('GET', KEYS[1]), ARGV[1]}", 1, "n", "x") == ["5", "x"]
assert client.script_exists(add.sha, "0" * 40) == [True, False]
