"""The client for asyncio. All tasks of an event loop share one connection, over which their requests go at once. One
that the daemon was asked to hold back has a connection of its own, since the replies behind it would have to wait."""

from __future__ import annotations

import asyncio
import collections
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from typing import Any, Optional

from .address import Login, Place, places
from .client import TIMEOUT, Requests
from .connection import QUEUE, broken, unanswered, unreached
from .errors import CacheError, Lost, TimedOut, Unavailable, silence
from .verbs import Verbs, wait_of, words_of
from .wire import PENDING, Replies, Word, as_text, request

IDLE = 0.005  # seconds after which an open connection is looked at again before it is used


class AsyncConnection(asyncio.Protocol):
    """Requests go out at once, replies come in their order. It ends at the first thing that goes wrong."""

    def __init__(self) -> None:
        self.waiting: collections.deque[asyncio.Future[Any]] = collections.deque()
        self.replies, self.is_open, self.heard = Replies(), True, time.monotonic()
        self.keeper = self.keep()
        self.reason: Exception = ConnectionAbortedError()  # of its end

    @classmethod
    async def open(cls, login: Login, timeout: float) -> AsyncConnection:
        words, connection = login.words(), await cls._first(login, timeout)
        if words:
            await connection.greet(words, timeout)
        return connection

    @classmethod
    async def _first(cls, login: Login, timeout: float) -> AsyncConnection:
        """To the first place where a daemon answers, or it raises Unavailable."""
        failures = []
        for place in places(login.address):
            try:
                return await asyncio.wait_for(cls._dial(place, login), timeout)
            except (OSError, asyncio.TimeoutError) as error:
                is_late = isinstance(error, asyncio.TimeoutError)
                failures.append(f"{place}: {'no answer in time' if is_late else error}")
                if is_late:
                    raise silence(unreached(failures)) from error
                if isinstance(error, ssl.SSLError):
                    break  # somebody is there
        raise unreached(failures)

    @classmethod
    async def _dial(cls, place: Place, login: Login) -> AsyncConnection:
        loop = asyncio.get_running_loop()
        if place.path:
            return (await loop.create_unix_connection(cls, sock=await connected(place.path)))[1]
        context = login.context() if place.is_tls else None
        return (await loop.create_connection(cls, place.host, place.port, ssl=context))[1]

    async def greet(self, words: Sequence[str], timeout: float) -> None:
        """Says who asks. Nothing else has been sent until that is answered."""
        try:
            (reply,) = await self.exchange(request(words), 1, timeout)
        except BaseException as error:
            self.end(ConnectionAbortedError("not authenticated"))
            if isinstance(error, (TimedOut, Lost)):
                raise unanswered(error) from error
            raise
        if isinstance(reply, CacheError):
            self.end(reply)
            raise reply

    async def keep(self) -> AsyncGenerator[AsyncConnection, None]:
        """A loop that ends brings its asynchronous generators to their end first, and so closes this connection."""
        try:
            yield self
        finally:
            self.end(ConnectionAbortedError("the loop ends"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        self.replies.feed(data)
        try:
            found: list[Any] = list(iter(self.replies.take, PENDING))
            if len(found) > len(self.waiting):
                raise Lost("LOST: there is a reply that nobody asked for")
        except Lost as error:
            self.end(error)
            return
        for reply in found:
            future = self.waiting.popleft()
            if not future.done():  # its task has been cancelled
                future.set_result(reply)

    def eof_received(self) -> None:
        self.end(ConnectionResetError("it was closed"))

    def connection_lost(self, error: Optional[Exception]) -> None:
        self.end(error or ConnectionResetError("it was closed"))

    def end(self, error: Exception) -> None:
        if self.is_open:
            self.is_open, self.reason = False, error
        self.transport.abort()
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_exception(error if isinstance(error, CacheError) else broken(error))

    async def is_good(self) -> bool:
        """Two turns of the loop tell of an end that came while nobody listened, as when a task computed for long."""
        if self.is_open and not self.waiting and time.monotonic() - self.heard > IDLE:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return self.is_open

    async def exchange(self, data: bytes, count: int, timeout: float) -> list[Any]:
        """Sends requests; their replies, errors as values. Raises TimedOut or Lost, or Unavailable when nothing was sent."""
        if not self.is_open:
            raise Unavailable(f"UNAVAILABLE: the daemon closed the connection at once: {self.reason}")
        started, loop = time.monotonic(), asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(count)]
        self.waiting.extend(futures)
        self.transport.write(data)
        try:
            await asyncio.wait(futures, timeout=timeout)
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        found, error = outcome(futures)
        if error is None and len(found) < count:
            error = silence(TimedOut("TIMEOUT: the daemon did not answer in time"))
            for future in futures[len(found) :]:
                future.cancel()
            if self.heard < started:  # nothing came for anybody: it hangs, or is gone without a word
                self.end(ConnectionAbortedError("the daemon was silent for too long"))
        if error is not None:
            error.replies = found
            raise error
        return found


async def connected(path: str) -> socket.socket:
    """As connect_in_time(); whoever awaits it bounds its time."""
    stream = socket.socket(socket.AF_UNIX)
    try:
        stream.setblocking(False)
        while True:
            try:
                stream.connect(path)
                return stream
            except BlockingIOError:
                await asyncio.sleep(QUEUE)
    except BaseException:
        stream.close()
        raise


def outcome(futures: Sequence[asyncio.Future[Any]]) -> tuple[list[Any], Optional[CacheError]]:
    """The replies that have come, and why there are no more."""
    found, error = [], None
    for future in futures:
        if future.done():
            failure = future.exception()
            if isinstance(failure, CacheError):
                error = error or again(failure)
            else:
                found.append(future.result())
    return found, error


def again(failure: CacheError) -> CacheError:
    """A copy for one caller of what happened to many."""
    error = type(failure)(*failure.args)
    error.code, error.is_silence = failure.code, failure.is_silence
    return error


# Event loop: its connections by client and process, each as the task that opens it. They go with the loop.
loops: dict[asyncio.AbstractEventLoop, dict[Any, asyncio.Task[AsyncConnection]]] = {}


def of_this_loop() -> dict[Any, asyncio.Task[AsyncConnection]]:
    loop = asyncio.get_running_loop()
    if loop not in loops:
        for other in [other for other in list(loops) if other.is_closed()]:
            loops.pop(other, None)
        loops[loop] = {}
    return loops[loop]


async def open_and_keep(login: Login, timeout: float) -> AsyncConnection:
    connection = await AsyncConnection.open(login, timeout)
    return await connection.keeper.__anext__()


async def connect(
    address: Optional[str] = None,
    *,
    user: Optional[str] = None,
    token: Optional[str] = None,
    timeout: float = TIMEOUT,
    text: bool = False,
    tls: Optional[ssl.SSLContext] = None,
) -> AsyncClient:
    """As cachesd.connect()."""
    client = AsyncClient(Login(address, user, token, tls), timeout, text)
    await client.take(timeout)
    return client


class AsyncClient(Verbs[Awaitable[Any]]):
    """As Client; calls are awaited. It serves any number of event loops, and each of them has a connection."""

    def __init__(self, login: Login = Login(), timeout: float = TIMEOUT, text: bool = False) -> None:
        self._login, self._timeout, self._is_text = login.checked(), timeout, text

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, kind: Optional[type], *_: Any) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes this loop's connection. Another call makes a new one."""
        task = of_this_loop().pop((self, os.getpid()), None)
        if task and task.done() and not task.cancelled() and not task.exception():
            await task.result().keeper.aclose()
        elif task:
            task.cancel()

    async def call(self, verb: str, *arguments: Word, timeout: Optional[float] = None, **options: Any) -> Any:
        (reply,) = await self.exchange([words_of(verb, arguments, options)], timeout)
        if isinstance(reply, CacheError):
            raise reply
        return reply

    def batch(self) -> AsyncBatch:
        return AsyncBatch(self)

    async def exchange(self, requests: Sequence[Sequence[bytes]], timeout: Optional[float] = None) -> list[Any]:
        """As Client.exchange()."""
        data, count = b"".join(map(request, requests)), len(requests)
        timeout = self._timeout if timeout is None else timeout
        wait = sum(map(wait_of, requests))
        if wait:
            return self._shown(await self._exchange_apart(data, count, timeout, wait))
        connection = await self.take(timeout)
        try:
            return self._shown(await connection.exchange(data, count, timeout))
        except CacheError as error:
            error.replies = self._shown(error.replies)
            raise

    async def _exchange_apart(self, data: bytes, count: int, timeout: float, wait: float) -> list[Any]:
        connection = await AsyncConnection.open(self._login, timeout)
        try:
            return await connection.exchange(data, count, timeout + wait)
        finally:
            connection.end(ConnectionAbortedError("left"))

    async def take(self, timeout: float) -> AsyncConnection:
        """The connection that all tasks of this loop share."""
        connection = await asyncio.shield(self._opening(timeout))
        if not await connection.is_good():
            connection = await asyncio.shield(self._opening(timeout))
        return connection

    def _opening(self, timeout: float) -> asyncio.Task[AsyncConnection]:
        mine, key = of_this_loop(), (self, os.getpid())
        task = mine.get(key)
        if task and not task.done():
            return task
        if task and not task.cancelled() and not task.exception() and task.result().is_open:
            return task
        task = mine[key] = asyncio.get_running_loop().create_task(open_and_keep(self._login, timeout))
        task.add_done_callback(lambda task: task.cancelled() or task.exception())  # not to be warned of
        return task

    def _shown(self, replies: list[Any]) -> list[Any]:
        return as_text(replies) if self._is_text else replies


class AsyncBatch(Requests):
    """As Batch: calls are noted, and sent together by `await send()`, or when `async with` is left."""

    def __init__(self, client: AsyncClient) -> None:
        super().__init__()
        self._client = client

    async def __aenter__(self) -> AsyncBatch:
        return self

    async def __aexit__(self, kind: Optional[type], *_: Any) -> None:
        if kind is None and self.replies is None:
            await self.send()

    async def send(self, *, timeout: Optional[float] = None, return_errors: bool = False) -> list[Any]:
        """As Batch.send()."""
        requests, self.replies = self._requests, []
        try:
            if requests:
                self.replies = await self._client.exchange(requests, timeout)
        except CacheError as error:
            self._fail(error)
        return self._checked(return_errors)
