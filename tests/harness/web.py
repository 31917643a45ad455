"""HTTP to the daemon: each request over a connection of its own, TCP or a Unix socket.

    reply = web.get(daemon, "/healthz")
    assert (reply.status, reply.text) == (200, "…")
"""

import http.client
import json
import os
import socket
import unittest

import harness

TIMEOUT = 30

# A configuration's section for tests: both kinds of address.
HTTP = "[http]\nlisten = unix:{folder}/http.sock\nlisten = tcp:127.0.0.1:{port}\n"


class Connection(http.client.HTTPConnection):
    """Over a Unix socket, or to a port of loopback."""

    def __init__(self, address, timeout=TIMEOUT):
        super().__init__("localhost", timeout=timeout)
        self.address = address

    def connect(self):
        self.sock = connect(self.address, self.timeout)


def connect(address, timeout=TIMEOUT):
    """A plain socket: `address` is a path or a port."""
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), timeout)
    plain = socket.socket(socket.AF_UNIX)
    try:
        plain.settimeout(timeout)
        plain.connect(address)
    except OSError:
        plain.close()
        raise
    return plain


class Reply:
    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def address_of(daemon):
    return f"{daemon.world.folder}/http.sock"


def ask(daemon, method, path, headers=None, body=None, address=None, timeout=TIMEOUT):
    """`address`: a port, instead of the Unix socket."""
    connection = Connection(address or address_of(daemon), timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        return Reply(connection.getresponse())
    finally:
        connection.close()


def get(daemon, path, headers=None, **options):
    return ask(daemon, "GET", path, headers, **options)


class stopped_thread:
    """Stops the main thread of a process alone, by ptrace(2)."""

    ATTACH, DETACH = 16, 17

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        if harness.libc.ptrace(self.ATTACH, self.pid, None, None) != 0:
            raise unittest.SkipTest("ptrace(2) is not allowed here")
        os.waitpid(self.pid, 0x40000000)  # __WALL

    def __exit__(self, *_):
        harness.libc.ptrace(self.DETACH, self.pid, None, None)
