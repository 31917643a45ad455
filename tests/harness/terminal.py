"""A terminal that a test types at and looks at: a program in tmux, without a window.

    with Terminal(world, [CACHES, "-s", daemon.path]) as terminal:
        terminal.wait_line("caches>")
        terminal.type("key.get carts 7")
        terminal.press("Enter")
        terminal.wait_shows("(nil)")

Nothing here sleeps: a test waits until the screen shows what it should.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

from harness import CACHESD, LONG, SANITIZER, UNDER, wait_until

CACHES = str(pathlib.Path(CACHESD).with_name("caches"))
NEEDS_TMUX = unittest.skipUnless(shutil.which("tmux"), "tmux is not installed")
COLUMNS, ROWS = 80, 24


class Terminal:
    """A program's terminal. Its environment is the world's, with `env` put over it."""

    def __init__(self, world, command, columns=COLUMNS, rows=ROWS, env=None):
        self.socket = f"{world.folder}/tmux-{os.urandom(4).hex()}"
        self.folder = world.folder
        usual = {"LC_ALL": "C.UTF-8", "HOME": world.folder, "XDG_STATE_HOME": f"{world.folder}/state"}
        self.environment = {**world.environment, **usual, **(env or {})}
        for name in ("TMUX", "NO_COLOR", "EDITRC", "TERM"):
            if name not in (env or {}):
                self.environment.pop(name, None)
        # The shell stays, also after Ctrl-C, so that what the program has left on the screen may be looked at.
        line = f"trap : INT; {shlex.join([*UNDER, *command])}; echo \"[ended $?]\"; exec cat >/dev/null"
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "sh", "-c", line)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print("--- the screen:\n" + "\n".join(self.lines()))
        self._run("kill-server")  # which a test may have ended

    def _run(self, *words):
        command = ["tmux", "-u", "-S", self.socket, *words]
        return subprocess.run(command, capture_output=True, env=self.environment, timeout=LONG)

    def tmux(self, *words):
        done = self._run(*words)
        if done.returncode != 0:
            raise AssertionError(f"tmux {words[0]}: {done.stderr.decode()}")
        return done.stdout.decode()

    def pid(self):
        """Of the shell, whose child is the program."""
        return int(self.tmux("display-message", "-p", "#{pane_pid}"))

    # --- the person -----------------------------------------------------------------------------

    def type(self, text):
        self.tmux("send-keys", "-l", "--", text)

    def press(self, *keys):
        """Keys by tmux's names: Enter, Tab, Left, C-r."""
        self.tmux("send-keys", *keys)

    def paste(self, text):
        """As a terminal pastes: with marks around it, if the program has asked for them."""
        self.tmux("set-buffer", "--", text)
        self.tmux("paste-buffer", "-p", "-r")

    def resize(self, columns, rows=ROWS):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    # --- the screen -----------------------------------------------------------------------------

    def lines(self, *options):
        """The rows of the screen, without spaces at their ends, and without empty ones below."""
        return self.tmux("capture-pane", "-p", *options).rstrip("\n").split("\n")

    def coloured(self):
        """The same with the escape sequences for colours."""
        return "\n".join(self.lines("-e"))

    def last(self):
        """The lowest row that is not empty."""
        return self.lines()[-1].rstrip()

    def cursor(self):
        """Column and row, from 0."""
        found = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}")
        return tuple(map(int, found.split()))

    def wait(self, condition, what):
        """Until `condition(rows)` is true of the screen."""
        try:
            return wait_until(lambda: condition(self.lines()), what)
        except AssertionError as late:
            raise AssertionError(f"{late}; the screen:\n" + "\n".join(self.lines())) from None

    def wait_line(self, wanted):
        """Until the lowest row is this."""
        self.wait(lambda rows: rows[-1].rstrip() == wanted, f"the last row is: {wanted}")

    def wait_shows(self, text):
        """Until some row holds the text."""
        self.wait(lambda rows: any(text in row for row in rows), f"a row holds: {text}")

    def wait_gone(self, text):
        self.wait(lambda rows: not any(text in row for row in rows), f"no row holds: {text}")

    def wait_ended(self, code=0):
        """Until the program has ended, as it should."""
        ended = lambda rows: next((row for row in rows if re.search(r"\[ended \d+\]", row)), None)
        found = self.wait(ended, "the program has ended")
        screen = "\n".join(self.lines("-S", "-"))
        assert not SANITIZER.search(screen), f"a sanitizer says:\n{screen}"
        assert f"[ended {code}]" in found, f"not {code}:\n{screen}"
