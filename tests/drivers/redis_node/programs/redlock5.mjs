// redlock 5 (its newest beta) with ioredis 5.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import Redis from 'ioredis';

const { default: Redlock } = createRequire(import.meta.url)('redlock5');

export default async function ({ port }) {
  const client = new Redis(port);
  const redlock = new Redlock([client], { retryCount: 1, retryDelay: 5, retryJitter: 1 });
  const lock = await redlock.acquire(['locks:a', 'locks:b'], 5000);
  await assert.rejects(redlock.acquire(['locks:b'], 5000), { name: 'ExecutionError' });
  const longer = await lock.extend(20_000);
  const left = await client.pttl('locks:b');
  assert(left > 15_000 && left <= 20_000, `ttl ${left}`);
  await longer.release();
  assert.equal(await redlock.using(['locks:a'], 1000, async () => 'done'), 'done');
  await client.quit();
}
