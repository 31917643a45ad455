// connect-redis 10, a store of sessions, with node-redis 6, which speaks RESP3.
import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis6';

export const prefix = 'sess:';

export default async function ({ url }) {
  const client = await createClient({ url }).connect();
  const store = new RedisStore({ client });
  const call = (name, ...words) => promisify(store[name]).call(store, ...words);
  const session = { cookie: { originalMaxAge: 60_000 }, name: 'ann' };
  await call('set', 's1', session);
  await call('set', 's2', { ...session, name: 'bob' });
  assert.equal((await call('get', 's1')).name, 'ann');
  await call('touch', 's1', session);
  assert.equal(await call('length'), 2);
  assert.deepEqual((await call('ids')).sort(), ['s1', 's2']);
  assert.deepEqual((await call('all')).map(({ name }) => name).sort(), ['ann', 'bob']);
  await call('destroy', 's1');
  assert.equal(await call('get', 's1') ?? null, null);
  await call('clear');
  assert.equal(await call('length'), 0);
  client.destroy();
}
