// @verrou/core, the locks of Adonis, with its store for ioredis 5.
import assert from 'node:assert/strict';
import { LockFactory } from '@verrou/core';
import { redisStore } from '@verrou/core/drivers/redis';
import Redis from 'ioredis';

export default async function ({ port }) {
  const connection = new Redis(port);
  const locks = new LockFactory(redisStore({ connection }).factory(), { retry: { attempts: 1 } });
  const [lock, other] = [locks.createLock('order', '10s'), locks.createLock('order', '10s')];
  assert.equal(await lock.acquireImmediately(), true);
  assert.equal(await other.acquireImmediately(), false);
  assert.equal(await lock.isLocked(), true);
  await lock.extend('30s');
  await lock.release();
  assert.deepEqual(await other.run(async () => 'done'), [true, 'done']);
  const forever = locks.createLock('report', null);
  await forever.acquireImmediately();
  await forever.forceRelease();
  await connection.quit();
}
