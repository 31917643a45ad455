// @fastify/session with connect-redis 7 and node-redis 4: three requests of one browser.
import assert from 'node:assert/strict';
import cookie from '@fastify/cookie';
import session from '@fastify/session';
import connectRedis from 'connect-redis7';
import fastify from 'fastify';
import { createClient } from 'redis';

export const prefix = 'sess:';

export default async function ({ url }) {
  const client = createClient({ url });
  await client.connect();
  const app = fastify();
  await app.register(cookie);
  const store = new (connectRedis.default ?? connectRedis)({ client });
  await app.register(session, { store, secret: 'x'.repeat(32), cookie: { secure: false, maxAge: 60_000 } });
  app.get('/count', async (request) => ({ count: request.session.count = (request.session.count ?? 0) + 1 }));
  app.get('/out', async (request) => { await request.session.destroy(); return 'bye'; });
  const first = await app.inject('/count');
  const headers = { cookie: first.headers['set-cookie'].toString().split(';')[0] };
  assert.equal(first.json().count, 1);
  assert.equal((await app.inject({ url: '/count', headers })).json().count, 2);
  assert.equal((await app.inject({ url: '/out', headers })).body, 'bye');
  assert.equal((await app.inject({ url: '/count', headers })).json().count, 1);
  await app.close();
  await client.quit();
}
