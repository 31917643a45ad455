// What cachesd refuses is refused by name, and the connection lives on: with ioredis 6 and node-redis 6.
import assert from 'node:assert/strict';
import Redis from 'ioredis6';
import { createClient } from 'redis6';
import { watchIsRefused } from '../logins.mjs';

const REFUSED = /^NOPERM .*?'(\w+)/i;
const COMMANDS = [['WATCH', 'k'], ['BLPOP', 'l', '1'], ['SUBSCRIBE', 'news'], ['PUBLISH', 'news', 'x'], ['XADD', 'x', '*', 'f', 'v'],
  ['CONFIG', 'SET', 'save', ''], ['FUNCTION', 'LIST'], ['DEBUG', 'SLEEP', '0'], ['MONITOR'], ['SWAPDB', '0', '1']];

export const errors = [REFUSED];

async function refuses(call) {
  for (const words of COMMANDS) {
    const said = await call(words).then((reply) => `answered ${reply}`, (error) => error.message);
    assert.match(said, REFUSED, words.join(' '));
    assert.equal(REFUSED.exec(said)[1].toLowerCase(), words[0].toLowerCase());
    assert.equal(await call(['SET', 'k', words[0], 'EX', '60']), 'OK');
  }
}

export default async function ({ url, port }) {
  const ioredis = new Redis(port, { retryStrategy: null });
  const nodeRedis = await createClient({ url, socket: { reconnectStrategy: false } }).connect();
  if (watchIsRefused) {
    await refuses((words) => ioredis.call(...words));
    await refuses((words) => nodeRedis.sendCommand(words));
  }
  await ioredis.ping();
  await ioredis.quit();
  await nodeRedis.close();
}
