"""A dict in the cache."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, MutableMapping, ValuesView
from typing import Any

from .base import Container
from .memo import run
from .work import DictWork


class DictCache(Container, DictWork, MutableMapping[Any, Any]):
    """A dict. Its fields are str, and one that is no str is made one."""

    def __getitem__(self, field: Any) -> Any:
        return run(self._fetch(field))

    def __setitem__(self, field: Any, value: Any) -> None:
        run(self._set(field, value))

    def __delitem__(self, field: Any) -> None:
        run(self._delete(field))

    def __iter__(self) -> Iterator[str]:
        return iter(run(self._keys()))

    def __or__(self, other: Any) -> dict[str, Any]:
        return {**self.copy(), **other}

    def __ior__(self, other: Any) -> DictCache:
        self.update(other)
        return self

    def copy(self) -> dict[str, Any]:
        """A dict of what is there now."""
        return run(self._copy())

    def keys(self) -> KeysView[str]:
        return dict.fromkeys(run(self._keys())).keys()

    def values(self) -> ValuesView[Any]:
        return self.copy().values()

    def items(self) -> ItemsView[str, Any]:
        return self.copy().items()

    def iterkeys(self) -> Iterator[str]:
        return iter(self)

    def itervalues(self) -> Iterator[Any]:
        return iter(self.values())

    def iteritems(self) -> Iterator[tuple[str, Any]]:
        return iter(self.items())

    def get(self, field: Any, default: Any = None) -> Any:
        return run(self._get(field, default))

    def setdefault(self, field: Any, default: Any = None) -> Any:
        """In one step: the value that is there, or the default, which is stored."""
        return run(self._setdefault(field, default))

    def pop(self, field: Any, *default: Any) -> Any:
        return run(self._pop(field, *default))

    def popitem(self) -> tuple[str, Any]:
        """Any one."""
        return run(self._popitem())

    def update(self, other: Any = (), /, **named: Any) -> None:
        """All fields in one request, or in one for each thousand."""
        run(self._update(other, named))
