"""A TCP port before a server that speaks Redis's protocol: it passes all bytes, and notes each command and its reply.

    with CommandTap(listener.path) as tap:
        ...  # a program that talks to tap.port
    tap.errors()  # [("SET k v", b"NOPERM …")]

Client libraries keep quiet about some error replies: a tap does not.
"""

import socket
import threading

import harness
import resp
import resp3

SHOWN = 200  # characters of a command


class Wire:
    """One client's connection, with its own to the server."""

    def __init__(self, tap, client):
        self.tap = tap
        self.client = client
        self.server = resp.connect(tap.target, harness.LONG)
        self.server.settimeout(None)
        self.waiting = []  # commands without reply, in order; guarded by the tap's lock
        self.asked = bytearray()
        self.answered = bytearray()

    def ask(self):
        self.pump(self.client, self.server, self.note_commands)

    def answer(self):
        self.pump(self.server, self.client, self.note_replies)

    def pump(self, source, sink, note):
        """Notes before it passes on: no reply can come to a command that is not yet known."""
        try:
            while data := source.recv(1 << 16):
                with self.tap.lock:
                    note(data)
                sink.sendall(data)
        except OSError:
            pass
        self.close()

    def note_commands(self, data):
        self.asked += data
        while self.asked:
            if self.asked[:1] == b"*":
                parsed = resp.parse(self.asked)
                if parsed is None:
                    return
                words, end = parsed
            else:
                end = self.asked.find(b"\n") + 1
                if end == 0:
                    return
                words = bytes(self.asked[:end]).split()
            del self.asked[:end]
            if words:  # an empty line has no reply
                self.waiting.append(words)

    def note_replies(self, data):
        self.answered += data
        while self.answered:
            parsed = resp3.parse(self.answered)
            if parsed is None:
                return
            reply, end = parsed
            del self.answered[:end]
            self.tap.noted.append((self.waiting.pop(0) if self.waiting else [b"nothing"], reply))

    def close(self):
        for plug in (self.client, self.server):
            try:
                plug.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class CommandTap:
    """`target`: as of resp.connect(). `noted` are the pairs of a command's words and its reply."""

    host = "127.0.0.1"

    def __init__(self, target):
        self.target = target
        self.noted = []
        self.wires = []
        self.lock = threading.Lock()
        self.listener = socket.create_server((self.host, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            wire = Wire(self, client)
            self.wires.append(wire)
            for run in (wire.ask, wire.answer):
                threading.Thread(target=run, daemon=True).start()

    def errors(self):
        """Commands as text, and the error replies to them: also those within an array, as EXEC's."""
        with self.lock:
            return [(shown(words), error) for words, reply in self.noted for error in errors_in(reply)]

    def unanswered(self):
        with self.lock:
            return [shown(words) for wire in self.wires for words in wire.waiting]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
        self.listener.close()
        for wire in self.wires:
            wire.close()
            wire.client.close()
            wire.server.close()


def shown(words):
    return " ".join(word.decode(errors="backslashreplace") for word in words)[:SHOWN]


def errors_in(reply):
    if isinstance(reply, resp.Error):
        return [reply]
    if isinstance(reply, list):
        return [error for item in reply for error in errors_in(item)]
    return []
