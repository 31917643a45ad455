"""The same for asyncio: `from cachesd import aio`, and then aio.connect(), aio.DictCache and so on, whose methods are
awaited. What Python's syntax can't await, as `c["f"] = 1` or `c += 1`, is a method here."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from .async_client import AsyncBatch, AsyncClient, connect
from .registry import Interface, get_interface
from .wire import Word
from .work import Base, CounterWork, DictWork, KeyWork, ManyWork, SetWork, SortedSetWork, clear_matching

__all__ = ["AsyncBatch", "AsyncClient", "Cache", "CounterCache", "DictCache", "KeyCache", "SentinelCache", "SetCache"]
__all__ += ["SortedSetCache", "connect", "unsafe_clear"]

Self = TypeVar("Self", bound="BaseCache")
clients: dict[Any, AsyncClient] = {}


def client_of(interface: Interface) -> AsyncClient:
    key = interface.login, interface.timeout
    if key not in clients:
        clients[key] = AsyncClient(*key)
    return clients[key]


async def unsafe_clear(pattern: str, connection_name: str = "") -> int:
    """As cachesd.unsafe_clear()."""
    interface = get_interface(connection_name)
    return await clear_matching(client_of(interface).call, interface.namespace, pattern)


class BaseCache(Base):
    def __init__(self, *key: Any, **options: Any) -> None:
        if "data" in options:
            name = type(self).__name__
            raise TypeError(f"{name}() can't await that data is stored: await {name}.create(…, data=…) can")
        super().__init__(*key, **options)

    @classmethod
    async def create(cls: type[Self], *key: Any, data: Any = None, **options: Any) -> Self:
        """A constructor that can store something: await DictCache.create("foo", data={"bar": 1})."""
        made = cls(*key, **options)
        if data is not None:
            await made.update(data)
        return made

    async def _send(self, verb: str, *words: Word, **options: Any) -> Any:
        return await self.client.call(verb, *words, **options)

    @property
    def client(self) -> AsyncClient:
        """For requests that no method is made for."""
        return client_of(self.interface)

    async def update(self, data: Any) -> None:
        raise NotImplementedError

    exists = has = Base._exists
    clear = Base._clear
    touch = Base._touch


class Cache(BaseCache, KeyWork):
    """A value. Each get() asks for it."""

    async def get(self, default: Any = None) -> Any:
        found = await self._get()
        return default if found is None else found

    async def update(self, data: Any) -> None:
        await self._set(data)

    async def increment(self, delta: int = 1) -> int:
        return await self._increment(delta)

    set = KeyWork._set
    add = KeyWork._add


KeyCache = Cache


class SentinelCache(Cache):
    """`await is_set()` is False for the first who asks, and True for all others until the key is gone."""

    serialize = False
    default = 0

    async def is_set(self) -> bool:
        return not await self.add(1)


class Container(BaseCache, ManyWork):
    """What holds many things."""

    async def contains(self, thing: Any) -> bool:
        return await self._contains(thing)

    async def len(self) -> int:
        return await self._len()

    async def copy(self) -> Any:
        return await self._copy()


class DictCache(Container, DictWork):
    get = DictWork._get
    fetch = DictWork._fetch  # KeyError for a field that is not there
    set = DictWork._set
    setdefault = DictWork._setdefault
    delete = DictWork._delete
    pop = DictWork._pop
    popitem = DictWork._popitem
    keys = DictWork._keys

    async def items(self) -> list[tuple[str, Any]]:
        return list((await self._copy()).items())

    async def values(self) -> list[Any]:
        return list((await self._copy()).values())

    async def update(self, data: Any = (), /, **named: Any) -> None:
        await self._update(data, named)

    async def __aiter__(self) -> AsyncIterator[str]:
        for field in await self._keys():
            yield field


class SetCache(Container, SetWork):
    add = SetWork._add
    discard = SetWork._discard
    remove = SetWork._remove
    pop = SetWork._pop
    difference_update = SetWork._difference_update

    async def update(self, *others: Any) -> None:
        await self._update(*others)

    async def __aiter__(self) -> AsyncIterator[Any]:
        for elem in await self._copy():
            yield elem


class SortedSetCache(Container, SortedSetWork):
    add = SortedSetWork._add
    discard = SortedSetWork._discard
    remove = SortedSetWork._remove
    pop = SortedSetWork._pop
    chunk = SortedSetWork._chunk
    score = SortedSetWork._score

    async def rpop(self) -> tuple[Any, Any]:
        return await self._pop(desc=True)

    def rchunk(self, limit: int = 0, offset: int = 0, chunk: int = 5000) -> AsyncIterator[tuple[Any, Any]]:
        return self._chunk(limit, offset, chunk, desc=True)

    async def update(self, *others: Any) -> None:
        await self._update(*others)

    def __aiter__(self) -> AsyncIterator[tuple[Any, Any]]:
        return self._chunk()


class CounterCache(Container, CounterWork):
    get = CounterWork._get
    set = CounterWork._set
    increment = CounterWork._increment
    delete = CounterWork._delete
    most_common = CounterWork._most_common
    total = CounterWork._total

    async def items(self) -> list[tuple[str, int]]:
        return list((await self._copy()).items())

    async def update(self, data: Any = (), /, **named: int) -> None:
        await self._update(data, 1, named)

    async def subtract(self, data: Any = (), /, **named: int) -> None:
        await self._update(data, -1, named)

    async def __aiter__(self) -> AsyncIterator[str]:
        for field in await self._copy():
            yield field
