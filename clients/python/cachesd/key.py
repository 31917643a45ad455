"""A value under a key, and a gate that opens once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import BaseCache
from .memo import cached, run
from .work import KeyWork

if TYPE_CHECKING:
    from .typed import Decorator


class Cache(BaseCache, KeyWork):
    """A value. It is read once, when it is first asked for, and then remembered; get() asks again."""

    @classmethod
    def cached(
        cls, key: Any = None, *, wait: float = 10, timeout: float = 1, background: bool = False, **options: Any
    ) -> Decorator:
        """A decorator that keeps a function's results as this class would: under its prefix, with its ttl and its
        serializer. `key`: a key, or a function of the arguments that returns one or a list of its parts. Without it,
        the name and the arguments. `options` are those of the constructor; the others are those of cachesd.cached."""
        sample = cls("sample", **options)
        interface = sample.interface

        def stored_key(*args: Any, **kwargs: Any) -> str:
            return cls(key(*args, **kwargs) if callable(key) else key, **options).stored_key

        return cached(
            namespace=interface.namespace,
            key=None if key is None else stored_key,
            prefix=f"{sample.normalize_prefix(sample.prefix)}.",
            ttl=None if sample.ttl is None else sample.ttl or "forever",
            wait=wait,
            timeout=timeout,
            background=background,
            dump=sample._dump,
            load=sample._load,
            address=interface.login.address,
            user=interface.login.user,
            token=interface.login.token,
            tls=interface.login.tls,
        )

    @property
    def data(self) -> Any:
        if "_data" not in vars(self):
            self._data = run(self._get())
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        run(self._set(value))
        self._data = self.normalize_data(value)

    @data.deleter
    def data(self) -> None:
        run(self._clear())
        vars(self).pop("_data", None)

    def get(self, default: Any = None) -> Any:
        """The value as it is now."""
        vars(self).pop("_data", None)
        return default if self.data is None else self.data

    def set(self, value: Any) -> None:
        self.data = value

    def add(self, value: Any) -> bool:
        """Stores the value if there is none; whether it did."""
        vars(self).pop("_data", None)
        return run(self._add(value))

    def update(self, data: Any) -> None:
        self.data = data

    def clear(self) -> None:
        del self.data

    def increment(self, delta: int = 1) -> int:
        """Adds to the number, in one step; the new one."""
        self._data = run(self._increment(delta))
        return self._data

    def __iadd__(self, delta: int) -> Cache:
        self.increment(delta)
        return self

    def __isub__(self, delta: int) -> Cache:
        self.increment(-delta)
        return self

    def __int__(self) -> int:
        return int(self.data or 0)

    def __float__(self) -> float:
        return float(self.data or 0)

    def __str__(self) -> str:
        return self.data.decode("utf-8", "replace") if isinstance(self.data, bytes) else str(self.data)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"

    def __bool__(self) -> bool:
        return bool(self.data)

    def __eq__(self, other: object) -> bool:
        return bool(self.data == (other.data if isinstance(other, Cache) else other))

    __hash__ = None  # type: ignore[assignment]  # it compares as its value, which changes

    def __lt__(self, other: Any) -> bool:
        """A value that is not there is less than any."""
        other = other.data if isinstance(other, Cache) else other
        if self.data is None or other is None:
            return self.data is None and other is not None
        return bool(self.data < other)

    def __le__(self, other: Any) -> bool:
        return self == other or self < other

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other


KeyCache = Cache


class SentinelCache(Cache):
    """False for the first who asks, True for all others until the key is gone. Two never both get False."""

    serialize = False
    default = 0

    def __bool__(self) -> bool:
        return not self.add(1)
