"""What each collection does, written once, as coroutines. In the classes that block they never wait for an event
loop, since their _send() does not (base.py); in those of aio.py they are awaited."""

from __future__ import annotations

import collections
import datetime
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any, Optional, Union

from . import serial
from .registry import Interface, get_interface
from .wire import Word, as_text, duration

STEP = 1000  # how many members or fields one request has, at most
MISSING: Any = object()


class Base:
    """A collection under one key. Classes are made of these, with other values for what follows; a constructor's named
    arguments set them for one object."""

    serialize: Any = True  # True: JSON. False: str, bytes, int and float as they are. Else what has dumps and loads.
    prefix: str = ""  # what keys begin with, instead of the class's name
    ttl: Union[int, float, str, datetime.timedelta, None] = None  # seconds; 0: for ever; None: as the namespace says
    connection_name: str = ""  # a configured connection, or a namespace
    namespace: Optional[str] = None  # instead of the connection's
    default: Any = None  # the value of a key that is not there

    def __init__(self, *key: Any, **options: Any) -> None:
        for name, value in options.items():
            usual = getattr(type(self), name, MISSING)
            if usual is MISSING or isinstance(usual, property) or (callable(usual) and name != "serialize"):
                raise TypeError(f"{type(self).__name__}() has no option {name!r}")
            setattr(self, name, value)
        self.key = self.normalize_key(list(flat(key)))

    # What a class may do otherwise.

    def normalize_key(self, key: list[Any]) -> str:
        """The key, of the constructor's arguments."""
        joined = ".".join(str(part) for part in [self.prefix, *key] if part not in ("", None))
        if not joined:
            raise ValueError(f"{type(self).__name__}() has no key: name it, or give the class a prefix")
        return joined

    def normalize_prefix(self, prefix: str) -> str:
        """What keys begin with in the daemon: so classes without a prefix don't share keys."""
        return prefix or type(self).__name__

    def normalize_data(self, data: Any) -> Any:
        """A value on its way in and out."""
        return data

    @property
    def stored_key(self) -> str:
        """The key as the daemon is told it."""
        return self.key if self.prefix else f"{self.normalize_prefix('')}.{self.key}"

    @property
    def interface(self) -> Interface:
        found = get_interface(self.connection_name)
        return found._replace(namespace=self.namespace) if self.namespace else found

    # Requests.

    async def _send(self, verb: str, *words: Word, **options: Any) -> Any:
        raise NotImplementedError

    async def _call(self, verb: str, *words: Word, **options: Any) -> Any:
        return await self._send(verb, self.interface.namespace, self.stored_key, *words, **options)

    async def _write(self, verb: str, *words: Word, **options: Any) -> Any:
        """A request that may say a ttl."""
        ttl = None if self.ttl is None else duration(self.ttl) if self.ttl else "forever"
        return await self._call(verb, *words, ttl=ttl, **options)

    def _dump(self, value: Any) -> Union[str, bytes]:
        return serial.serializer(self.serialize).dumps(self.normalize_data(value))

    def _load(self, data: bytes) -> Any:
        return self.normalize_data(serial.serializer(self.serialize).loads(data))

    async def _exists(self) -> bool:
        return bool(await self._call("exists"))

    async def _clear(self) -> None:
        await self._call("del")

    async def _touch(self) -> bool:
        return bool(await self._write("touch"))


def flat(key: Iterable[Any]) -> Iterable[Any]:
    for part in key:
        if isinstance(part, (list, tuple)):
            yield from flat(part)
        else:
            yield part


def steps(items: list[Any]) -> Iterable[list[Any]]:
    return (items[at : at + STEP] for at in range(0, len(items), STEP))


def pairs(items: list[Any]) -> Iterable[tuple[Any, Any]]:
    return zip(items[::2], items[1::2])


def delta_of(delta: Any) -> int:
    if isinstance(delta, bool) or not isinstance(delta, int):
        raise TypeError(f"{delta!r:.80} is no int, and only whole numbers can be added")
    return delta


class KeyWork(Base):
    async def _get(self) -> Any:
        data = await self._call("key.get")
        return self.normalize_data(self.default) if data is None else self._load(data)

    async def _set(self, value: Any) -> None:
        await self._write("key.set", self._dump(value))

    async def _add(self, value: Any) -> bool:
        return bool(await self._write("key.add", self._dump(value)))

    async def _increment(self, delta: int) -> int:
        if self.serialize not in (True, False):
            raise ValueError("only a value that is JSON, or is stored as it is (serialize = False), can be added to")
        return await self._write("key.incr", delta_of(delta))


class ManyWork(Base):
    """Of what holds many things."""

    @staticmethod
    def _field(field: Any) -> Word:
        return field if isinstance(field, bytes) else str(field)

    async def _copy(self) -> Any:
        raise NotImplementedError

    async def _contains(self, thing: Any) -> bool:
        raise NotImplementedError

    async def _len(self) -> int:
        raise NotImplementedError


class DictWork(ManyWork):
    async def _fetch(self, field: Any) -> Any:
        data = await self._call("dict.get", self._field(field))
        if data is None:
            raise KeyError(field)
        return self._load(data)

    async def _get(self, field: Any, default: Any = None) -> Any:
        data = await self._call("dict.get", self._field(field))
        return default if data is None else self._load(data)

    async def _set(self, field: Any, value: Any) -> None:
        await self._write("dict.set", self._field(field), self._dump(value))

    async def _update(self, other: Any = (), named: Optional[Mapping[str, Any]] = None) -> None:
        items = [(self._field(field), self._dump(value)) for field, value in dict(other or (), **(named or {})).items()]
        for step in steps(items):
            await self._write("dict.set", *(word for item in step for word in item))

    async def _setdefault(self, field: Any, default: Any = None) -> Any:
        if await self._write("dict.add", self._field(field), self._dump(default)):
            return default
        return await self._get(field, default)

    async def _delete(self, field: Any) -> None:
        if not await self._call("dict.del", self._field(field)):
            raise KeyError(field)

    async def _pop(self, field: Any, *default: Any) -> Any:
        data = await self._call("dict.pop", self._field(field))
        if data is not None:
            return self._load(data)
        if default:
            return default[0]
        raise KeyError(field)

    async def _popitem(self) -> tuple[str, Any]:
        found = await self._call("dict.popitem")
        if not found:
            raise KeyError(f"popitem(): {self.key} is empty")
        return as_text(found[0]), self._load(found[1])

    async def _copy(self) -> dict[str, Any]:
        found = await self._call("dict.items")
        return {as_text(field): self._load(value) for field, value in pairs(found)}

    async def _keys(self) -> list[str]:
        return as_text(await self._call("dict.keys"))

    async def _contains(self, field: Any) -> bool:
        return bool(await self._call("dict.has", self._field(field)))

    async def _len(self) -> int:
        return await self._call("dict.len")


class SetWork(ManyWork):
    def _load(self, data: bytes) -> Any:
        return serial.hashable(super()._load(data))

    async def _add(self, elem: Any) -> bool:
        return bool(await self._write("set.add", self._dump(elem)))

    async def _update(self, *others: Optional[Iterable[Any]]) -> None:
        for step in steps([self._dump(elem) for other in others if other is not None for elem in other]):
            await self._write("set.add", *step)

    async def _difference_update(self, *others: Iterable[Any]) -> None:
        for step in steps([self._dump(elem) for other in others for elem in other]):
            await self._call("set.del", *step)

    async def _discard(self, elem: Any) -> bool:
        return bool(await self._call("set.del", self._dump(elem)))

    async def _remove(self, elem: Any) -> None:
        if not await self._discard(elem):
            raise KeyError(elem)

    async def _pop(self) -> Any:
        data = await self._call("set.pop")
        if data is None:
            raise KeyError(f"pop(): {self.key} is empty")
        return self._load(data)

    async def _copy(self) -> set[Any]:
        return {self._load(data) for data in await self._call("set.members")}

    async def _contains(self, elem: Any) -> bool:
        return bool(await self._call("set.has", self._dump(elem)))

    async def _len(self) -> int:
        return await self._call("set.len")


class SortedSetWork(ManyWork):
    """Elements with a score each. They come as (score, elem), or (elem, score) with score_first = False."""

    score_first: bool = True

    def normalize_score(self, score: Any) -> Union[int, float]:
        """A score on its way in and out: int where it is whole."""
        number = float(score)
        return int(number) if number.is_integer() else number

    def _load(self, data: bytes) -> Any:
        return serial.hashable(super()._load(data))

    def _pair(self, data: bytes, score: bytes) -> tuple[Any, Any]:
        found = self.normalize_score(score.decode()), self._load(data)
        return found if self.score_first else found[::-1]

    def _words(self, item: Any, score: Any = None) -> tuple[Word, Word]:
        """For an item as it comes, or an element and its score."""
        if score is None:
            if not isinstance(item, tuple):
                raise TypeError(f"{item!r:.80} is a {type(item).__name__}: a tuple (score, elem) was expected")
            if len(item) != 2:
                raise ValueError(f"{item!r:.80} has {len(item)} values: a tuple (score, elem) was expected")
            score, item = item if self.score_first else item[::-1]
        return self.normalize_score(score), self._dump(item)

    async def _add(
        self, item: Any, score: Any = None, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False
    ) -> bool:
        chosen = [word for word, is_on in (("absent", nx), ("present", xx), ("greater", gt), ("less", lt)) if is_on]
        if len(chosen) > 1:
            raise ValueError("only one of nx, xx, gt and lt can be asked for at once")
        return bool(await self._write("sorted.add", *self._words(item, score), if_=chosen[0] if chosen else None))

    async def _update(self, *others: Optional[Iterable[Any]]) -> None:
        for step in steps([self._words(item) for other in others if other is not None for item in other]):
            await self._write("sorted.add", *(word for words in step for word in words))

    async def _discard(self, elem: Any) -> bool:
        return bool(await self._call("sorted.del", self._dump(elem)))

    async def _remove(self, elem: Any) -> None:
        if not await self._discard(elem):
            raise KeyError(elem)

    async def _pop(self, desc: bool = False) -> tuple[Any, Any]:
        found = await self._call("sorted.rpop" if desc else "sorted.pop")
        if not found:
            raise KeyError(f"pop(): {self.key} is empty")
        return self._pair(*found)

    async def _chunk(
        self, limit: int = 0, offset: int = 0, chunk: int = 5000, desc: bool = False
    ) -> AsyncGenerator[tuple[Any, Any], None]:
        at, end = offset, offset + limit if limit else None
        while end is None or at < end:
            stop = at + chunk if end is None else min(at + chunk, end)
            found = await self._call("sorted.range", at, stop - 1, order="desc" if desc else None)
            for data, score in pairs(found):
                yield self._pair(data, score)
            if len(found) < 2 * (stop - at):
                break
            at = stop

    async def _copy(self) -> list[tuple[Any, Any]]:
        return [item async for item in self._chunk()]

    async def _score(self, elem: Any) -> Union[int, float, None]:
        found = await self._call("sorted.score", self._dump(elem))
        return None if found is None else self.normalize_score(found.decode())

    async def _contains(self, elem: Any) -> bool:
        return bool(await self._call("sorted.has", self._dump(elem)))

    async def _len(self) -> int:
        return await self._call("sorted.len")


class CounterWork(ManyWork):
    async def _get(self, field: Any) -> int:
        return await self._call("counter.get", self._field(field))

    async def _set(self, field: Any, number: int) -> None:
        await self._write("counter.set", self._field(field), delta_of(number))

    async def _increment(self, field: Any, delta: int = 1) -> int:
        return await self._write("counter.incr", self._field(field), delta_of(delta))

    async def _update(self, other: Any = (), sign: int = 1, named: Optional[Mapping[str, int]] = None) -> None:
        deltas: dict[Any, int] = dict(other.items()) if hasattr(other, "items") else collections.Counter(other or ())
        for field, number in (named or {}).items():
            deltas[field] = deltas.get(field, 0) + number
        for step in steps([(self._field(field), sign * delta_of(delta)) for field, delta in deltas.items()]):
            await self._write("counter.update", *(word for item in step for word in item))

    async def _delete(self, field: Any) -> bool:
        return bool(await self._call("counter.del", self._field(field)))

    async def _copy(self) -> collections.Counter[str]:
        found = await self._call("counter.items")
        return collections.Counter({as_text(field): number for field, number in pairs(found)})

    async def _most_common(self, count: Optional[int] = None) -> list[tuple[str, int]]:
        if count is None:
            return sorted((await self._copy()).items(), key=lambda item: (-item[1], item[0]))
        found = await self._call("counter.top", max(count, 0))
        return [(as_text(field), number) for field, number in pairs(found)]

    async def _contains(self, field: Any) -> bool:
        """A field may be there with 0, which counter.get does not tell from one that is not."""
        return await self._get(field) != 0 or as_text(self._field(field)) in await self._copy()

    async def _total(self) -> int:
        return await self._call("counter.total")

    async def _len(self) -> int:
        return await self._call("counter.len")


async def clear_matching(send: Any, namespace: str, pattern: str) -> int:
    """Removes the keys of a namespace that fit the pattern, step by step; how many."""
    cursor, removed = "0", 0
    while True:
        cursor, keys = await send("scan", namespace, cursor, match=pattern)
        if keys:
            removed += await send("del", namespace, *keys)
        if cursor in ("0", b"0"):
            return removed
