// The normal use of node-redis 4 and later: `options` go to every client.
import assert from 'node:assert/strict';
import { watchIsRefused, withEachLogin, WATCH_REFUSED } from './logins.mjs';

const COMPARE_AND_DELETE = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end";

async function plainCommands(client) {
  assert.equal(await client.set('k', 'v', { EX: 60 }), 'OK');
  assert.equal(await client.get('k'), 'v');
  assert.equal(await client.set('k', 'w', { NX: true }), null);
  assert.deepEqual(await client.mGet(['k', 'none']), ['v', null]);
  const left = await client.ttl('k');
  assert(left > 50 && left <= 60, `ttl ${left}`);
  assert.equal(await client.incrBy('n', 5), 5);
  await client.expire('n', 100);
  await client.hSet('h', { f: '1', g: '2' });
  assert.deepEqual({ ...await client.hGetAll('h') }, { f: '1', g: '2' });
  assert.deepEqual(await client.hmGet('h', ['f', 'none']), ['1', null]);
  await client.rPush('l', ['a', 'b']);
  assert.deepEqual(await client.lRange('l', 0, -1), ['a', 'b']);
  await client.sAdd('s', 'm');
  assert.deepEqual([...await client.sMembers('s')], ['m']);
  await client.zAdd('z', [{ score: 1.5, value: 'a' }, { score: 2, value: 'b' }]);
  assert.equal(await client.zScore('z', 'a'), 1.5);
  assert.deepEqual((await client.zRangeWithScores('z', 0, -1)).map((it) => ({ ...it })),
    [{ value: 'a', score: 1.5 }, { value: 'b', score: 2 }]);
}

async function several(client) {
  assert.deepEqual(await Promise.all([client.set('p', '1'), client.incr('p'), client.get('p')]), ['OK', 2, '2']);
  const [count, added, map] = await client.multi().incr('p').hSet('h', 'f', '3').hGetAll('h').exec();
  assert.deepEqual([count, added, { ...map }], [3, 0, { f: '3', g: '2' }]);
}

async function scripts(client) {
  const script = { keys: ['k'], arguments: ['other'] };
  assert.equal(await client.eval(COMPARE_AND_DELETE, script), 0);
  const sha = await client.scriptLoad(COMPARE_AND_DELETE);
  assert.equal(await client.evalSha(sha, { ...script, arguments: ['v'] }), 1);
}

async function watch(client) {
  const answer = await client.watch('k').catch((error) => error.message);
  if (watchIsRefused) assert.match(answer, WATCH_REFUSED);
  else assert.equal(answer, 'OK');
  assert.equal(await client.ping(), 'PONG');
}

async function walk(client) {
  const found = [];
  for await (const some of client.scanIterator({ MATCH: '*', COUNT: 100 })) found.push(some);
  assert.deepEqual([...new Set(found.flat())].sort(), ['h', 'l', 'n', 'p', 's', 'z']);
  await client.unlink(found.flat());
}

export async function useNodeRedis(createClient, { port, options = {} }) {
  await withEachLogin(async ({ username, password, name, db }) => {
    const socket = { host: '127.0.0.1', port, reconnectStrategy: false };
    const client = createClient({ socket, username, password, name, database: db, ...options });
    const lost = new Promise((_, reject) => client.on('error', reject));
    lost.catch(() => {});
    await client.connect();
    await Promise.race([lost, (async () => {
      await plainCommands(client);
      await several(client);
      await scripts(client);
      await watch(client);
      await walk(client);
    })()]);
    await (client.close ?? client.quit).call(client);
  });
}
