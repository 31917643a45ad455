# Redis-py with asyncio: many tasks on a pool of connections, pipelines and scans.
# debian: python3-redis
import asyncio
import os

import redis.asyncio as redis


async def count(client, name):
    async with client.pipeline(transaction=True) as pipe:
        return await pipe.incr(name).expire(name, 60).execute()


async def main():
    client = redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
    await asyncio.gather(*(count(client, f"n{number % 5}") for number in range(50)))
    assert await client.mget([f"n{number}" for number in range(5)]) == ["10"] * 5
    assert sorted([key async for key in client.scan_iter("n*")]) == [f"n{number}" for number in range(5)]
    assert await client.hset("h", mapping={"f": "v"}) == 1 and await client.hgetall("h") == {"f": "v"}
    async with client.lock("lock", timeout=10):
        assert await client.exists("lock") == 1
    assert await client.flushdb()
    await client.close()


asyncio.run(main())
