// cacheable 2: memory before @keyv/redis 5.
import assert from 'node:assert/strict';
import { Cacheable } from 'cacheable';
import { createKeyv } from '@keyv/redis';

export default async function ({ url }) {
  const cache = new Cacheable({ secondary: createKeyv(url), ttl: '1m' });
  cache.on('error', (error) => { throw error; });
  await cache.set('a', { n: 1 });
  await cache.setMany([{ key: 'b', value: 2 }, { key: 'c', value: 3, ttl: '5s' }]);
  await cache.primary.clear();
  assert.deepEqual(await cache.get('a'), { n: 1 });
  assert.deepEqual(await cache.getMany(['b', 'c', 'none']), [2, 3, undefined]);
  assert.equal(await cache.has('b'), true);
  assert.equal(await cache.wrap(async (n) => n + 1, { keyPrefix: 'next', ttl: '5s' })(4), 5);
  assert.equal(await cache.take('b'), 2);
  await cache.deleteMany(['a', 'c']);
  await cache.clear();
  assert.equal(await cache.get('a'), undefined);
  await cache.disconnect();
}
