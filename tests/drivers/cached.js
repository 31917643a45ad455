#!/usr/bin/env node
// Drives ../../clients/javascript/cached.js: a command a line, `call|forget|refresh WORD`, and a result a line.
'use strict';
const fs = require('node:fs');
const readline = require('node:readline');
const { cached } = require('../../clients/javascript/cached');

const { FOLDER, NAMESPACE, TTL, WAIT_MS } = process.env;
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

const call = cached(async (word) => {
  fs.appendFileSync(`${FOLDER}/computed`, `${word}\n`);
  while (word.startsWith('gate') && !fs.existsSync(`${FOLDER}/gate`)) await pause();
  if (word.startsWith('throw')) throw new Error(word);
  const count = fs.readFileSync(`${FOLDER}/computed`, 'utf8').split('\n').filter((line) => line === word).length;
  return word.startsWith('null') ? undefined : { word, count };
}, { namespace: NAMESPACE, key: (word) => `f:${word}`, ttl: TTL, wait: Number(WAIT_MS), timeout: 2000 });

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, word] = line.split(' ');
    try {
      console.log(JSON.stringify((await { call, forget: call.forget, refresh: call.refresh }[verb](word)) ?? null));
    } catch (error) {
      console.log(`threw ${error.message}`);
    }
  }
})();
