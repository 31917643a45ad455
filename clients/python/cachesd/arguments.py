"""A text for a call's arguments that equal ones share, and no others."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import json
import pathlib
import sys
import types
import uuid
import zoneinfo
from collections.abc import Iterable
from typing import Any, Callable, NoReturn

DEPTH = 100  # how deep an argument may be nested


class Unknown(TypeError):
    """A value that nothing tells apart from others."""


TEXTS: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: lambda value: str(value) if abs(value) < 1 << 64 else hex(value),  # str() has a limit
    str: lambda value: json.dumps(value, ensure_ascii=False),
    zoneinfo.ZoneInfo: lambda value: repr(value) if value.key else refuse(value),
}
for kind in (
    *(float, complex, bytes, bytearray, range, uuid.UUID, decimal.Decimal, fractions.Fraction, datetime.date),
    *(datetime.timedelta, datetime.timezone, pathlib.PurePosixPath, pathlib.PosixPath),
):
    TEXTS[kind] = repr
NAMED = type, types.FunctionType, types.BuiltinFunctionType


def refuse(value: Any) -> NoReturn:
    raise Unknown(f"a {type(value).__qualname__}")


def text_of(value: Any, depth: int = DEPTH) -> str:
    if not depth:
        raise Unknown(f"nested more than {DEPTH} deep")
    kind, inner = type(value), functools.partial(text_of, depth=depth - 1)
    if kind in TEXTS:
        return TEXTS[kind](value)
    if kind is list:
        return f"[{', '.join(map(inner, value))}]"
    if kind is tuple:
        return f"({', '.join(map(inner, value))})"
    if kind is dict:
        return "{%s}" % ", ".join(sorted(f"{inner(key)}: {inner(item)}" for key, item in value.items()))
    if kind in (set, frozenset):
        return f"{kind.__name__}({', '.join(sorted(map(inner, value)))})"
    if kind in (datetime.datetime, datetime.time):
        return f"{value.replace(tzinfo=None)!r} {inner(value.tzinfo)}"
    if isinstance(value, NAMED):
        return text_of_name(value)
    return f"{text_of_name(kind)}({', '.join(map(inner, fields_of(value, kind)))})"


def fields_of(value: Any, kind: Any) -> Iterable[Any]:
    """All that an object consists of, where its class says so."""
    if isinstance(value, enum.Enum):
        return [value.name or value.value]
    if kind.__bases__ == (tuple,) and hasattr(kind, "_fields"):
        return tuple(value)
    if "__dataclass_fields__" in vars(kind):
        return [getattr(value, name) for name in kind.__dataclass_fields__ if hasattr(value, name)]
    refuse(value)


def text_of_name(thing: Any) -> str:
    """A class or function, where its name leads to it again."""
    found: Any = sys.modules.get(thing.__module__)
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is not thing:
        raise Unknown(f"{thing.__qualname__}, which its name does not lead to")
    return f"<{module_of(thing)}.{thing.__qualname__}>"


def text_of_receiver(value: Any) -> str:
    """Of a method's `self` or `cls`. An object without state counts as its class."""
    kind = type(value)
    slots = any(vars(base).get("__slots__") for base in kind.__mro__)
    if isinstance(value, type) or getattr(value, "__dict__", None) or slots or kind.__basicsize__ > 32:
        return text_of(value)
    return text_of_name(kind)


def module_of(thing: Any) -> str:
    """A script's own module is named as its file, also where multiprocessing runs it once more."""
    if thing.__module__ not in ("__main__", "__mp_main__"):
        return thing.__module__
    main = sys.modules[thing.__module__]
    spec = getattr(main, "__spec__", None)
    return spec.name if spec else pathlib.Path(getattr(main, "__file__", "__main__")).stem
