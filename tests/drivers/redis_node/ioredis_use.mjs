// The normal use of ioredis and of what is like it: `Redis` is the class, `resp3` whether replies come in
// RESP3, `options` go to every client.
import assert from 'node:assert/strict';
import { watchIsRefused, withEachLogin, WATCH_REFUSED } from './logins.mjs';

const COMPARE_AND_DELETE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

async function plainCommands(client) {
  assert.equal(await client.set('k', 'v', 'EX', 60), 'OK');
  assert.equal(await client.get('k'), 'v');
  assert.equal(await client.set('k', 'w', 'NX'), null);
  assert.deepEqual(await client.getBuffer('k'), Buffer.from('v'));
  assert.deepEqual(await client.mget('k', 'none'), ['v', null]);
  const left = await client.ttl('k');
  assert(left > 50 && left <= 60, `ttl ${left}`);
  assert.equal(await client.incrby('n', 5), 5);
  assert.equal(await client.expire('n', 100), 1);
  await client.hset('h', 'f', '1', 'g', '2');
  assert.deepEqual(await client.hgetall('h'), { f: '1', g: '2' });
  assert.deepEqual(await client.hmget('h', 'f', 'none'), ['1', null]);
  await client.rpush('l', 'a', 'b');
  assert.deepEqual(await client.lrange('l', 0, -1), ['a', 'b']);
  await client.sadd('s', 'm');
  assert.deepEqual([...await client.smembers('s')], ['m']);
  assert.equal(await client.exists('k', 'n', 'none'), 2);
}

async function sortedSets(client, resp3) {
  await client.zadd('z', 1.5, 'a', 2, 'b');
  const [a, b] = resp3 ? [1.5, 2] : ['1.5', '2'];
  assert.equal(await client.zscore('z', 'a'), a);
  const found = await client.zrange('z', 0, -1, 'WITHSCORES');
  assert.deepEqual(found, Array.isArray(found[0]) ? [['a', a], ['b', b]] : ['a', a, 'b', b]);
}

async function several(client) {
  assert.deepEqual(await client.pipeline().set('p', 1).incr('p').get('p').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
  assert.deepEqual(await client.multi().incr('p').hset('h', 'f', '3').hgetall('h').exec(),
    [[null, 3], [null, 0], [null, { f: '3', g: '2' }]]);
  await client.multi({ pipeline: false });
  assert.equal(await client.get('p'), 'QUEUED');
  await client.discard();
}

async function scripts(client) {
  client.defineCommand('compareAndDelete', { numberOfKeys: 1, lua: COMPARE_AND_DELETE });
  assert.equal(await client.compareAndDelete('k', 'other'), 0);
  assert.equal(await client.compareAndDelete('k', 'v'), 1);
  assert.equal(await client.exists('k'), 0);
}

async function watch(client) {
  const answer = await client.watch('k').catch((error) => error.message);
  if (watchIsRefused) assert.match(answer, WATCH_REFUSED);
  else assert.equal(answer, 'OK');
  assert.equal(await client.ping(), 'PONG');
}

async function walk(client) {
  const found = [];
  for await (const keys of client.scanStream({ match: '*', count: 100 })) found.push(...keys);
  assert.deepEqual([...new Set(found)].sort(), ['h', 'l', 'n', 'p', 's', 'z']);
  await client.unlink(...found);
}

export async function useIoredis(Redis, { port, resp3 = false, options = {} }) {
  await withEachLogin(async ({ username, password, name, db }) => {
    const login = { username, password, connectionName: name, db: db ?? 0 };
    const client = new Redis({ port, host: '127.0.0.1', ...login, ...options, retryStrategy: null });
    const lost = new Promise((_, reject) => client.on('error', reject).on('end', () => reject(new Error('closed'))));
    lost.catch(() => {});
    await Promise.race([lost, (async () => {
      await plainCommands(client);
      await sortedSets(client, resp3);
      await several(client);
      await scripts(client);
      await watch(client);
      await walk(client);
    })()]);
    assert.equal(await client.quit(), 'OK');
  });
}
