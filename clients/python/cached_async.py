"""The part of cached.py that is for asyncio: `@cached` takes it for each `async def`.

Each event loop has one connection, over which the requests of all its tasks go at once, and one more for each
key that is waited for. A task that is cancelled gives its lease back, and disturbs no other.
"""

import asyncio
import collections
import importlib
import inspect
import os
import socket
import time

base = importlib.import_module(f"{__package__}.cached" if __package__ else "cached")

loops = {}  # event loop: its connections, and what its tasks wait for


class AsyncConnection(asyncio.Protocol):
    """Requests go out at once, replies come in their order. It ends at the first thing that goes wrong."""

    def __init__(self):
        self.waiting, self.unread, self.is_open = collections.deque(), bytearray(), True

    @classmethod
    async def open(cls, login, timeout):
        loop = asyncio.get_running_loop()
        found = base.places(login.address)
        for place in found:
            try:
                is_tcp = isinstance(place, tuple)
                opening = loop.create_connection(cls, *place) if is_tcp else loop.create_unix_connection(cls, place)
                _, connection = await asyncio.wait_for(opening, timeout)
                break
            except base.NOBODY_THERE:
                if place is found[-1]:
                    raise
        words = login.words()
        if words:
            await connection.call(words, timeout)
        return connection

    async def keep(self):
        """A loop that ends brings its asynchronous generators to their end first, and so closes this connection."""
        try:
            yield self
        finally:
            self.end(ConnectionAbortedError("the loop ends"))

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.unread += data
        try:
            while self.unread and (parsed := base.parse(self.unread)):
                del self.unread[:parsed[1]]
                words, future = self.waiting.popleft()
                self.settle(words, future, parsed[0])
        except (ValueError, IndexError) as error:
            self.end(error)

    def settle(self, words, future, reply):
        if future.done():  # its task has been cancelled
            return
        try:
            future.set_result(base.checked(words, reply))
        except base.Refused as error:
            future.set_exception(error)
        except ValueError as error:
            future.set_exception(error)
            raise

    def connection_lost(self, error):
        self.end(error if isinstance(error, ConnectionError) else ConnectionResetError("closed"))

    def end(self, error):
        self.is_open = False
        self.transport.abort()
        while self.waiting:
            _, future = self.waiting.popleft()
            if not future.done():
                future.set_exception(error)

    async def call(self, words, timeout):
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((words, future))
        self.transport.write(base.request(words))
        try:
            await asyncio.wait([future], timeout=timeout)
        except BaseException:
            future.cancel()
            raise
        if not future.done():
            self.end(socket.timeout("no answer in time"))
        return future.result()


def of_this_loop():
    """Connections belong to the loop they were made in, and go with it."""
    loop = asyncio.get_running_loop()
    if loop not in loops:
        for other in [other for other in list(loops) if other.is_closed()]:
            loops.pop(other, None)
        loops[loop] = {}
    return loops[loop]


async def open_and_keep(login, timeout):
    connection = await AsyncConnection.open(login, timeout)
    connection.keeper = connection.keep()
    return await connection.keeper.__anext__()


def opening_of(login, timeout):
    """The connection that all tasks share, as the task that opens it, and whether that is new."""
    mine, key = of_this_loop(), (login, os.getpid())
    task = mine.get(key)
    if task and not task.done():
        return task, True
    if task and not task.cancelled() and not task.exception() and task.result().is_open:
        return task, False
    task = mine[key] = asyncio.get_running_loop().create_task(open_and_keep(login, timeout))
    task.add_done_callback(lambda task: task.cancelled() or task.exception())  # not to be warned of
    return task, True


async def call_async(login, words, timeout, wait=0):
    if base.resting.get(login.address, 0) > time.monotonic():
        raise base.Rests
    try:
        if wait:  # the replies behind this one's would have to wait too
            connection = await AsyncConnection.open(login, timeout)
            try:
                return await connection.call(words, timeout + wait)
            finally:
                connection.end(ConnectionAbortedError("left"))
        while True:
            task, is_new = opening_of(login, timeout)
            try:
                return await (await asyncio.shield(task)).call(words, timeout)
            except ConnectionError:
                if is_new:
                    raise
    except (socket.timeout, asyncio.TimeoutError) as error:
        base.resting[login.address] = time.monotonic() + base.REST
        raise socket.timeout("no answer in time") from error


class AsyncCached(base.Cached):
    """The same of an `async def`."""

    def __init__(self, *options):
        super().__init__(*options)
        self.behind = set()  # a loop keeps its tasks by weak references only
        self.mark(self)

    async def __call__(self, *args, **kwargs):
        return await self.result(args, kwargs)

    async def forget(self, *args, **kwargs):
        return await self.forgotten(args, kwargs)

    async def refresh(self, *args, **kwargs):
        await self.forget(*args, **kwargs)
        return await self(*args, **kwargs)

    async def wait_for(self, key):
        """One task waits at the daemon for all of its loop that want the same; they ask when it is back."""
        waits, answer, deadline = of_this_loop(), (b"MISS", None, None), time.monotonic() + self.wait
        while answer[0] == b"MISS" and not answer[2] and (left := deadline - time.monotonic()) > 0:
            if (self, key) in waits:
                await asyncio.wait([waits[self, key]], timeout=left)
                answer = await self.get(key)
                continue
            mine = waits[self, key] = asyncio.get_running_loop().create_future()
            try:
                answer = await self.get(key, left)
            finally:
                del waits[self, key]
                mine.set_result(None)
        return answer

    async def send(self, words, wait):
        return await call_async(self.login, words, self.timeout, wait)

    async def outcome(self, compute):
        return await compute()

    def mark(self, thing):
        if hasattr(inspect, "markcoroutinefunction"):  # Python 3.12
            inspect.markcoroutinefunction(thing)
        else:
            thing._is_coroutine = asyncio.coroutines._is_coroutine

    def start(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.behind.add(task)
        task.add_done_callback(self.behind.discard)
