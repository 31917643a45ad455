'use strict';
// A client of cachesd for Node 18; it needs nothing but this file. Its types are in cachesd.d.ts.
//
//   const { Client } = require('./cachesd');
//   const cachesd = new Client();
//   await cachesd.call('key.set', 'ttl=90s', 'demo', 'greeting', 'hello');
//   console.log(await cachesd.call('key.get', 'demo', 'greeting'));
//
// Requests go out at once over one connection, and replies come in their order. They are sent as arrays of words, so that no value
// can be taken for anything else: any bytes will do, and nothing is ever quoted.

const fs = require('node:fs');
const net = require('node:net');

const LINE = 65536; // bytes of a reply's line, at most
const DEPTH = 8; // arrays within arrays, at most
const LARGEST = 2 ** 30; // bytes of a value, or items of an array
const PERHAPS_APPLIED = ['TIMEOUT', 'LOST', 'INTERNAL'];

// What a request failed of. `code` is the daemon's own word (WRONGTYPE, POLICY, …), or that of the client itself: UNAVAILABLE (no
// connection: nothing was sent), TIMEOUT (no answer in time), LOST (the connection broke before the answer).
class CachesdError extends Error {
  constructor(code, text) {
    super(`${code} ${text}`);
    this.name = 'CachesdError';
    this.code = code;
    this.isPerhapsApplied = PERHAPS_APPLIED.includes(code); // a write; else it was not
  }
}

const broken = () => new CachesdError('LOST', 'a broken reply');

// Takes bytes as they come, and gives whole replies. No byte is looked at twice, but those of an unfinished line.
class Parser {
  constructor() {
    this.chunks = [];
    this.size = 0; // of the chunks
    this.wanted = 1; // bytes before another try
    this.arrays = []; // that are not complete, the innermost last
  }

  isIdle() {
    return !this.size && !this.arrays.length;
  }

  *feed(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < this.wanted) return;
    const bytes = Buffer.concat(this.chunks);
    let at = 0;
    for (let token; (token = this.token(bytes, at)); ) {
      at = token.end;
      const done = this.put(token);
      if (done) yield done.value;
    }
    this.chunks = at < bytes.length ? [bytes.subarray(at)] : [];
    this.size = bytes.length - at;
    this.wanted -= at;
  }

  // One value, or the head of an array, at `start`; nothing where there are not enough bytes.
  token(bytes, start) {
    const lineEnd = bytes.indexOf('\r\n', start);
    this.wanted = bytes.length + 1;
    if (lineEnd < 0 ? bytes.length - start > LINE : lineEnd - start > LINE) throw broken();
    if (lineEnd < 0) return null;
    const kind = String.fromCharCode(bytes[start]);
    const rest = bytes.toString('utf8', start + 1, lineEnd);
    const end = lineEnd + 2;
    if (kind === '+') return { value: rest, end };
    if (kind === '-' && this.arrays.length) throw broken(); // no array of the daemon's has errors
    if (kind === '-') return { value: errorOf(rest), end };
    if (!/^-?\d{1,19}$/.test(rest)) throw broken();
    if (kind === ':') return { value: numberOf(rest), end };
    if (rest === '-1' && '$*'.includes(kind)) return { value: null, end };
    const size = Number(rest);
    if (size < 0 || size > LARGEST || !'$*'.includes(kind)) throw broken();
    if (kind === '*') return { count: size, end };
    this.wanted = end + size + 2;
    if (bytes.length < this.wanted) return null;
    if (bytes.toString('latin1', end + size, this.wanted) !== '\r\n') throw broken();
    return { value: bytes.subarray(end, end + size), end: this.wanted };
  }

  // A whole reply that this completes, as { value }; else nothing.
  put({ value, count }) {
    if (count !== undefined) {
      if (this.arrays.length === DEPTH) throw broken();
      if (count) return void this.arrays.push({ items: [], count });
      value = [];
    }
    for (let array; (array = this.arrays.at(-1)); value = array.items) {
      array.items.push(value);
      if (array.items.length < array.count) return undefined;
      this.arrays.pop();
    }
    return { value };
  }
}

function errorOf(text) {
  const [, code, rest] = /^(\S*) ?(.*)$/s.exec(text);
  return new CachesdError(code, rest);
}

const numberOf = (text) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text));

// Where a daemon may be, as options of net.connect.
function places(address = process.env.CACHESD_ADDRESS) {
  if (address) return [split(address)];
  const paths = ['/run/cachesd', process.env.XDG_RUNTIME_DIR].filter(Boolean);
  const own = `/tmp/cachesd-${process.geteuid?.()}`; // whoever comes first can make it
  if (fs.lstatSync(own, { throwIfNoEntry: false })?.uid === process.geteuid?.()) paths.push(own);
  const sockets = paths.map((path) => `${path}/cachesd.sock`).filter((path) => fs.existsSync(path));
  return [...sockets.map((path) => ({ path })), { host: '127.0.0.1', port: 7379 }];
}

function split(address) {
  if (address.includes('/')) return { path: address };
  const [, v6, host, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address) || [];
  if (!port || port > 65535) throw new TypeError(`address ${address}: a path, HOST:PORT or [IPV6]:PORT was expected`);
  return { host: v6 ?? host, port: Number(port) };
}

// The words that say who asks, if a token is given.
function loginOf({ user = process.env.CACHESD_USER, token = process.env.CACHESD_TOKEN }) {
  if (token && !user) throw new TypeError('a token needs a user: the option user, or CACHESD_USER');
  return token ? ['auth', user, token] : null;
}

function encoded(words) {
  if (!words.length) throw new TypeError('no verb is given');
  const bulks = words.map((word) => {
    const part = typeof word === 'number' || typeof word === 'bigint' ? String(word) : word;
    if (typeof part === 'string') return [`$${Buffer.byteLength(part)}\r\n`, part, '\r\n'];
    if (!(part instanceof Uint8Array)) throw new TypeError(`a word is ${word}: a string, a number or a Buffer was expected`);
    return [`$${part.length}\r\n`, part, '\r\n'];
  });
  return Buffer.concat([`*${bulks.length}\r\n`, ...bulks.flat()].map((part) => Buffer.from(part)));
}

// One connection, until the first thing goes wrong. Bulk strings are Buffers here.
class Connection {
  constructor(login) {
    const words = loginOf(login);
    const found = places(login.address);
    this.isOpen = true;
    this.waiting = [];
    this.parser = new Parser();
    this.unsent = []; // until it is connected, and known who asks
    this.connect(found);
    if (words) this.authenticate(words);
  }

  connect([place, ...others]) {
    const socket = net.connect(place);
    this.socket = socket;
    socket.setNoDelay(true).unref();
    if (this.waiting.length) socket.ref();
    socket.on('connect', () => {
      if (this.login) socket.write(encoded(this.login.words));
      else this.sendUnsent();
    });
    socket.on('data', (bytes) => this.receive(bytes));
    socket.on('error', (error) => {
      const isNobody = ['ECONNREFUSED', 'ENOENT', 'EACCES', 'EPERM'].includes(error.code);
      if (this.unsent && isNobody && others.length && this.isOpen) this.connect(others);
      else this.end(this.problem(error.message));
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => socket === this.socket && this.end(this.problem('the connection was closed before the answer')));
    }
  }

  isIdle() {
    return this.isOpen && !this.unsent && !this.waiting.length;
  }

  // Until something was sent, nothing can have been applied.
  problem(text) {
    return this.unsent ? new CachesdError('UNAVAILABLE', `cannot connect: ${text}`) : new CachesdError('LOST', text);
  }

  authenticate(words) {
    this.login = { words, isRight: () => true, resolve: () => this.sendUnsent(), reject: (error) => this.end(error) };
    this.waiting.push(this.login);
  }

  sendUnsent() {
    this.login = null;
    for (const bytes of this.unsent ?? []) this.socket.write(bytes);
    this.unsent = null;
  }

  // The reply to these words within so many milliseconds, if `isRight(reply)`.
  call(words, timeout, isRight = () => true) {
    const bytes = encoded(words);
    return new Promise((resolve, reject) => {
      const request = { words, resolve, reject, isRight };
      // A reply that came while this process was busy is read before a timer's setImmediate.
      const check = () => this.waiting.includes(request) && this.end(this.late());
      request.timer = setTimeout(() => setImmediate(check), timeout);
      this.waiting.push(request);
      this.socket.ref(); // an unanswered request keeps the process alive, an idle connection does not
      if (this.unsent) this.unsent.push(bytes);
      else this.socket.write(bytes);
    });
  }

  late() {
    return this.unsent ? this.problem('no answer in time') : new CachesdError('TIMEOUT', 'no answer in time');
  }

  receive(bytes) {
    try {
      const replies = [...this.parser.feed(bytes)];
      const isUnasked = replies.length > this.waiting.length;
      if (isUnasked || (replies.length === this.waiting.length && !this.parser.isIdle())) throw broken();
      for (const reply of replies) this.settle(reply);
    } catch (error) {
      this.end(error);
    }
    if (!this.waiting.length) this.socket.unref();
  }

  settle(reply) {
    const isRefused = reply instanceof CachesdError;
    const [request] = this.waiting;
    if (!isRefused && !request.isRight(reply)) throw broken();
    this.waiting.shift();
    clearTimeout(request.timer);
    if (isRefused) request.reject(reply);
    else request.resolve(reply);
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

const textOf = (reply) => {
  if (Array.isArray(reply)) return reply.map(textOf);
  return Buffer.isBuffer(reply) ? reply.toString() : reply;
};

// A connection is made at the first request, and made anew when the daemon has closed it.
class Client {
  // address: the path of a socket, HOST:PORT or [IPV6]:PORT; else $CACHESD_ADDRESS, else where a daemon usually is. user and
  // token: else $CACHESD_USER and $CACHESD_TOKEN. timeout: milliseconds, for connecting and the answer.
  constructor({ address, user, token, timeout = 5000 } = {}) {
    // Not to be seen where a client is logged.
    Object.defineProperty(this, 'login', { value: { address, user, token }, enumerable: false });
    this.timeout = timeout;
    this.pausing = 0; // requests that look at an idle connection first
    loginOf(this.login);
    places(address);
  }

  // The reply: a string, a number (a bigint beyond 2^53), null, or an array of these.
  async call(...words) {
    return textOf(await this.callBuffer(...words));
  }

  // The same, with Buffers for the strings that are data.
  async callBuffer(...words) {
    if (this.pausing || this.connection?.isIdle()) await this.look();
    if (!this.connection?.isOpen) this.connection = new Connection(this.login);
    return this.connection.call(words, this.timeout);
  }

  // Lets what the daemon has done to an idle connection be told, before anything is sent on it; while this process was busy nobody
  // has heard of its end. Requests keep their order.
  async look() {
    this.pausing++;
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve))); // a whole turn of the loop
    this.pausing--;
  }

  // The same for a request that may take so many milliseconds, as memo.get with wait= does. It has a connection of its own, since
  // it would hold up the replies behind it.
  async callWithin(milliseconds, ...words) {
    const connection = new Connection(this.login);
    return connection.call(words, milliseconds).then(textOf).finally(() => connection.end());
  }

  // Requests that are under way fail.
  close() {
    this.connection?.end(new CachesdError('LOST', 'the client was closed'));
    this.connection = undefined;
  }
}

module.exports = { Client, CachesdError, Connection };
