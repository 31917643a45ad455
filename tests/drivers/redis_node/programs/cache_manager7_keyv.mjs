// cache-manager 7 with keyv 5 and @keyv/redis 5.
import assert from 'node:assert/strict';
import { createCache } from 'cache-manager';
import { Keyv } from 'keyv';
import KeyvRedis from '@keyv/redis';

export default async function ({ url }) {
  const cache = createCache({ stores: [new Keyv({ store: new KeyvRedis(url) })], ttl: 60_000 });
  await cache.set('a', { n: 1 });
  assert.deepEqual(await cache.get('a'), { n: 1 });
  assert.equal(await cache.get('none'), undefined);
  await cache.mset([{ key: 'b', value: 2 }, { key: 'c', value: 3, ttl: 5000 }]);
  assert.deepEqual(await cache.mget(['a', 'b', 'c']), [{ n: 1 }, 2, 3]);
  assert.equal(await cache.wrap('d', async () => 'made', 3000), 'made');
  assert.equal(await cache.wrap('d', async () => 'again', 3000), 'made');
  assert.ok((await cache.ttl('c')) > Date.now());
  await cache.del('a');
  await cache.mdel(['b', 'c']);
  assert.equal(await cache.get('b'), undefined);
  await cache.clear();
  assert.equal(await cache.get('d'), undefined);
  await cache.disconnect();
}
