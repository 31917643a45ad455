#!/usr/bin/env node
// keys.js SEED COUNT: calls a cached function with COUNT random arguments. scenario_cached_keys.py tells what it prints.
'use strict';
const { cached } = require('../../clients/javascript/cached');

// An atom's text is written down here, so that it does not depend on what is tested.
const ATOMS = String.raw`null|undefined|true|false|0|-0|1|-1|1.5|0.1|0.1+0.2|NaN|Infinity|1n|0n|""|"1"|"null"|"undefined"|"NaN"|"[]"
  |"{}"|"\""|"\\"|","|"1,2"|"ä"|"a\u0308"|"\ud83d\ude00"|"\ud83d"|"\ude00"|Symbol.for("1")|new Date(0)|new Date(1)|new Date(NaN)
  |/1/|/1/g|/"/|new URL("http://1/")|Buffer.from("1")|new Uint8Array(1)|new Uint8Array([1])|new Int8Array([1])|new Float64Array(1)
  |new ArrayBuffer(1)|Object.create(null)`.replace(/\n\s*/g, '').split('|');
const make = (text) => (0, eval)(`(${text})`);

let state = Number(process.argv[2]) * 2654435761;
const random = (below) => { // the same numbers in every process
  state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
  return ((state ^ (state >>> 13)) >>> 0) % below;
};
const choose = (list) => list[random(list.length)];

// A random value: its text, in which order does not count in Map, Set and objects, and two of it.
function value(depth = 3) {
  const kind = choose(['atom', 'atom', 'atom', 'atom', ...(depth ? ['array', 'object', 'map', 'set'] : [])]);
  if (kind === 'atom') {
    const text = choose(ATOMS);
    return [text, make(text), make(text)];
  }
  let parts = Array.from({ length: random(4) }, () => value(depth - 1));
  // A Set and a Map know primitive values again, and -0 is 0 to them.
  if (kind === 'set' || kind === 'map') parts = [...new Map(parts.map((part) => [part[0], part])).values()].filter(([text]) => text !== '-0');
  const [texts, once, again] = [0, 1, 2].map((at) => parts.map((part) => part[at]));
  const turned = [...again].reverse();
  if (kind === 'array') return [`[${texts.join(' ')}]`, once, again];
  if (kind === 'set') return [`set(${texts.sort().join(' ')})`, new Set(once), new Set(turned)];
  const inner = parts.map(() => value(depth - 1));
  if (kind === 'map') {
    const pairs = [1, 2].map((at) => parts.map((part, n) => [part[at], inner[n][at]]));
    return [`map(${texts.map((text, n) => `${text}=>${inner[n][0]}`).sort().join(' ')})`,
      new Map(pairs[0]), new Map(pairs[1].reverse())];
  }
  const names = ['a', 'b', '1', '"'].slice(0, parts.length);
  const objects = [1, 2].map((at) => names.map((name, n) => [name, inner[n][at]]));
  return [`{${names.map((name, n) => `${name}:${inner[n][0]}`).sort().join(' ')}}`,
    Object.fromEntries(objects[0]), Object.fromEntries(objects[1].reverse())];
}

let computed = 0;
let text;
const call = cached(async function call() {
  computed += 1;
  return text;
}, { timeout: 30000 });

(async () => {
  const texts = new Set();
  let wrong = 0;
  for (let left = Number(process.argv[3]); left > 0; left--) {
    const parts = Array.from({ length: 1 + random(3) }, () => value());
    text = parts.map((part) => part[0]).join(' ');
    for (const at of [1, 2]) wrong += (await call(...parts.map((part) => part[at]))) !== text;
    texts.add(text);
  }
  console.log(JSON.stringify({ wrong, texts: texts.size, computed }));
})();
