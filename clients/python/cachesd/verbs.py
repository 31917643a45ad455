"""Any verb of the daemon as a call: client.dict.set("carts", "7", "apples", 2, ttl="90s")."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any, Generic, Optional, TypeVar, Union

from .errors import WrongArguments
from .wire import Word, as_bytes, duration, seconds

Option = Union[str, bytes, int, float, datetime.timedelta, None]
Result = TypeVar("Result")

DURATIONS = {"ttl", "wait", "for", "slow"}


def words_of(name: str, arguments: Sequence[Word], options: dict[str, Option]) -> list[bytes]:
    """The words of a request. Options stand before the namespace; one that is None is left out."""
    if name == "tap":
        raise WrongArguments("ARGS: tap replies without end, which a call can't return")
    words = [as_bytes(name)]
    for option, value in options.items():
        option = option.rstrip("_")  # if_ and for_, which are no names in Python
        if value is not None and option in DURATIONS and not isinstance(value, bytes):
            value = duration(value)
        if value is not None:
            words.append(as_bytes(option) + b"=" + as_bytes(value))  # type: ignore[arg-type]
    words.extend(as_bytes(argument) for argument in arguments)
    return words


def wait_of(words: Sequence[bytes]) -> float:
    """For how long the daemon may hold the answer back because it was asked to, in seconds."""
    if words[0].lower() == b"hotkeys":
        return max([seconds(word[4:].decode()) for word in words[1:] if word.startswith(b"for=")] or [10.0])
    if words[0].lower() == b"memo.get":
        return max([seconds(word[5:].decode()) for word in words[1:2] if word.startswith(b"wait=")] or [0.0])
    return 0.0


class Verb(Generic[Result]):
    """A verb, or the first part of one's name."""

    def __init__(self, owner: Verbs[Result], name: str) -> None:
        self._owner, self._name = owner, name

    def __getattr__(self, name: str) -> Verb[Result]:
        if name.startswith("_"):
            raise AttributeError(name)
        return Verb(self._owner, f"{self._name}.{name.rstrip('_')}")

    def __call__(self, *arguments: Word, timeout: Optional[float] = None, **options: Option) -> Result:
        return self._owner.call(self._name, *arguments, timeout=timeout, **options)

    def __repr__(self) -> str:
        return f"<verb {self._name}>"


class Verbs(Generic[Result]):
    """What has `call`, and so all verbs as attributes: del_ is `del`, and key.get `key.get`."""

    def call(self, verb: str, *arguments: Word, timeout: Optional[float] = None, **options: Any) -> Result:
        raise NotImplementedError

    def __getattr__(self, name: str) -> Verb[Result]:
        if name.startswith("_"):
            raise AttributeError(name)
        return Verb(self, name.rstrip("_"))
