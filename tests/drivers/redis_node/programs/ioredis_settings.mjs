// ioredis 5 with settings that change what it sends: a prefix, automatic pipelines, read-only scripts, a URL.
import assert from 'node:assert/strict';
import Redis from 'ioredis';

export const prefix = 'shop:';

const TOTAL = "return redis.call('incrby', KEYS[1], ARGV[1]) + redis.call('incrby', KEYS[2], ARGV[1])";

export default async function ({ url, port }) {
  const client = new Redis(`${url}/0?keyPrefix=shop:`, {
    enableAutoPipelining: true, lazyConnect: true, connectionName: 'shop', keepAlive: 1000, showFriendlyErrorStack: true,
    scripts: { total: { lua: TOTAL, numberOfKeys: 2 } },
  });
  await client.connect();
  await Promise.all(Array.from({ length: 200 }, (_, n) => client.set(`k${n}`, n, 'PX', 60_000)));
  const found = await Promise.all(Array.from({ length: 200 }, (_, n) => client.get(`k${n}`)));
  assert.deepEqual(found, Array.from({ length: 200 }, (_, n) => String(n)));
  assert.equal(await client.total('n', 'm', 3), 6);
  assert.equal(await client.total('n', 'm', 3), 12);
  assert.deepEqual(await client.pipeline().total('n', 'm', 1).exec(), [[null, 14]]);
  assert.deepEqual(await client.multi().total('n', 'm', 1).get('n').exec(), [[null, 16], [null, '8']]);
  const copy = client.duplicate({ keyPrefix: '' });
  assert.equal(await copy.get('shop:k7'), '7');
  assert.equal((await copy.call('OBJECT', 'ENCODING', 'shop:n')), 'int');
  await copy.quit();
  client.disconnect();
  const late = new Redis(port, { keyPrefix: 'shop:', maxRetriesPerRequest: 1, enableReadyCheck: false });
  assert.equal(await late.get('k7'), '7');
  await late.quit();
}
