#!/usr/bin/env python3
"""../../clients: a function is computed once, however many ask, and is called when the daemon is away.

Each language has a driver, ../clients/cached.*, whose function appends its argument to the file `computed`,
and then, as its argument begins with `gate`, waits for the file `gate`; with `throw`, throws; with `null`, gives
nothing; else it gives the argument and how often it has been computed with it.
"""

import concurrent.futures
import json
import os
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
import unittest

import harness

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients" / "python"))
import cached as decorator

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
[namespace memo]
prefix = m:
ttl = 10s
stale = 5s
lease = 30s
null_ttl = 10s
[namespace early]
ttl = 10s
stale = 5s
early = 1000
[namespace demo]
"""
README = (ROOT / "clients" / "README.md").read_text()


class Program:
    """A driver that runs: commands in, results out."""

    def __init__(self, command, **env):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        self.process = subprocess.Popen(
            command, env={**os.environ, **env}, preexec_fn=harness.end_with_parent, **pipes
        )

    def send(self, verb, word):
        self.process.stdin.write(f"{verb} {word}\n")

    def read(self):
        line = self.process.stdout.readline().strip()
        return line if line.startswith("threw") else json.loads(line)

    def __call__(self, word, verb="call"):
        self.send(verb, word)
        return self.read()

    def end(self):
        with self.process:
            self.process.stdin.close()
            assert self.process.wait(timeout=harness.LONG) == 0


class World(unittest.TestCase):
    def setUp(self):
        self.world = harness.World()
        self.folder = pathlib.Path(self.world.folder)
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)
        self.direct = self.redis.client()
        self.programs = []

    def tearDown(self):
        for program in self.programs:
            program.end()
        self.direct.close()
        self.world.__exit__(None)

    def let_expire(self, key):
        """As if time had passed: less than `stale` is left."""
        self.assertEqual(self.direct.call("PEXPIRE", f"m:{key}", 4000), 1)

    def take_lease(self, key):
        state, value, lease = self.daemon.call("memo.get", "memo", key)
        self.assertIsNotNone(lease, (state, value))
        return lease

    def wait_for_waiters(self, count):
        waiting = lambda: self.daemon.stats("memo")["memo_waiting"] == count
        harness.wait_until(waiting, f"{count} wait")


class EveryLanguage:
    COMMAND = ()

    def program(self, address=None, namespace="memo", wait_ms=20000, **env):
        address = address or self.daemon.path
        env.update(FOLDER=str(self.folder), NAMESPACE=namespace, WAIT_MS=str(wait_ms))
        command = [*self.COMMAND[:-1], str(ROOT / "tests" / "clients" / self.COMMAND[-1])]
        self.programs.append(Program(command, CACHESD_ADDRESS=address, **env))
        return self.programs[-1]

    def computed(self):
        path = self.folder / "computed"
        return path.read_text().split() if path.exists() else []

    def test_many_processes_that_ask_at_once_compute_once(self):
        programs = [self.program() for _ in range(5)]
        for program in programs:
            program.send("call", "gate")
        self.wait_for_waiters(4)
        (self.folder / "gate").touch()
        for program in programs:
            self.assertEqual(program.read(), {"word": "gate", "count": 1})
        self.assertEqual(self.computed(), ["gate"])

    def test_a_result_is_kept_for_every_process_and_over_tcp_too(self):
        first, second = self.program(TTL="3s"), self.program(f"127.0.0.1:{self.world.port}")
        for program in (first, second, first):
            self.assertEqual(program("käse"), {"word": "käse", "count": 1})
        self.assertEqual(self.computed(), ["käse"])
        self.assertEqual(json.loads(self.direct.call("GET", "m:f:käse")), {"word": "käse", "count": 1})
        self.assertIn(self.direct.call("PTTL", "m:f:käse"), range(6000, 8001), "ttl and stale")

    def test_nothing_is_a_result(self):
        first, second = self.program(), self.program()
        self.assertEqual([first("null"), second("null"), first("null")], [None] * 3)
        self.assertEqual(self.computed(), ["null"])

    def test_what_is_thrown_is_thrown_and_its_lease_given_back(self):
        first, second = self.program(), self.program()
        self.assertEqual(first("throw"), "threw throw")
        self.assertEqual(self.direct.call("EXISTS", "m:f:throw"), 0)
        self.assertEqual(second("throw"), "threw throw")
        self.assertEqual(self.computed(), ["throw", "throw"])

    def test_without_a_daemon_the_function_is_called(self):
        program = self.program()
        self.assertEqual(program("x")["count"], 1)
        self.daemon.stop()
        self.assertEqual([program("x")["count"], program("x")["count"]], [2, 3])
        self.assertEqual(program("throw"), "threw throw")
        self.assertIsNone(program("null"))
        self.assertIs(program("x", "forget"), False)
        self.daemon = self.world.daemon(INI)
        self.assertEqual(program("x")["count"], 1, "what was kept")

    def test_a_new_daemon_is_found_by_the_next_call(self):
        program = self.program()
        program("x")
        self.daemon.stop()
        self.daemon = self.world.daemon(INI)
        self.assertEqual(program("x")["count"], 1)
        self.assertEqual(program("y")["count"], 1)
        self.assertEqual(self.direct.call("EXISTS", "m:f:y"), 1)

    def test_a_daemon_that_hangs_is_not_waited_for(self):
        program = self.program()
        program("x")
        self.daemon.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        self.assertEqual(program("x")["count"], 2)
        self.assertIn(time.monotonic() - started, Between(0.4, 5))
        self.daemon.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: program("x")["count"] == 1, "it is asked again")

    def test_when_it_refuses_the_function_is_called(self):
        program = self.program(namespace="nowhere")
        self.assertEqual([program("x")["count"], program("x")["count"]], [1, 2])
        self.redis.kill()
        program = self.program()
        self.assertEqual(program("x")["count"], 3)
        self.assertIs(program("x", "forget"), False)

    def test_who_finds_it_expired_computes_the_next(self):
        first, second = self.program(), self.program()
        first("x")
        self.let_expire("f:x")
        self.assertEqual(first("x")["count"], 2)
        self.assertEqual(second("x")["count"], 2)
        self.assertEqual(json.loads(self.direct.call("GET", "m:f:x"))["count"], 2)

    def test_what_expired_is_given_while_another_computes(self):
        program = self.program()
        program("x")
        self.let_expire("f:x")
        self.take_lease("f:x")
        self.assertEqual(program("x")["count"], 1)

    def test_one_that_waited_in_vain_computes_and_stores_nothing(self):
        lease = self.take_lease("f:x")
        program = self.program(wait_ms=200)
        self.assertEqual([program("x")["count"], program("x")["count"]], [1, 2])
        self.assertEqual(self.daemon.call("memo.put", "memo", "f:x", lease, "3"), b"OK")
        self.assertEqual(program("x"), 3)

    def test_a_result_that_was_forgotten_meanwhile_is_not_kept(self):
        program = self.program()
        program.send("call", "gate")
        harness.wait_until(lambda: self.computed() == ["gate"], "it is computed")
        self.daemon.call("del", "memo", "f:gate")
        (self.folder / "gate").touch()
        self.assertEqual(program.read()["count"], 1)
        self.assertEqual(self.direct.call("EXISTS", "m:f:gate"), 0)
        self.assertEqual(program("gate")["count"], 2)

    def test_who_is_asked_to_compute_early_does(self):
        program = self.program(namespace="early")
        program.send("call", "gate")
        harness.wait_until(lambda: self.computed() == ["gate"], "it is computed")
        time.sleep(0.3)  # the computation
        (self.folder / "gate").touch()
        self.assertEqual(program.read()["count"], 1)
        self.assertEqual(self.direct.call("PEXPIRE", "early:f:gate", 8000), 1)  # fresh for 3 s
        harness.wait_until(lambda: program("gate")["count"] == 2, "it is due")
        self.assertGreater(self.direct.call("PTTL", "early:f:gate"), 8000)
        self.assertEqual(self.daemon.stats("early")["memo_stale"], 0)

    def test_forget_and_refresh(self):
        program, other = self.program(), self.program()
        program("x")
        self.assertIs(program("x", "forget"), True)
        self.assertEqual(other("x")["count"], 2)
        self.assertEqual(program("x", "refresh")["count"], 3)
        self.assertEqual(other("x")["count"], 3)

    def test_a_value_that_cannot_be_read_is_computed_again(self):
        self.daemon.call("memo.set", "memo", "f:x", b'{"wor')
        program = self.program()
        self.assertEqual(program("x")["count"], 1)
        self.assertEqual(program("x")["count"], 2)
        self.assertEqual(program("x")["count"], 2)


class Between:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def __contains__(self, value):
        return self.low <= value <= self.high


class Python(EveryLanguage, World):
    COMMAND = (sys.executable, "-B", "cached.py")


class JavaScript(EveryLanguage, World):
    COMMAND = ("node", "cached.js")


class Perl(EveryLanguage, World):
    COMMAND = ("perl", "cached.pl")


class Ruby(EveryLanguage, World):
    COMMAND = ("ruby", "cached.rb")


class PythonItself(World):
    """What only the Python decorator has."""

    def setUp(self):
        super().setUp()
        self.calls = []

    def cached(self, fn=None, **options):
        options = {"namespace": "memo", "address": self.daemon.path, **options}
        return decorator.cached(fn, **options)

    def keys(self):
        return sorted(key.decode() for key in self.direct.call("KEYS", "m:*"))

    def test_a_key_is_the_name_and_the_arguments_however_they_are_given(self):
        @self.cached
        def f(a, b=2, *more, **named):
            self.calls.append(a)
            return [a, b]

        for result in (f(1), f(1, 2), f(b=2, a=1)):
            self.assertEqual(result, [1, 2])
        self.assertEqual(self.calls, [1])
        for words in ((1, 3), ("1",), (1, 2, 3)):
            f(*words)
        f(1, other=1)
        f("x" * 1000)
        self.assertEqual(len(self.calls), 6)
        name = f"{__name__}.{f.__qualname__}"
        self.assertIn(f"m:{name}:[1, 2, [], {{}}]", self.keys())
        self.assertLess(max(map(len, self.keys())), 300)
        self.assertEqual((f.__name__, f.forget(1), f.forget(b=2, a=1)), ("f", True, True))
        f(1)
        self.assertEqual(len(self.calls), 7)
        self.assertRaises(TypeError, f, object())

    def test_a_key_can_be_fixed_or_a_function(self):
        fixed = self.cached(key="it", ttl=3)(lambda n: n)
        self.assertEqual((fixed(1), fixed(2)), (1, 1))
        self.assertIn(self.direct.call("PTTL", "m:it"), range(6000, 8001))
        computed = self.cached(key=lambda n, **_: n % 2)(lambda n, loud=False: n)
        self.assertEqual((computed(1), computed(3), computed(4, loud=True)), (1, 1, 4))
        self.assertEqual(self.keys(), ["m:0", "m:1", "m:it"])

    def test_methods_of_every_kind(self):
        calls, cached = self.calls, self.cached

        class Report:
            def __init__(self, number=0):
                self.number = number

            @cached()
            def of_all(self, n):
                calls.append("of_all")
                return [self.number, n]

            @cached(key=lambda self, n: f"{self.number}:{n}")
            def of_each(self, n):
                return [self.number, n]

            @cached()
            @classmethod
            def of_class(cls, n):
                calls.append("of_class")
                return [cls.__name__, n]

            @classmethod
            @cached(key=lambda cls, n: f"{cls.__name__} {n}")
            def of_class_too(cls, n):
                return [cls.__name__, n]

            @staticmethod
            @cached()
            def of_none(n):
                return n

            @property
            @cached(key=lambda self: f"size {self.number}")
            def size(self):
                calls.append("size")
                return self.number

        one, two = Report(1), Report(2)
        self.assertEqual((one.of_all(5), two.of_all(n=5)), ([1, 5], [1, 5]))
        self.assertEqual((one.of_each(5), two.of_each(5)), ([1, 5], [2, 5]))
        self.assertEqual((Report.of_class(1), one.of_class(1)), (["Report", 1],) * 2)
        self.assertEqual((Report.of_class_too(1), one.of_class_too(1)), (["Report", 1],) * 2)
        self.assertEqual((Report.of_none(7), one.of_none(7)), (7, 7))
        self.assertEqual((one.size, two.size, one.size), (1, 2, 1))
        self.assertEqual(calls, ["of_all", "of_class", "size", "size"])
        two.of_all.forget(5)
        self.assertEqual(one.of_all(5), [1, 5])
        self.assertEqual((two.of_all.refresh(5), one.of_all(5)), ([2, 5], [2, 5]))
        Report.of_class.refresh(1)
        self.assertEqual(calls[4:], ["of_all", "of_all", "of_class"])
        self.assertTrue(Report.size.fget.forget(one))
        self.assertEqual((one.size, calls[-1]), (1, "size"))
        self.assertEqual(one.of_all.__name__, "of_all")

    def test_what_finds_it_expired_need_not_wait_for_the_next(self):
        gate = threading.Event()

        @self.cached(key="k", background=True)
        def f():
            self.calls.append(1)
            assert len(self.calls) == 1 or gate.wait(harness.LONG)
            return len(self.calls)

        self.assertEqual(f(), 1)
        self.let_expire("k")
        self.assertEqual((f(), f()), (1, 1))
        gate.set()
        harness.wait_until(lambda: f() == 2, "the next is kept")
        self.assertEqual(len(self.calls), 2)

    def test_threads_compute_once(self):
        @self.cached
        def f(n):
            self.calls.append(n)
            return n

        def work(_):
            return [f(n) for n in range(50)]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for result in pool.map(work, range(8)):
                self.assertEqual(result, list(range(50)))
        self.assertEqual(sorted(self.calls), list(range(50)))

    def test_a_forked_child_has_its_own_connection(self):
        f = self.cached(lambda n: n, key=lambda n: n)
        f(0)
        child = os.fork()
        if child == 0:
            os._exit(0 if all(f(n) == n for n in range(300)) else 1)
        for n in range(300, 600):
            self.assertEqual(f(n), n)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_an_interrupt_leaves_no_reply_for_the_next_call(self):
        class Alarm(BaseException):
            pass

        def ring(*_):
            raise Alarm

        f = self.cached(lambda n: n, key=lambda n: n)
        f("a")
        lease = self.take_lease("held")
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        self.assertRaises(Alarm, f, "held")
        self.assertEqual(self.daemon.call("memo.put", "memo", "held", lease, '"late"'), b"OK")
        self.assertEqual((f("a"), f("b")), ("a", "b"))

    def test_dump_and_load(self):
        f = self.cached(key="k", dump=pickle.dumps, load=pickle.loads)(lambda: (1, {2}))
        self.assertEqual((f(), f()), ((1, {2}),) * 2)
        g = self.cached(key="g")(lambda: {1, 2})
        self.assertRaises(TypeError, g)
        self.assertEqual(self.keys(), ["m:k"])


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
        self.assertEqual(self.direct.call("EXISTS", 'm:Report#of:[1,{"b":2}]'), 1)

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
