"""What a decorated function is to those who check types. It is imported for them alone."""

from __future__ import annotations

from typing import Any, Callable, Protocol, TypeVar

from typing_extensions import ParamSpec

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result", covariant=True)


class CachedFunction(Protocol[Arguments, Result]):
    """The function, with what the decorator adds. Of a method it is not known what it is bound to."""

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result: ...

    def forget(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Any:
        """Whether the daemon could be told; to be awaited where the function is."""

    def refresh(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result: ...

    def __get__(self, instance: Any, owner: Any = None) -> Any: ...


class Decorator(Protocol):
    """What cached() returns when it is not given a function."""

    def __call__(self, fn: Callable[Arguments, Result], /) -> CachedFunction[Arguments, Result]: ...
