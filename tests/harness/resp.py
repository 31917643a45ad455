"""Both ends of the protocol: encoding requests in either form, reading replies.

Replies become Python values: Status, Error, int, bytes, None (nil) and list.
"""

import re
import socket
import time

# More would be a mapping of its own for each read, which the kernel makes, shrinks and takes away.
LARGEST_READ = 1 << 16

ESCAPES = {"\\": b"\\", '"': b'"', "n": b"\n", "r": b"\r", "t": b"\t", "0": b"\0"}
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')


class Status(bytes):
    """+OK and its kin."""


class Error(bytes):
    """-CODE message"""

    @property
    def code(self):
        return self.split(b" ", 1)[0].decode()


class Closed(Exception):
    """The peer closed the connection where a reply was expected."""


# --- requests -------------------------------------------------------------------------------


def as_bytes(word):
    return word if isinstance(word, bytes) else str(word).encode()


def array(*words):
    """A request in the array form."""
    parts = [b"*%d\r\n" % len(words)]
    for word in map(as_bytes, words):
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def line(*words):
    """The same request in the line form: bare words where they can be, else quoted ones."""
    return b" ".join(bare_or_quoted(as_bytes(word)) for word in words) + b"\n"


def blocks(*words):
    """The same with every argument behind the verb as a block."""
    head = [as_bytes(words[0])] + [b"$%d" % len(as_bytes(word)) for word in words[1:]]
    return b" ".join(head) + b"\r\n" + b"".join(as_bytes(w) + b"\r\n" for w in words[1:])


def bare_or_quoted(word):
    if re.fullmatch(rb'[!#%-~][!#-~]*', word):
        return word
    return b'"' + re.sub(rb'[^ !#-\[\]-~]', lambda m: b"\\x%02x" % m[0][0], word) + b'"'


def unquote(text):
    """The bytes of a quoted word's inside."""
    out, at = bytearray(), 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
        elif text[at + 1] == "x":
            out.append(int(text[at + 2 : at + 4], 16))
            at += 4
        else:
            out += ESCAPES[text[at + 1]]
            at += 2
    return bytes(out)


def split_line(text):
    """The words of a line; a block's word, as $5, stays as it is."""
    words, at = [], 0
    while True:
        at += len(text[at:]) - len(text[at:].lstrip(" "))
        if at == len(text):
            return words
        quoted = QUOTED.match(text, at)
        if quoted:
            words.append(unquote(quoted[1]))
            at = quoted.end()
        else:
            end = text.index(" ", at) if " " in text[at:] else len(text)
            words.append(text[at:end].encode())
            at = end


# --- replies --------------------------------------------------------------------------------


def parse(data, at=0):
    """The reply that begins at `at` and where it ends, or None when it is not complete."""
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    kind, rest, at = data[at : at + 1], bytes(data[at + 1 : end]), end + 2
    if kind == b"+":
        return Status(rest), at
    if kind == b"-":
        return Error(rest), at
    if kind == b":":
        return int(rest), at
    if kind == b"$":
        return parse_bulk(data, int(rest), at)
    if kind == b"*":
        return parse_array(data, int(rest), at)
    raise AssertionError(f"not a reply: {bytes(data[max(0, at - 40):at + 40])!r}")


def parse_bulk(data, length, at):
    if length < 0:
        return None, at
    if len(data) < at + length + 2:
        return None
    assert data[at + length : at + length + 2] == b"\r\n", "a bulk string without its CRLF"
    return bytes(data[at : at + length]), at + length + 2


def parse_array(data, count, at):
    if count < 0:
        return None, at
    items = []
    for _ in range(count):
        parsed = parse(data, at)
        if parsed is None:
            return None
        item, at = parsed
        items.append(item)
    return items, at


def family_of(address):
    if isinstance(address, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def connect(address, timeout):
    """A connected socket. A Unix socket's full backlog answers EAGAIN to a socket with a timeout."""
    connected = socket.socket(family_of(address))
    deadline = time.monotonic() + timeout
    while True:
        try:
            connected.settimeout(timeout)
            connected.connect(address)
            return connected
        except BlockingIOError:
            if time.monotonic() > deadline:
                connected.close()
                raise
            time.sleep(0.002)  # until the daemon has accepted others
        except OSError:
            connected.close()
            raise


class Client:
    """A connection to cachesd or to Redis. `address` is a path or (host, port)."""

    parse = staticmethod(parse)  # resp3.py has another

    def __init__(self, address, timeout=10):
        self.timeout = timeout
        self.socket = connect(address, timeout)
        self.input = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        """Raw bytes."""
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def finish(self):
        """Says that no more requests come; replies still do."""
        self.socket.shutdown(socket.SHUT_WR)

    def read(self):
        """The next reply. Raises Closed at the end, TimeoutError when none comes."""
        deadline = time.monotonic() + self.timeout
        while True:
            parsed = self.parse(self.input) if self.input else None
            if parsed:
                del self.input[: parsed[1]]
                return parsed[0]
            self._receive(deadline)

    def _receive(self, deadline):
        # A large reply is collected before it is parsed again, so that its cost stays linear.
        wanted = missing_bytes(self.input)
        while wanted > 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no reply in time")
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(LARGEST_READ)
            except ConnectionResetError:
                data = b""
            if not data:
                raise Closed(f"closed; unread: {bytes(self.input[:200])!r}")
            self.input += data
            wanted -= len(data)

    def call(self, *words):
        """One request in the array form, and its reply."""
        self.send(array(*words))
        return self.read()

    def is_closed(self):
        """True once the peer has closed and nothing is unread."""
        try:
            self._receive(time.monotonic() + self.timeout)
        except Closed:
            return not self.input
        return False


def missing_bytes(data):
    """How many bytes the first reply surely still lacks, at least 1."""
    if data[:1] != b"$":
        return 1
    end = data.find(b"\r\n")
    return 1 if end < 0 else max(1, end + 2 + int(data[1:end]) + 2 - len(data))
