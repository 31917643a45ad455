// @nestjs/cache-manager 3 with keyv 5 and @keyv/redis 5, in an application of Nest 11.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { CACHE_MANAGER, CacheModule } from '@nestjs/cache-manager';
import nestCommon from '@nestjs/common';
import nestCore from '@nestjs/core';
import { createKeyv } from '@keyv/redis';

export default async function ({ url }) {
  class App {}
  nestCommon.Module({ imports: [CacheModule.register({ stores: [createKeyv(url)], ttl: 60_000 })] })(App);
  const app = await nestCore.NestFactory.createApplicationContext(App, { logger: false });
  const cache = app.get(CACHE_MANAGER);
  await cache.set('a', { n: 1 });
  assert.deepEqual(await cache.get('a'), { n: 1 });
  assert.equal(await cache.wrap('b', async () => 'made', 5000), 'made');
  assert.equal(await cache.wrap('b', async () => 'again', 5000), 'made');
  await cache.del('a');
  await cache.clear();
  assert.equal(await cache.get('b') ?? null, null);
  await app.close();
}
