// cache-manager 5 with cache-manager-ioredis-yet.
import assert from 'node:assert/strict';
import { caching } from 'cache-manager5';
import { redisStore } from 'cache-manager-ioredis-yet';

export default async function ({ port }) {
  const cache = await caching(redisStore, { host: '127.0.0.1', port, ttl: 60_000 });
  await cache.set('a', { n: 1 });
  await cache.set('b', 2, 5000);
  assert.deepEqual(await cache.get('a'), { n: 1 });
  assert.equal(await cache.wrap('c', async () => 'made', 3000), 'made');
  assert.equal(await cache.wrap('c', async () => 'again', 3000), 'made');
  await cache.store.mset([['d', 4], ['e', 5]], 9000);
  assert.deepEqual(await cache.store.mget('a', 'd', 'none'), [{ n: 1 }, 4, undefined]);
  const left = await cache.store.ttl('b');
  assert(left > 0 && left <= 5000, `ttl ${left}`);
  assert.deepEqual((await cache.store.keys()).sort(), ['a', 'b', 'c', 'd', 'e']);
  await cache.store.mdel('d', 'e');
  await cache.del('a');
  await cache.reset();
  assert.equal(await cache.get('b'), undefined);
  await cache.store.client.quit();
}
