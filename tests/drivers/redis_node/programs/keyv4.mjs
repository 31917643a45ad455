// keyv 4 with @keyv/redis 2 (ioredis 5), which keeps a set of its keys beside them, in one MULTI.
import assert from 'node:assert/strict';
import Keyv from 'keyv4';
import KeyvRedis from '@keyv/redis2';

export default async function ({ url }) {
  const store = new KeyvRedis(url);
  const keyv = new Keyv({ store, namespace: 'app' });
  keyv.on('error', (error) => { throw error; });
  await keyv.set('a', { n: 1 }, 60_000);
  await keyv.set('b', 2);
  assert.deepEqual(await keyv.get('a'), { n: 1 });
  assert.deepEqual(await keyv.get(['a', 'b', 'none']), [{ n: 1 }, 2, undefined]);
  assert.equal(await keyv.has('a'), true);
  const found = [];
  for await (const [key, value] of keyv.iterator()) found.push([key, value]);
  assert.deepEqual(found.sort(), [['a', { n: 1 }], ['b', 2]]);
  assert.equal(await keyv.delete('a'), true);
  assert.equal(await keyv.get('a'), undefined);
  await keyv.clear();
  assert.equal(await keyv.get('b'), undefined);
  await keyv.disconnect();
}
