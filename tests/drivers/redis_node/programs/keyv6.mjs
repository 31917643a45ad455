// keyv 6 with @keyv/redis 5 (node-redis 5).
import assert from 'node:assert/strict';
import { Keyv } from 'keyv6';
import KeyvRedis from '@keyv/redis';

export default async function ({ url }) {
  const keyv = new Keyv({ store: new KeyvRedis(url), namespace: 'app' });
  keyv.on('error', (error) => { throw error; });
  await keyv.set('a', { n: 1 }, 60_000);
  await keyv.set('b', 2);
  assert.deepEqual(await keyv.get('a'), { n: 1 });
  assert.deepEqual(await keyv.getMany(['a', 'b', 'none']), [{ n: 1 }, 2, undefined]);
  await keyv.setMany([{ key: 'c', value: 3 }, { key: 'd', value: 4, ttl: 9000 }]);
  assert.equal(await keyv.has('c'), true);
  assert.deepEqual(await keyv.hasMany(['c', 'none']), [true, false]);
  const found = [];
  for await (const [key] of keyv.iterator()) found.push(key);
  assert.deepEqual(found.sort(), ['a', 'b', 'c', 'd']);
  assert.equal(await keyv.delete('a'), true);
  await keyv.deleteMany(['c', 'd']);
  await keyv.clear();
  assert.equal(await keyv.get('b'), undefined);
  await keyv.disconnect();
}
