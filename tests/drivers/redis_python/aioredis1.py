# Aioredis 1, redis-py's forerunner for asyncio: a pool, a transaction, a scan.
# debian: python3-aioredis
import asyncio
import os
import sys

try:
    import aioredis
except (ImportError, TypeError) as error:  # it does not know Python 3.11 and newer
    print(f"this Python can't import aioredis: {error}")
    sys.exit(77)


async def main():
    redis = await aioredis.create_redis_pool(os.environ["REDIS_URL"], encoding="utf-8")
    assert await redis.set("k", "v", expire=60) and await redis.get("k") == "v"
    transaction = redis.multi_exec()
    count, expires = transaction.incr("n"), transaction.expire("n", 60)
    await transaction.execute()
    assert (await count, await expires) == (1, True)
    assert await redis.hmset_dict("h", f="v") and await redis.hgetall("h") == {"f": "v"}
    assert sorted([key async for key in redis.iscan(match="*")]) == ["h", "k", "n"]
    redis.close()
    await redis.wait_closed()


asyncio.run(main())
