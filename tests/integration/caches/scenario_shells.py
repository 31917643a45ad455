#!/usr/bin/env python3
"""Completion of `caches` in bash, zsh and fish, at a terminal as a person types."""

import os
import pathlib
import shutil
import signal
import time

import caches
import harness
from typed import Terminal

SHELLS = harness.ROOT / "client" / "shells"
class Completion(caches.TestCase):
    def lines(self, *words):
        done = caches.run(self.daemon.path, "__complete", *words)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line.split("\t") for line in done.stdout.splitlines()]

    def names(self, *words):
        return [line[0] for line in self.lines(*words)]

    def test_verbs_commands_namespaces_and_options_are_told_with_what_they_are(self):
        self.assertIn(["key.get", "the value, or nil"], self.lines("key.g"))
        self.assertEqual(self.names("exp")[:2], ["export", "explain"])
        self.assertEqual(self.names("key.get", ""), ["carts"])
        self.assertEqual(self.names("purge", "c"), ["carts"])
        self.assertEqual(self.names("export", "c"), ["carts"])
        self.assertEqual(self.names("dict.set", "t"), ["ttl="])
        self.assertEqual(self.names("--js"), ["--json"])
        self.assertEqual(self.names("--json", "-s", self.daemon.path, "key.ge"), ["key.get"])

    def test_it_is_silent_and_quick_when_nobody_answers(self):
        begun = time.monotonic()
        done = caches.run("/nix", "__complete", "key.g")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            done = caches.run(self.daemon.path, "__complete", "key.g")
        finally:
            self.daemon.send_signal(signal.SIGCONT)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertLess(time.monotonic() - begun, 5)
        for words in ([], ["--nix", "x"], ["--help", "x"], ["-s"], ["--timeout", "x", "y"]):
            done = caches.run(self.daemon.path, "__complete", *words)
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)

    def start(self, command, setup):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        home = pathlib.Path(self.world.folder, "home")
        home.mkdir()
        os.symlink(caches.CACHES, pathlib.Path(self.world.folder, "caches"))
        env = caches.environment(
            self.daemon.path, PATH=f"{self.world.folder}:{os.environ['PATH']}", HOME=str(home), TERM="xterm",
            LC_ALL="C.UTF-8", XDG_CONFIG_HOME=str(home), XDG_DATA_HOME=str(home), PS1="",
        )
        shell = Terminal(command, env)
        self.addCleanup(shell.close)
        shell.type(setup + "; echo rea''dy\r")
        shell.wait_for("ready")
        return shell

    def complete(self, shell):
        """Tab finishes a verb, a namespace and an option; the whole line then works."""
        # A shell may draw no more than what Tab adds.
        for typed, added in (("caches key.se", "t "), ("tt", "l="), ("90s ca", "rts ")):
            shell.type(typed)
            shell.wait_for(typed.split()[-1][-1])
            shell.type("\t")
            shell.wait_for(added)
        shell.type("k v\r")
        harness.wait_until(lambda: self.daemon.call("ttl", "carts", "k") > 0, "the key is there")
        self.assertEqual(self.daemon.call("key.get", "carts", "k"), b"v")
        self.assertLessEqual(self.daemon.call("ttl", "carts", "k"), 90)

    def test_bash(self):
        self.complete(self.start(["bash", "--norc", "--noprofile", "-i"], f". {SHELLS}/caches.bash"))

    def test_bash_completes_behind_its_own_word_breaks(self):
        shell = self.start(["bash", "--norc", "--noprofile", "-i"], f". {SHELLS}/caches.bash")
        shell.type("caches sorted.range order=de\t")
        shell.wait_for("order=desc ")

    def test_zsh(self):
        setup = f"fpath=({SHELLS} $fpath); autoload -U compinit; compinit -u -D"
        self.complete(self.start(["zsh", "-f", "-i"], setup))

    def test_fish(self):
        self.complete(self.start(["fish", "--no-config"], f"source {SHELLS}/caches.fish"))


if __name__ == "__main__":
    harness.main()
