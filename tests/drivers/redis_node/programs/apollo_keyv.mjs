// @apollo/utils.keyvadapter, the cache of Apollo Server, with keyv 5 and @keyv/redis 5.
import assert from 'node:assert/strict';
import { KeyvAdapter } from '@apollo/utils.keyvadapter';
import { Keyv } from 'keyv';
import KeyvRedis from '@keyv/redis';

export default async function ({ url }) {
  const keyv = new Keyv({ store: new KeyvRedis(url) });
  const cache = new KeyvAdapter(keyv);
  await cache.set('apq:1', '{ users }', { ttl: 60 });
  await cache.set('apq:2', '{ carts }');
  assert.deepEqual(await Promise.all(['apq:1', 'apq:2', 'none'].map((key) => cache.get(key))), ['{ users }', '{ carts }', undefined]);
  await cache.delete('apq:1');
  assert.equal(await cache.get('apq:1'), undefined);
  await keyv.disconnect();
}
