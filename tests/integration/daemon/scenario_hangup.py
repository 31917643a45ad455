#!/usr/bin/env python3
"""A terminal that closes ends the daemon in its foreground; SIGHUP from `kill` reloads it."""

import contextlib
import os
import pathlib
import pty
import shlex
import signal
import socket
import struct
import subprocess
import time
import unittest

import harness

# The leak check at the end stops the daemon's threads by signals, and the SIGCONT that the kernel
# sends with the terminal's hang-up undoes that: the check would wait for ever.
NO_LEAK_CHECK = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))


def peer_pid(connected):
    found = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return struct.unpack("3i", found)[0]


class Terminal:
    """A terminal with an interactive shell on it, and nothing of the machine's own start files."""

    def __init__(self, world):
        try:
            self.master, slave = pty.openpty()
        except OSError as error:
            raise unittest.SkipTest(f"no terminal is to be had here: {error}") from error
        self.shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=world.environment | {"ASAN_OPTIONS": NO_LEAK_CHECK},
            preexec_fn=self.lead_a_session,
        )
        os.close(slave)

    @staticmethod
    def lead_a_session():
        os.setsid()
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first that is opened becomes its own

    def type(self, line):
        os.write(self.master, line.encode() + b"\n")

    def close(self):
        """As a window that is closed."""
        if self.master is not None:
            os.close(self.master)
            self.master = None
        self.shell.wait(harness.LONG)


@harness.NOT_UNDER
class Hangup(unittest.TestCase):
    @contextlib.contextmanager
    def daemon_on_terminal(self, prefix="", suffix=""):
        """A daemon that a shell starts, and what ends it if nothing else does."""
        with harness.World() as world, contextlib.closing(Terminal(world)) as terminal:
            self.log = pathlib.Path(world.folder, "hangup.log")
            self.socket = pathlib.Path(world.folder, "cachesd.sock")
            ini = pathlib.Path(world.folder, "hangup.ini")
            ini.write_text(world.fill_in(harness.INI))
            command = shlex.join([*harness.DAEMON, "-c", str(ini)])
            terminal.type(f"{prefix} {command} >{world.folder}/output 2>{self.log} {suffix}")
            harness.wait_until(lambda: self.has_logged("ready"), "the daemon is ready")
            with harness.Client(str(self.socket)) as client:
                pid = peer_pid(client.socket)
            try:
                yield terminal, pid
            finally:
                if harness.is_running(pid):
                    os.kill(pid, signal.SIGKILL)

    def has_logged(self, text):
        return self.log.exists() and text in self.log.read_text()

    def expect_reload(self, pid):
        before = self.log.read_text().count("reload: done")
        is_done = lambda: self.log.read_text().count("reload: done") > before

        # Signals do not queue: one that comes before the daemon has read the terminal's is lost.
        def is_done_at_last():
            os.kill(pid, signal.SIGHUP)
            return is_done() or bool(time.sleep(0.2)) or is_done()

        harness.wait_until(is_done_at_last, "the daemon has reloaded")
        self.assertTrue(harness.is_running(pid))

    def expect_end(self, pid):
        harness.wait_until(lambda: not harness.is_running(pid), "the daemon has ended")
        self.assertTrue(self.has_logged("the terminal is gone: ending"))
        self.assertTrue(self.has_logged("cachesd: ended"), "it ended in order")
        self.assertFalse(self.socket.exists())

    def test_a_daemon_in_the_foreground_ends_with_its_terminal(self):
        with self.daemon_on_terminal() as (terminal, pid):
            self.expect_reload(pid)
            terminal.close()
            self.expect_end(pid)

    def test_a_daemon_that_a_script_runs_ends_with_the_terminal(self):
        with self.daemon_on_terminal(prefix="sh -c '", suffix="; true'") as (terminal, pid):
            self.expect_reload(pid)
            terminal.close()
            self.expect_end(pid)

    def test_a_job_in_the_background_ends_with_the_terminal(self):
        """An interactive shell passes the hang-up on to its jobs."""
        with self.daemon_on_terminal(suffix="&") as (terminal, pid):
            self.expect_reload(pid)
            terminal.close()
            self.expect_end(pid)

    def test_SIGHUP_of_the_terminals_own_shell_reloads(self):
        with self.daemon_on_terminal(suffix="&") as (terminal, pid):
            terminal.type("kill -HUP %1")
            harness.wait_until(lambda: self.has_logged("reload: done"), "the daemon has reloaded")
            self.assertTrue(harness.is_running(pid))

    def test_a_daemon_that_outlives_its_terminal_still_reloads(self):
        for prefix, suffix in (("nohup", "&"), ("", "& disown"), ("setsid", "&")):
            with self.subTest(prefix + suffix):
                with self.daemon_on_terminal(prefix, suffix) as (terminal, pid):
                    terminal.close()
                    self.expect_reload(pid)

    def test_a_daemon_without_a_terminal_reloads_for_its_own_parent(self):
        with harness.World() as world:
            daemon = world.daemon(start_new_session=True)
            daemon.send_signal(signal.SIGHUP)
            daemon.wait_logged("reload: done")


if __name__ == "__main__":
    harness.main()
