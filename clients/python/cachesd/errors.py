"""What the daemon refuses, as exceptions: a class for each code of protocol/PROTOCOL.md."""

from __future__ import annotations

from typing import Any, Optional


class CacheError(Exception):
    """Any error of the cache. `code` is the daemon's word for it, and `perhaps_applied` whether a write may have
    been carried out all the same; where it is False, nothing was changed."""

    code = "INTERNAL"
    perhaps_applied = True
    # Of a connection that failed: whether a byte of the request had been sent, the replies that had come, and whether
    # it failed because the daemon was silent for too long.
    was_sent = True
    replies: list[Any] = []
    is_silence = False


class ProtocolError(CacheError):
    """The byte stream can't be read any further, on whichever side."""

    code, perhaps_applied = "PROTOCOL", False


class UnknownVerb(CacheError):
    code, perhaps_applied = "VERB", False


class WrongArguments(CacheError, ValueError):
    code, perhaps_applied = "ARGS", False


class UnknownNamespace(CacheError, LookupError):
    code, perhaps_applied = "NAMESPACE", False


class PolicyRefused(CacheError):
    """The namespace does not allow it."""

    code, perhaps_applied = "POLICY", False


class NoSuchProtocol(CacheError):
    code, perhaps_applied = "NOPROTO", False


class NotAuthenticated(CacheError):
    code, perhaps_applied = "NOAUTH", False


class NotPermitted(CacheError, PermissionError):
    code, perhaps_applied = "NOPERM", False


class WrongType(CacheError, TypeError):
    """The key holds another collection, or no number where one is needed."""

    code, perhaps_applied = "WRONGTYPE", False


class Unavailable(CacheError, ConnectionError):
    """The backend does not serve, or no daemon could be asked."""

    code, perhaps_applied = "UNAVAILABLE", False


class Overloaded(CacheError):
    code, perhaps_applied = "OVERLOADED", False


class TimedOut(CacheError, TimeoutError):
    """No answer in time, from the backend or from the daemon."""

    code, perhaps_applied = "TIMEOUT", True


class Lost(CacheError, ConnectionError):
    """A connection broke after the request was sent: the backend's, or the one to the daemon."""

    code, perhaps_applied = "LOST", True


class LeaseEnded(CacheError):
    code, perhaps_applied = "LEASE", False


class InternalError(CacheError):
    code, perhaps_applied = "INTERNAL", True


CODES: dict[str, type[CacheError]] = {
    kind.code: kind
    for kind in (
        *(ProtocolError, UnknownVerb, WrongArguments, UnknownNamespace, PolicyRefused, NoSuchProtocol),
        *(NotAuthenticated, NotPermitted, WrongType, Unavailable, Overloaded, TimedOut, Lost, LeaseEnded),
        InternalError,
    )
}


def refusal(text: str, otherwise: Optional[type[CacheError]] = None) -> CacheError:
    """The exception for an error reply, `CODE message`. A code that is new since this was written is a CacheError."""
    code, _, message = text.partition(" ")
    kind = CODES.get(code) or otherwise or CacheError
    error = kind(f"{code}: {message}")
    error.code = code
    return error


def silence(error: CacheError) -> CacheError:
    """The error, told that nobody answered in time."""
    error.is_silence = True
    return error
