#!/usr/bin/env python3
"""Clients of a daemon that is replaced meanwhile: half of them make a connection for each request, half keep theirs.

    visitors.py SOCKET SECONDS      fails when a connection was refused, or a reply was lost

Each counts a key of its own up by one, and again, and the reply must be the next number: a request that was
applied without its reply having come is seen by the number after it, so is one that was applied twice. A client
that makes a connection for each request must get a reply to each. One that keeps its connection may see it end before
a reply: then it asks again at a new one. Both may be told UNAVAILABLE, which says that nothing was applied.
"""

import collections
import json
import socket
import sys
import threading
import time

EACH = 8
PATIENCE = 20


class Visitor(threading.Thread):
    def __init__(self, path, key, keeps, until):
        super().__init__()
        self.path, self.key, self.keeps, self.until = path, key, keeps, until
        self.seen = collections.Counter()
        self.socket = self.lines = None
        self.number = 0
        self.longest = 0

    def connect(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(self.path)
        self.lines = self.socket.makefile("rb")

    def disconnect(self):
        self.lines.close()
        self.socket.close()
        self.socket = None

    def ask(self):
        """The reply's line; None when the connection ended without one."""
        try:
            self.socket.sendall(f"key.incr demo {self.key}\n".encode())
            return self.lines.readline() or None
        except (BrokenPipeError, ConnectionResetError):
            return None

    def visit(self):
        if not self.socket:
            try:
                self.connect()
            except OSError as error:
                self.seen[f"REFUSED: {error}"] += 1
                time.sleep(0.01)
                return
        self.judge(self.ask())

    def judge(self, line):
        if line is None:
            self.seen["ended before the reply" if self.keeps else "UNANSWERED"] += 1
        elif line.startswith(b"-UNAVAILABLE"):
            self.seen["unavailable"] += 1
        elif line == f":{self.number + 1}\r\n".encode():
            self.number += 1
            self.seen["answered"] += 1
        else:
            self.seen[f"WRONG after {self.number}: {line!r}"] += 1
            self.number = int(line[1:]) if line.startswith(b":") else self.number
        if line is None or not self.keeps:
            self.disconnect()

    def run(self):
        while time.monotonic() < self.until:
            begin = time.monotonic()
            try:
                self.visit()
            except TimeoutError:
                self.seen["SILENCE"] += 1
                self.disconnect()
            self.longest = max(self.longest, time.monotonic() - begin)


def main():
    path, seconds = sys.argv[1], float(sys.argv[2])
    until = time.monotonic() + seconds
    visitors = [Visitor(path, f"visits-{i}-{time.time_ns()}", i % 2 == 0, until) for i in range(2 * EACH)]
    for visitor in visitors:
        visitor.start()
    total = collections.Counter()
    for visitor in visitors:
        visitor.join()
        total += visitor.seen
    total["longest wait in ms"] = round(1000 * max(visitor.longest for visitor in visitors))
    print(json.dumps(total))
    faults = [what for what in total if what[:2].isupper()]
    sys.exit(1 if faults or not total["answered"] else 0)


if __name__ == "__main__":
    main()
