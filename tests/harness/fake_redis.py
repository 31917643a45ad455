"""A backend that greets as Redis does and then answers as the test says: late, wrong or not at all.

    with FakeRedis(world) as fake:
        daemon = world.daemon(INI.replace("{redis:main}", fake.url))
        fake.behave = truncated

It keeps nothing: the value of a key is made from its name (`value_of`), so that every reply shows
whose it is. A behaviour is a function (connection, words, right): it sees each command behind the
greeting but PING, and sends `right`, the bytes of the right answer, or something else. `greet` is
the same for the greeting.
"""

import os
import socket
import threading

import harness
import resp

MB = 1 << 20


def bulk(value):
    return b"$%d\r\n%s\r\n" % (len(value), value)


def array(items):
    return b"*%d\r\n%s" % (len(items), b"".join(items))


def value_of(*names):
    return b"value of " + b" ".join(names)


class Gone(Exception):
    """The daemon has closed the connection, or the test has ended."""


class Connection:
    """One connection of the daemon's: reads commands, and lets the behaviour answer."""

    def __init__(self, fake, plug):
        self.fake = fake
        self.socket = plug
        self.input = bytearray()
        self.is_greeted = False
        self.queued = None  # answers of a transaction's commands
        self.answered = 0

    def run(self):
        try:
            while True:
                self.answer(self.read_command())
        except (Gone, OSError):
            self.close()

    def read_command(self):
        while True:
            parsed = resp.parse(self.input) if self.input else None
            if parsed:
                del self.input[: parsed[1]]
                return parsed[0]
            data = self.socket.recv(65536)
            if not data:
                raise Gone
            self.input += data

    def answer(self, words):
        name = words[0].upper()
        right = self.right_answer(name, words)
        if not self.is_greeted:
            self.is_greeted = name == b"PING"
            self.fake.greet(self, words, right)
        elif name == b"PING":
            self.fake.pong(self, words, right)
        else:
            self.fake.behave(self, words, right)
        self.answered += 1

    def right_answer(self, name, words):
        if name == b"MULTI":
            self.queued = []
            return b"+OK\r\n"
        if name == b"DISCARD":
            self.queued = None
            return b"+OK\r\n"
        if name == b"EXEC":
            queued, self.queued = self.queued, None
            return array(queued)
        answer = self.fake.plain_answer(name, words)
        if self.queued is None:
            return answer
        self.queued.append(answer)
        return b"+QUEUED\r\n"

    def send(self, data):
        self.socket.sendall(data)

    def send_at_most(self, data, total):
        """The same bytes over and over until the daemon has had enough; how many it took."""
        sent = 0
        try:
            while sent < total:
                self.socket.sendall(data)
                sent += len(data)
        except OSError:
            pass
        self.fake.flooded = sent

    def wait_for_end(self):
        """Answers nothing any more."""
        while self.socket.recv(65536):
            pass
        raise Gone

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


def plain_answer(name, words):
    if name == b"PING":
        return b"+PONG\r\n"
    if name in (b"GET", b"HGET"):
        return bulk(value_of(*words[1:]))
    if name in (b"MGET", b"HMGET"):
        return array([bulk(value_of(word)) for word in words[1:]])
    if name == b"HVALS":
        return array([bulk(b"1"), bulk(b"2")])
    if name == b"HGETALL":
        return array([bulk(b"f"), bulk(b"1"), bulk(b"g"), bulk(b"2")])
    if name in (b"SET", b"AUTH", b"SELECT", b"CLIENT"):
        return b"+OK\r\n"
    return b":1\r\n"


def send_right(connection, _, right):
    connection.send(right)


class FakeRedis:
    """Listens at `path`. Each connection has a thread of its own."""

    plain_answer = staticmethod(plain_answer)

    def __init__(self, world, name="fake", accepts=True):
        self.path = f"{world.folder}/{name}.redis"
        self.url = f"unix:{self.path}"
        self.greet = self.pong = self.behave = send_right
        self.accepted = 0
        self.flooded = None  # bytes that send_at_most() got rid of
        self.connections = []
        self.is_over = False
        self.listener = self.bind()
        self.listener.listen(64)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        if accepts:
            self.thread.start()

    def bind(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        return listener

    def _accept(self):
        while True:
            try:
                plug, _ = self.listener.accept()
            except OSError:
                return
            if self.is_over:
                plug.close()
                return
            self.accepted += 1
            connection = Connection(self, plug)
            self.connections.append(connection)
            threading.Thread(target=connection.run, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_over = True
        if self.thread.is_alive():
            resp.connect(self.listener.getsockname(), harness.LONG).close()  # wakes the accepting thread
            self.thread.join()
        self.listener.close()
        for connection in self.connections:
            connection.close()


# --- behaviours -----------------------------------------------------------------------------


def stall(connection, *_):
    connection.wait_for_end()


def close_at_once(*_):
    raise Gone


def close_in_the_middle(connection, _, right):
    connection.send(right[: len(right) // 2])
    raise Gone


def truncate(connection, _, right):
    connection.send(right[:-3])
    connection.wait_for_end()


def split_at_each_byte(connection, _, right):
    for at in range(len(right)):
        connection.send(right[at : at + 1])


def answer_with(data):
    """Sends this in place of every answer."""
    return lambda connection, words, right: connection.send(data)


def answer_and_stall(data):
    def behave(connection, *_):
        connection.send(data)
        connection.wait_for_end()

    return behave


def flood(head, data, total):
    """Sends `head` once and then `data` again and again."""

    def behave(connection, *_):
        connection.send(head)
        connection.send_at_most(data, total)
        connection.wait_for_end()

    return behave


def once(behaviour):
    """That for the first command, right answers for the rest; also on later connections."""
    turn = threading.Lock()

    def behave(connection, words, right):
        now = behaviour if turn.acquire(blocking=False) else send_right
        now(connection, words, right)

    return behave


def only_for(name, behaviour):
    """That for one command, right answers for the rest."""

    def behave(connection, words, right):
        now = behaviour if words[0].upper() == name else send_right
        now(connection, words, right)

    return behave
