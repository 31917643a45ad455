// rate-limiter-flexible 11 with ioredis 5.
import assert from 'node:assert/strict';
import { BurstyRateLimiter, RateLimiterRedis } from 'rate-limiter-flexible';
import Redis from 'ioredis';

export const prefix = 'rlflx:';

export default async function ({ port }) {
  const storeClient = new Redis(port, { enableOfflineQueue: false });
  await new Promise((resolve) => storeClient.once('ready', resolve));
  const limiter = new RateLimiterRedis({ storeClient, points: 2, duration: 60, blockDuration: 120 });
  assert.equal((await limiter.consume('u')).remainingPoints, 1);
  await limiter.consume('u');
  const refused = await limiter.consume('u').then(() => null, (error) => error);
  assert(refused.msBeforeNext > 110_000 && refused.msBeforeNext <= 120_000, `blocked for ${refused.msBeforeNext}`);
  assert.equal((await limiter.get('u')).consumedPoints, 3);
  await limiter.penalty('v', 1);
  assert.equal((await limiter.reward('v', 1)).consumedPoints, 0);
  await limiter.block('w', 30);
  await limiter.set('x', 1, 30);
  const burst = new RateLimiterRedis({ storeClient, points: 1, duration: 60, keyPrefix: 'rlflx:burst' });
  const bursty = new BurstyRateLimiter(new RateLimiterRedis({ storeClient, points: 1, duration: 60 }), burst);
  await bursty.consume('y');
  await bursty.consume('y');
  await assert.rejects(bursty.consume('y'));
  assert.equal(await limiter.delete('u'), true);
  await storeClient.quit();
}
