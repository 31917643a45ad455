"""A program that a test types at, through a pseudo-terminal."""

import os
import pty
import re
import select
import signal
import time

import harness

ESCAPES = re.compile(r"\x1b(?:\[[0-9;?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-Za-z]|[=>78cDEHMNOPZ])")


class Terminal:
    """A program at a terminal of its own. `seen` is what came since something was typed, without escapes."""

    def __init__(self, command, env):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            harness.end_with_parent()
            os.execvpe(command[0], command, env)

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                text = os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the program has ended: {self.seen}") from None
            # What fish asks its terminal first: who are you?
            if "\x1b[c" in text or "\x1b[0c" in text:
                os.write(self.fd, b"\x1b[?62;c")
            self.seen += ESCAPES.sub("", text)

    def type(self, text):
        self.seen = ""
        os.write(self.fd, text.encode())

    def wait_for(self, text, seconds=harness.LONG):
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > deadline:
                raise AssertionError(f"waited in vain for {text!r} in: {self.seen!r}")
            self.read(0.1)

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
