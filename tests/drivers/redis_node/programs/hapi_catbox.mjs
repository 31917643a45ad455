// @hapi/catbox-redis (ioredis 5), the cache of hapi: called as catbox does.
import assert from 'node:assert/strict';
import { Engine } from '@hapi/catbox-redis';

export default async function ({ port }) {
  const cache = new Engine({ host: '127.0.0.1', port, partition: 'web' });
  await cache.start();
  assert.equal(cache.isReady(), true);
  const key = { segment: 'users', id: '7' };
  await cache.set(key, { name: 'ann' }, 60_000);
  const found = await cache.get(key);
  assert.deepEqual(found.item, { name: 'ann' });
  assert.equal(found.ttl, 60_000);
  await cache.drop(key);
  assert.equal(await cache.get(key), null);
  await cache.stop();
}
