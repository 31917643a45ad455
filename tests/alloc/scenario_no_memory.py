#!/usr/bin/env python3
"""Each allocation on the way of a request fails once: an error, a closed connection or an orderly
end of the daemon; never a crash, never a wrong reply.

Each test is one script of requests. Its allocations are counted first; then it runs once for each
of them with just that one failing, in the same daemon for as long as that lives.
FAILING_MALLOC names the library built from failing_malloc.c.
"""

import mmap
import os
import pathlib
import struct
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import harness  # noqa: E402
import resp  # noqa: E402

BUILD = HERE.parent.parent / "build"
LIBRARY = os.environ.get("FAILING_MALLOC") or str(BUILD / "tests/alloc/libfailing_malloc.so")
FAIR = {"OVERLOADED", "UNAVAILABLE", "LOST", "TIMEOUT", "INTERNAL"}  # what else would be untrue
MOST = 2000  # allocations of one script: beyond, it is not what this test was made for

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 5s
[namespace carts]
[namespace docs]
value = json
[namespace late]
ttl_mode = fixed
ttl = 1h
"""


class Control:
    """The page that failing_malloc.c looks at: is_counting, fail_at, count, pid."""

    def __init__(self, folder):
        handle, self.path = tempfile.mkstemp(dir=folder)
        os.ftruncate(handle, 4096)
        self.page = mmap.mmap(handle, 4096)
        os.close(handle)

    def start(self, fail_at):
        struct.pack_into("=QQ", self.page, 8, fail_at, 0)
        struct.pack_into("=Q", self.page, 0, 1)

    def stop(self):
        """How many allocations there were."""
        struct.pack_into("=Q", self.page, 0, 0)
        return struct.unpack_from("=Q", self.page, 16)[0]


def is_fair(error):
    return error.code in FAIR or b"Cannot allocate memory" in error


def ask(client, data, count):
    """The replies, fewer than `count` when the connection ends."""
    replies = []
    try:
        client.send(data)
        for _ in range(count):
            replies.append(client.read())
    except (resp.Closed, OSError):
        pass
    return replies


class NoMemory(unittest.TestCase):
    def run_each(self, requests, right, prepare=()):
        """Plays `requests` with each of its allocations failing. `right`: the replies, None for
        whatever is well-formed. An error may stand in the place of each."""
        with harness.World() as world:
            redis = world.redis()
            self.control = Control(world.folder)
            self.codes, self.ends = set(), 0
            daemon = self.start(world)
            count = self.count_allocations(daemon, redis, prepare, requests, right)
            self.assertLess(count, MOST)
            for fail_at in range(1, count + 2):
                if daemon.process.poll() is not None:
                    daemon = self.start(world)
                self.play(daemon, redis, prepare, requests, right, fail_at)
            print(f"{count} allocations: {self.ends} orderly ends, errors {sorted(self.codes)}")

    def start(self, world):
        environment = {"LD_PRELOAD": LIBRARY, "FAIL_CONTROL": self.control.path}
        daemon = world.daemon(INI, environment)
        daemon.is_expected_to_fail = True
        pid = struct.unpack_from("=Q", self.control.page, 24)[0]
        self.assertEqual(pid, daemon.pid, "the library is not loaded")
        return daemon

    def count_allocations(self, daemon, redis, prepare, requests, right):
        """The most of three runs: buffers that are kept make later ones cheaper."""
        counts = [self.play(daemon, redis, prepare, requests, right, 0) for _ in range(3)]
        return max(counts)

    def play(self, daemon, redis, prepare, requests, right, fail_at):
        redis.call("FLUSHALL")
        with daemon.client() as client:
            for request in prepare:
                client.call(*request)
        self.control.start(fail_at)
        try:
            with daemon.client() as client:
                replies = ask(client, requests, len(right))
        except OSError:
            replies = []
        count = self.control.stop()
        self.check(daemon, replies, right, fail_at, is_hit=0 < fail_at <= count)
        return count

    def check(self, daemon, replies, right, fail_at, is_hit):
        about = f"with allocation {fail_at} failing"
        for reply, wanted in zip(replies, right):
            is_error = isinstance(reply, resp.Error) and not isinstance(wanted, resp.Error)
            if is_error and is_hit:
                self.assertTrue(is_fair(reply), f"{about}: {reply}")
                self.codes.add(reply.code)
            elif wanted is not None:
                self.assertEqual(reply, wanted, about)
        if not self.is_serving(daemon):
            self.ends += 1
            self.assertEqual(daemon.wait(), 1, f"{about}:\n{daemon.log()[-2000:]}")
            self.assertRegex(daemon.log(), "out of memory", about)
        if not is_hit:
            self.assertEqual(len(replies), len(right), about)

    def is_serving(self, daemon):
        """False: it has ended, or is about to. It may first have to connect to Redis again."""
        try:
            with daemon.client() as client:
                harness.wait_until(
                    lambda: client.call("key.get", "carts", "nothing") is None, "it serves"
                )
            return True
        except (resp.Closed, OSError):
            return False

    # --- the scripts ---

    def test_a_connection_and_its_first_request(self):
        self.run_each(resp.array("ping"), [b"PONG"])

    def test_a_long_request_in_each_form(self):
        words = [f"word-{i}" for i in range(300)]
        request = resp.array("key.mget", "carts", *words)
        line = resp.line("key.mget", "carts", *words)
        self.run_each(request + line, [[None] * 300] * 2)

    def test_blocks(self):
        value = bytes(range(256)) * 300
        request = resp.blocks("key.set", "carts", "a", value) + resp.array("key.get", "carts", "a")
        self.run_each(request, [b"OK", value])

    def test_each_kind_of_answer(self):
        requests = [
            ("key.set", "carts", "a", "v"),
            ("key.get", "carts", "a"),
            ("key.get", "carts", "nothing"),
            ("key.incr", "late", "n"),
            ("dict.set", "carts", "d", "f", "v", "g", "w"),
            ("dict.items", "carts", "d"),
            ("dict.incr", "carts", "d", "f"),
            ("counter.update", "carts", "c", "f", "5", "g", "6"),
            ("counter.top", "carts", "c", "2"),
            ("counter.total", "carts", "c"),
            ("dict.popitem", "carts", "nothing"),
            ("no.such.verb",),
            ("key.set", "nowhere", "a", "v"),
        ]
        right = [b"OK", b"v", None, 1, 2, None, None, [5, 6], [b"g", 6, b"f", 5], 11, []]
        right += [resp.Error(b"VERB unknown command 'no.such.verb': say help for the list")]
        right += [resp.Error(b"NAMESPACE no namespace 'nowhere': say namespaces for the list")]
        self.run_each(b"".join(resp.array(*request) for request in requests), right)

    def test_a_value_that_must_be_json(self):
        value = '{"a": [1, 2, {"b": "c"}], "d": null}'
        requests = resp.array("key.set", "docs", "a", value) + resp.array("key.get", "docs", "a")
        self.run_each(requests, [b"OK", None])

    def test_a_reply_larger_than_any_buffer(self):
        value = b"x" * 1_000_000
        prepare = [("key.set", "carts", "large", value)]
        requests = resp.array("key.get", "carts", "large") * 2
        self.run_each(requests, [value] * 2, prepare)

    def test_help_and_reports(self):
        verbs = ("help", "help key.set", "explain key.set carts a v", "stats", "stats carts")
        verbs += ("namespaces", "backends", "clients")
        self.run_each("".join(verb + "\n" for verb in verbs).encode(), [None] * len(verbs))

    def test_reload(self):
        self.run_each(resp.array("reload") + resp.array("ping"), [b"OK", b"PONG"])

    def test_purge(self):
        prepare = [("key.set", "carts", str(i), "v") for i in range(5)]
        requests = resp.array("purge", "carts") + resp.array("ping")
        self.run_each(requests, [5, b"PONG"], prepare)


if __name__ == "__main__":
    harness.main()
