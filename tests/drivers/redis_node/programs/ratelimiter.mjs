// ratelimiter 3, a moving window in a sorted set, with ioredis 5 and with node-redis 3.
import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import Redis from 'ioredis';
import Limiter from 'ratelimiter';
import redis from 'redis3';

export const prefix = 'limit:';

export default async function ({ port }) {
  const clients = [new Redis(port), redis.createClient({ host: '127.0.0.1', port })];
  for (const [id, db] of clients.entries()) {
    const limiter = new Limiter({ id: `user${id}`, db, max: 2, duration: 60_000 });
    const ask = promisify(limiter.get).bind(limiter);
    assert.deepEqual([(await ask()).remaining, (await ask()).remaining, (await ask()).remaining], [2, 1, 0]);
  }
  await clients[0].quit();
  await promisify(clients[1].quit).call(clients[1]);
}
