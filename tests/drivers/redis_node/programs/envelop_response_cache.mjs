// @envelop/response-cache-redis 4, the cache of GraphQL Yoga's responses, with ioredis 5: sets hold which response
// depends on what.
import assert from 'node:assert/strict';
import { createRedisCache } from '@envelop/response-cache-redis';
import Redis from 'ioredis';

export default async function ({ port }) {
  const redis = new Redis(port);
  const cache = createRedisCache({ redis });
  await cache.set('r1', { data: 1 }, [{ typename: 'User', id: 7 }], 60_000);
  await cache.set('r2', { data: 2 }, [{ typename: 'User', id: 8 }, { typename: 'Cart' }], Infinity);
  await cache.set('r3', { data: 3 }, [{ typename: 'Cart', id: 1 }], 60_000);
  assert.deepEqual(await cache.get('r1'), { data: 1 });
  await cache.invalidate([{ typename: 'User', id: 7 }]);
  assert.deepEqual([await cache.get('r1'), await cache.get('r2')], [undefined, { data: 2 }]);
  await cache.invalidate([{ typename: 'User' }, { typename: 'Cart' }]);
  assert.deepEqual([await cache.get('r2'), await cache.get('r3')], [undefined, undefined]);
  await redis.quit();
}
