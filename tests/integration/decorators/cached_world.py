"""A world for the tests of ../../../clients: a daemon with namespaces for memos, and drivers of the decorators."""

import json
import os
import pathlib
import subprocess
import sys

import harness

ROOT = harness.ROOT
LANGUAGES = {
    "Python": (sys.executable, "-B", "cached.py"),
    "Async": (sys.executable, "-B", "cached_async.py"),
    "JavaScript": ("node", "cached.js"),
    "Perl": ("perl", "cached.pl"),
    "Ruby": ("ruby", "cached.rb"),
}
ENVIRONMENT = {name: value for name, value in os.environ.items() if "CACHES" not in name}
INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
timeout = 10s
[namespace memo]
prefix = m:
ttl = 10s
max_ttl = 30s
stale = 5s
lease = 30s
null_ttl = 10s
[namespace early]
ttl = 10s
stale = 5s
early = 1000
[namespace demo]
"""


class Program:
    """A driver that runs: commands in, results out."""

    def __init__(self, command, **env):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        log = os.open(env["LOG"], os.O_WRONLY | os.O_CREAT) if "LOG" in env else None
        self.process = subprocess.Popen(
            [*harness.ENDS_WITH_PARENT, *command], env={**ENVIRONMENT, **env}, stderr=log, **pipes
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
        with harness.killed_on_failure(self.process):
            self.process.stdin.close()
            assert self.process.wait(timeout=harness.LONG) == 0


class World(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.world.folder)
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)
        self.direct = self.connect(self.redis)

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


class Drivers:
    """Of the language that has the class's name."""

    def program(self, address=None, namespace="memo", wait_ms=20000, **env):
        address = self.daemon.path if address is None else address
        env.update(FOLDER=str(self.folder), NAMESPACE=namespace, WAIT_MS=str(wait_ms))
        if address:
            env["CACHESD_ADDRESS"] = address
        program = Program(self.command(), **env)
        self.addCleanup(program.end)
        return program

    def command(self):
        *interpreter, driver = LANGUAGES[type(self).__name__]
        return [*interpreter, str(ROOT / "tests" / "drivers" / driver)]

    def computed(self):
        path = self.folder / "computed"
        return path.read_text().split() if path.exists() else []


class Scripts(World):
    """Programs that are given as a text, or as words."""

    def environment(self):
        paths = {"PYTHONPATH": "python", "PERL5LIB": "perl", "RUBYLIB": "ruby", "NODE_PATH": "javascript"}
        found = {name: str(ROOT / "clients" / path) for name, path in paths.items()}
        return {**ENVIRONMENT, **found, "CACHESD_ADDRESS": self.daemon.path, "PYTHONDONTWRITEBYTECODE": "1"}

    def start(self, *command):
        pipes = {"stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen([*harness.ENDS_WITH_PARENT, *command], env=self.environment(), **pipes)

    def run_to_end(self, *command):
        out, _ = (process := self.start(*command)).communicate(timeout=harness.LONG)
        self.assertEqual(process.returncode, 0)
        return out.splitlines()
