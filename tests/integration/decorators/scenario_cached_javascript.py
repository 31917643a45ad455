#!/usr/bin/env python3
"""../../../clients/javascript."""

import harness
from cached_every import EveryLanguage
from cached_world import Scripts, World


class JavaScript(EveryLanguage, World):
    pass


class JavaScriptItself(Scripts):
    def test_javascript_pipelines_requests_and_a_wait_holds_up_no_other(self):
        lease = self.take_lease("held")
        node = self.start("node", "-e", JAVASCRIPT)
        self.wait_for_waiters(1)
        self.assertEqual(node.stdout.readline(), "true true 300\n")
        self.assertEqual(node.stdout.readline(), "100 still waits\n")
        self.assertEqual(self.daemon.call("memo.put", "memo", "held", lease, '"stored"'), b"OK")
        out, _ = node.communicate(timeout=harness.LONG)
        self.assertEqual(self.daemon.stats("memo")["memo_waits"], 1, "one process asks once")
        self.assertEqual((out, node.returncode), ("stored 300\nthis 1\nold new\n", 0))

    def test_a_connection_that_was_closed_while_the_process_was_busy_is_not_used(self):
        self.assertEqual(self.run_to_end("node", "-e", BUSY), ["+OK", ":1", "1 2 3"])


BUSY = """
const { Client } = require('cachesd');
const { execFileSync } = require('node:child_process');
const ask = (line) => execFileSync('nc', ['-N', '-U', process.env.CACHESD_ADDRESS], { input: line, encoding: 'utf8' }).trim();
const cachesd = new Client();
(async () => {
  const id = await cachesd.call('client', 'id');
  console.log(ask('key.set demo k 0\\n'));
  console.log(ask(`kill ${id}\\n`));
  const all = await Promise.all([1, 2, 3].map(() => cachesd.call('key.incr', 'demo', 'k')));
  console.log(...all);
})();
"""
JAVASCRIPT = """
const { cached } = require('cached');
const options = { namespace: 'memo', timeout: 20000 };
let calls = 0;
(async () => {
  const held = cached(async () => 'computed', { ...options, key: 'held', wait: 20000 });
  const waits = held();
  const f = cached(async function f(n) { calls++; return 'x'.repeat(n * 100); }, options);
  const all = await Promise.all(Array.from({ length: 600 }, (_, n) => f(n % 300)));
  const right = all.every((value, n) => value.length === (n % 300) * 100);
  const again = await Promise.all(Array.from({ length: 300 }, (_, n) => f(n)));
  console.log(right, again.every((value, n) => value.length === n * 100), calls);
  console.log((await f(1)).length, await Promise.race([waits, 'still waits']));
  console.log(await waits, calls);

  const object = { name: 'this', get: cached(function get(n) { return `${this.name} ${n}`; }, options) };
  console.log(await object.get(1));

  let value = 'old';
  const behind = cached(async () => value, { ...options, namespace: 'early', key: 'k', ttl: '10ms', background: true });
  const first = await behind();
  value = 'new';
  let last = first;
  while (last === first) last = await behind();
  console.log(first, last);
})();
"""


if __name__ == "__main__":
    harness.main()
