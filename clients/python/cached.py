"""A decorator that keeps a function's results in cachesd; it needs nothing but this file.

    @cached(ttl="10m")
    def report(user, year=2024): ...

    report(7)                # computed once, whoever asks, in whatever process
    report.forget(7)         # forget it: the next call computes
    report.refresh(7)        # forget it and call

An `async def` is decorated the same way, and all three are awaited then; that needs cached_async.py beside
this file. A caller that asks while another computes waits for that result. When the daemon is away or refuses, the function is simply called. `None` is
kept as a result too. Put @cached above @classmethod and below @property or @staticmethod.

Values are JSON: a tuple comes back as a list. dump=pickle.dumps, load=pickle.loads keep more, where
you trust whoever can write to your Redis.
"""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import importlib
import inspect
import json
import logging
import os
import pathlib
import re
import socket
import sys
import threading
import time
import types
import uuid
import zoneinfo

REST = 1  # seconds for which a daemon that did not answer in time is left alone
DEPTH = 100  # how deep an argument may be nested
LINE = 65536  # bytes of a reply's line, at most

log = logging.getLogger("cached")
own = threading.local()  # each thread's connections
resting = {}  # where: until when


class Refused(Exception):
    """The daemon's answer is an error."""


class Rests(Exception):
    """Nobody asked, since the daemon did not answer in time a moment ago."""


# --- keys: a text that equal arguments share, and no others ---------------------------------


class Unknown(TypeError):
    """A value that nothing tells apart from others."""


TEXTS = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: lambda value: str(value) if abs(value) < 1 << 64 else hex(value),  # str() has a limit
    str: lambda value: json.dumps(value, ensure_ascii=False),
    zoneinfo.ZoneInfo: lambda value: repr(value) if value.key else refuse(value),
}
for kind in (float, complex, bytes, bytearray, range, uuid.UUID, decimal.Decimal, fractions.Fraction,
             datetime.date, datetime.timedelta, datetime.timezone, pathlib.PurePosixPath, pathlib.PosixPath):
    TEXTS[kind] = repr
NAMED = type, types.FunctionType, types.BuiltinFunctionType


def refuse(value):
    raise Unknown(f"a {type(value).__qualname__}")


def text_of(value, depth=DEPTH):
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


def fields_of(value, kind):
    """All that an object consists of, where its class says so."""
    if isinstance(value, enum.Enum):
        return [value.name or value.value]
    if kind.__bases__ == (tuple,) and hasattr(kind, "_fields"):
        return tuple(value)
    if "__dataclass_fields__" in vars(kind):
        return [getattr(value, name) for name in kind.__dataclass_fields__ if hasattr(value, name)]
    return refuse(value)


def text_of_name(thing):
    """A class or function, where its name leads to it again."""
    found = sys.modules.get(thing.__module__)
    for name in thing.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is not thing:
        raise Unknown(f"{thing.__qualname__}, which its name does not lead to")
    return f"<{module_of(thing)}.{thing.__qualname__}>"


def text_of_receiver(value):
    """Of a method's `self` or `cls`. An object without state counts as its class."""
    kind = type(value)
    slots = any(vars(base).get("__slots__") for base in kind.__mro__)
    if isinstance(value, type) or getattr(value, "__dict__", None) or slots or kind.__basicsize__ > 32:
        return text_of(value)
    return text_of_name(kind)


def module_of(thing):
    """A script's own module is named as its file, also where multiprocessing runs it once more."""
    if thing.__module__ not in ("__main__", "__mp_main__"):
        return thing.__module__
    main = sys.modules[thing.__module__]
    spec = getattr(main, "__spec__", None)
    return spec.name if spec else pathlib.Path(getattr(main, "__file__", "__main__")).stem


def as_bytes(word):
    return word if isinstance(word, bytes) else word.encode("utf-8", "surrogatepass")


# --- the protocol ---------------------------------------------------------------------------


def request(words):
    words = [as_bytes(word) for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def parse(data, at=0, is_inside=False):
    """A reply and where it ends, or None when it is not all there yet. An error is a value here."""
    end = data.find(b"\r\n", at, at + LINE)
    if end < 0 and len(data) - at < LINE:
        return None
    kind, rest, at = bytes(data[at:at + 1]), bytes(data[at + 1:end]), end + 2
    if end > 0 and kind in (b"+", b":"):
        return rest, at
    if end > 0 and kind == b"-":
        return Refused(rest.decode(errors="replace")), at
    if end < 0 or kind not in (b"$", b"*") or not re.fullmatch(rb"-1|\d{1,12}", rest):
        raise ValueError("a broken reply")
    if rest == b"-1":
        return None, at
    if kind == b"$":
        stop = at + int(rest)
        return (bytes(data[at:stop]), stop + 2) if len(data) >= stop + 2 else None
    if is_inside or int(rest) > 3:
        raise ValueError("a broken reply")
    return parse_items(data, at, int(rest))


def parse_items(data, at, count):
    items = []
    for _ in range(count):
        parsed = parse(data, at, is_inside=True)
        if not parsed:
            return None
        items.append(parsed[0])
        at = parsed[1]
    return items, at


def checked(words, reply):
    """The reply, when it can be one to these words."""
    if isinstance(reply, Refused):
        raise reply
    if words[0] != "memo.get":
        is_right = isinstance(reply, bytes)
    else:
        is_right = isinstance(reply, list) and len(reply) == 3 and reply[0] in (b"HIT", b"STALE", b"NULL", b"MISS")
        is_right = is_right and all(isinstance(item, (bytes, type(None))) for item in reply)
    if not is_right:
        raise ValueError(f"no reply to {words[0]}: {reply!r:.80}")
    return reply


def places(address):
    """Where a daemon may be: a path, or (host, port)."""
    address = address or os.environ.get("CACHESD_ADDRESS")
    if address:
        return [split(address)]
    paths = []
    if hasattr(socket, "AF_UNIX"):
        private = f"/tmp/cachesd-{os.geteuid()}"
        paths = ["/run/cachesd", os.environ.get("XDG_RUNTIME_DIR"), private if is_mine(private) else None]
    paths = [f"{path}/cachesd.sock" for path in paths if path]
    return [path for path in paths if os.path.exists(path)] + [("127.0.0.1", 7379)]


def split(address):
    if "/" in address:
        return address
    found = re.fullmatch(r"(?:\[([^]]+)\]|([^:\[\]]+)):(\d{1,5})", address)
    if not found:
        raise ValueError(f"address {address!r}: a path, HOST:PORT or [IPV6]:PORT was expected")
    return found[1] or found[2], int(found[3])


def is_mine(folder):
    """Whoever comes first can make a folder in /tmp."""
    try:
        return os.lstat(folder).st_uid == os.geteuid()
    except OSError:
        return False


class Login(collections.namedtuple("Login", "address user token")):
    """Where to connect, and as whom."""

    def words(self):
        token = self.token or os.environ.get("CACHESD_TOKEN")
        user = self.user or os.environ.get("CACHESD_USER")
        if token and not user:
            raise ValueError("a token needs a user: the option user, or CACHESD_USER")
        return ("auth", user, token) if token else None


NOBODY_THERE = ConnectionRefusedError, FileNotFoundError, PermissionError

# --- connections that block: one a thread ---------------------------------------------------


class Connection:
    def __init__(self, login, timeout):
        self.unread = bytearray()
        self.stream = self.connect(places(login.address), timeout)
        words = login.words()
        if words:
            self.call(words, timeout)

    def __del__(self):
        if "stream" in vars(self):
            self.stream.close()

    @staticmethod
    def connect(found, timeout):
        for place in found:
            try:
                if isinstance(place, tuple):
                    stream = socket.create_connection(place, timeout)
                    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return stream
                stream = socket.socket(socket.AF_UNIX)
                stream.settimeout(timeout)
                stream.connect(place)
                return stream
            except NOBODY_THERE:
                if place is found[-1]:
                    raise

    def call(self, words, timeout):
        deadline = time.monotonic() + timeout
        self.stream.settimeout(timeout)
        self.stream.sendall(request(words))
        while not (parsed := parse(self.unread)):
            self.stream.settimeout(max(deadline - time.monotonic(), 1e-6))
            data = self.stream.recv(65536)
            if not data:
                raise ConnectionResetError("closed")
            self.unread += data
        del self.unread[:parsed[1]]
        return checked(words, parsed[0])


def call(login, words, timeout, wait=0):
    """One request over this thread's connection; over a new one when that has been closed."""
    if resting.get(login.address, 0) > time.monotonic():
        raise Rests
    key = login, os.getpid()  # a forked child must not share its parent's
    mine = own.__dict__.setdefault("connections", {})
    while True:
        connection = mine.pop(key, None)  # only whole replies put it back
        is_new = connection is None
        try:
            connection = connection or Connection(login, timeout)
            reply = connection.call(words, timeout + wait)
        except Refused:
            if connection:
                mine[key] = connection
            raise
        except socket.timeout:
            resting[login.address] = time.monotonic() + REST
            raise
        except ConnectionError:
            if is_new:
                raise
        else:
            mine[key] = connection
            return reply


# --- the decorator --------------------------------------------------------------------------


class Stopped(Exception):
    """A function's StopIteration, which no coroutine may raise."""


def run(coroutine):
    """Runs to its end what never waits for an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    except Stopped as stopped:
        raise stopped.__cause__ from None


class Cached:
    """A function with its cache. What is done is written once, as coroutines; here they never wait for a loop."""

    def __init__(self, fn, namespace, key, name, ttl, wait, timeout, background, dump, load, login):
        self.is_of_class = isinstance(fn, classmethod)
        fn = fn.__func__ if self.is_of_class else fn
        functools.update_wrapper(self, fn)
        self.fn, self.signature = fn, inspect.signature(fn)
        self.namespace, self.key, self.name, self.login = namespace, key, name, login
        self.options = [] if ttl is None else [f"ttl={ttl}"]
        self.wait, self.timeout, self.background = wait, timeout, background
        self.dump, self.load = dump, load
        self.label = getattr(fn, "__qualname__", repr(fn))
        self.has_told = False
        is_named = not re.search(r"<|(^|\.)_$", self.label)  # a lambda, a local function, singledispatch's `_`
        if not is_named and key is None and name is None:
            raise TypeError(f"{self.label}: others may have this name too: give the option name or key")
        if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
            raise TypeError(f"{self.label}: what a generator yields can't be kept")

    def __call__(self, *args, **kwargs):
        return run(self.result(args, kwargs))

    def forget(self, *args, **kwargs):
        """Whether the daemon could be told."""
        return run(self.forgotten(args, kwargs))

    def refresh(self, *args, **kwargs):
        self.forget(*args, **kwargs)
        return self(*args, **kwargs)

    def __get__(self, instance, owner=None):
        first = owner if self.is_of_class else instance
        return self if first is None else Bound(self, first)

    def __set_name__(self, owner, name):
        self.attribute = name

    def __reduce__(self):
        """Pickled by name, as functions are."""
        return self.__qualname__

    def key_of(self, *args, **kwargs):
        """By default the function's name and its arguments, whether they are named or not."""
        if isinstance(self.key, str):
            return self.key
        if self.key:
            found = self.key(*args, **kwargs)
            return found if isinstance(found, (str, bytes)) else self.text_of("what key returns", found)
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        text = f"[{', '.join(self.text_of(name, value) for name, value in bound.arguments.items())}]"
        name = self.name or f"{module_of(self.fn)}.{self.label}"
        return f"{name}:{text if len(text) < 200 else hashlib.sha256(as_bytes(text)).hexdigest()}"

    def text_of(self, name, value):
        first = next(iter(self.signature.parameters), None)
        is_receiver = name == first and name in ("self", "cls") and "." in self.label
        try:
            return text_of_receiver(value) if is_receiver else text_of(value)
        except Unknown as error:
            raise TypeError(f"{self.label}: {name} cannot be told apart from others ({error}): "
                            "give the option key") from None

    async def result(self, args, kwargs):
        key, compute = self.key_of(*args, **kwargs), functools.partial(self.fn, *args, **kwargs)
        state, value, lease = await self.get(key)
        if state == b"MISS" and not lease and self.wait > 0:  # somebody else computes it
            state, value, lease = await self.wait_for(key)
        if lease and self.background and value is not None:
            self.start(self.compute_behind(key, lease, compute))
        elif lease:
            return await self.compute(key, lease, compute)
        if state == b"NULL":
            return None
        return await self.outcome(compute) if value is None else await self.loaded(value, key, compute)

    async def forgotten(self, args, kwargs):
        return await self.ask("del", self.namespace, self.key_of(*args, **kwargs)) is not None

    async def get(self, key, wait=0):
        options = [f"wait={max(1, int(wait * 1000))}ms"] if wait else []
        reply = await self.ask("memo.get", *options, self.namespace, key, wait=wait)
        return reply or (b"AWAY", None, None)

    async def wait_for(self, key):
        return await self.get(key, self.wait)

    async def compute(self, key, lease, compute):
        started = time.monotonic()
        try:
            result = await self.outcome(compute)
        except BaseException:
            await self.ask("memo.drop", self.namespace, key, lease)
            raise
        try:
            value = None if result is None else as_bytes(self.dump(result))
        except Exception as error:
            log.warning("%s: dump can't write the result, which is not kept: %s", self.label, error)
            await self.ask("memo.drop", self.namespace, key, lease)
            return result
        verb = ("memo.null",) if value is None else ("memo.put", *self.options)
        words = (*verb, self.namespace, key, lease) + (() if value is None else (value,))
        await self.ask(*words, seconds=time.monotonic() - started)
        return result

    async def compute_behind(self, *work):
        try:
            await self.compute(*work)
        except Exception:
            log.exception("computing %s", self.label)

    async def loaded(self, value, key, compute):
        try:
            return self.load(value)
        except Exception as error:  # perhaps another version of the program has written it
            log.warning("%s can't be read: %s", key, error)
        await self.ask("del", self.namespace, key)
        return await self.outcome(compute)

    async def ask(self, *words, wait=0, seconds=0):
        """The reply, or None: a cache that is away or refuses must not stop anybody."""
        try:
            return await self.send(words, wait)
        except (OSError, ValueError, OverflowError, Refused) as error:
            if not str(error).startswith("LEASE"):
                log.warning("%s %s: %s", words[0], self.label, error)
            elif not self.has_told:
                self.has_told = True
                log.warning("%s: a result was not kept: it took %.1f s, longer than the lease of namespace %s, or its "
                            "key was written meanwhile. This is said once.", self.label, seconds, self.namespace)
        except Rests:
            pass
        return None

    async def send(self, words, wait):
        return call(self.login, words, self.timeout, wait)

    async def outcome(self, compute):
        try:
            return compute()
        except StopIteration as stop:
            raise Stopped from stop

    def mark(self, thing):
        """What awaits coroutine functions needs to know them."""

    def start(self, coroutine):
        threading.Thread(target=run, args=(coroutine,), daemon=True).start()


class Bound:
    """A method: what it is called on comes first."""

    def __init__(self, cached, first):
        functools.update_wrapper(self, cached.fn)
        self.cached, self.__self__ = cached, first
        cached.mark(self)

    def __call__(self, *args, **kwargs):
        return self.cached(self.__self__, *args, **kwargs)

    def forget(self, *args, **kwargs):
        return self.cached.forget(self.__self__, *args, **kwargs)

    def refresh(self, *args, **kwargs):
        return self.cached.refresh(self.__self__, *args, **kwargs)

    def __reduce__(self):
        return getattr, (self.__self__, self.cached.attribute)


def async_class():
    """From the file beside this one, in a package or not."""
    beside = f"{__package__}.cached_async" if __package__ else "cached_async"
    return importlib.import_module(beside).AsyncCached


def cached(fn=None, *, namespace="demo", key=None, name=None, ttl=None, wait=10, timeout=1, background=False,
           dump=json.dumps, load=json.loads, address=None, user=None, token=None):
    """key: a string, or a function of the arguments (`self` too). name: what a key begins with, instead of the
    function's module and name. ttl: as the namespace says, or "90", "10m", "2h". wait: seconds for what another
    computes. timeout: seconds for the daemon to answer. background: who finds a stale result gets it at
    once, while a thread or task computes the next. address, user, token: else as the environment says."""
    login = Login(address, user, token)
    options = namespace, key, name, ttl, wait, timeout, background, dump, load, login

    def decorate(fn):
        inner = fn.__func__ if isinstance(fn, classmethod) else fn
        return (async_class() if inspect.iscoroutinefunction(inner) else Cached)(fn, *options)

    return decorate(fn) if fn else decorate
