// keyv 5 with @keyv/valkey (iovalkey).
import assert from 'node:assert/strict';
import { Keyv } from 'keyv';
import KeyvValkey from '@keyv/valkey';

export default async function ({ url }) {
  const keyv = new Keyv({ store: new KeyvValkey(url), namespace: 'app' });
  keyv.on('error', (error) => { throw error; });
  await keyv.set('a', { n: 1 }, 60_000);
  await keyv.set('b', 2);
  assert.deepEqual(await keyv.get(['a', 'b', 'none']), [{ n: 1 }, 2, undefined]);
  assert.equal(await keyv.has('a'), true);
  const found = [];
  for await (const [key] of keyv.iterator()) found.push(key);
  assert.deepEqual(found.sort(), ['a', 'b']);
  assert.equal(await keyv.delete('a'), true);
  await keyv.clear();
  assert.equal(await keyv.get('b'), undefined);
  await keyv.disconnect();
}
