#!/usr/bin/env node
// Clients of ioredis, each asked by many at once, until stdin ends: SOCKET LIBRARY. Each value tells of its key,
// so that a reply that belongs to another request is seen. Then all must be well again. Prints a report, in JSON.
'use strict';
const { createRequire } = require('node:module');
const { isDeepStrictEqual } = require('node:util');
const [path, library] = process.argv.slice(2);
const module_ = createRequire(`${__dirname}/../libraries/package.json`)(library);
const Redis = module_.default ?? module_;

const CLIENTS = 4;
const TALKERS = 8; // of each client
const LAST = 25; // rounds of each talker that may not fail, at the end
const BEHIND = 12; // rounds after which a value is read back
const MAY_FAIL_WITH = /^(LOADING|TIMEOUT|LOST|OVERLOADED) /;

const report = { replies: 0, read_back: 0, failed: {}, wrong: [], rounds: 0 };
let isOver = false;

class Talker {
  constructor(client, number) {
    Object.assign(this, { client, number, sequence: 0 });
  }

  // Functions that send a request, with the replies that are right.
  requests() {
    const own = `${library}.${this.number}.${this.sequence}`;
    const earlier = `${library}.${this.number}.${this.sequence - BEHIND}`;
    const number = this.number * 10_000_000 + this.sequence;
    const { client } = this;
    return [
      [() => client.set(own, own), ['OK']],
      [() => client.get(earlier), [earlier, null]],
      [() => client.hset(`h${own}`, own, own), [1]],
      [() => client.hgetall(`h${earlier}`), [{ [earlier]: earlier }, {}]],
      [() => client.incrby(`n${own}`, number), [number]],
      [() => client.rpush(`l${own}`, own, earlier), [2]],
      [() => client.lrange(`l${earlier}`, 0, 0), [[earlier], []]],
      [() => client.echo(own), [own]],
      [() => client.eval('return {KEYS[1], ARGV[1]}', 1, `e${own}`, own), [[`e${own}`, own]]],
      [() => this.several(client.pipeline(), `p${own}`, own, number), [['OK', own, number]]],
      [() => this.several(client.multi(), `t${own}`, own, number), [['OK', own, number]]],
      [async () => (await client.mget(own, own)).map((name) => name === own || name === null), [[true, true]]],
    ];
  }

  async several(pipeline, key, own, number) {
    const replies = await pipeline.set(key, own).get(key).incrby(`n${key}`, number).exec();
    for (const [error] of replies) if (error) throw error;
    return replies.map(([, reply]) => reply);
  }

  async ask(send, right, mayFail) {
    try {
      const reply = await send();
      report.replies += 1;
      const found = right.findIndex((one) => isDeepStrictEqual(this.plain(one), this.plain(reply)));
      if (found < 0) this.complain(`${JSON.stringify(right)} was right, got ${JSON.stringify(reply)}`);
      if (found === 0 && right.length > 1) report.read_back += 1;
    } catch (error) {
      // Of a transaction that was refused, ioredis tells in `previousErrors` why.
      const text = (error.previousErrors?.[0] ?? error).message;
      const word = text.split(' ')[0];
      report.failed[word] = (report.failed[word] ?? 0) + 1;
      if (!mayFail || !MAY_FAIL_WITH.test(text)) this.complain(`failed with ${text}`);
    }
  }

  // Objects of several prototypes are equal by their fields.
  plain(value) {
    return value && typeof value === 'object' && !Array.isArray(value) ? { ...value } : value;
  }

  complain(text) {
    if (report.wrong.length < 20) report.wrong.push(`talker ${this.number}: ${text}`);
  }

  async round(mayFail) {
    this.sequence += 1;
    report.rounds = Math.max(report.rounds, this.sequence);
    // All at once: their replies come one behind the other.
    await Promise.all(this.requests().map(([send, right]) => this.ask(send, right, mayFail)));
  }

  async run() {
    while (!isOver) await this.round(true);
    for (let i = 0; i < LAST; i += 1) await this.round(false);
  }
}

async function main() {
  const clients = Array.from({ length: CLIENTS }, (_, i) => new Redis({ path, enableAutoPipelining: i % 2 === 1 }));
  for (const client of clients) client.on('error', (error) => report.wrong.push(`connection: ${error.message}`));
  process.stdin.resume().on('end', () => { isOver = true; });
  const talkers = Array.from({ length: CLIENTS * TALKERS }, (_, i) => new Talker(clients[i % CLIENTS], i));
  await Promise.all(talkers.map((talker) => talker.run()));
  for (const client of clients) client.disconnect();
  console.log(JSON.stringify(report));
}

main();
