#!/usr/bin/env python3
"""The part of ../../clients that one language alone has, in that language; and the README's examples."""

import json
import os
import re
import subprocess
import sys

import harness
from cached_world import ROOT, World

README = (ROOT / "clients" / "README.md").read_text()


class Scripts(World):
    """What one language alone has, in that language."""

    def environment(self):
        paths = {"PYTHONPATH": "python", "PERL5LIB": "perl", "RUBYLIB": "ruby", "NODE_PATH": "javascript"}
        found = {name: str(ROOT / "clients" / path) for name, path in paths.items()}
        return {**os.environ, **found, "CACHESD_ADDRESS": self.daemon.path, "PYTHONDONTWRITEBYTECODE": "1"}

    def start(self, *command):
        pipes = {"stdout": subprocess.PIPE, "text": True, "preexec_fn": harness.end_with_parent}
        return subprocess.Popen(command, env=self.environment(), **pipes)

    def run_to_end(self, *command):
        out, _ = (process := self.start(*command)).communicate(timeout=harness.LONG)
        self.assertEqual(process.returncode, 0)
        return out.splitlines()

    def test_the_examples_of_the_readme_keep_what_they_compute(self):
        blocks = dict(re.findall(r"```(\w+)\n(.*?)```", README, re.S))
        javascript = blocks["javascript"].replace("'./cached'", "'cached'").replace("await", "return", 1)
        for key, command in (
            ("__main__.report:[7, 2024]", (sys.executable, "-c", blocks["python"])),
            ("report:[7]", ("node", "-e", f"(async () => {{ {javascript} }})()")),
            ('report:["7"]', ("perl", "-we", "use strict;" + blocks["perl"])),
            ("Reports#pages:[7]", ("ruby", "-rcached", "-we", blocks["ruby"])),
        ):
            self.run_to_end(*command)
            value = self.direct.call("GET", f"demo:{key}")
            self.assertEqual(json.loads(value or "null"), {"pages": 42}, key)

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

    def test_ruby_has_threads_named_arguments_and_timeouts(self):
        self.take_lease("held")
        self.assertEqual(self.run_to_end("ruby", "-we", RUBY), ["true 50", "[1, 2]", "late", "7 50", "kept"])
        self.assertEqual(self.direct.call("EXISTS", 'm:Report#of:[1,:"b"=2]'), 1)

    def test_perl_has_forks_alarms_and_any_bytes(self):
        self.take_lease("held")
        right = ["7 7", "300 0", "alarm", "1 1", "00ff0d0a", "e4", "[1,2]"]
        self.assertEqual(self.run_to_end("perl", "-we", PERL), right)


JAVASCRIPT = """
const { cached } = require('cached');
const options = { namespace: 'memo' };
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

RUBY = """
require "cached"
require "timeout"
class Report
  extend Cached
  @@calls = Queue.new
  def self.calls = @@calls
  def each(number) = @@calls.push(number) && number
  def of(a, b: 0) = [a, b]
  def held = "computed"
  cached :each, namespace: "memo"
  cached :of, namespace: "memo"
  cached :held, namespace: "memo", key: "held"
  def kept = :kept
  cached :kept, namespace: "memo", key: "kept", dump: Marshal.method(:dump), load: Marshal.method(:load)
end
report = Report.new
threads = Array.new(8) { Thread.new { (0...50).map { |number| report.each(number) } } }
puts "#{threads.all? { |thread| thread.value == (0...50).to_a }} #{Report.calls.size}"
report.of(1, b: 2)
p Report.new.of(1, b: 2)
begin
  Timeout.timeout(0.2) { report.held }
rescue Timeout::Error
  puts "late"
end
puts "#{report.each(7)} #{Report.calls.size}"
puts 2.times.map { report.kept }.uniq
"""

PERL = r"""
use strict;
use Cached 'cached';
my @bytes = (namespace => 'memo', dump => sub { $_[0] }, load => sub { $_[0] });
my $f = cached(sub { $_[0] }, namespace => 'memo', name => 'f');
print join(' ', $f->(7), $f->('7')), "\n";
my $child = fork;
my $wrong = grep { $f->($_) != $_ } 1 .. 300;
exit $wrong if !$child;
waitpid $child, 0;
print 300 - $wrong, " $?\n";
my $held = cached(sub { 'computed' }, namespace => 'memo', key => 'held');
$SIG{ALRM} = sub { die "alarm\n" };
alarm 1;
eval { $held->(); 1 } or print $@;
my $n = 0;
my $g = cached(sub { ++$n }, namespace => 'memo', key => 'g');
print $g->(), ' ', $g->(), "\n";
my $any = cached(sub { "\0\xff\r\n" }, key => 'bytes', @bytes);
$any->();
print unpack('H*', $any->()), "\n";
my $text = cached(sub { "\xe4" }, namespace => 'memo', key => 'text');
$text->();
print unpack('H*', $text->()), "\n";
my $list = cached(sub { [1, 2] }, namespace => 'memo', key => 'list');
$list->();
print JSON::PP->new->encode($list->()), "\n";
"""


if __name__ == "__main__":
    harness.main()
