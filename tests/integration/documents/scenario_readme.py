#!/usr/bin/env python3
"""The README's first value and its tour, line by line as they are printed."""

import pathlib
import re
import socket
import unittest

import caches
import harness
import pages
import typed

README = harness.ROOT / "README.md"
DEMO = """\
[cachesd]
listen = {listen}
[backend embedded]
url = embedded:
[namespace demo]
ttl = 1h
"""


def blocks_of(heading):
    """The blocks of the section or subsection, without those for a shell."""
    text = re.split(r"^##+ ", README.read_text().partition(heading + "\n")[2], maxsplit=1, flags=re.M)[0]
    return [block for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S) if not block.startswith("redis-cli")]


def tour():
    """What a person types at the prompt, and what is printed then."""
    for block in blocks_of("## Five minutes with caches"):
        for step in block.split("caches> ")[1:]:
            yield step.partition("\n")[::2]


class Readme(unittest.TestCase):
    def test_the_first_value_comes_as_printed(self):
        text = README.read_text().partition("## A first value\n")[2].partition("\n## ")[0]
        run, ask = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
        self.assertTrue(run.startswith("./dev run "), run)
        with harness.World() as world:
            path = world.daemon(DEMO).path
            ask = ask.replace("build/caches", str(pathlib.Path(harness.CACHESD).with_name("caches")))
            done = harness.run("bash", "-eu", "-c", ask, env={**world.environment, "CACHESD_ADDRESS": path})
            self.assertEqual((done.stdout, done.stderr), ("OK\nhello world\n", ""))

    def test_the_tour_works_as_printed_with_caches_and_then_without(self):
        with harness.World() as world:
            path = world.daemon(DEMO).path
            self.assertGreater(self.play_at_prompt(world, path), 18)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
                client.settimeout(harness.LONG)
                self.assertGreater(self.play_on_socket(client), 4)

    def play_at_prompt(self, world, path):
        env = caches.environment(path, TERM="xterm", HOME=world.folder, XDG_STATE_HOME=world.folder, COLUMNS="200")
        terminal = typed.Terminal([*caches.PROGRAM, "--color=no"], env)
        self.addCleanup(terminal.close)
        terminal.wait_for("caches> ")
        count = 0
        for count, (line, printed) in enumerate(tour(), start=1):
            terminal.type(line + "\r")
            terminal.wait_for("\ncaches> ")
            said = terminal.seen.replace("\r", "").rpartition("caches> ")[0].partition("\n")[2]
            # What is typed before the prompt has taken over, the terminal itself shows, too.
            self.assertEqual(said.removeprefix(line + "\n"), printed, line)
        return count

    def play_on_socket(self, client):
        lines = [line for block in blocks_of("### Without a client") for line in [*block.splitlines(), ""]]
        count = 0
        for count, (request, reply) in enumerate(pages.steps(lines), start=1):
            client.sendall(request.encode())
            got = client.recv(len(reply.encode()), socket.MSG_WAITALL)
            self.assertEqual(got.decode(), reply, request)
        return count


if __name__ == "__main__":
    harness.main()
