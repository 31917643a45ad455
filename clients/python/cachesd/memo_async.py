"""The part of memo.py that is for asyncio: `@cached` takes it for each `async def`.

Each event loop has one connection, over which the requests of all its tasks go at once, and one more for each
key that is waited for. A task that is cancelled gives its lease back, and disturbs no other.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Coroutine
from typing import Any, Callable, Union

from .address import Login
from .async_client import AsyncClient
from .memo import Cached, Options

clients: dict[Login, AsyncClient] = {}


class AsyncCached(Cached):
    """The same of an `async def`."""

    def __init__(self, fn: Any, options: Options) -> None:
        super().__init__(fn, options)
        self.behind: set[asyncio.Task[None]] = set()  # a loop keeps its tasks by weak references only
        # Event loop and key: what is done when the task is back that waits at the daemon for this loop.
        self.waits: dict[Any, asyncio.Future[None]] = {}
        self.mark(self)

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return await self.result(args, kwargs)

    async def forget(self, *args: Any, **kwargs: Any) -> bool:
        return await self.forgotten(args, kwargs)

    async def refresh(self, *args: Any, **kwargs: Any) -> Any:
        await self.forget(*args, **kwargs)
        return await self(*args, **kwargs)

    async def wait_for(self, key: Union[str, bytes]) -> Any:
        """One task waits at the daemon for all of its loop that want the same; they ask when it is back."""
        loop, deadline = asyncio.get_running_loop(), time.monotonic() + self.options.wait
        answer: Any = b"MISS", None, None
        while answer[0] == b"MISS" and not answer[2] and (left := deadline - time.monotonic()) > 0:
            if (loop, key) in self.waits:
                await asyncio.wait([self.waits[loop, key]], timeout=left)
                answer = await self.get(key)
                continue
            mine = self.waits[loop, key] = loop.create_future()
            try:
                answer = await self.get(key, left)
            finally:
                del self.waits[loop, key]
                mine.set_result(None)
        return answer

    async def send(self, verb: str, *words: Union[str, bytes], **options: Any) -> Any:
        if self.login not in clients:
            clients[self.login] = AsyncClient(self.login)
        return await clients[self.login].call(verb, *words, timeout=self.options.timeout, **options)

    async def outcome(self, compute: Callable[[], Any]) -> Any:
        return await compute()

    def mark(self, thing: Any) -> None:
        if hasattr(inspect, "markcoroutinefunction"):  # Python 3.12
            inspect.markcoroutinefunction(thing)
        else:
            thing._is_coroutine = asyncio.coroutines._is_coroutine  # type: ignore[attr-defined]

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self.behind.add(task)
        task.add_done_callback(self.behind.discard)
