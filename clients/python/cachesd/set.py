"""A set in the cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableSet
from typing import Any, Optional

from .base import Container
from .memo import run
from .work import SetWork


class SetCache(Container, SetWork, MutableSet[Any]):
    """A set. What makes another set of it, as `|` and union(), gives a set of Python's own."""

    @classmethod
    def _from_iterable(cls, elems: Iterable[Any]) -> set[Any]:
        return set(elems)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.copy())

    def __ior__(self, other: Iterable[Any]) -> SetCache:  # type: ignore[misc]
        self.update(other)
        return self

    def __isub__(self, other: Iterable[Any]) -> SetCache:
        self.difference_update(other)
        return self

    def add(self, elem: Any) -> bool:  # type: ignore[override]
        """Whether it is new."""
        return run(self._add(elem))

    def update(self, *others: Optional[Iterable[Any]]) -> None:
        run(self._update(*others))

    def discard(self, elem: Any) -> None:
        run(self._discard(elem))

    def remove(self, elem: Any) -> None:
        run(self._remove(elem))

    def pop(self) -> Any:
        return run(self._pop())

    def copy(self) -> set[Any]:
        """A set of what is there now."""
        return run(self._copy())

    def difference_update(self, *others: Iterable[Any]) -> None:
        run(self._difference_update(*others))

    def intersection_update(self, *others: Iterable[Any]) -> None:
        """It reads the set, and then removes: what is added meanwhile stays."""
        have = self.copy()
        self.difference_update(have - have.intersection(*others))

    def symmetric_difference_update(self, other: Iterable[Any]) -> None:
        both = self.copy() & set(other)
        self.update(other)
        self.difference_update(both)

    def union(self, *others: Iterable[Any]) -> set[Any]:
        return self.copy().union(*others)

    def intersection(self, *others: Iterable[Any]) -> set[Any]:
        return self.copy().intersection(*others)

    def difference(self, *others: Iterable[Any]) -> set[Any]:
        return self.copy().difference(*others)

    def symmetric_difference(self, other: Iterable[Any]) -> set[Any]:
        return self.copy().symmetric_difference(other)

    def issubset(self, other: Iterable[Any]) -> bool:
        return self.copy().issubset(other)

    def issuperset(self, other: Iterable[Any]) -> bool:
        return self.copy().issuperset(other)
