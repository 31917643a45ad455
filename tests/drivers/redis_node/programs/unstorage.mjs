// unstorage 1, the storage of Nitro and Nuxt, with its driver for ioredis 5.
import assert from 'node:assert/strict';
import { createStorage } from 'unstorage';
import redisDriver from 'unstorage/drivers/redis';

export const prefix = 'nuxt:';

export default async function ({ port }) {
  const storage = createStorage({ driver: redisDriver({ base: 'nuxt', host: '127.0.0.1', port, ttl: 60 }) });
  await storage.setItem('a', { n: 1 });
  await storage.setItem('dir:b', 2, { ttl: 5 });
  await storage.setItems([{ key: 'c', value: 3 }]);
  assert.deepEqual(await storage.getItem('a'), { n: 1 });
  assert.deepEqual((await storage.getItems(['dir:b', 'c'])).map(({ value }) => value), [2, 3]);
  assert.equal(await storage.hasItem('none'), false);
  await storage.setItemRaw('raw', Buffer.from([0, 255]));
  assert.deepEqual([...await storage.getItemRaw('raw')], [0, 255]);
  assert.deepEqual((await storage.getKeys()).sort(), ['a', 'c', 'dir:b', 'raw']);
  await storage.removeItem('a');
  await storage.clear('dir');
  await storage.clear();
  assert.deepEqual(await storage.getKeys(), []);
  await storage.dispose();
}
