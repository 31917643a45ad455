// koa-redis 4 (ioredis 4), a store of sessions for koa: called as koa-session does, with its prefix of keys.
import assert from 'node:assert/strict';
import koaRedis from 'koa-redis';

export const prefix = 'koa:sess:';

export default async function ({ port }) {
  const store = koaRedis({ host: '127.0.0.1', port });
  await new Promise((resolve) => store.once('ready', resolve));
  await store.set('koa:sess:1', { name: 'ann' }, 60_000);
  assert.deepEqual(await store.get('koa:sess:1'), { name: 'ann' });
  const left = await store.client.ttl('koa:sess:1');
  assert(left > 50 && left <= 60, `ttl ${left}`);
  await store.set('koa:sess:2', { name: 'bob' });
  await store.destroy('koa:sess:1');
  assert.equal(await store.get('koa:sess:1') ?? null, null);
  await store.quit();
}
