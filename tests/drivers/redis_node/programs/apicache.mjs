// apicache 1, which keeps whole HTTP responses, with express and node-redis 3.
import assert from 'node:assert/strict';
import apicache from 'apicache';
import express from 'express';
import redis from 'redis3';

export default async function ({ port }) {
  const redisClient = redis.createClient({ host: '127.0.0.1', port });
  await new Promise((resolve, reject) => redisClient.once('ready', resolve).on('error', reject));
  const cache = apicache.options({ redisClient });
  const app = express();
  let asked = 0;
  app.get('/at', cache.middleware('1 minute'), (_, response) => response.json({ asked: ++asked }));
  const server = await new Promise((resolve) => { const it = app.listen(0, '127.0.0.1', () => resolve(it)); });
  const ask = async () => (await fetch(`http://127.0.0.1:${server.address().port}/at`)).json();
  assert.deepEqual(await ask(), { asked: 1 });
  assert.deepEqual(await ask(), { asked: 1 });
  cache.clear('/at');
  assert.deepEqual(await ask(), { asked: 2 });
  server.close();
  await new Promise((resolve) => redisClient.quit(resolve));
}
