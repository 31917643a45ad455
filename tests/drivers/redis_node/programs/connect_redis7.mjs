// connect-redis 7, a store of sessions, with ioredis 5.
import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import connectRedis from 'connect-redis7';
import Redis from 'ioredis';

export const prefix = 'sess:';

export default async function ({ port }) {
  const client = new Redis(port);
  const store = new (connectRedis.default ?? connectRedis)({ client });
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
  await call('clear');
  assert.equal(await call('length'), 0);
  await client.quit();
}
