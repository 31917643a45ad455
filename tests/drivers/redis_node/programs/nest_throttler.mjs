// @nest-lab/throttler-storage-redis 1, the store of @nestjs/throttler, with ioredis 5.
import assert from 'node:assert/strict';
import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import Redis from 'ioredis';

export default async function ({ port }) {
  const redis = new Redis(port);
  const storage = new ThrottlerStorageRedisService(redis);
  const ask = () => storage.increment('ip', 60_000, 2, 90_000, 'default');
  assert.deepEqual(await ask(), { totalHits: 1, timeToExpire: 60, isBlocked: false, timeToBlockExpire: 0 });
  assert.equal((await ask()).isBlocked, false);
  const refused = await ask();
  assert.equal(refused.isBlocked, true);
  assert(refused.timeToBlockExpire > 80 && refused.timeToBlockExpire <= 90, `blocked for ${refused.timeToBlockExpire}`);
  await redis.quit();
}
