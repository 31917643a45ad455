#!/usr/bin/env python3
"""Programs for Node that use Redis run unchanged on a listener that speaks its dialect.

Each file of tests/drivers/redis_node/programs is one program and one test: a client library, or a framework
on top of one. It fails on an exception and on every error reply (run.mjs there). Meanwhile no key is ever without
ttl or above max_ttl, and none lies outside the namespace. A program runs on a listener that is bound to a namespace,
and, where its keys have a prefix of their own, on one whose namespace has that prefix.

BASELINE=1 runs the programs on redis-server itself, to prove that they are right. The packages come from npm.
"""

import os
import pathlib
import re
import shutil
import subprocess
import unittest

import harness
import keyspace
from redis_listener import DAY, NAMESPACE, SERVER, RedisListener

FOLDER = harness.ROOT / "tests" / "drivers" / "redis_node"
INSTALL = harness.ROOT / "tests" / "drivers" / "libraries" / "install"
BASELINE = os.environ.get("BASELINE")
OLDEST_NODE = 20
NO_NETWORK = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|ETIMEDOUT")
INSTALL_SECONDS = 240
LOOK_EVERY = 0.01  # seconds
# The programs log in as nobody, whom their uid makes known, or as web.
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


def configuration(prefix, options):
    """Of one namespace, `app`, whose listener has these further options."""
    namespace = NAMESPACE.format(name="app", prefix=prefix, ttl="2h", max_ttl="1d", more="")
    return SERVER.format(namespaces=namespace, options=options + "select = 1: app\nflush = write\n") + USERS


BOUND = configuration("app:", "namespace = app\n")


def prefixed(prefix):
    return configuration(prefix, "namespaces = app\n")


def setUpModule():
    if not shutil.which("node") or not shutil.which("npm"):
        raise unittest.SkipTest("node and npm are wanted, and not installed")
    version = harness.run("node", "-p", "process.versions.node").stdout
    if int(version.split(".")[0]) < OLDEST_NODE:
        raise unittest.SkipTest(f"Node {OLDEST_NODE} is wanted, and this is {version}")
    done = subprocess.run(["sh", str(INSTALL), str(FOLDER)], capture_output=True, text=True, timeout=INSTALL_SECONDS)
    said = done.stdout + done.stderr
    if done.returncode and NO_NETWORK.search(said):
        raise unittest.SkipTest(f"npm can't reach its packages: {said}")
    assert done.returncode == 0, f"can't install the programs: {said}"


class Programs(unittest.TestCase):
    def run_program(self, name, socket, look):
        """`look()` is called again and again while the program runs."""
        command = ["node", str(FOLDER / "run.mjs"), name, socket]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                while process.poll() is None:
                    look()
                    try:
                        process.wait(LOOK_EVERY)
                    except subprocess.TimeoutExpired:
                        pass
            finally:
                process.kill()
            self.assertEqual(process.returncode, 0, process.stdout.read())

    def run_on_redis(self, name):
        with harness.World() as world:
            redis = world.redis()
            redis.call("ACL", "SETUSER", "web", "on", ">right", "~*", "&*", "+@all")
            self.run_program(name, redis.path, lambda: None)

    def run_on_daemon(self, name, ini):
        with harness.World() as world:
            listener = RedisListener(world, ini)
            with listener.redis.client() as client:
                self.run_program(name, listener.path, lambda: self.check_keys(client, listener.prefixes))
                self.check_keys(client, listener.prefixes)

    def check_keys(self, client, prefixes):
        count = sum(keyspace.check(client, prefix, DAY) for prefix in prefixes)
        outside = [key for key in client.call("KEYS", "*") if not key.decode().startswith(tuple(prefixes))]
        self.assertEqual(outside, [], f"{count} keys lie in the namespace, and these do not")


def test_of(path):
    """A test that runs the program in that file."""
    text = path.read_text()
    prefix = re.search(r"^export const prefix = '(.+)';$", text, re.MULTILINE)

    def test(self):
        if BASELINE:
            self.run_on_redis(path.stem)
            return
        with self.subTest(mapping="bound"):
            self.run_on_daemon(path.stem, BOUND)
        if prefix:
            with self.subTest(mapping="prefix"):
                self.run_on_daemon(path.stem, prefixed(prefix[1]))

    test.__doc__ = re.match(r"// (.*)", text)[1]
    return test


for program in sorted(pathlib.Path(FOLDER, "programs").glob("*.mjs")):
    setattr(Programs, f"test_{program.stem}", test_of(program))


if __name__ == "__main__":
    harness.main()
