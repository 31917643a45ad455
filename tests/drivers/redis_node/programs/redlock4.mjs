// redlock 4 with ioredis 5: a lock taken, refused to another, made longer, left and taken again.
import assert from 'node:assert/strict';
import Redlock from 'redlock4';
import Redis from 'ioredis';

export default async function ({ port }) {
  const client = new Redis(port);
  const redlock = new Redlock([client], { retryCount: 1, retryDelay: 5, retryJitter: 1 });
  const lock = await redlock.lock('locks:order', 5000);
  await assert.rejects(redlock.lock('locks:order', 5000), { name: 'LockError' });
  const longer = await lock.extend(20_000);
  const left = await client.pttl('locks:order');
  assert(left > 15_000 && left <= 20_000, `ttl ${left}`);
  await longer.unlock();
  const both = await redlock.lock(['locks:order', 'locks:stock'], 1000);
  await assert.rejects(redlock.lock('locks:stock', 1000), { name: 'LockError' });
  await both.unlock();
  assert.equal(await client.exists('locks:order', 'locks:stock'), 0);
  await client.quit();
}
