"""`cached`, which takes a class of the cache as well as a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, TypeVar, overload

from . import memo
from .key import Cache

if TYPE_CHECKING:
    from .typed import Arguments, CachedFunction, Decorator

Result = TypeVar("Result")


@overload
def cached(  # type: ignore  # a class is a function, too, and is taken for a class first
    fn: type[Cache], /, *arguments: Any, **options: Any
) -> Decorator: ...


@overload
def cached(fn: Callable[Arguments, Result], /) -> CachedFunction[Arguments, Result]: ...


@overload
def cached(fn: None = None, /, **options: Any) -> Decorator: ...


def cached(fn: Any = None, /, *arguments: Any, **options: Any) -> Any:
    """@cached and @cached(ttl="10m", …) are memo.cached, which says what the options are; @cached(SomeCache, key=…)
    is @SomeCache.cached(key=…)."""
    kind = options.pop("cache_cls", None) or fn
    if isinstance(kind, type) and issubclass(kind, Cache):
        return kind.cached(*arguments, **options)
    if arguments:
        raise TypeError("cached() takes a function, or a class of the cache and what its cached() takes")
    return memo.cached(fn, **options)


cached.__doc__ = f"{cached.__doc__}\n\n{memo.cached.__doc__}"
