"""A Counter in the cache."""

from __future__ import annotations

import collections
from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import Any, Optional

from .base import Container
from .memo import run
from .work import CounterWork


def counter_of(other: Any) -> collections.Counter[str]:
    return other.copy() if isinstance(other, CounterCache) else collections.Counter(other)


class Number(int):
    """What a CounterCache gives for a field. It knows what `+=` has added to it, so that storing it adds the same to
    the number that is there by then."""

    field: Any
    delta: Optional[int] = None

    def _plus(self, delta: int) -> Number:
        found = Number(self + delta)
        found.field, found.delta = self.field, (self.delta or 0) + delta
        return found

    def __iadd__(self, delta: int) -> Any:
        return self._plus(delta) if isinstance(delta, int) else int(self) + delta

    def __isub__(self, delta: int) -> Any:
        return self._plus(-delta) if isinstance(delta, int) else int(self) - delta


class CounterCache(Container, CounterWork, MutableMapping[Any, int]):
    """A collections.Counter of whole numbers. `c["hits"] += 5` and update() add in one step, whoever else does."""

    def __getitem__(self, field: Any) -> int:
        found = Number(run(self._get(field)))
        found.field = id(self), self._field(field)
        return found

    def __setitem__(self, field: Any, number: int) -> None:
        if isinstance(number, Number) and number.delta is not None and number.field == (id(self), self._field(field)):
            run(self._increment(field, number.delta))
        else:
            run(self._set(field, number))

    def __delitem__(self, field: Any) -> None:
        run(self._delete(field))

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __eq__(self, other: object) -> bool:
        return bool(self.copy() == (other.copy() if isinstance(other, CounterCache) else other))

    __hash__ = None  # type: ignore[assignment]

    def __add__(self, other: Any) -> collections.Counter[str]:
        return self.copy() + counter_of(other)

    def __sub__(self, other: Any) -> collections.Counter[str]:
        return self.copy() - counter_of(other)

    def __and__(self, other: Any) -> collections.Counter[str]:
        return self.copy() & counter_of(other)

    def __or__(self, other: Any) -> collections.Counter[str]:
        return self.copy() | counter_of(other)

    def __iadd__(self, other: Any) -> CounterCache:
        self.update(other)
        return self

    def __isub__(self, other: Any) -> CounterCache:
        self.subtract(other)
        return self

    def copy(self) -> collections.Counter[str]:
        """A Counter of what is there now."""
        return run(self._copy())

    def get(self, field: Any, default: Any = None) -> Any:
        found = run(self._get(field))
        return found if found or field in self else default

    def keys(self) -> KeysView[str]:
        return self.copy().keys()

    def values(self) -> ValuesView[int]:
        return self.copy().values()

    def items(self) -> ItemsView[str, int]:
        return self.copy().items()

    def increment(self, field: Any, delta: int = 1) -> int:
        """Adds to a field's number, in one step; the new one."""
        return run(self._increment(field, delta))

    def update(self, other: Any = (), /, **named: int) -> None:
        """Adds the numbers of a mapping, or counts what it is given."""
        run(self._update(other, 1, named))

    def subtract(self, other: Any = (), /, **named: int) -> None:
        run(self._update(other, -1, named))

    def most_common(self, n: Optional[int] = None) -> list[tuple[str, int]]:
        """The largest numbers with their fields; those of equal ones by name."""
        return run(self._most_common(n))

    def elements(self) -> Iterator[str]:
        return self.copy().elements()

    def total(self) -> int:
        return run(self._total())
