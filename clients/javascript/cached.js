'use strict';
// Keeps the results of async functions in cachesd; it needs nothing but this file.
//
//   const { cached } = require('./cached');
//   const report = cached(async function report(user) { ... }, { ttl: '10m' });
//
//   await report(7);           // computed once, whoever asks, in whatever process
//   await report.forget(7);    // forget it: the next call computes
//   await report.refresh(7);   // forget it and call
//
// What is asked for while it is computed is waited for. When the daemon is away or refuses, the function
// is simply called. null and undefined are kept as a result too, and come back as null. Values are
// JSON, unless you give dump (to a string or Buffer) and load (from a Buffer).

const net = require('node:net');
const { createHash } = require('node:crypto');

const ADDRESS = process.env.CACHESD_ADDRESS || '127.0.0.1:7379'; // or the path of a Unix socket
const LF = 10;

// One reply at `start`: { value, end }, or null when it is not all there yet. Errors are values here.
function parse(bytes, start) {
  const lineEnd = bytes.indexOf(LF, start);
  if (lineEnd < 0) return null;
  const kind = String.fromCharCode(bytes[start]);
  const rest = bytes.toString('utf8', start + 1, lineEnd - 1);
  let end = lineEnd + 1;
  if (kind === '-') return { value: new Error(rest), end };
  if (kind === '$') {
    if (rest === '-1') return { value: null, end };
    const stop = end + Number(rest);
    return bytes.length < stop + 2 ? null : { value: bytes.subarray(end, stop), end: stop + 2 };
  }
  if (kind !== '*') return { value: rest, end };
  const value = [];
  for (let left = Number(rest); left > 0; left--) {
    const element = parse(bytes, end);
    if (!element) return null;
    value.push(element.value);
    end = element.end;
  }
  return { value, end };
}

// Requests go out at once, replies come in their order. It ends at the first thing that goes wrong.
class Connection {
  constructor(address) {
    const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) || [];
    this.isOpen = true;
    this.waiting = [];
    this.unread = Buffer.alloc(0);
    this.socket = net.connect(address.includes('/') ? { path: address } : { host, port: Number(port) });
    this.socket.setNoDelay(true).unref();
    this.socket.on('data', (bytes) => this.receive(bytes));
    this.socket.on('error', (error) => this.end(error));
    this.socket.on('close', () => this.end(new Error('closed')));
  }

  call(words, timeout) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.end(new Error('no answer in time')), timeout);
      this.waiting.push({ resolve, reject, timer });
      this.socket.ref(); // an unanswered request keeps the process alive, an idle connection does not
      const bulks = words.map((word) => [`$${Buffer.byteLength(word)}\r\n`, word, '\r\n']);
      const parts = [`*${words.length}\r\n`, ...bulks.flat()].map((part) => Buffer.from(part));
      this.socket.write(Buffer.concat(parts));
    });
  }

  receive(bytes) {
    this.unread = Buffer.concat([this.unread, bytes]);
    for (let reply; (reply = parse(this.unread, 0)); this.unread = this.unread.subarray(reply.end)) {
      const request = this.waiting.shift();
      if (!request) return this.end(); // it says why it closes
      clearTimeout(request.timer);
      if (reply.value instanceof Error) request.reject(reply.value);
      else request.resolve(reply.value);
    }
    if (!this.waiting.length) this.socket.unref();
  }

  end(error) {
    this.isOpen = false;
    this.socket.destroy();
    for (const { reject, timer } of this.waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
  }
}

const connections = new Map(); // by address

// `wait` has a connection of its own: it would hold up the replies behind it.
async function call(address, words, timeout, wait = 0) {
  if (wait) {
    const connection = new Connection(address);
    return connection.call(words, timeout + wait).finally(() => connection.end());
  }
  if (!connections.get(address)?.isOpen) connections.set(address, new Connection(address));
  return connections.get(address).call(words, timeout);
}

// namespace; ttl: seconds or '10m', '2h'. key: a string, or a function of the arguments. wait: milliseconds
// for what another computes. timeout: milliseconds for the daemon to answer. background: who finds a
// stale result gets it at once, while the next is computed. onError: is told what the daemon refused.
function cached(fn, { namespace = 'demo', key, ttl, wait = 10000, timeout = 1000, background = false,
  dump = JSON.stringify, load = JSON.parse, address = ADDRESS, onError = () => {} } = {}) {
  if (!fn.name && key === undefined) throw new TypeError('a function without a name needs a key');
  const flights = new Map(); // what this process is getting: key to promise
  const ask = (words, wait) => call(address, words, timeout, wait).catch((error) => void onError(error));
  const get = async (name, wait) =>
    (await ask(['memo.get', ...(wait ? [`wait=${wait}ms`] : []), namespace, name], wait)) || ['AWAY', null, null];

  const keyOf = (args) => {
    if (typeof key === 'string') return key;
    if (key) return String(key(...args));
    const text = JSON.stringify(args);
    return `${fn.name}:${text.length < 200 ? text : createHash('sha256').update(text).digest('hex')}`;
  };

  const compute = async (name, lease, work) => {
    let result, value;
    try {
      result = (await work()) ?? null;
      value = result === null ? null : dump(result);
    } catch (error) {
      await ask(['memo.drop', namespace, name, lease]);
      throw error;
    }
    if (value === null) await ask(['memo.null', namespace, name, lease]);
    else await ask(['memo.put', ...(ttl ? [`ttl=${ttl}`] : []), namespace, name, lease, value]);
    return result;
  };

  const find = async (name, work) => {
    let [state, value, lease] = await get(name);
    if (String(state) === 'MISS' && !lease) [state, value, lease] = await get(name, wait); // somebody else computes it
    if (lease && background && value) compute(name, lease, work).catch(onError);
    else if (lease) return compute(name, lease, work);
    if (String(state) === 'NULL') return null;
    if (!value) return work();
    try {
      return load(value);
    } catch (error) { // perhaps another version of the program has written it
      onError(error);
      await ask(['del', namespace, name]);
      return work();
    }
  };

  const wrapped = function (...args) {
    const name = keyOf(args);
    if (!flights.has(name)) {
      const flight = find(name, async () => fn.apply(this, args)).finally(() => {
        if (flights.get(name) === flight) flights.delete(name);
      });
      flights.set(name, flight);
    }
    return flights.get(name);
  };
  wrapped.forget = async (...args) => {
    flights.delete(keyOf(args)); // its result may be as old as what is forgotten
    return (await ask(['del', namespace, keyOf(args)])) !== undefined;
  };
  wrapped.refresh = async (...args) => wrapped.forget(...args).then(() => wrapped(...args));
  return wrapped;
}

module.exports = { cached };
