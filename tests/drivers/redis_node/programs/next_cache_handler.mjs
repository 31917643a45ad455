// @neshca/cache-handler for Next.js: its handler redis-strings with node-redis 4, called as Next.js does.
import assert from 'node:assert/strict';
import createHandler from '@neshca/cache-handler/redis-strings';
import { createClient } from 'redis';

export const prefix = 'next:';

function page(text, tags) {
  const now = Date.now();
  const lifespan = { expireAt: Math.floor(now / 1000) + 60 };
  return { lastModified: now - 1000, lifespan, tags, value: { kind: 'PAGE', html: text } };
}

export default async function ({ url }) {
  const client = createClient({ url });
  await client.connect();
  for (const keyExpirationStrategy of ['EXPIREAT', 'EXAT']) {
    const handler = createHandler({ client, keyPrefix: 'next:', keyExpirationStrategy });
    await handler.set('/a', page('<p>a', ['letters']));
    await handler.set('/b', page('<p>b', []));
    const left = await client.ttl('next:/a');
    assert(left > 50 && left <= 60, `ttl ${left}`);
    assert.equal((await handler.get('/a', { implicitTags: [] })).value.html, '<p>a');
    await handler.revalidateTag('letters');
    assert.equal(await handler.get('/a', { implicitTags: [] }), null);
    await handler.revalidateTag('_N_T_/b');
    assert.equal(await handler.get('/b', { implicitTags: ['_N_T_/b'] }), null);
  }
  await client.quit();
}
