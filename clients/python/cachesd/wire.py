"""The protocol's bytes: requests in array form, and replies as they come."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import Any, Union

from .errors import Lost, refusal

Word = Union[str, bytes, bytearray, memoryview, int, float]

PENDING: Any = object()  # no whole reply is there yet
LINE = 65536  # bytes of a reply's line, at most
DEPTH = 8  # of arrays in arrays
LENGTH = 1 << 29  # of a bulk in bytes, which is the most that Redis keeps, and of an array: what says more is no daemon
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}


def as_bytes(word: Word) -> bytes:
    """A word of a request. What has no obvious text is refused, so that no 'None' or 'True' is stored by mistake."""
    if isinstance(word, str):
        return word.encode("utf-8", "surrogateescape")
    if isinstance(word, (bytes, bytearray, memoryview)):
        return bytes(word)
    if isinstance(word, (int, float)) and not isinstance(word, bool):
        return repr(word).encode()
    raise TypeError(f"{word!r:.80} is a {type(word).__name__}: str, bytes, int or float was expected")


def request(words: Iterable[Word]) -> bytes:
    parts = [as_bytes(word) for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def duration(value: Union[int, float, str, datetime.timedelta]) -> str:
    """A duration as the daemon reads it, of seconds or of a timedelta. A text is left as it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{value!r:.80} is no duration: seconds, a timedelta, or a text as '10m' was expected")
    return str(value) if isinstance(value, int) else f"{round(value * 1000)}ms"


def seconds(text: str) -> float:
    """The other way round; 0 for what is no duration."""
    found = re.fullmatch(r"(\d+)(ms|[smhd]?)", text)
    return int(found[1]) * UNITS[found[2]] if found else 0.0


def as_text(reply: Any) -> Any:
    """The reply with str in the place of bytes. What is no UTF-8 comes back the same when it is sent again."""
    if isinstance(reply, list):
        return [as_text(item) for item in reply]
    return reply.decode("utf-8", "surrogateescape") if isinstance(reply, bytes) else reply


class Replies:
    """Takes bytes as they come, and gives whole replies: str for a status, int, bytes, None, a list, or an exception
    as a value for an error. It raises Lost for bytes that are no reply."""

    def __init__(self) -> None:
        self.unread = bytearray()
        self.at = 0
        self.open: list[tuple[int, list[Any]]] = []  # arrays under way: how many elements, and those that are there

    def feed(self, data: bytes) -> None:
        del self.unread[: self.at]
        self.at = 0
        self.unread += data

    def take(self) -> Any:
        """The next whole reply, or PENDING."""
        while True:
            value, count = self._item()
            if value is PENDING:
                return PENDING
            if count:
                self._open(count)
                continue
            while self.open:
                wanted, items = self.open[-1]
                items.append(value)
                if len(items) < wanted:
                    break
                value = self.open.pop()[1]
            else:
                return value

    def _open(self, count: int) -> None:
        if len(self.open) == DEPTH:
            raise Lost(f"LOST: a reply nested more than {DEPTH} deep")
        self.open.append((count, []))

    def _item(self) -> tuple[Any, int]:
        """A reply that is no array, or the beginning of one with its count of elements."""
        end = self.unread.find(b"\r\n", self.at, self.at + LINE)
        if end < 0:
            if len(self.unread) - self.at >= LINE:
                raise Lost(f"LOST: a reply's line longer than {LINE} bytes")
            return PENDING, 0
        kind, rest = self.unread[self.at : self.at + 1], bytes(self.unread[self.at + 1 : end])
        if kind == b"$":
            return self._bulk(self._length(rest), end + 2)
        self.at = end + 2
        if kind == b"*":
            count = self._length(rest)
            return (None if count < 0 else []), max(count, 0)
        if kind == b"+":
            return rest.decode("utf-8", "replace"), 0
        if kind == b"-":
            return refusal(rest.decode("utf-8", "replace")), 0
        if kind == b":" and re.fullmatch(rb"-?\d{1,20}", rest):
            return int(rest), 0
        raise Lost(f"LOST: no reply begins with {bytes(kind) + rest!r:.80}")

    def _bulk(self, length: int, begin: int) -> tuple[Any, int]:
        if length < 0:
            self.at = begin
            return None, 0
        stop = begin + length
        if len(self.unread) < stop + 2:
            return PENDING, 0
        if self.unread[stop : stop + 2] != b"\r\n":
            raise Lost("LOST: the answer has no end where its length says")
        self.at = stop + 2
        return bytes(self.unread[begin:stop]), 0

    @staticmethod
    def _length(text: bytes) -> int:
        if not re.fullmatch(rb"-1|\d{1,11}", text) or int(text) > LENGTH:
            raise Lost(f"LOST: {text!r:.80} is no length")
        return int(text)
