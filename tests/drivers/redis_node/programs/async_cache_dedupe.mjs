// async-cache-dedupe 3 with ioredis 5: it keeps references beside the values, and collects them.
import assert from 'node:assert/strict';
import { createCache, createStorage } from 'async-cache-dedupe';
import Redis from 'ioredis';

export default async function ({ port }) {
  const client = new Redis(port);
  const options = { client, invalidation: { referencesTTL: 60 } };
  const cache = createCache({ ttl: 30, storage: { type: 'redis', options }, onError: (error) => { throw error; } });
  let asked = 0;
  cache.define('user', { references: (id) => [`user:${id}`] }, async (id) => ({ id, asked: ++asked }));
  assert.deepEqual(await cache.user(7), { id: 7, asked: 1 });
  assert.deepEqual(await cache.user(7), { id: 7, asked: 1 });
  await cache.user(8);
  await cache.invalidate('user', ['user:7']);
  assert.deepEqual(await cache.user(7), { id: 7, asked: 3 });
  await cache.invalidate('user', 'user:*');
  assert.equal((await cache.user(8)).asked, 4);
  const storage = await createStorage('redis', options);
  const report = await storage.gc('strict', { chunk: 10 });
  assert.equal(report.error ?? null, null);
  await cache.clear();
  await client.quit();
}
