// @fastify/redis (ioredis 6): a server with a client of its own, whose keys have a prefix.
import assert from 'node:assert/strict';
import fastify from 'fastify';
import fastifyRedis from '@fastify/redis';

export const prefix = 'shop:';

export default async function ({ port }) {
  const app = fastify();
  await app.register(fastifyRedis, { host: '127.0.0.1', port, keyPrefix: 'shop:' });
  app.get('/:key', async (request) => ({ found: await app.redis.get(request.params.key) }));
  app.put('/:key', async (request) => app.redis.set(request.params.key, 'v', 'EX', 60));
  assert.equal((await app.inject('/a')).json().found, null);
  assert.equal((await app.inject({ method: 'PUT', url: '/a' })).body, 'OK');
  assert.equal((await app.inject('/a')).json().found, 'v');
  assert.equal(await app.redis.hset('h', { f: 1, g: 2 }), 2);
  assert.deepEqual(await app.redis.hgetall('h'), { f: '1', g: '2' });
  await app.close();
}
