"""Runs `caches`, the command-line client, as a person or a script does."""

import array
import fcntl
import os
import pathlib
import subprocess
import termios

import harness

CACHES = str(pathlib.Path(harness.CACHESD).with_name("caches"))
PROGRAM = [*harness.UNDER, CACHES]


def environment(address=None, **more):
    """What a test's `caches` sees: no settings of whoever runs the test."""
    own = {k: v for k, v in os.environ.items() if "CACHES" not in k and k != "NO_COLOR"}
    return {**own, **({"CACHESD_ADDRESS": address} if address else {}), **more}


def run(address, *words, stdin=b"", env=None, **options):
    """Runs it to its end; gives returncode, and stdout and stderr as text."""
    done = subprocess.run(
        [*PROGRAM, *map(str, words)], input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        capture_output=True, timeout=harness.LONG, env=environment(address, **(env or {})), **options,
    )
    done.stdout, done.stderr = (text.decode(errors="surrogateescape") for text in (done.stdout, done.stderr))
    found = harness.SANITIZER.search(done.stderr)
    assert not found, done.stderr
    return done


def has_read_all(pipe):
    """Whether all that was written to a program's standard input has been read by it."""
    unread = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, unread)
    return unread[0] == 0


class TestCase(harness.TestCase):
    """A daemon with the namespace `carts`, at which `caches` is aimed."""

    INI = harness.INI

    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(self.INI)

    def caches(self, *words, code=0, **options):
        """Its standard output. Fails when the exit code is another one, or what was said beside it."""
        done = run(self.daemon.path, *words, **options)
        self.assertEqual(done.returncode, code, done.stderr)
        if code == 0:
            self.assertEqual(done.stderr, "")
        return done.stdout

    def refused(self, *words, code=1, **options):
        """What it says to standard error when it ends with that code."""
        done = run(self.daemon.path, *words, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stderr
