// @type-cacheable with its adapter for node-redis 4. The decorators are called by hand.
import assert from 'node:assert/strict';
import { Cacheable, CacheClear } from '@type-cacheable/core';
import { useAdapter } from '@type-cacheable/redis-adapter';
import { createClient } from 'redis';

class Users {
  asked = 0;
  async find(id) { this.asked++; return { id, name: 'ann' }; }
  async change() { return 'changed'; }
}

function decorate(name, decorator) {
  const found = Object.getOwnPropertyDescriptor(Users.prototype, name);
  Object.defineProperty(Users.prototype, name, decorator(Users.prototype, name, found) ?? found);
}

export default async function ({ url }) {
  const client = createClient({ url });
  await client.connect();
  const adapter = useAdapter(client);
  decorate('find', Cacheable({ cacheKey: ([id]) => id, hashKey: 'users', ttlSeconds: 60 }));
  decorate('change', CacheClear({ cacheKey: ([id]) => id, hashKey: 'users' }));
  const users = new Users();
  assert.deepEqual(await users.find('7'), { id: '7', name: 'ann' });
  assert.deepEqual(await users.find('7'), { id: '7', name: 'ann' });
  assert.equal(users.asked, 1);
  await users.change('7');
  await users.find('7');
  assert.equal(users.asked, 2);
  await adapter.set('plain', 'v', 30);
  assert.equal(await adapter.get('plain'), 'v');
  assert.deepEqual(await adapter.keys('plain*'), ['plain']);
  await adapter.del('plain');
  await adapter.delHash('users');
  await client.quit();
}
