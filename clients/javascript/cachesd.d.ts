// The types of cachesd.js. What each verb does, and its words: protocol/PROTOCOL.md.

export type Word = string | number | bigint | Uint8Array;
export type Reply<Text = string> = Text | number | bigint | null | Reply<Text>[];

// What each verb replies. `Text` is string for call(), Buffer for callBuffer().
export interface Replies<Text = string> {
  del: number;
  exists: 0 | 1;
  ttl: number;
  pttl: number;
  type: Text | null;
  scan: [Text, Text[]];
  touch: 0 | 1;
  'key.get': Text | null;
  'key.mget': (Text | null)[];
  'key.set': 'OK';
  'key.add': 0 | 1;
  'key.replace': 0 | 1;
  'key.swap': Text | null;
  'key.take': Text | null;
  'key.incr': number | bigint;
  'dict.get': Text | null;
  'dict.mget': (Text | null)[];
  'dict.set': number;
  'dict.add': 0 | 1;
  'dict.del': number;
  'dict.has': 0 | 1;
  'dict.len': number;
  'dict.keys': Text[];
  'dict.values': Text[];
  'dict.items': Text[];
  'dict.incr': number | bigint;
  'dict.pop': Text | null;
  'dict.popitem': [] | [Text, Text];
  'dict.scan': [Text, Text[]];
  'set.add': number;
  'set.del': number;
  'set.has': 0 | 1;
  'set.len': number;
  'set.members': Text[];
  'set.pop': Text | null | Text[];
  'set.random': Text | null | Text[];
  'set.scan': [Text, Text[]];
  'sorted.add': number;
  'sorted.incr': Text;
  'sorted.del': number;
  'sorted.has': 0 | 1;
  'sorted.len': number;
  'sorted.score': Text | null;
  'sorted.rank': number | null;
  'sorted.pop': Text[];
  'sorted.rpop': Text[];
  'sorted.range': Text[];
  'sorted.between': Text[];
  'sorted.scan': [Text, Text[]];
  'counter.get': number | bigint;
  'counter.set': 'OK';
  'counter.incr': number | bigint;
  'counter.update': (number | bigint)[];
  'counter.del': number;
  'counter.len': number;
  'counter.total': number | bigint;
  'counter.items': (Text | number | bigint)[];
  'counter.top': (Text | number | bigint)[];
  'memo.get': [Text, Text | null, Text | null];
  'memo.put': 'OK';
  'memo.null': 'OK';
  'memo.drop': 0 | 1;
  'memo.set': 'OK';
  ping: 'PONG' | Text;
  ready: 'READY';
  purge: number;
}

// `code` is the daemon's own word (WRONGTYPE, POLICY, …), or UNAVAILABLE (no connection: nothing was sent), TIMEOUT (no answer in
// time), LOST (the connection broke before the answer).
export class CachesdError extends Error {
  readonly code: string;
  // Whether a write may have been applied all the same; else it was not.
  readonly isPerhapsApplied: boolean;
}

export interface Login {
  // The path of a socket, HOST:PORT or [IPV6]:PORT; else $CACHESD_ADDRESS, else where a daemon usually is.
  address?: string;
  // Else $CACHESD_USER and $CACHESD_TOKEN.
  user?: string;
  token?: string;
}

export class Client {
  // timeout: milliseconds, for connecting and the answer; 5000 by default.
  constructor(options?: Login & { timeout?: number });
  call<Verb extends keyof Replies>(verb: Verb, ...words: Word[]): Promise<Replies[Verb]>;
  call(verb: string, ...words: Word[]): Promise<Reply>;
  callBuffer<Verb extends keyof Replies>(verb: Verb, ...words: Word[]): Promise<Replies<Buffer>[Verb]>;
  callBuffer(verb: string, ...words: Word[]): Promise<Reply<Buffer>>;
  // For a request that may take so many milliseconds, as memo.get with wait= does.
  callWithin<Verb extends keyof Replies>(milliseconds: number, verb: Verb, ...words: Word[]): Promise<Replies[Verb]>;
  callWithin(milliseconds: number, verb: string, ...words: Word[]): Promise<Reply>;
  // Requests that are under way fail.
  close(): void;
}
