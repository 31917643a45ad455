#!/usr/bin/env python3
"""`caches export` and `caches import`: the same data and ttls, in bounded memory.

KEYS=1000000 makes so many keys; by default 20,000."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import caches
import harness
import resp

KEYS = int(os.environ.get("KEYS", 20_000))
RSS_LIMIT_MB = 16  # of either side, whatever the number of keys
SLACK_MS = 60_000 + KEYS // 10  # that pass between the look at a ttl here and the write of it there
COLLECTIONS = ("key", "dict", "set", "sorted", "counter", "memo")
INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[namespace from]
ttl = 20h
max_ttl = 36500d
[namespace to]
ttl = 30d
max_ttl = 36500d
[namespace memos]
ttl = 2h
stale = 1h
collections = memo
[namespace memos2]
ttl = 3h
stale = 1h
collections = memo
[namespace counters]
ttl = 2h
collections = counter
[namespace eternal]
ttl = forever
[namespace eternal2]
ttl = forever
[namespace brief]
ttl = 1m
max_ttl = 1m
collections = key, set
max_value = 20
"""
ODD = b"\x00\xff\r\n\"\\ \xc3\xa9{}"


def writes(number):
    """The request that makes the key of that number; its ttl tells keys apart."""
    name, ttl = f"k{number}", f"ttl={3600 + number % 50_000}"
    kind = COLLECTIONS[number % len(COLLECTIONS)]
    value = ODD + b"%d" % number
    if kind == "key":
        return "key.set", ttl, "from", name, value
    if kind == "dict":
        return "dict.set", ttl, "from", name, "plain", "v", "größe", number, *((ODD, value) if number % 4 else ())
    if kind == "set":
        return "set.add", ttl, "from", name, *(b"m%d" % i for i in range(number % 7)), value
    if kind == "sorted":
        return "sorted.add", ttl, "from", name, "1.5", "a", "-inf", value, f"{number}e-3", "é"
    if kind == "counter":
        return "counter.update", ttl, "from", name, "hits", number, "misses", -number
    return "memo.set", ttl, "from", name, value


def pipeline(client, requests, at_once=1000):
    """The replies to all requests, of which so many are under way."""
    batch = []
    for words in requests:
        batch.append(resp.array(*words))
        if len(batch) == at_once:
            yield from flush(client, batch)
            batch = []
    yield from flush(client, batch)


def flush(client, batch):
    client.send(b"".join(batch))
    for _ in batch:
        yield client.read()


READS = {b"string": ("GET",), b"hash": ("HGETALL",), b"set": ("SMEMBERS",), b"zset": ("ZRANGE", "0", "-1", "WITHSCORES")}


def contents(client, prefix, names):
    """{name: (type, value, pttl)} as Redis itself has them."""
    keys = [prefix + name for name in names]
    kinds = list(pipeline(client, (("TYPE", key) for key in keys)))
    pttls = list(pipeline(client, (("PTTL", key) for key in keys)))
    values = pipeline(client, ((READS[kind][0], key, *READS[kind][1:]) for kind, key in zip(kinds, keys)))
    found = {}
    for name, kind, value, pttl in zip(names, kinds, values, pttls):
        if kind == b"hash" or kind == b"zset":
            value = dict(zip(value[::2], value[1::2]))
        elif kind == b"set":
            value = set(value)
        found[name] = (kind, value, pttl)
    return found


def reply(value):
    """As a daemon writes it."""
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(map(reply, value))
    if isinstance(value, resp.Status):
        return b"+%b\r\n" % value
    if isinstance(value, int):
        return b":%d\r\n" % value
    return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)


def start(daemon, *words, **streams):
    return subprocess.Popen(
        [*caches.PROGRAM, *words], env=caches.environment(daemon.path), stderr=subprocess.PIPE, **streams
    )


def peak_mb(process):
    """The most memory that it has had so far; 0: it has ended."""
    try:
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+)", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0


def end(process):
    """What it said, and the most memory that it had, in MB."""
    most = 0
    while process.poll() is None:
        most = max(most, peak_mb(process))
        time.sleep(0.01)
    said = process.stderr.read().decode()
    process.stderr.close()
    return said, most


class ExportAndImport(caches.TestCase):
    INI = INI

    def setUp(self):
        super().setUp()
        self.redis = self.world.redis("main")

    def move(self, source="from", target="to"):
        """Pipes one into the other. Gives what both said, and their memory in MB."""
        sender = start(self.daemon, "export", source, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        taker = start(self.daemon, "import", target, stdin=sender.stdout, stdout=subprocess.DEVNULL)
        sender.stdout.close()
        results = {}
        threads = [threading.Thread(target=lambda n=n, p=p: results.update({n: end(p)}))
                   for n, p in (("export", sender), ("import", taker))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((sender.returncode, taker.returncode), (0, 0), results)
        self.assertEqual([said for said, _ in results.values()], ["", ""])
        return {name: memory for name, (_, memory) in results.items()}

    def assert_same(self, names):
        with self.redis.client(timeout=60) as client:
            for begin in range(0, len(names), 10_000):
                some = names[begin : begin + 10_000]
                here, there = contents(client, "from:", some), contents(client, "to:", some)
                for name in some:
                    self.assertEqual(here[name][:2], there[name][:2], name)
                    self.assertLess(abs(here[name][2] - there[name][2]), SLACK_MS, name)

    def test_all_keys_of_every_collection_arrive_with_their_ttls_in_bounded_memory(self):
        with self.daemon.client(timeout=60) as client:
            for reply in pipeline(client, map(writes, range(KEYS))):
                self.assertNotIsInstance(reply, resp.Error)
        memory = self.move()
        names = [f"k{number}" for number in range(KEYS)]
        self.assertEqual(self.redis.call("DBSIZE"), 2 * KEYS)
        self.assert_same(names)
        print(f"{KEYS} keys, MB:", memory)
        if not harness.is_sanitized():
            for name, most in memory.items():
                self.assertLess(most, RSS_LIMIT_MB, name)

    def test_a_large_collection_takes_several_lines_of_bounded_length(self):
        self.daemon.call("dict.set", "from", "d", *(word for i in range(5000) for word in (f"f{i}", "v" * 50)))
        self.daemon.call("set.add", "from", "s", *(f"m{i}" for i in range(5000)))
        self.daemon.call("sorted.add", "from", "z", *(word for i in range(5000) for word in (i, f"m{i}")))
        lines = [json.loads(line) for line in self.caches("export", "from").splitlines()]
        for name in "dsz":
            parts = [line for line in lines if line["key"] == name]
            self.assertGreater(len(parts), 3)
            self.assertEqual([part.get("more", False) for part in parts], [False] + [True] * (len(parts) - 1))
            self.assertLess(max(len(part["value"]) for part in parts), 2500)
        self.move()
        self.assert_same(["d", "s", "z"])

    def test_a_key_that_never_expires_never_does_there(self):
        self.daemon.call("set.add", "eternal", "s", "m")
        self.assertEqual(json.loads(self.caches("export", "eternal"))["pttl"], -1)
        self.move("eternal", "eternal2")
        self.assertEqual(self.redis.call("PTTL", "eternal2:s"), -1)

    def test_a_pattern_picks_keys(self):
        for name in ("a1", "a2", "b1"):
            self.daemon.call("key.set", "from", name, "v")
        lines = self.caches("export", "from", "a*").splitlines()
        self.assertEqual(sorted(json.loads(line)["key"] for line in lines), ["a1", "a2"])

    def test_an_import_replaces_what_the_keys_held(self):
        self.daemon.call("dict.set", "to", "k", "old", "1")
        self.daemon.call("set.add", "to", "other", "m")
        line = {"key": "k", "type": "set", "pttl": 5000, "value": ["new"]}
        self.caches("import", "to", stdin=json.dumps(line))
        self.assertEqual(self.redis.call("SMEMBERS", "to:k"), [b"new"])
        self.assertEqual(self.redis.call("EXISTS", "to:other"), 1)

    def test_members_may_stand_in_any_order_and_unknown_ones_are_passed_over(self):
        line = '{"value": [["a", 1], ["b", "-inf"]], "note": {"x": [1, {}]}, "type": "sorted", "key": 7}'
        self.caches("import", "to", stdin=line + "\n\n")
        self.assertEqual(self.redis.call("ZRANGE", "to:7", 0, -1, "WITHSCORES"), [b"b", b"-inf", b"a", b"1"])
        self.assertGreater(self.redis.call("PTTL", "to:7"), 29 * 86_400_000)

    def test_memos_are_read_without_keeping_anybody_from_computing(self):
        self.daemon.call("memo.set", "memos", "fresh", "v")
        self.daemon.call("memo.get", "memos", "leased")
        self.daemon.call("memo.set", "ttl=1ms", "memos", "stale", "v")
        done = caches.run(self.daemon.path, "export", "memos")
        self.assertIn("left out", done.stderr)
        line = json.loads(done.stdout)
        self.assertEqual((line["key"], line["type"], line["value"]), ("fresh", "memo", "v"))
        self.assertLessEqual(line["pttl"], 7_200_000)
        self.assertEqual(self.daemon.call("memo.get", "memos", "stale")[0::2][0], b"STALE")
        self.assertIsNotNone(self.daemon.call("memo.get", "memos", "absent")[2])
        self.caches("import", "memos2", stdin=done.stdout)
        self.assertEqual(self.daemon.call("memo.get", "memos2", "fresh")[:2], [b"HIT", b"v"])
        here, there = (self.redis.call("PTTL", f"{name}:fresh") for name in ("memos", "memos2"))
        self.assertLess(abs(here - there), SLACK_MS)

    def test_counters_of_a_namespace_without_dicts_arrive_and_do_not_add_up(self):
        self.daemon.call("counter.update", "counters", "c", "a", 5, "b", -7)
        text = self.caches("export", "counters")
        self.assertEqual(json.loads(text)["value"], {"a": 5, "b": -7})
        self.caches("import", "counters", stdin=text + text)
        self.assertEqual(self.daemon.call("counter.items", "counters", "c"), [b"a", 5, b"b", -7])

    def test_what_no_verb_reads_is_left_out_and_told(self):
        self.redis.call("RPUSH", "from:list", "a")
        done = caches.run(self.daemon.path, "export", "from")
        self.assertEqual((done.returncode, done.stdout), (0, ""))
        self.assertIn("1 key", done.stderr)

    def test_policy_decides_of_ttls_and_values_and_refusals_have_their_lines_number(self):
        lines = [{"key": "a", "type": "key", "pttl": 3_600_000, "value": "short"},
                 {"key": "b", "type": "key", "pttl": 1000, "value": "l" * 21},
                 {"key": "c", "type": "dict", "pttl": 1000, "value": {"f": "v"}}]
        said = self.refused("import", "brief", stdin="\n".join(map(json.dumps, lines)))
        self.assertIn("line 2: POLICY", said)
        self.assertIn("line 3: POLICY", said)
        self.assertIn("2 of the requests of 3 lines were refused", said)
        self.assertEqual(self.redis.call("KEYS", "brief:*"), [b"brief:a"])
        self.assertLessEqual(self.redis.call("PTTL", "brief:a"), 60_000)

    def test_a_thousand_refusals_are_ten_lines_and_a_count(self):
        lines = "\n".join(json.dumps({"key": i, "type": "dict", "value": {"f": "v"}}) for i in range(1000))
        said = self.refused("import", "brief", stdin=lines).splitlines()
        self.assertLess(len(said), 13)
        self.assertIn("1000 of the requests of 1000 lines were refused", said[-1])

    def test_a_line_that_is_no_exports_ends_an_import_and_says_what_it_should_be(self):
        good = '{"key": "%s", "type": "key", "value": "v"}\n'
        for line, why in (
            ("nonsense", "JSON"), ('["key"]', "object"), ('{"type": "key", "value": 1}', '"key"'),
            ('{"key": "k", "value": 1}', '"type"'), ('{"key": "k", "type": "list", "value": []}', "key, dict, set"),
            ('{"key": "k", "type": "key"}', '"value"'), ('{"key": "k", "type": "set", "value": "x"}', "array"),
            ('{"key": "k", "type": "dict", "value": [1]}', "pair"), ('{"key": null, "type": "key", "value": 1}', "text"),
            ('{"key": {"base64": "%"}, "type": "key", "value": 1}', "base64"), ('{"key": "k"', "JSON"),
            ('{"key": "k", "type": "key", "value": 1, "pttl": 0}', "pttl"), ('{"key": {}, "type": "key"}', "text"),
            ('{"key": "k", "type": "sorted", "value": [["m"]]}', "where"),
        ):
            said = self.refused("import", "to", stdin=good % "a" + line + "\n" + good % "b", code=2)
            self.assertIn("line 2: ", said, line)
            self.assertIn(why, said, line)
            self.assertEqual(self.redis.call("EXISTS", "to:b"), 0)
        self.assertIn('a line is an object, as {"key": …', self.refused("import", "to", stdin="nonsense\n", code=2))
        self.refused("-k", "import", "to", stdin="nonsense\n" + good % "b", code=2)
        self.assertEqual(self.redis.call("EXISTS", "to:b"), 1)
        said = self.refused("-k", "import", "to", stdin="nonsense\n" * 100, code=2).splitlines()
        self.assertLess(len(said), 13)
        self.assertIn("100 of 100 lines are none", said[-1])

    def test_the_first_line_of_a_collection_has_members_also_where_the_first_step_of_its_scan_has_none(self):
        answers = (
            b'section=namespace name=n option=collections value="key,dict"\n', [b"0", [b"d", b"gone"]], resp.Status(b"dict"), 60_000,
            resp.Status(b"key"), 60_000, [b"7", []], None, [b"0", [b"f", b"v"]],
        )
        with socket.create_server(("127.0.0.1", 0)) as server:
            process = subprocess.Popen([*caches.PROGRAM, "-s", f"127.0.0.1:{server.getsockname()[1]}", "export", "n"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=caches.environment())
            peer, _ = server.accept()
            with peer:
                for answer in answers:
                    peer.sendall(reply(answer))
                out, said = process.communicate(timeout=harness.LONG)
        self.assertEqual([line.get("more", False) for line in map(json.loads, out.splitlines())], [False], out)
        self.assertEqual((process.returncode, said), (0, b""), "what has expired meanwhile is not left out")

    def test_a_namespace_that_is_not_there_is_said(self):
        self.assertEqual("caches: NAMESPACE no namespace 'nix': say namespaces for the list\n", self.refused("export", "nix"))
        self.assertEqual("caches: NAMESPACE no namespace 'form': did you mean from\n", self.refused("export", "form"))
        said = self.refused("import", "form", stdin='{"key":"k","type":"key","value":""}\n' * 2000)
        self.assertEqual("caches: line 1: NAMESPACE no namespace 'form': did you mean from\n", said, "once")
        self.assertIn("use export", self.refused("export", code=2))
        self.assertIn("use import", self.refused("import", code=2))

    def test_ctrl_c_stops_an_import_and_says_which_lines_were_sent(self):
        process = start(self.daemon, "import", "to", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for number in range(200):  # more than are sent ahead of their replies
            process.stdin.write(b'{"key":"k%d","type":"key","value":"v"}\n' % number)
        process.stdin.write(b'{"key":"half')
        process.stdin.flush()
        harness.wait_until(lambda: self.redis.call("EXISTS", "to:k100"), "it is at work")
        process.send_signal(signal.SIGINT)
        said, _ = end(process)
        process.stdin.close()
        self.assertEqual(process.returncode, -signal.SIGINT, said)
        self.assertRegex(said, r"\Acaches: interrupted: all lines to \d+ were sent, and none behind it\n\Z")
        last = int(re.search(r"\d+", said)[0])
        stored = [self.redis.call("EXISTS", f"to:k{number}") for number in range(200)]
        self.assertEqual(stored, [1] * last + [0] * (200 - last))

    def test_what_is_refused_is_told_while_the_input_is_slow(self):
        process = start(self.daemon, "import", "brief", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        process.stdin.write(b'{"key":"k","type":"dict","value":{"f":"v"}}\n')
        process.stdin.flush()
        self.assertIn(b"line 1: POLICY", process.stderr.readline())
        process.stdin.write(b'{"key":"k","type":"key","value":"v"}')  # the last line needs no end
        process.stdin.close()
        said, _ = end(process)
        self.assertIn("1 of the requests of 2 lines were refused", said)
        self.assertEqual(self.redis.call("GET", "brief:k"), b"v")

    def test_ctrl_c_while_the_daemon_hangs_says_what_is_waited_for(self):
        process = start(self.daemon, "import", "to", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.daemon.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.send_signal, signal.SIGCONT)
        process.stdin.write(b'{"key":"k","type":"key","value":"v"}\n' * 3)
        process.stdin.flush()
        harness.wait_until(lambda: caches.has_read_all(process.stdin), "the lines are read")
        process.send_signal(signal.SIGINT)
        self.assertRegex(process.stderr.readline(), rb"\Acaches: interrupted: the replies to the lines from 1 to [123] are waited for; "
                                                    rb"Ctrl-C once more ends at once, and they are perhaps stored\n\Z")
        process.send_signal(signal.SIGINT)
        self.assertEqual(end(process)[0], "")
        process.stdin.close()
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_a_daemon_that_goes_in_the_middle_leaves_some_lines_perhaps_stored(self):
        process = start(self.daemon, "import", "to", stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        process.stdin.write(b'{"key":"k0","type":"key","value":"v"}\n' * 2000)
        process.stdin.flush()
        harness.wait_until(lambda: self.redis.call("EXISTS", "to:k0"), "the first is stored")
        self.daemon.kill()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b'{"key":"k1","type":"key","value":"v"}\n' * 2000)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        said, _ = end(process)
        self.assertEqual(process.returncode, 4, said)
        self.assertIn("perhaps stored", said)

    def test_an_export_waits_for_a_redis_that_is_away_for_a_moment(self):
        with self.daemon.client() as client:
            list(pipeline(client, (("key.set", "from", i, "v" * 100) for i in range(2000))))
        sender = start(self.daemon, "export", "from", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        lines = [sender.stdout.readline()]
        self.redis.send_signal(signal.SIGSTOP)
        timer = threading.Timer(1.5, self.redis.send_signal, [signal.SIGCONT])
        timer.start()
        lines += sender.stdout.readlines()
        timer.join()
        sender.stdout.close()
        self.assertEqual(end(sender)[0], "")
        self.assertEqual((sender.returncode, len({json.loads(line)["key"] for line in lines})), (0, 2000))

    def test_an_export_whose_redis_is_gone_fails(self):
        self.daemon.call("key.set", "from", "k", "v")
        self.redis.kill()
        self.assertIn("UNAVAILABLE", self.refused("export", "from"))


if __name__ == "__main__":
    harness.main()
