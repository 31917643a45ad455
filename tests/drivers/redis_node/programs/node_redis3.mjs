// node-redis 3 by itself, which has callbacks, with each way to log in.
import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import redis from 'redis3';
import { watchIsRefused, withEachLogin, WATCH_REFUSED } from '../logins.mjs';

export const errors = [WATCH_REFUSED];

async function use(client) {
  const call = (name, ...words) => promisify(client[name]).call(client, ...words);
  assert.equal(await call('set', 'k', 'v', 'EX', 60), 'OK');
  assert.equal(await call('get', 'k'), 'v');
  assert.deepEqual(await call('mget', 'k', 'none'), ['v', null]);
  await call('hset', 'h', 'f', '1', 'g', '2');
  assert.deepEqual(await call('hgetall', 'h'), { f: '1', g: '2' });
  await call('zadd', 'z', 1.5, 'a');
  assert.deepEqual(await call('zrange', 'z', 0, -1, 'WITHSCORES'), ['a', '1.5']);
  const batch = client.batch().incr('n').get('n');
  assert.deepEqual(await promisify(batch.exec).call(batch), [1, '1']);
  const multi = client.multi().incr('n').expire('n', 60).hgetall('h');
  assert.deepEqual(await promisify(multi.exec).call(multi), [2, 1, { f: '1', g: '2' }]);
  assert.equal(await call('eval', "return redis.call('get', KEYS[1])", 1, 'k'), 'v');
  const answer = await call('watch', 'k').catch((error) => error.message);
  if (watchIsRefused) assert.match(answer, WATCH_REFUSED);
  const [cursor, keys] = await call('scan', '0', 'MATCH', '*', 'COUNT', '100');
  assert.deepEqual([cursor, keys.sort()], ['0', ['h', 'k', 'n', 'z']]);
  await call('del', 'h', 'k', 'n', 'z');
  assert.equal(await call('quit'), 'OK');
}

export default async function ({ port }) {
  await withEachLogin(async ({ username, password, db }) => {
    const login = { user: username, password, db };
    const client = redis.createClient({ host: '127.0.0.1', port, ...login, retry_strategy: () => undefined });
    await new Promise((resolve, reject) => client.once('ready', resolve).on('error', reject));
    await use(client);
  });
}
