// bentocache 1 with its driver for ioredis 5, and memory before it.
import assert from 'node:assert/strict';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { redisDriver } from 'bentocache/drivers/redis';

export const prefix = 'bentocache:';

export default async function ({ port }) {
  const redis = redisDriver({ connection: { host: '127.0.0.1', port } });
  const stores = { two: bentostore().useL1Layer(memoryDriver({})).useL2Layer(redis), one: bentostore().useL2Layer(redis) };
  const bento = new BentoCache({ default: 'two', stores, ttl: '1m' });
  bento.on('cache:error', (error) => { throw error; });
  const cache = bento.use('one');
  assert.deepEqual(await cache.getOrSet({ key: 'a', factory: async () => ({ n: 1 }) }), { n: 1 });
  assert.deepEqual(await cache.getOrSet({ key: 'a', factory: async () => ({ n: 2 }), grace: '1h' }), { n: 1 });
  await bento.set({ key: 'b', value: 2, ttl: '10s', tags: ['letters'] });
  assert.equal(await cache.get({ key: 'b' }), 2);
  await cache.setForever({ key: 'c', value: 3 });
  assert.equal(await cache.has({ key: 'c' }), true);
  await bento.deleteByTag({ tags: ['letters'] });
  assert.equal(await bento.get({ key: 'b' }) ?? null, null);
  const users = cache.namespace('users');
  await users.set({ key: '7', value: 'ann' });
  assert.equal(await users.pull('7'), 'ann');
  await users.deleteMany({ keys: ['7', '8'] });
  await users.clear();
  await cache.expire({ key: 'a' });
  await cache.delete({ key: 'c' });
  await bento.clearAll();
  await bento.disconnectAll();
}
