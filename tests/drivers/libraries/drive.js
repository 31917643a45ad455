#!/usr/bin/env node
// Drives a library: LIBRARY OPTIONS, in JSON, with its own names for them. Prints what it is answered.
'use strict';
const [library, options] = [process.argv[2], JSON.parse(process.argv[3])];

async function ioredis(Redis) {
  const client = new Redis({ ...options, retryStrategy: null });
  client.on('error', (error) => console.log(`error: ${error.message}`));
  await new Promise((resolve, reject) => client.once('ready', resolve).once('end', reject));
  return { call: (...words) => client.call(...words), close: () => client.quit() };
}

async function nodeRedis({ createClient }) {
  const client = createClient({ ...options, socket: { ...options.socket, reconnectStrategy: false } });
  client.on('error', (error) => console.log(`error: ${error.message}`));
  await client.connect();
  return { call: (...words) => client.sendCommand(words), close: () => (client.close ?? client.quit).call(client) };
}

(async () => {
  try {
    const module = require(library);
    const client = await (library.startsWith('io') ? ioredis(module.default ?? module) : nodeRedis(module));
    console.log(await client.call('key.set', 'carts', 'k', 'v'));
    console.log(await client.call('key.get', 'carts', 'k'));
    await client.call('get', 'k').catch((error) => console.log(error.message));
    await client.close();
  } catch (error) {
    console.log(`failed: ${error?.message}`);
  }
})();
