// The types of cached.js.

import { Login } from './cachesd';

export interface Options<Arguments extends unknown[], Result> extends Login {
  namespace?: string; // 'demo' by default
  key?: string | ((...args: Arguments) => string);
  name?: string; // what a key begins with, instead of the function's name
  ttl?: number | string; // seconds, or '10m', '2h'
  wait?: number; // milliseconds for what another computes; 10000 by default
  timeout?: number; // milliseconds for the daemon to answer; 1000 by default
  background?: boolean; // a stale result is given at once, and the next one is computed behind
  dump?: (result: Result) => string | Uint8Array;
  load?: (value: Buffer) => Result | Promise<Result>;
  onError?: (error: Error) => void;
}

export interface Cached<Arguments extends unknown[], Result> {
  (...args: Arguments): Promise<Result | null>;
  forget(...args: Arguments): Promise<boolean>; // whether the daemon could be told
  refresh(...args: Arguments): Promise<Result | null>;
}

export function cached<Arguments extends unknown[], Result>(
  fn: (...args: Arguments) => Result | Promise<Result>,
  options?: Options<Arguments, Result>,
): Cached<Arguments, Result>;
