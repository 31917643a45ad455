"""Programs that use Redis, each a file of a few lines, run on a listener that speaks Redis's dialect.

    class Programs(redis_programs.TestCase): pass
    Programs.add_all("redis_python", "*.py", ["/usr/bin/python3", "-IB", "-Wignore"])

Each file is one test: a client library of Debian's, or a framework on top of one. It fails when the program fails
or says anything, and on every error reply that the program does not expect, also one that its library keeps quiet about. Meanwhile no
key is without ttl or above max_ttl, and none lies outside the namespace. The comments at a file's head say

    # Redis's cache of Django.           the program
    # debian: python3-django             packages; without them the test is skipped
    # prefix: app:                       what its keys begin with. The program runs on a listener that is bound to a
                                         namespace; with this line also on one whose namespace has that prefix
    # mappings: bound rest               only these; rest: its keys have no prefix, and one namespace takes such keys
    # expects: NOPERM .*'watch'          error replies that are right (an expression; the line may repeat)

A program that can't run with the version that is there says why, and ends with 77. It finds the server in REDIS_HOST, REDIS_PORT and REDIS_URL. There is a user `web` with the password `right`,
and a database 1. BASELINE=1 runs all of them on redis-server itself, to prove that they are right; TRACE=1 prints
each command with its reply.
"""

import os
import re
import subprocess
import unittest

import harness
import keyspace
from command_tap import CommandTap, shown
from redis_listener import DAY, NAMESPACE, SERVER, RedisListener

DRIVERS = harness.ROOT / "tests" / "drivers"
BASELINE = os.environ.get("BASELINE")
TRACE = os.environ.get("TRACE")
SKIPPED = 77  # a program's exit code, when it says that it can't run here
LOOK_EVERY = 0.01  # seconds
MOST_TOLD = 10  # error replies that a failure tells of
HEAD = re.compile(r"^(?:#|//|--) (debian|prefix|mappings|expects): (.+)$", re.MULTILINE)
# NOSCRIPT: the client then sends the script's text. CLIENT: a server may be older, and clients go on.
USUAL = [re.compile(r"NOSCRIPT ")]
OPTIONAL = re.compile(r"CLIENT (SETINFO|MAINT_NOTIFICATIONS)", re.IGNORECASE)
# Programs log in as nobody, whom their uid makes known, or as web.
USERS = f"""\
[user anybody]
uid = {os.getuid()}
namespaces = *
access = write
[user web]
token = {harness.token_hash('right')}
namespaces = *
access = write
"""


def configuration(options, **prefixes):
    """Of these namespaces, among them `app`, whose listener has these further options."""
    namespaces = "".join(
        NAMESPACE.format(name=name, prefix=prefix, ttl="2h", max_ttl="1d", more="") for name, prefix in prefixes.items()
    )
    return SERVER.format(namespaces=namespaces, options=options + "select = 1: app\nflush = write\n") + USERS


class Program:
    def __init__(self, path, command):
        self.path = path
        text = path.read_text()
        said = {}
        for name, value in HEAD.findall(text):
            said.setdefault(name, []).append(value.strip())
        self.command = [*command, str(path)]
        self.title = re.search(r"^(?:#|//|--) ([A-Z].*)", text, re.MULTILINE)[1]
        self.packages = " ".join(said.get("debian", [])).split()
        self.prefix = said.get("prefix", [None])[0]
        self.expected = USUAL + [re.compile(text, re.IGNORECASE) for text in said.get("expects", [])]
        self.mappings = said.get("mappings", ["bound prefix" if self.prefix else "bound"])[0].split()

    def ini(self, mapping):
        if mapping == "bound":
            return configuration("namespace = app\n", app="app:")
        if mapping == "rest":
            return configuration("namespaces = app\nrest = misc\n", app="app:", misc="misc:")
        return configuration("namespaces = app\n", app=self.prefix)

    def is_unexpected(self, command, error):
        text = error.decode(errors="replace")
        return not OPTIONAL.match(command) and not any(known.match(text) for known in self.expected)


def missing(packages):
    """Those of Debian's packages that are not installed."""
    done = harness.run("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *packages)
    return [name for name in packages if f"{name} installed" not in done.stdout.splitlines()]


class TestCase(unittest.TestCase):
    @classmethod
    def add_all(cls, folder, pattern, command):
        """A test for each program of tests/drivers/`folder`."""
        for path in sorted((DRIVERS / folder).glob(pattern)):
            cls.add(Program(path, command))

    @classmethod
    def add(cls, program):
        def test(self):
            self.run_everywhere(program)

        test.__doc__ = program.title
        setattr(cls, f"test_{program.path.stem}", test)

    def run_everywhere(self, program):
        lacking = missing(program.packages) if program.packages else []
        if lacking:
            self.skipTest(f"Debian's package {', '.join(lacking)} is wanted, and not installed")
        if BASELINE:
            self.run_on_redis(program)
            return
        for mapping in program.mappings:
            with self.subTest(mapping=mapping):
                self.run_on_daemon(program, mapping)

    def run_on_redis(self, program):
        with harness.World() as world:
            redis = world.redis()
            redis.call("ACL", "SETUSER", "web", "on", ">right", "~*", "&*", "+@all")
            self.run_program(program, redis.path, world.folder, lambda: None)

    def run_on_daemon(self, program, mapping):
        with harness.World() as world:
            listener = RedisListener(world, program.ini(mapping))
            with listener.redis.client() as client:
                look = lambda: self.check_keys(client, listener.prefixes)
                self.run_program(program, listener.path, world.folder, look)
                look()

    def run_program(self, program, socket, folder, look):
        """`look()` is called again and again while the program runs."""
        with CommandTap(socket) as tap:
            code, output = self.run_process(program, tap, folder, look)
            if TRACE:
                for words, reply in tap.noted:
                    print(f"{shown(words)} → {reply}"[:300])
            if code == SKIPPED:
                self.skipTest(output.strip())
            wrong = [f"error reply: {command} → {error.decode(errors='replace')}"
                     for command, error in tap.errors() if program.is_unexpected(command, error)]
            if code or output:
                wrong = [f"it ended with {code}, and said: {output}", *wrong, *(f"no reply: {it}" for it in tap.unanswered())]
            if wrong:
                self.fail("\n".join(wrong[:MOST_TOLD]))
            self.assertTrue(tap.noted, "the program sent nothing")

    def run_process(self, program, tap, folder, look):
        """The program's exit code, and what it printed."""
        env = {**os.environ, "REDIS_HOST": tap.host, "REDIS_PORT": str(tap.port),
               "REDIS_URL": f"redis://{tap.host}:{tap.port}/0", "FOLDER": folder}
        log = f"{folder}/program.log"
        with open(log, "w") as output:
            process = subprocess.Popen(program.command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT, preexec_fn=harness.end_with_parent)
        try:
            wait_for(process, look)
        finally:
            process.kill()
            process.wait()
        with open(log, errors="replace") as output:
            return process.returncode, output.read()

    def check_keys(self, client, prefixes):
        count = sum(keyspace.check(client, prefix, DAY) for prefix in prefixes)
        outside = [key for key in client.call("KEYS", "*") if not key.decode().startswith(tuple(prefixes))]
        self.assertEqual(outside, [], f"{count} keys lie in the namespace, and these do not")


def wait_for(process, look):
    """Until it ends, or for as long as nothing may take; it is then killed, which its exit code tells."""
    for _ in range(int(harness.LONG / LOOK_EVERY)):
        look()
        try:
            process.wait(LOOK_EVERY)
            return
        except subprocess.TimeoutExpired:
            pass
