"""A decorator that keeps a function's results in cachesd.

    @cached(ttl="10m")
    def report(user, year=2024): ...

    report(7)                # computed once, whoever asks, in whatever process
    report.forget(7)         # forget it: the next call computes
    report.refresh(7)        # forget it and call

An `async def` is decorated the same way, and all three are awaited then. A caller that asks while another computes
waits for that result. When the daemon is away or refuses, the function is simply called. `None` is kept as a result
too. Put @cached above @classmethod and below @property or @staticmethod.

Values are JSON: a tuple comes back as a list. dump=pickle.dumps, load=pickle.loads keep more, where
you trust whoever can write to your Redis.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import logging
import re
import threading
import time
from collections.abc import Coroutine
from typing import Any, Callable, NamedTuple, Optional, TypeVar, Union

from .address import Login
from .arguments import Unknown, module_of, text_of, text_of_receiver
from .client import Client
from .errors import CacheError
from .registry import default_namespace

Result = TypeVar("Result")
REST = 1  # seconds for which a daemon that did not answer in time is left alone

NOT_KEPT = (
    "%s: a result was not kept: it took %.1f s, longer than the lease of namespace %s, or its key was written "
    "meanwhile. This is said once."
)

log = logging.getLogger("cachesd")
resting: dict[Optional[str], float] = {}  # address: until when
clients: dict[Login, Client] = {}


def checked(verb: str, reply: Any) -> Any:
    """The reply, when it can be one to this verb."""
    if verb == "memo.get":
        is_right = isinstance(reply, list) and len(reply) == 3 and reply[0] in (b"HIT", b"STALE", b"NULL", b"MISS")
        is_right = is_right and all(isinstance(item, (bytes, type(None))) for item in reply)
    else:
        is_right = reply == "OK" or isinstance(reply, int)
    if not is_right:
        raise ValueError(f"no reply to {verb}: {reply!r:.80}")
    return reply


class Stopped(Exception):
    """A function's StopIteration, which no coroutine may raise."""

    def __init__(self, stop: StopIteration) -> None:
        super().__init__(stop)
        self.stop = stop


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Runs to its end what never waits for an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    except Stopped as stopped:
        raise stopped.stop from None
    raise RuntimeError("it waits for an event loop")


class Options(NamedTuple):
    """Of cached(), which explains them."""

    namespace: str
    key: Any
    name: Optional[str]
    prefix: str
    ttl: Any
    wait: float
    timeout: float
    background: bool
    dump: Callable[[Any], Union[str, bytes]]
    load: Callable[[bytes], Any]
    login: Login


def as_value(dumped: Union[str, bytes]) -> bytes:
    if isinstance(dumped, str):
        return dumped.encode("utf-8", "surrogatepass")
    if isinstance(dumped, bytes):
        return dumped
    raise TypeError(f"dump gave a {type(dumped).__name__}: str or bytes was expected")


class Cached:
    """A function with its cache. What is done is written once, as coroutines; here they never wait for a loop."""

    def __init__(self, fn: Any, options: Options) -> None:
        self.is_of_class = isinstance(fn, classmethod)
        fn = fn.__func__ if isinstance(fn, classmethod) else fn
        functools.update_wrapper(self, fn)
        self.fn, self.signature = fn, inspect.signature(fn)
        self.options, self.login = options, options.login
        self.label: str = getattr(fn, "__qualname__", repr(fn))
        self.has_told = False
        is_named = not re.search(r"<|(^|\.)_$", self.label)  # a lambda, a local function, singledispatch's `_`
        if not is_named and options.key is None and options.name is None:
            raise TypeError(f"{self.label}: others may have this name too: give the option name or key")
        if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
            raise TypeError(f"{self.label}: what a generator yields can't be kept")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return run(self.result(args, kwargs))

    def forget(self, *args: Any, **kwargs: Any) -> Any:
        """Whether the daemon could be told."""
        return run(self.forgotten(args, kwargs))

    def refresh(self, *args: Any, **kwargs: Any) -> Any:
        self.forget(*args, **kwargs)
        return self(*args, **kwargs)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        first = owner if self.is_of_class else instance
        return self if first is None else Bound(self, first)

    def __set_name__(self, owner: Any, name: str) -> None:
        self.attribute = name

    def __reduce__(self) -> str:
        """Pickled by name, as functions are."""
        return self.__qualname__  # type: ignore[attr-defined]

    def key_of(self, *args: Any, **kwargs: Any) -> Union[str, bytes]:
        """By default the function's name and its arguments, whether they are named or not."""
        key = self.options.key
        if isinstance(key, str):
            return key
        if key:
            found = key(*args, **kwargs)
            return found if isinstance(found, (str, bytes)) else self.text_of("what key returns", found)
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        text = f"[{', '.join(self.text_of(name, value) for name, value in bound.arguments.items())}]"
        name = self.options.prefix + (self.options.name or f"{module_of(self.fn)}.{self.label}")
        return f"{name}:{text if len(text) < 200 else hashlib.sha256(as_value(text)).hexdigest()}"

    def text_of(self, name: str, value: Any) -> str:
        first = next(iter(self.signature.parameters), None)
        is_receiver = name == first and name in ("self", "cls") and "." in self.label
        try:
            return text_of_receiver(value) if is_receiver else text_of(value)
        except Unknown as error:
            told = f"{self.label}: {name} cannot be told apart from others ({error})"
            raise TypeError(f"{told}: give the option key") from None

    async def result(self, args: Any, kwargs: Any) -> Any:
        key, compute = self.key_of(*args, **kwargs), functools.partial(self.fn, *args, **kwargs)
        state, value, lease = await self.get(key)
        if state == b"MISS" and not lease and self.options.wait > 0:  # somebody else computes it
            state, value, lease = await self.wait_for(key)
        if lease and self.options.background and value is not None:
            self.start(self.compute_behind(key, lease, compute))
        elif lease:
            return await self.compute(key, lease, compute)
        if state == b"NULL":
            return None
        return await self.outcome(compute) if value is None else await self.loaded(value, key, compute)

    async def forgotten(self, args: Any, kwargs: Any) -> bool:
        return await self.ask("del", self.key_of(*args, **kwargs)) is not None

    async def get(self, key: Union[str, bytes], wait: float = 0) -> Any:
        reply = await self.ask("memo.get", key, wait=f"{max(1, int(wait * 1000))}ms" if wait else None)
        return reply or (b"AWAY", None, None)

    async def wait_for(self, key: Union[str, bytes]) -> Any:
        return await self.get(key, self.options.wait)

    async def compute(self, key: Union[str, bytes], lease: bytes, compute: Callable[[], Any]) -> Any:
        started = time.monotonic()
        try:
            result = await self.outcome(compute)
        except BaseException:
            await self.ask("memo.drop", key, lease)
            raise
        try:
            value = None if result is None else as_value(self.options.dump(result))
        except Exception as error:
            log.warning("%s: dump can't write the result, which is not kept: %s", self.label, error)
            await self.ask("memo.drop", key, lease)
            return result
        seconds = time.monotonic() - started
        if value is None:
            await self.ask("memo.null", key, lease, seconds=seconds)
        else:
            await self.ask("memo.put", key, lease, value, seconds=seconds, ttl=self.options.ttl)
        return result

    async def compute_behind(self, *work: Any) -> None:
        try:
            await self.compute(*work)
        except Exception:
            log.exception("computing %s", self.label)

    async def loaded(self, value: bytes, key: Union[str, bytes], compute: Callable[[], Any]) -> Any:
        try:
            return self.options.load(value)
        except Exception as error:  # perhaps another version of the program has written it
            log.warning("%r can't be read: %s", key, error)
        await self.ask("del", key)
        return await self.outcome(compute)

    async def ask(self, verb: str, key: Union[str, bytes], *words: bytes, seconds: float = 0, **options: Any) -> Any:
        """The reply, or None: a cache that is away or refuses must not stop anybody."""
        try:
            if resting.get(self.login.address, 0) > time.monotonic():
                return None
            words = (as_value(key), *words)
            return checked(verb, await self.send(verb, self.options.namespace, *words, **options))
        except (OSError, ValueError, OverflowError, CacheError) as error:
            if isinstance(error, CacheError) and error.is_silence:
                resting[self.login.address] = time.monotonic() + REST
            if not str(error).startswith("LEASE"):
                log.warning("%s %s: %s", verb, self.label, error)
            elif not self.has_told:
                self.has_told = True
                log.warning(NOT_KEPT, self.label, seconds, self.options.namespace)
        return None

    async def send(self, verb: str, *words: Union[str, bytes], **options: Any) -> Any:
        if self.login not in clients:
            clients[self.login] = Client(self.login)
        return clients[self.login].call(verb, *words, timeout=self.options.timeout, **options)

    async def outcome(self, compute: Callable[[], Any]) -> Any:
        try:
            return compute()
        except StopIteration as stop:
            raise Stopped(stop) from stop

    def mark(self, thing: Any) -> None:
        """What awaits coroutine functions needs to know them."""

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        threading.Thread(target=run, args=(coroutine,), daemon=True).start()


class Bound:
    """A method: what it is called on comes first."""

    def __init__(self, cached: Cached, first: Any) -> None:
        functools.update_wrapper(self, cached.fn)
        self.cached, self.__self__ = cached, first
        cached.mark(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.cached(self.__self__, *args, **kwargs)

    def forget(self, *args: Any, **kwargs: Any) -> Any:
        return self.cached.forget(self.__self__, *args, **kwargs)

    def refresh(self, *args: Any, **kwargs: Any) -> Any:
        return self.cached.refresh(self.__self__, *args, **kwargs)

    def __reduce__(self) -> Any:
        return getattr, (self.__self__, self.cached.attribute)


def cached(
    fn: Any = None,
    *,
    namespace: Optional[str] = None,
    key: Any = None,
    name: Optional[str] = None,
    prefix: str = "",
    ttl: Any = None,
    wait: float = 10,
    timeout: float = 1,
    background: bool = False,
    dump: Callable[[Any], Union[str, bytes]] = json.dumps,
    load: Callable[[bytes], Any] = json.loads,
    address: Optional[str] = None,
    user: Optional[str] = None,
    token: Optional[str] = None,
    tls: Any = None,
) -> Any:
    """key: a string, or a function of the arguments (`self` too). name: what a key begins with, instead of the
    function's module and name. prefix: stands before either. ttl: seconds, "10m", "2h", else as the namespace says.
    wait: seconds for what another computes. timeout: seconds for the daemon to answer. background: who finds a stale
    result gets it at once, while a thread or task computes the next. namespace, address, user, token: else as the
    environment says."""
    login = Login(address, user, token, tls)
    options = Options(
        namespace or default_namespace(), key, name, prefix, ttl, wait, timeout, background, dump, load, login
    )

    def decorate(fn: Any) -> Cached:
        inner = fn.__func__ if isinstance(fn, classmethod) else fn
        if inspect.iscoroutinefunction(inner):
            from .memo_async import AsyncCached  # which brings asyncio with it

            return AsyncCached(fn, options)
        return Cached(fn, options)

    return decorate(fn) if fn else decorate
