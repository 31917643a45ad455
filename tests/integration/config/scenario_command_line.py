#!/usr/bin/env python3
"""-V, -h, -t, the environment and the built-in default."""

import os
import pathlib
import re
import subprocess
import unittest

import harness

BAD = """\
[cachesd]
listen = carrier-pigeon:7379
max_clients = many
colour = red
[backend main]
url = redis://127.0.0.1:6379/0
[namespace carts]
ttl = soon
deny = sorted.rpopp
[namespace users]
prefix = carts:x
ttl = 1h
ttl = 2h
[namespaces]
[user web]
access = write
"""
BAD_LINES = [2, 3, 4, 8, 9, 11, 13, 14, 15]


class CommandLine(unittest.TestCase):
    def check(self, world, text, env=None):
        path = pathlib.Path(world.folder, "some.ini")
        path.write_text(world.fill_in(text))
        done = harness.run(
            *harness.DAEMON, "-t", "-c", path, env={**world.environment, **(env or {})}
        )
        return done, str(path)

    def test_V_prints_the_version_and_those_of_the_libraries(self):
        done = harness.run(*harness.DAEMON, "-V")
        self.assertEqual(done.returncode, 0)
        number = r"\d+\.\d+[\w.~-]*"
        self.assertRegex(
            done.stdout,
            rf"^cachesd \d+\.\d+\.\d+\n"
            rf"libuv {number}, OpenSSL {number}, libmicrohttpd {number}, libsodium {number}, yajl {number}\n"
            rf"built by \w+ {number}, with(out)? probes, with(out)? asserts\n$",
        )

    def test_h_prints_the_options(self):
        done = harness.run(*harness.DAEMON, "-h")
        self.assertEqual(done.returncode, 0)
        for option in ("-c FILE", "-t", "-v", "-V", "-h"):
            self.assertIn(option, done.stdout)

    def test_what_any_program_is_asked_has_its_long_name(self):
        for short, long in (("-h", "--help"), ("-V", "--version")):
            done = harness.run(*harness.DAEMON, long)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, harness.run(*harness.DAEMON, short).stdout)

    def test_an_unknown_option_or_argument_is_refused(self):
        for words in (["-x"], ["--nosuch"], ["file.ini"], ["-c"]):
            done = harness.run(*harness.DAEMON, *words)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("usage", done.stderr)
            self.assertIn(words[0].lstrip("-"), done.stderr.splitlines()[0])

    def test_t_finds_a_good_file_good(self):
        with harness.World() as world:
            done, _ = self.check(world, harness.INI)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_t_lists_every_problem_of_a_bad_file_with_its_line(self):
        with harness.World() as world:
            done, path = self.check(world, BAD)
            self.assertEqual(done.returncode, 1)
            lines = re.findall(rf"^{re.escape(path)}:(\d+): .", done.stderr, re.MULTILINE)
            self.assertEqual(sorted(set(map(int, lines))), BAD_LINES, done.stderr)

    def test_t_never_starts_anything(self):
        with harness.World() as world:
            self.check(world, harness.INI)
            self.assertFalse(pathlib.Path(world.folder, "cachesd.sock").exists())

    def test_a_bad_file_keeps_the_daemon_from_starting(self):
        with harness.World() as world:
            daemon = world.start_daemon(BAD)
            daemon.is_expected_to_fail = True
            self.assertEqual(daemon.wait(), harness.BAD_CONFIGURATION)
            self.assertIn(f"{daemon.ini}:2: ", daemon.log())

    def test_a_file_that_is_not_there_is_an_error(self):
        done = harness.run(*harness.DAEMON, "-t", "-c", "/nonexistent/cachesd.ini")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/cachesd.ini", done.stderr)

    def test_v_logs_more(self):
        with harness.World() as world:
            quiet = world.daemon()
            quiet.stop()
            talkative = world.daemon(arguments=["-v"])
            self.assertEqual(talkative.call("ping"), b"PONG")
            talkative.stop()
            self.assertGreater(len(talkative.log()), len(quiet.log()))

    def test_under_systemd_each_line_has_its_priority(self):
        # JOURNAL_STREAM names the device and inode of standard error: here, of the log's file.
        with harness.World() as world:
            path = pathlib.Path(world.folder, "journal")
            with open(path, "wb") as journal:
                found = path.stat()
                stream = f"{found.st_dev}:{found.st_ino}"
                ini = pathlib.Path(world.folder, "good.ini")
                ini.write_text(world.fill_in(harness.INI))
                process = subprocess.Popen(
                    [*harness.DAEMON, "-c", ini],
                    stderr=journal,
                    env={**world.environment, "JOURNAL_STREAM": stream},
                    preexec_fn=harness.end_with_parent,
                )
            harness.wait_until(lambda: "ready" in path.read_text(), "it is ready")
            process.terminate()
            self.assertEqual(process.wait(), 0)
            for line in path.read_text().splitlines():
                self.assertRegex(line, r"^<[0-7]>")

    @harness.NOT_UNDER
    def test_it_serves_without_standard_files(self):
        for closed in ([2], [0, 2], [0, 1, 2]):
            with self.subTest(closed=closed), harness.World() as world:
                self.serve_without(world, closed)

    def serve_without(self, world, closed):
        def prepare():
            harness.end_with_parent()
            for number in closed:
                os.close(number)

        ini = harness.INI.replace("{listen}", "{listen}\nworkers = 3")
        daemon = world.start_daemon(ini, preexec_fn=prepare)
        harness.wait_until(lambda: harness.accepts(daemon.path), "it is ready")
        for _ in range(10):
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                self.assertEqual(client.call("reload"), b"OK")
                self.assertEqual(client.call("key.get", "carts", "k"), b"v")

    def test_CACHES_DSN_adds_backends(self):
        ini = """\
            [cachesd]
            listen = {listen}
            [namespace carts]
            backend = default
            [namespace users]
            backend = other
            """
        ini = re.sub(r"^ +", "", ini, flags=re.MULTILINE)
        with harness.World() as world:
            redis = world.redis(port=harness.free_port())
            env = {
                "CACHES_DSN": redis.url,
                "CACHES_DSN_2": f"caches.interface.Redis://127.0.0.1:{redis.port}/3#other",
            }
            daemon = world.daemon(ini, env=env)
            self.assertEqual(daemon.call("key.set", "carts", "a", "1"), b"OK")
            self.assertEqual(daemon.call("key.set", "users", "b", "2"), b"OK")
            with redis.client() as direct:
                self.assertEqual(direct.call("KEYS", "*"), [b"carts:a"])
                direct.call("SELECT", "3")
                self.assertEqual(direct.call("KEYS", "*"), [b"users:b"])

    def test_a_bad_CACHES_DSN_is_named_and_its_secret_is_not_shown(self):
        with harness.World() as world:
            env = {"CACHES_DSN_1": "carrier://user:secret@nowhere/0"}
            done, _ = self.check(world, harness.INI, env)
            self.assertEqual(done.returncode, 1)
            self.assertIn("CACHES_DSN_1", done.stderr)
            self.assertNotIn("secret", done.stderr)

    def test_without_a_file_the_built_in_default_serves_demo(self):
        """Whatever has the port on this machine, and whatever is configured there."""
        with harness.own_network(), harness.World() as world:
            if harness.accepts(("127.0.0.1", 7379)):
                self.skipTest("port 7379 is taken, and only root gets a network of its own")
            if os.getuid() != 0 and pathlib.Path("/etc/cachesd/cachesd.ini").exists():
                self.skipTest("a cachesd is set up here, and only root can hide its file")
            self.serve_built_in(world)

    def serve_built_in(self, world):
        log = pathlib.Path(world.folder, "default.log")
        with open(log, "wb") as stderr:
            process = subprocess.Popen(
                harness.DAEMON,
                stderr=stderr,
                env=world.environment,
                preexec_fn=self.prepare_child,
            )
        harness.wait_until(lambda: "ready" in log.read_text(), "it is ready")
        for address in (f"{world.folder}/cachesd.sock", ("127.0.0.1", 7379)):
            with harness.Client(address) as client:
                harness.wait_until(
                    lambda: client.call("key.set", "demo", "a", "1") == b"OK", "it serves"
                )
                self.assertIn(client.call("ttl", "demo", "a"), range(3590, 3601))
        self.assertIn("cachesd.sock", log.read_text())
        self.assertIn("7379", log.read_text())
        process.terminate()
        self.assertEqual(process.wait(), 0)

    @staticmethod
    def prepare_child():
        harness.hide("/etc/cachesd")
        harness.end_with_parent()


if __name__ == "__main__":
    harness.main()
