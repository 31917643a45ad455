// A web server of express with express-session and connect-redis 10: three requests of one browser.
import assert from 'node:assert/strict';
import express from 'express';
import session from 'express-session';
import { RedisStore } from 'connect-redis';
import { createClient } from 'redis6';

export const prefix = 'sess:';

export default async function ({ url }) {
  const client = await createClient({ url }).connect();
  const app = express();
  app.use(session({ store: new RedisStore({ client }), secret: 's', resave: false, saveUninitialized: false }));
  app.get('/count', (request, response) => {
    request.session.count = (request.session.count ?? 0) + 1;
    response.send(String(request.session.count));
  });
  app.get('/out', (request, response) => request.session.destroy((error) => response.send(String(error ?? 'bye'))));
  const server = await new Promise((resolve) => { const it = app.listen(0, '127.0.0.1', () => resolve(it)); });
  const at = `http://127.0.0.1:${server.address().port}`;
  const first = await fetch(`${at}/count`);
  const headers = { cookie: first.headers.get('set-cookie').split(';')[0] };
  assert.equal(await first.text(), '1');
  assert.equal(await (await fetch(`${at}/count`, { headers })).text(), '2');
  assert.equal(await (await fetch(`${at}/out`, { headers })).text(), 'bye');
  assert.equal(await (await fetch(`${at}/count`, { headers })).text(), '1');
  server.close();
  client.destroy();
}
