#!/usr/bin/env python3
"""One file a team: include; which addresses a name and [::] stand for."""

import pathlib
import socket
import unittest

import harness
from resp import Client

def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


INCLUDE = "include = conf.d/*.ini"
MAIN = harness.INI.replace("{listen}", "{listen}\n" + INCLUDE)


class Include(unittest.TestCase):
    def write(self, world, **files):
        folder = pathlib.Path(world.folder, "conf.d")
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            folder.joinpath(f"{name}.ini").write_text(text)

    def check(self, world, text):
        path = pathlib.Path(world.folder, "c.ini")
        path.write_text(world.fill_in(text))
        done = harness.run(*harness.DAEMON, "-t", "-c", path, env=world.environment)
        return done.returncode, done.stderr.replace(world.folder + "/", "")

    def test_each_file_brings_its_own_and_a_reload_reads_them_again(self):
        with harness.World() as world:
            self.write(world, a="[namespace users]\nttl = 1h\n", b="[namespace shop]\n")
            pathlib.Path(world.folder, "conf.d", "c.txt").write_text("nonsense")
            daemon = world.daemon(MAIN)
            with daemon.client() as client:
                for namespace in ("carts", "users", "shop"):
                    self.assertEqual(client.call("key.set", namespace, "k", "v"), b"OK")
                self.assertIn(client.call("ttl", "users", "k"), (3599, 3600))
                self.write(world, c="[namespace new]\n", b="[namespace shop]\nttl = soon\n")
                reply = client.call("reload")
                self.assertTrue(reply.startswith(
                    f"POLICY {world.folder}/conf.d/b.ini:2: ttl: 'soon'".encode()), reply)
                self.assertEqual(client.call("key.get", "new", "k").code, "NAMESPACE")
                self.write(world, b="")
                self.assertEqual(client.call("reload"), b"OK")
                self.assertIsNone(client.call("key.get", "new", "k"))
                self.assertEqual(client.call("key.get", "shop", "k").code, "NAMESPACE")

    def test_a_bad_file_names_itself_and_its_line(self):
        with harness.World() as world:
            self.write(world, a="\n[namespace carts]\n", b="[namespace b]\nprefix = cart:\nx = 1\n",
                       c="[cachesd]\ninclude = d.ini\n", e="[user u]\nuid = 1\nnamespaces = no\n")
            code, told = self.check(world, MAIN)
            self.assertEqual(code, 1)
            for line in (
                "conf.d/a.ini:2: [namespace carts] again: it began at ",
                "conf.d/b.ini:2: [namespace b]: prefix 'cart:' overlaps 'cart:' of",
                "conf.d/b.ini:3: unknown option 'x'",
                "conf.d/c.ini:1: [cachesd] belongs in the file that includes this one",
                "conf.d/e.ini:3: [user u]: no namespace 'no'",
            ):
                self.assertIn("\n" + line, "\n" + told)
            self.assertIn("it began at c.ini:7\n", told)
            self.assertNotIn("d.ini:2: unknown", told)

    def test_a_password_file_lies_beside_the_file_that_names_it(self):
        with harness.World() as world:
            backend = "[backend team]\nurl = redis://h\npassword_file = secret\n"
            self.write(world, team=backend + "[namespace t]\nbackend = team\n")
            ini = MAIN.replace("prefix", "backend = main\nprefix")
            self.assertIn("conf.d/team.ini:3: password_file: can't read", self.check(world, ini)[1])
            pathlib.Path(world.folder, "conf.d", "secret").write_text("x")
            self.assertEqual(self.check(world, ini), (0, "c.ini: good\n"))

    def test_what_names_no_file_or_one_twice_is_told(self):
        with harness.World() as world:
            self.write(world)
            self.assertEqual(
                self.check(world, MAIN),
                (0, "c.ini:3: warning: include: no file matches\nc.ini: good\n"),
            )
            self.write(world, a="[namespace users]\n")
            for pattern, problem in (
                ("conf.d/none.ini", "c.ini:3: include: there is no such file\n"),
                ("conf.d", "c.ini:3: include: can't read 'conf.d': Is a directory\n"),
                ("*.ini", "c.ini:3: include: 'c.ini' is read already\n"),
                ("conf.d/*, ./conf.d/a.ini", "c.ini:3: include: './conf.d/a.ini' is read already\n"),
                ("conf.d/a.ini # note", "c.ini:3: include: a # begins no comment"),
            ):
                with self.subTest(pattern):
                    code, told = self.check(world, MAIN.replace("conf.d/*.ini", pattern))
                    self.assertEqual(code, 1)
                    self.assertIn(problem, told)


class Addresses(unittest.TestCase):
    def test_a_file_without_listen_has_the_unix_socket_alone(self):
        with harness.World() as world:
            ini = harness.INI.replace("[cachesd]\nlisten = {listen}\n", "")
            folder = pathlib.Path("/run/cachesd")
            if folder.exists():
                self.skipTest("a cachesd is set up here")
            daemon = world.start_daemon(ini)
            daemon.is_expected_to_fail = True
            self.assertNotEqual(daemon.wait(), 0)
            self.assertIn("unix:/run/cachesd/cachesd.sock", daemon.log())
            self.assertNotIn("7379", daemon.log())

    @unittest.skipUnless(has_ipv6(), "no IPv6 here")
    def test_every_address_of_IPv4_and_of_IPv6_go_together(self):
        both = "{listen}, tcp:0.0.0.0:{port}, tcp:[::]:{port}"
        user = f"[user u]\ntoken = {harness.token_hash('t')}\nnamespaces = *\n"
        with harness.World() as world:
            daemon = world.daemon(harness.INI.replace("{listen}", both) + user)
            for host in ("127.0.0.1", "::1"):
                with Client((host, world.port)) as client:
                    self.assertEqual(client.call("ping"), b"PONG", daemon.log())

    def test_a_name_stands_for_each_of_its_addresses(self):
        addresses = {found[4][0] for found in socket.getaddrinfo(harness.local_name(), 1)}
        with harness.World() as world:
            ini = harness.INI.replace("{listen}", "{listen}, tcp:" + harness.local_name() + ":{port}")
            daemon = world.daemon(ini)
            for host in addresses:
                with Client((host, world.port)) as client:
                    self.assertEqual(client.call("ping"), b"PONG", daemon.log())
            self.assertEqual(daemon.call("reload"), b"OK")
            for host in addresses:
                self.assertTrue(harness.accepts((host, world.port)))


if __name__ == "__main__":
    harness.main()
