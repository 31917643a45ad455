// cache-manager 5 with cache-manager-redis-store 3 (node-redis 4).
import assert from 'node:assert/strict';
import { caching } from 'cache-manager5';
import { redisStore } from 'cache-manager-redis-store';

export default async function ({ port }) {
  const store = await redisStore({ socket: { host: '127.0.0.1', port }, ttl: 60 });
  const cache = await caching(store);
  await store.set('a', { n: 1 }, { ttl: 60 });
  assert.deepEqual(await cache.get('a'), { n: 1 });
  await store.mset('b', 2, 'c', 3, { ttl: 60 });
  assert.deepEqual(await store.mget('b', 'c'), [2, 3]);
  assert.deepEqual((await store.keys('*')).sort(), ['a', 'b', 'c']);
  const left = await store.ttl('a');
  assert(left > 50 && left <= 60, `ttl ${left}`);
  await store.del('a');
  await store.reset();
  assert.equal(await cache.get('b') ?? null, null);
  await store.getClient().quit();
}
