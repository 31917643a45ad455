#!/usr/bin/env python3
"""Client libraries for Redis speak our verbs: in their default settings, and with a user and a name.

Those for Node come from npm, by tests/drivers/libraries/install; the others are Debian's.
"""

import json
import unittest

import harness

# Their default is localhost, a name that need not be known.
HOST = "127.0.0.1"
FOLDER = harness.ROOT / "tests" / "drivers" / "libraries"
HEAD = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
[namespace carts]
"""
WEB = f"[user web]\ntoken = {harness.token_hash('right')}\nnamespaces = *\naccess = write\n"
ANSWERS = ["OK", "v", "VERB unknown command 'get': did you mean key.get NAMESPACE KEY"]


def setUpModule():
    done = harness.run("sh", str(FOLDER / "install"))
    assert done.returncode == 0, f"can't install the libraries for Node: {done.stdout}{done.stderr}"


class Libraries(unittest.TestCase):
    def drive(self, program, *arguments):
        done = harness.run(*program, *arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.splitlines()

    def expect_served(self, program, by_path, with_user):
        """`by_path` and `with_user` give the library's options for a path, and for a port."""
        with harness.World() as world:
            daemon = world.daemon(HEAD)
            found = self.drive(program, json.dumps(by_path(daemon.path)))
            self.assertEqual([line.lower() for line in found], [line.lower() for line in ANSWERS])
        with harness.World() as world:
            daemon = world.daemon(HEAD + WEB)
            found = self.drive(program, json.dumps(with_user(world.port)))
            self.assertEqual([line.lower() for line in found], [line.lower() for line in ANSWERS])

    def node(self, library):
        version = int(harness.run("node", "-p", "process.versions.node").stdout.split(".")[0])
        if version < 20 and library in ("ioredis6", "redis6"):
            self.skipTest(f"{library} wants Node 20, and this is {version}")
        return ["node", str(FOLDER / "drive.js"), library]

    def test_ioredis(self):
        for library in ("ioredis5", "ioredis6"):
            with self.subTest(library=library):
                self.expect_served(
                    self.node(library),
                    lambda path: {"path": path},
                    lambda port: {"host": HOST, "port": port, "username": "web", "password": "right",
                                  "connectionName": "app"},
                )

    def test_node_redis(self):
        for library, more in (("redis4", {}), ("redis5", {}), ("redis6", {"RESP": 2})):
            with self.subTest(library=library):
                self.expect_served(
                    self.node(library),
                    lambda path: {**more, "socket": {"path": path}},
                    lambda port: {**more, "socket": {"host": HOST, "port": port}, "username": "web",
                                  "password": "right", "name": "app", "database": 0},
                )

    def test_one_that_insists_on_resp3_is_told_what_to_do(self):
        with harness.World() as world:
            path = world.daemon(HEAD).path
            found = self.drive(self.node("redis6"), json.dumps({"socket": {"path": path}}))
            self.assertIn("failed: NOPROTO", found[-1])
            self.assertIn("hello 2", found[-1])

    def test_redis_py(self):
        self.expect_served(
            ["/usr/bin/python3", str(FOLDER / "drive.py")],
            lambda path: {"unix_socket_path": path},
            lambda port: {"host": HOST, "port": port, "username": "web", "password": "right",
                          "client_name": "app"},
        )

    def test_redis_rb(self):
        self.expect_served(
            ["ruby", str(FOLDER / "drive.rb")],
            lambda path: {"path": path},
            lambda port: {"host": HOST, "port": port, "username": "web", "password": "right",
                          "id": "app"},
        )

    def test_phpredis(self):
        self.expect_served(
            ["php", str(FOLDER / "drive.php")],
            lambda path: {"host": path},
            lambda port: {"host": HOST, "port": port, "auth": ["web", "right"]},
        )


if __name__ == "__main__":
    harness.main()
