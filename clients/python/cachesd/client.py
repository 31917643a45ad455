"""The client that blocks. Threads may share one: each has a connection of its own, and so has each forked child."""

from __future__ import annotations

import os
import ssl
import threading
import weakref
from collections.abc import Sequence
from typing import Any, Optional

from .address import Login
from .connection import Connection
from .errors import CacheError, Lost, Unavailable
from .verbs import Verbs, wait_of, words_of
from .wire import Word, as_text, request

TIMEOUT = 5.0  # seconds to connect, and for the answer to each call


def connect(
    address: Optional[str] = None,
    *,
    user: Optional[str] = None,
    token: Optional[str] = None,
    timeout: float = TIMEOUT,
    text: bool = False,
    tls: Optional[ssl.SSLContext] = None,
) -> Client:
    """A client whose first connection is made, or Unavailable. `address`: a path, HOST:PORT, [IPV6]:PORT or
    tls:HOST:PORT, else $CACHESD_ADDRESS, else where a daemon usually is. `text`: values come as str."""
    client = Client(Login(address, user, token, tls), timeout, text)
    client.give(client.take()[0])
    return client


class Client(Verbs[Any]):
    def __init__(self, login: Login = Login(), timeout: float = TIMEOUT, text: bool = False) -> None:
        self._login, self._timeout, self._is_text = login.checked(), timeout, text
        self._own = threading.local()
        self._all: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: Optional[type], *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections of all threads. Another call makes a new one."""
        with self._lock:
            for connection in list(self._all):
                connection.close()
            self._all.clear()

    def call(self, verb: str, *arguments: Word, timeout: Optional[float] = None, **options: Any) -> Any:
        """One request; its reply, or an exception. `timeout`: seconds, instead of the client's."""
        (reply,) = self.exchange([words_of(verb, arguments, options)], timeout)
        if isinstance(reply, CacheError):
            raise reply
        return reply

    def batch(self) -> Batch:
        return Batch(self)

    def exchange(self, requests: Sequence[Sequence[bytes]], timeout: Optional[float] = None) -> list[Any]:
        """Sends requests at once; their replies, errors as values. Nothing is sent twice: a new connection is made only
        when not a byte went out over the one at hand."""
        data = b"".join(map(request, requests))
        timeout = self._timeout if timeout is None else timeout
        waits = timeout + sum(map(wait_of, requests))
        while True:
            connection, is_new = self.take(timeout)
            try:
                replies = connection.exchange(data, len(requests), waits)
            except Lost as error:
                if is_new and not error.was_sent:
                    raise Unavailable(f"UNAVAILABLE: {error}") from error
                if is_new or error.was_sent:
                    error.replies = self._shown(error.replies)
                    raise
            else:
                self.give(connection)
                return self._shown(replies)

    def take(self, timeout: Optional[float] = None) -> tuple[Connection, bool]:
        """This thread's connection, which is nobody's until it is given back, and whether it is new. What ends in
        mid-request, as by KeyboardInterrupt, never gives it back: so no reply is taken for another's."""
        connection: Optional[Connection] = self._own.__dict__.pop(str(os.getpid()), None)
        if connection and connection.is_good():
            return connection, False
        connection = Connection(self._login, self._timeout if timeout is None else timeout)
        with self._lock:
            self._all.add(connection)
        return connection, True

    def give(self, connection: Connection) -> None:
        self._own.__dict__[str(os.getpid())] = connection

    def _shown(self, replies: list[Any]) -> list[Any]:
        return as_text(replies) if self._is_text else replies


class Promise:
    """The place of a reply in a batch."""

    def __init__(self, batch: Requests, at: int) -> None:
        self._batch, self._at = batch, at

    def get(self) -> Any:
        """The reply, or its error as an exception."""
        if self._batch.replies is None:
            raise RuntimeError("the batch has not been sent yet")
        reply = self._batch.replies[self._at]
        if isinstance(reply, CacheError):
            raise reply
        return reply


class Requests(Verbs[Promise]):
    """Requests that are noted, to be sent together. `replies` are theirs once that was done."""

    def __init__(self) -> None:
        self._requests: list[list[bytes]] = []
        self.replies: Optional[list[Any]] = None

    def call(self, verb: str, *arguments: Word, timeout: Optional[float] = None, **options: Any) -> Promise:
        if timeout is not None:
            raise TypeError("a request of a batch has no timeout of its own: send(timeout=...) has")
        if self.replies is not None:
            raise RuntimeError("the batch was sent")
        self._requests.append(words_of(verb, arguments, options))
        return Promise(self, len(self._requests) - 1)

    def _fail(self, error: CacheError) -> None:
        """What came before the connection broke, and the error for each of the rest."""
        missing = len(self._requests) - len(error.replies)
        self.replies = error.replies + [error] * missing

    def _checked(self, return_errors: bool) -> list[Any]:
        replies = self.replies or []
        for reply in [] if return_errors else replies:
            if isinstance(reply, CacheError):
                raise reply
        return replies


class Batch(Requests):
    """They are carried out in their order, others' may come between them, and one that is refused stops no other.
    Leaving `with` sends them."""

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: Optional[type], *_: Any) -> None:
        if kind is None and self.replies is None:
            self.send()

    def send(self, *, timeout: Optional[float] = None, return_errors: bool = False) -> list[Any]:
        """The replies. The first error is raised when all have come, or with `return_errors` each stands in its
        place."""
        requests, self.replies = self._requests, []
        try:
            if requests:
                self.replies = self._client.exchange(requests, timeout)
        except CacheError as error:
            self._fail(error)
        return self._checked(return_errors)
