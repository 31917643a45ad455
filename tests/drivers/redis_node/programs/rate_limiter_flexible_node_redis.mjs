// rate-limiter-flexible 11 with node-redis 5.
import assert from 'node:assert/strict';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { createClient } from 'redis5';

export const prefix = 'rlflx:';

export default async function ({ url }) {
  const storeClient = await createClient({ url, disableOfflineQueue: true }).connect();
  const limiter = new RateLimiterRedis({ storeClient, useRedisPackage: true, points: 2, duration: 60, blockDuration: 90 });
  assert.equal((await limiter.consume('u')).remainingPoints, 1);
  await limiter.consume('u');
  const refused = await limiter.consume('u').then(() => null, (error) => error);
  assert(refused.msBeforeNext > 80_000 && refused.msBeforeNext <= 90_000, `blocked for ${refused.msBeforeNext}`);
  assert.equal((await limiter.get('u')).consumedPoints, 3);
  await limiter.penalty('v', 1);
  await limiter.block('w', 30);
  assert.equal(await limiter.delete('u'), true);
  storeClient.destroy();
}
