// Drives ../../../clients/javascript/cachesd.js: see talk.md.
'use strict';
const readline = require('node:readline');
const { Client, CachesdError } = require('../../../clients/javascript/cachesd');

const shown = (reply) => {
  if (Array.isArray(reply)) return `[${reply.map(shown).join(' ')}]`;
  if (reply === null) return 'nil';
  return ['number', 'bigint'].includes(typeof reply) ? `:${reply}` : `$${Buffer.from(reply).toString('hex')}`;
};

let client;
const answer = async (verb, words) => {
  if (verb === 'call') return shown(await client.callBuffer(...words));
  client?.close();
  const [address, timeout, user, token] = words.map((word) => String(word) || undefined);
  client = new Client({ address, user, token, timeout: Number(timeout) });
  return 'opened';
};
const problem = (error) => {
  if (error instanceof CachesdError) return `-${error.message} ${error.isPerhapsApplied ? '(perhaps)' : '(no)'}`;
  return `-WRONG ${error.message}`;
};

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.split(' ');
    console.log(await answer(verb, words.map((word) => Buffer.from(word === '.' ? '' : word, 'hex'))).catch(problem));
  }
  client?.close();
})();
