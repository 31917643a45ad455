"""How values become bytes, and bytes values again: JSON, as they are, or as one asks."""

from __future__ import annotations

import json
from typing import Any, Protocol, Union

from .wire import as_bytes


class Serializer(Protocol):
    """What `serialize` may be, as the modules pickle and marshal are."""

    def dumps(self, obj: Any, /) -> Union[str, bytes]: ...

    def loads(self, data: Any, /) -> Any: ...


class Json:
    """Equal values have equal texts, so that a set knows its members again."""

    def dumps(self, obj: Any, /) -> str:
        return json.dumps(obj, ensure_ascii=False, sort_keys=True, allow_nan=False, separators=(",", ":"))

    def loads(self, data: bytes, /) -> Any:
        return json.loads(data)


class Raw:
    """Of str, bytes, int and float; bytes come back."""

    def dumps(self, obj: Any, /) -> bytes:
        return as_bytes(obj)

    def loads(self, data: bytes, /) -> bytes:
        return data


JSON, RAW = Json(), Raw()


def serializer(serialize: Union[bool, Serializer]) -> Serializer:
    """For the attribute `serialize` of a class."""
    if serialize is True:
        return JSON
    if serialize is False:
        return RAW
    if not hasattr(serialize, "dumps") or not hasattr(serialize, "loads"):
        raise TypeError(f"serialize={serialize!r:.80}: True (JSON), False, or what has dumps and loads was expected")
    return serialize


def hashable(value: Any) -> Any:
    """A member of a set, which JSON has made lists of tuples in."""
    return tuple(map(hashable, value)) if isinstance(value, list) else value
