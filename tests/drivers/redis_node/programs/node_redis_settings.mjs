// node-redis 5 with what it has beside plain commands: a pool, scripts, the old way to call, pings, iterators.
import assert from 'node:assert/strict';
import { createClient, createClientPool, defineScript } from 'redis5';

const add = defineScript({
  SCRIPT: "return redis.call('incrby', KEYS[1], ARGV[1])",
  NUMBER_OF_KEYS: 1,
  parseCommand(parser, key, by) { parser.pushKey(key); parser.push(String(by)); },
  transformReply: (reply) => reply,
});

async function usePool(url) {
  const pool = await createClientPool({ url }, { minimum: 1, maximum: 3 }).connect();
  await Promise.all(['a', 'b', 'c'].map((key) => pool.set(key, key, { expiration: { type: 'EX', value: 60 } })));
  assert.equal(await pool.execute((client) => client.get('b')), 'b');
  await pool.close();
}

async function useScripts(url) {
  const client = await createClient({ url, scripts: { add }, pingInterval: 20, commandsQueueMaxLength: 100 }).connect();
  assert.equal(await client.add('n', 2), 2);
  assert.deepEqual(await client.multi().add('n', 3).get('n').exec(), [5, '5']);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await client.hSet('h', { a: 1, b: 2 });
  const fields = [];
  for await (const some of client.hScanIterator('h')) fields.push(...some.map(({ field }) => field));
  assert.deepEqual(fields.sort(), ['a', 'b']);
  assert.equal(await client.legacy().get('n', () => {}), undefined);
  assert.equal(await client.sendCommand(['GET', 'n']), '5');
  await client.close();
}

export default async function ({ url }) {
  await usePool(url);
  await useScripts(url);
}
