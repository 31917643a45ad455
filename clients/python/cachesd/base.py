"""What all collections can do that are used as Python's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from typing import Any

from .client import Client
from .memo import run
from .registry import get_interface
from .wire import Word
from .work import Base, ManyWork, clear_matching


def unsafe_clear(pattern: str, connection_name: str = "") -> int:
    """Removes all keys of a namespace that fit the pattern (`*`, `?`, `[a-z]`); how many. It looks at all keys."""
    interface = get_interface(connection_name)

    async def send(verb: str, *words: Word, **options: Any) -> Any:
        return interface.client.call(verb, *words, **options)

    return run(clear_matching(send, interface.namespace, pattern))


def drained(generator: AsyncGenerator[Any, None]) -> Iterator[Any]:
    """What an asynchronous generator yields that never waits for a loop."""
    while True:
        try:
            item: Any = run(generator.__anext__())  # type: ignore[arg-type]
        except StopAsyncIteration:
            return
        yield item


class BaseCache(Base):
    """What all collections can do."""

    def __init__(self, *key: Any, data: Any = None, **options: Any) -> None:
        super().__init__(*key, **options)
        if data is not None:
            self.update(data)

    async def _send(self, verb: str, *words: Word, **options: Any) -> Any:
        return self.interface.client.call(verb, *words, **options)

    @property
    def client(self) -> Client:
        """For requests that no method is made for."""
        return self.interface.client

    def update(self, data: Any) -> None:
        raise NotImplementedError

    def exists(self) -> bool:
        """Whether the key is there."""
        return run(self._exists())

    has = exists

    def clear(self) -> None:
        """Removes the key."""
        run(self._clear())

    def touch(self) -> bool:
        """Starts the key's ttl anew; whether it is there."""
        return run(self._touch())


class Container(BaseCache, ManyWork):
    """What holds many things."""

    def __contains__(self, thing: object) -> bool:
        return run(self._contains(thing))

    def __len__(self) -> int:
        return run(self._len())

    def __bool__(self) -> bool:
        return len(self) > 0

    def __repr__(self) -> str:
        return repr(run(self._copy()))
