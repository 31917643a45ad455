"""A connection that blocks, for one thread at a time."""

from __future__ import annotations

import selectors
import socket
import ssl
import time
from typing import Any, Optional, Union

from .address import Login, Place, places
from .errors import CacheError, Lost, TimedOut, Unavailable, silence
from .wire import PENDING, Replies, request

Stream = Union[socket.socket, ssl.SSLSocket]
# What says that a socket has no bytes, or no room, now.
LATER = BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError
LARGEST_READ = 65536  # more would be a mapping of its own, which the kernel makes and takes away for each read
QUEUE = 0.005  # seconds until a daemon whose queue was full is tried again
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)  # poll needs no descriptor of its own


def dial(login: Login, timeout: float) -> Stream:
    """Connects to the first place where a daemon answers, or raises Unavailable."""
    failures = []
    for place in places(login.address):
        try:
            return open_stream(place, login, timeout)
        except OSError as error:
            failures.append(f"{place}: {error}")
            if isinstance(error, socket.timeout):
                raise silence(unreached(failures)) from error
            if isinstance(error, ssl.SSLError):
                break  # somebody is there
    raise unreached(failures)


def unreached(failures: list[str]) -> Unavailable:
    return Unavailable(f"UNAVAILABLE: no daemon answers at {'; '.join(failures)}")


def open_stream(place: Place, login: Login, timeout: float) -> Stream:
    stream: Stream
    if place.path:
        stream = socket.socket(socket.AF_UNIX)
    else:
        stream = socket.create_connection((place.host, place.port), timeout)
    try:
        stream.settimeout(timeout)
        if place.path:
            connect_in_time(stream, place.path, timeout)
        else:
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.is_tls:
            stream = login.context().wrap_socket(stream, server_hostname=place.host)
        stream.setblocking(False)
        return stream
    except BaseException:
        stream.close()
        raise


def unanswered(error: CacheError) -> Unavailable:
    """For a daemon that did not say whether it knows who asks."""
    found = Unavailable(f"UNAVAILABLE: the daemon did not answer auth: {error}")
    found.is_silence = error.is_silence
    return found


def broken(error: Exception) -> CacheError:
    """For a connection that ended. In TLS 1.3 a server refuses the client's certificate, or that there is none, when the
    handshake is over for the client, and reads nothing of what was sent."""
    reason = str(getattr(error, "reason", ""))
    if isinstance(error, ssl.SSLError) and "ALERT" in reason and ("CERT" in reason or "UNKNOWN_CA" in reason):
        return Unavailable(f"UNAVAILABLE: the daemon refuses the connection: {error}")
    return Lost(f"LOST: the connection to the daemon broke: {error}")


def connect_in_time(stream: socket.socket, path: str, timeout: float) -> None:
    """A Unix socket whose queue is full refuses at once, and tells nobody when there is room."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return stream.connect(path)
        except BlockingIOError as error:
            if time.monotonic() + QUEUE > deadline:
                raise socket.timeout("its queue is full") from error
            time.sleep(QUEUE)


class Connection:
    """After any exception but a refusal it is of no use any more, and closed."""

    def __init__(self, login: Login, timeout: float) -> None:
        words = login.words()
        self.replies = Replies()
        self.stream = dial(login, timeout)
        if words:
            self._greet(request(words), timeout)

    def __del__(self) -> None:
        if "stream" in vars(self):
            self.close()

    def _greet(self, data: bytes, timeout: float) -> None:
        """Says who asks. Nothing else has been sent until that is answered."""
        try:
            (reply,) = self.exchange(data, 1, timeout)
        except (TimedOut, Lost) as error:
            raise unanswered(error) from error
        if isinstance(reply, CacheError):
            self.close()
            raise reply

    def close(self) -> None:
        self.stream.close()

    def is_good(self) -> bool:
        """Whether it is still open and silent, as it should be between two requests."""
        try:
            self.stream.recv(1)
        except LATER:
            return True
        except OSError:
            pass
        return False

    def exchange(self, data: bytes, count: int, timeout: float) -> list[Any]:
        """Sends requests, and returns as many replies, errors as values. Replies are read while there is something to
        send, so that neither side waits for the other. Raises TimedOut or Lost."""
        found: list[Any] = []
        deadline, unsent = time.monotonic() + timeout, memoryview(data)
        try:
            while True:
                unsent = self._send(unsent)
                while len(found) < count and (reply := self.replies.take()) is not PENDING:
                    found.append(reply)
                if len(found) == count:
                    if unsent or self.replies.take() is not PENDING:
                        raise Lost("LOST: there is a reply that nobody asked for")
                    return found
                self._wait(bool(unsent), deadline)
                self._receive()
        except BaseException as error:
            last = self._last_word() if isinstance(error, ConnectionError) else None
            self.close()
            if isinstance(error, OSError) and not isinstance(error, CacheError):
                raise failed(broken(last or error), unsent, data, found) from error
            if isinstance(error, CacheError):
                failed(error, unsent, data, found)
            raise

    def _send(self, unsent: memoryview) -> memoryview:
        while unsent:
            try:
                unsent = unsent[self.stream.send(unsent) :]
            except LATER:
                break
        return unsent

    def _receive(self) -> None:
        try:
            data = self.stream.recv(LARGEST_READ)
        except LATER:
            return
        if not data:
            raise ConnectionResetError("it was closed")
        self.replies.feed(data)

    def _last_word(self) -> Optional[OSError]:
        """What TLS said before the end: a write to a connection that is closed fails, though that is still to be read."""
        try:
            self.stream.recv(1)
        except ssl.SSLError as error:
            return error
        except OSError:
            pass
        return None

    def _wait(self, is_writing: bool, deadline: float) -> None:
        if isinstance(self.stream, ssl.SSLSocket) and self.stream.pending():
            return
        left = deadline - time.monotonic()
        with Selector() as selector:
            selector.register(self.stream, selectors.EVENT_READ | (selectors.EVENT_WRITE if is_writing else 0))
            if left <= 0 or not selector.select(left):
                raise silence(TimedOut("TIMEOUT: the daemon did not answer in time"))


def failed(error: CacheError, unsent: memoryview, data: bytes, found: list[Any]) -> CacheError:
    """The error, told what had been sent and received before it."""
    error.was_sent, error.replies = len(unsent) < len(data), found
    return error
