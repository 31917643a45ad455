// @fastify/rate-limit with ioredis 5: a server that serves two requests a minute.
import assert from 'node:assert/strict';
import fastify from 'fastify';
import rateLimit from '@fastify/rate-limit';
import Redis from 'ioredis';

export const prefix = 'fastify-rate-limit-';

export default async function ({ port }) {
  const redis = new Redis(port);
  const app = fastify();
  await app.register(rateLimit, { max: 2, timeWindow: '1 minute', redis });
  app.get('/', async () => 'served');
  const ask = () => app.inject('/');
  assert.equal((await ask()).headers['x-ratelimit-remaining'], '1');
  assert.equal((await ask()).statusCode, 200);
  const refused = await ask();
  assert.equal(refused.statusCode, 429);
  assert(refused.headers['retry-after'] > 50 && refused.headers['retry-after'] <= 60);
  await app.close();
  await redis.quit();
}
