"""A set in the cache that is sorted by scores."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Optional, Union

from .base import Container, drained
from .memo import run
from .work import SortedSetWork


class SortedSetCache(Container, SortedSetWork, Collection[Any]):
    """Elements by their score, from the lowest. Iterating gives (score, elem); `in` asks for an element."""

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        return self.chunk()

    def __reversed__(self) -> Iterator[tuple[Any, Any]]:
        return self.chunk(desc=True)

    def add(self, item: Any, score: Any = None, **when: bool) -> bool:
        """add((score, elem)) or add(elem, score); whether it is new. nx=True: only if it is; xx=True: only if it is
        not; gt=True or lt=True: what is there keeps its score unless the new one is greater, or less."""
        return run(self._add(item, score, **when))

    def update(self, *others: Optional[Iterable[Any]]) -> None:
        run(self._update(*others))

    def discard(self, elem: Any) -> None:
        run(self._discard(elem))

    def remove(self, elem: Any) -> None:
        run(self._remove(elem))

    def pop(self, desc: bool = False) -> tuple[Any, Any]:
        """The lowest, which is removed, as (score, elem); with desc the highest."""
        return run(self._pop(desc))

    def rpop(self) -> tuple[Any, Any]:
        return self.pop(desc=True)

    def chunk(
        self, limit: int = 0, offset: int = 0, chunk: int = 5000, desc: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        """So many from that rank on, 0: all. They are read `chunk` at a time, so one that is moved meanwhile may be
        missed or come twice."""
        return drained(self._chunk(limit, offset, chunk, desc))

    def rchunk(self, limit: int = 0, offset: int = 0, chunk: int = 5000) -> Iterator[tuple[Any, Any]]:
        """The same from the highest on."""
        return self.chunk(limit, offset, chunk, desc=True)

    def score(self, elem: Any) -> Union[int, float, None]:
        return run(self._score(elem))

    def copy(self) -> list[tuple[Any, Any]]:
        return run(self._copy())
