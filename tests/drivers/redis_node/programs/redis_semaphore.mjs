// redis-semaphore 5 with ioredis 5: locks that are held by refreshing them, by scripts.
import assert from 'node:assert/strict';
import { MultiSemaphore, Mutex, RedlockMutex, Semaphore } from 'redis-semaphore';
import Redis from 'ioredis';

export default async function ({ port }) {
  const client = new Redis(port);
  const options = { lockTimeout: 3000, refreshInterval: 20, acquireTimeout: 50 };
  const mutex = new Mutex(client, 'order', options);
  await mutex.acquire();
  assert.equal(await new Mutex(client, 'order', options).tryAcquire(), false);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(mutex.isAcquired, true);
  await mutex.release();
  for (const lock of [new Semaphore(client, 'three', 3, options), new MultiSemaphore(client, 'five', 5, 2, options),
    new RedlockMutex([client], 'red', options)]) {
    await lock.acquire();
    await lock.release();
  }
  await client.quit();
}
