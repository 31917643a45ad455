'use strict';
// Keeps the results of async functions in cachesd; it needs cachesd.js beside it.
//
//   const { cached } = require('./cached');
//   const report = cached(async function report(user) { ... }, { ttl: '10m' });
//
//   await report(7);           // computed once, whoever asks, in whatever process
//   await report.forget(7);    // forget it: the next call computes
//   await report.refresh(7);   // forget it and call
//
// A caller that asks while another computes waits for that result. When the daemon is away or refuses, the
// function is simply called. null and undefined are kept as a result too, and come back as null. Values are
// JSON, unless you give dump (to a string or Buffer) and load (from a Buffer).

const { types } = require('node:util');
const { createHash } = require('node:crypto');
const { Connection } = require('./cachesd');

const DEPTH = 100; // how deep an argument may be nested

// --- keys: a text that equal arguments share, and no others ---------------------------------

const refuse = (what) => { throw new TypeError(what); };
const hex = (bytes) => Buffer.from(bytes.buffer ?? bytes, bytes.byteOffset, bytes.byteLength).toString('hex');

const PRIMITIVES = {
  undefined: () => 'undefined',
  boolean: String,
  bigint: (value) => `${value}n`,
  number: (value) => (Object.is(value, -0) ? '-0' : String(value)),
  string: (value) => JSON.stringify(value),
  symbol: (value) => `Symbol(${JSON.stringify(Symbol.keyFor(value) ?? refuse('a symbol of its own'))})`,
  function: () => refuse('a function'),
};

// Classes whose objects show all that they are; others may have private fields.
const CLASSES = new Map([
  [Date.prototype, (value) => value.getTime()],
  [RegExp.prototype, (value) => `${value} ${value.lastIndex}`],
  [URL.prototype, (value) => JSON.stringify(value.href)],
  [Map.prototype, (value, inner) => [...value].map((pair) => pair.map(inner).join('=>')).sort()],
  [Set.prototype, (value, inner) => [...value].map(inner).sort()],
  [ArrayBuffer.prototype, hex],
  [DataView.prototype, hex],
  ...[Buffer, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array,
    Float32Array, Float64Array, BigInt64Array, BigUint64Array].map(({ prototype }) => [prototype, hex]),
]);

// Some versions of Node keep the parts of a URL under symbols of their own.
const SYMBOLS_OF_URL = Object.getOwnPropertySymbols(new URL('http://localhost')).length;

function textOf(value, depth = DEPTH) {
  if (value === null) return 'null';
  if (typeof value !== 'object') return PRIMITIVES[typeof value](value);
  if (!depth) refuse(`nested more than ${DEPTH} deep`);
  const inner = (part) => textOf(part, depth - 1);
  const kind = Object.getPrototypeOf(value);
  if (types.isProxy(value)) refuse('a Proxy');
  const symbols = Object.getOwnPropertySymbols(value).length;
  if (symbols > (kind === URL.prototype ? SYMBOLS_OF_URL : 0)) refuse('an object with symbols as keys');
  if (kind === Array.prototype) return textOfArray(value, inner);
  if (kind === null || kind === Object.prototype) {
    const tag = Object.prototype.toString.call(value);
    if (tag !== '[object Object]') refuse(tag); // arguments, Math, JSON
    const pairs = Object.keys(value).map((name) => `${JSON.stringify(name)}:${inner(value[name])}`).sort();
    return `${kind ? '' : 'null'}{${pairs.join(',')}}`;
  }
  const name = kind.constructor?.name;
  const isPlain = ArrayBuffer.isView(value) || !Object.keys(value).length;
  if (!CLASSES.has(kind) || !isPlain) refuse(`an object of class ${name}`);
  return `${name}(${CLASSES.get(kind)(value, inner)})`;
}

function textOfArray(value, inner) {
  const keys = Object.keys(value);
  if (keys.length !== value.length || keys.some((name) => !/^\d+$/.test(name))) refuse('an array with holes or names');
  return `[${value.map(inner).join(',')}]`;
}

// --- requests -------------------------------------------------------------------------------

const isBytes = (value) => value === null || Buffer.isBuffer(value);
const isScalar = (reply) => ['string', 'number', 'bigint'].includes(typeof reply);
const isMemo = (reply) => Array.isArray(reply) && reply.length === 3 && reply.every(isBytes) &&
  ['HIT', 'STALE', 'NULL', 'MISS'].includes(String(reply[0]));

const connections = new Map(); // by address and user

// `wait` has a connection of its own: it would hold up the replies behind it.
async function call(login, words, timeout, wait = 0) {
  const isRight = words[0] === 'memo.get' ? isMemo : isScalar;
  if (wait) {
    const connection = new Connection(login);
    return connection.call(words, timeout + wait, isRight).finally(() => connection.end());
  }
  const key = JSON.stringify(login);
  if (!connections.get(key)?.isOpen) connections.set(key, new Connection(login));
  return connections.get(key).call(words, timeout, isRight);
}

// --- the decorator --------------------------------------------------------------------------

// JSON.stringify would write {} or null for these, and the next caller would get that.
function strict(name, value) {
  const kind = Object(value) === value && !Array.isArray(value) && Object.getPrototypeOf(value);
  const isEmptied = kind && kind !== Object.prototype && typeof value !== 'function' && !Object.keys(value).length;
  if (isEmptied || (typeof value === 'number' && !Number.isFinite(value))) {
    throw new TypeError(`JSON cannot keep ${kind ? `an object of class ${kind.constructor?.name}` : value}`);
  }
  return value;
}

const names = new Set(); // whose keys begin alike must be one function

// The name that a function's keys begin with; JavaScript knows no module to put before it.
function nameOf(fn, namespace) {
  const name = fn.name.replace(/^bound /, '');
  const entry = JSON.stringify([namespace, name]);
  if (!name || names.has(entry)) {
    throw new TypeError(`cached: ${name ? `another function is named ${name}` : 'a function without a name'}: ` +
      'give the option name or key');
  }
  names.add(entry);
  return name;
}

function keyOfArguments(name, args, receiver) {
  const refused = (what, error) => new TypeError(
    `${name}: ${what} cannot be told apart from others (${error.message}): give the option key`, { cause: error });
  const kind = Object(receiver) === receiver && Object.getPrototypeOf(receiver);
  if (kind && typeof receiver !== 'function' && kind !== Object.prototype && !types.isModuleNamespaceObject(receiver)) {
    throw refused('this', new TypeError(`an object of class ${kind.constructor?.name}`));
  }
  const texts = args.map((value, at) => {
    try {
      return textOf(value);
    } catch (error) {
      throw refused(`argument ${at + 1}`, error);
    }
  });
  const text = `[${texts.join(',')}]`;
  return `${name}:${text.length < 200 ? text : createHash('sha256').update(text).digest('hex')}`;
}

// namespace; ttl: seconds or '10m', '2h'. key: a string, or a function of the arguments, with their `this`. name: what
// a key begins with, instead of the function's name. wait: milliseconds for what another computes. timeout:
// milliseconds for the daemon to answer. background: who finds a stale result gets it at once, while the next is
// computed. onError: is told what the daemon refused. address, user, token: else as the environment says.
function cached(fn, { namespace = 'demo', key, name, ttl, wait = 10000, timeout = 1000, background = false,
  dump = (value) => JSON.stringify(value, strict), load = JSON.parse, address, user, token, onError } = {}) {
  const login = { address, user, token };
  const label = name ?? (key === undefined ? nameOf(fn, namespace) : fn.name);
  const flights = new Map(); // what this process is getting: key to promise
  const report = (error) => void onError?.(error);
  let hasTold = false;

  const ask = (words, wait) => call(login, words, timeout, wait).catch((error) => {
    if (error.code !== 'LEASE') return report(error);
    if (hasTold) return undefined;
    hasTold = true;
    const text = `cached ${label}: a result was not kept: it took longer than the lease of namespace ${namespace}, ` +
      'or its key was written meanwhile. This is said once.';
    return void (onError ? onError(new Error(text, { cause: error })) : console.warn(text));
  });

  const get = async (id, wait) => {
    const reply = await ask(['memo.get', ...(wait ? [`wait=${Math.ceil(wait)}ms`] : []), namespace, id], wait);
    return reply ? [String(reply[0]), reply[1], reply[2]] : ['AWAY', null, null];
  };

  const keyOf = (receiver, args) => {
    if (key === undefined) return keyOfArguments(label, args, receiver);
    const found = typeof key === 'function' ? key.apply(receiver, args) : key;
    try {
      if (typeof found !== 'string') return textOf(found);
    } catch (error) {
      throw new TypeError(`${label}: the option key must give a string (${error.message})`, { cause: error });
    }
    if (/\p{Surrogate}/u.test(found)) throw new TypeError(`${label}: the option key must give whole characters`);
    return found;
  };

  const dumped = (result) => {
    const value = result === null ? null : dump(result);
    if (value !== null && typeof value !== 'string' && !(value instanceof Uint8Array)) {
      throw new TypeError('dump must return a string or a Buffer');
    }
    return value;
  };

  const compute = async (id, lease, work) => {
    let result;
    let value;
    try {
      result = (await work()) ?? null;
    } catch (error) {
      await ask(['memo.drop', namespace, id, lease]);
      throw error;
    }
    try {
      value = dumped(result);
    } catch (error) {
      report(error);
      await ask(['memo.drop', namespace, id, lease]);
      return result;
    }
    if (value === null) await ask(['memo.null', namespace, id, lease]);
    else await ask(['memo.put', ...(ttl ? [`ttl=${ttl}`] : []), namespace, id, lease, value]);
    return result;
  };

  const find = async (id, work) => {
    let [state, value, lease] = await get(id);
    if (state === 'MISS' && !lease) [state, value, lease] = await get(id, wait); // somebody else computes it
    if (lease && background && value) compute(id, lease, work).catch(report);
    else if (lease) return compute(id, lease, work);
    if (state === 'NULL') return null;
    if (!value) return (await work()) ?? null;
    try {
      return await load(value);
    } catch (error) { // perhaps another version of the program has written it
      report(error);
    }
    await ask(['del', namespace, id]);
    return (await work()) ?? null;
  };

  const wrapped = async function (...args) {
    const id = keyOf(this, args);
    if (!flights.has(id)) {
      const flight = find(id, async () => fn.apply(this, args)).finally(() => {
        if (flights.get(id) === flight) flights.delete(id);
      });
      flights.set(id, flight);
    }
    return flights.get(id);
  };
  wrapped.forget = async function (...args) {
    const id = keyOf(this === wrapped ? undefined : this, args);
    flights.delete(id); // its result may be as old as what is forgotten
    return (await ask(['del', namespace, id])) !== undefined;
  };
  wrapped.refresh = async function (...args) {
    await wrapped.forget.apply(this, args);
    return wrapped.apply(this === wrapped ? undefined : this, args);
  };
  return Object.defineProperty(wrapped, 'name', { value: fn.name });
}

module.exports = { cached };
