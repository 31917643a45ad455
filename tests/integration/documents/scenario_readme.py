#!/usr/bin/env python3
"""The README's tour, line by line as it is printed."""

import re
import socket
import unittest

import harness

README = harness.ROOT / "README.md"
REPLY = re.compile(r"[+:$*-]")
DEMO = """\
[cachesd]
listen = {listen}
[backend embedded]
url = embedded:
[namespace demo]
ttl = 1h
"""


def tour():
    """The lines of the section's blocks, without the commands for a shell."""
    text = README.read_text().partition("## Five minutes")[2].partition("\n## ")[0]
    lines = []
    for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        if not block.startswith(("nc ", "redis-cli")):
            lines += block.splitlines() + [""]
    return lines


def steps(lines):
    """What a person types, and what should come back: (request, reply) pairs of text."""
    while lines:
        if lines[0] == "":
            lines = lines[1:]
            continue
        request, lines = lines[0] + "\n", lines[1:]
        announced = re.search(r" \$(\d+)$", request.rstrip())
        size = len(request) + int(announced[1]) if announced else 0
        while len(request) < size:
            request, lines = request + lines[0] + "\n", lines[1:]
        reply, lines = take_reply(lines)
        yield request, reply


def take_reply(lines):
    """One reply as it is printed; a bulk's text may have several lines."""
    first, lines = lines[0], lines[1:]
    assert REPLY.match(first), f"not a reply: {first}"
    reply = first + "\r\n"
    if first[0] == "$" and first != "$-1":
        text = lines[0]
        lines = lines[1:]
        while len(text) < int(first[1:]):
            text, lines = text + "\n" + lines[0], lines[1:]
        reply += text + "\r\n"
    elif first[0] == "*":
        for _ in range(int(first[1:])):
            item, lines = take_reply(lines)
            reply += item
    return reply, lines


class Readme(unittest.TestCase):
    def test_the_tour_works_as_printed(self):
        count = 0
        with harness.World() as world:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(world.daemon(DEMO).path)
                client.settimeout(harness.LONG)
                for request, reply in steps(tour()):
                    client.sendall(request.encode())
                    got = client.recv(len(reply.encode()), socket.MSG_WAITALL)
                    self.assertEqual(got.decode(), reply, request)
                    count += 1
        self.assertGreater(count, 15)


if __name__ == "__main__":
    harness.main()
