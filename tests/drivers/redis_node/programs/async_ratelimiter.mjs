// async-ratelimiter 1, a moving window in a sorted set, kept by a script, with ioredis 5.
import assert from 'node:assert/strict';
import RateLimiter from 'async-ratelimiter';
import Redis from 'ioredis';

export default async function ({ port }) {
  const db = new Redis(port);
  const limiter = new RateLimiter({ db, max: 2, duration: 60_000 });
  const ask = async () => (await limiter.get({ id: 'user' })).remaining;
  assert.deepEqual([await ask(), await ask(), await ask(), await ask()], [2, 1, 0, 0]);
  await db.quit();
}
