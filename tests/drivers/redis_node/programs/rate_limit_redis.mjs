// express-rate-limit with rate-limit-redis 6 and node-redis 6: a server that serves two requests a minute.
import assert from 'node:assert/strict';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import { RedisStore } from 'rate-limit-redis';
import { createClient } from 'redis6';

export const prefix = 'rl:';

export default async function ({ url }) {
  const client = await createClient({ url }).connect();
  const store = new RedisStore({ sendCommand: (...words) => client.sendCommand(words) });
  const app = express();
  app.use(rateLimit({ windowMs: 60_000, limit: 2, store, standardHeaders: true }));
  app.get('/', (_, response) => response.send('served'));
  const server = await new Promise((resolve) => { const it = app.listen(0, '127.0.0.1', () => resolve(it)); });
  const ask = async () => (await fetch(`http://127.0.0.1:${server.address().port}/`)).status;
  assert.deepEqual([await ask(), await ask(), await ask()], [200, 200, 429]);
  const { totalHits, resetTime } = await store.increment('someone');
  assert.equal(totalHits, 1);
  const left = resetTime - Date.now();
  assert(left > 50_000 && left <= 60_000, `the window ends in ${left} ms`);
  assert.equal((await store.get('someone')).totalHits, 1);
  await store.decrement('someone');
  await store.resetKey('someone');
  assert.equal((await store.increment('someone')).totalHits, 1);
  server.close();
  client.destroy();
}
