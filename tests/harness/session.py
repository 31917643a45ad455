#!/usr/bin/env python3
"""Plays a .session file against a real daemon and a real Redis. README.md tells the format.

    session.py FILE...

The whole file is played once in the line form and once in the array form.
"""

import pathlib
import re
import sys
import time

import resp
from harness import INI, LONG, World
from pattern import Pattern, show

REQUEST = re.compile(r"(until )?(redis \w+|\w+)?> ?(.*)")
BLOCK = re.compile(rb"\$\d+")
FORMS = ("line", "array")


class Step:
    """One line of a session that does something."""

    def __init__(self, number, source):
        self.number = number
        self.source = source
        self.blocks = []  # of a request: the bytes behind `|` lines
        self.expected = []  # of a request: Patterns, with their line numbers


class Session:
    """A file, read."""

    def __init__(self, path):
        self.path = path
        self.ini = INI
        self.forms = FORMS
        self.steps = []
        lines = path.read_text().splitlines()
        while lines and not lines[-1].strip():
            lines.pop()
        self._read(lines)

    def _read(self, lines):
        in_config = False
        for number, line in enumerate(lines, 1):
            if in_config and (line.startswith("    ") or not line.strip()):
                self.ini += line[4:] + "\n"
                continue
            in_config = line == "config:"
            if in_config:
                self.ini = ""
            elif line.startswith("form: "):
                self.forms = (line[6:],)
            elif line.startswith("< "):
                self.steps[-1].expected.append((number, line, Pattern(line[2:])))
            elif line.startswith("| "):
                self.steps[-1].blocks.append(resp.split_line(line[2:])[0])
            elif line.strip() and not line.startswith("#"):
                assert REQUEST.fullmatch(line), f"{self.path}:{number}: can't read {line!r}"
                self.steps.append(Step(number, line))


class Failure(Exception):
    """A reply that was not expected: file, line, what was expected and what came."""


class Player:
    """Plays a session in one form."""

    def __init__(self, session, form, world):
        self.session = session
        self.form = form
        self.world = world
        self.daemon = world.daemon(session.ini)
        self.connections = {}

    def play(self):
        try:
            for step in self.session.steps:
                self._play_step(step)
            for name, client in self.connections.items():
                if not name.startswith("redis "):
                    self._expect_silence(name, client)
        finally:
            for client in self.connections.values():
                client.close()

    def _play_step(self, step):
        until, name, text = REQUEST.fullmatch(step.source).groups()
        deadline = time.monotonic() + (LONG if until else 0)
        while True:
            try:
                self._play_once(step, name or "client", text)
                return
            except Failure:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.005)

    def _play_once(self, step, name, text):
        data = self._encode(name, text, step.blocks)
        if name == "raw":
            name = "client"
        self._connection(name).send(data)
        for number, source, pattern in step.expected:
            self._expect(name, number, source, pattern)

    def _connection(self, name):
        if name not in self.connections:
            is_redis = name.startswith("redis ")
            server = self.world.redis(name[6:]) if is_redis else self.daemon
            self.connections[name] = server.client()
        return self.connections[name]

    def _encode(self, name, text, blocks):
        words = resp.split_line(text)
        if name == "raw":
            return b"".join(words)
        if self.form == "line" and not name.startswith("redis "):
            return text.encode() + b"\n" + b"".join(block + b"\n" for block in blocks)
        rest = iter(blocks)
        return resp.array(*(next(rest, w) if BLOCK.fullmatch(w) else w for w in words))

    def _expect(self, name, number, source, pattern):
        client = self._connection(name)
        if pattern.is_closed:
            if not client.is_closed():
                self._fail(number, source, "the connection is open, or a reply is unread")
            client.close()
            del self.connections[name]
            return
        try:
            reply = client.read()
        except (resp.Closed, TimeoutError) as error:
            self._fail(number, source, f"no reply: {error}")
        if not pattern.matches(reply):
            self._fail(number, source, show(reply))

    def _expect_silence(self, name, client):
        client.send(resp.array("ping", "end of session"))
        reply = client.read()
        if reply != b"end of session":
            last = self.session.steps[-1]
            self._fail(last.number, "(nothing more)", f"on {name}: {show(reply)}")

    def _fail(self, number, expected, got):
        raise Failure(
            f"{self.session.path}:{number} ({self.form} form)\n"
            f"    expected  {expected.removeprefix('< ')}\n"
            f"    got       {got}"
        )


def play_file(path, new_world=World, forms=FORMS):
    session = Session(pathlib.Path(path))
    for form in (form for form in forms if form in session.forms):
        with new_world() as world:
            Player(session, form, world).play()


def main(paths):
    failures = 0
    for path in paths:
        try:
            play_file(path)
        except Failure as failure:
            failures += 1
            print(failure)
    print(f"{len(paths) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
