"""A decorator that keeps a function's results in cachesd; it needs nothing but this file.

    @cached(ttl="10m")
    def report(user, year=2024): ...

    report(7)                # computed once, whoever asks, in whatever process
    report.forget(7)         # forget it: the next call computes
    report.refresh(7)        # forget it and call

What is asked for while it is computed is waited for. When the daemon is away or refuses, the
function is simply called. `None` is kept as a result too. A method's `self` or `cls` is no part
of the key; put @cached above @classmethod and below @property or @staticmethod.

Values are JSON: a tuple comes back as a list. dump=pickle.dumps, load=pickle.loads keep more, where
you trust whoever can write to your Redis.
"""

import functools
import hashlib
import inspect
import json
import logging
import os
import socket
import threading
import time

ADDRESS = os.environ.get("CACHESD_ADDRESS", "127.0.0.1:7379")  # or the path of a Unix socket
REST = 1  # seconds for which a daemon that did not answer in time is left alone

log = logging.getLogger("cached")
own = threading.local()  # each thread's connections
resting = {}  # address: until when


class Refused(Exception):
    """The daemon's answer is an error."""


class Rests(Exception):
    """It was not asked."""


class Connection:
    def __init__(self, address, timeout):
        if "/" in address:
            self.stream = socket.socket(socket.AF_UNIX)
            self.stream.settimeout(timeout)
            self.stream.connect(address)
        else:
            self.stream = socket.create_connection(address.rsplit(":", 1), timeout)
            self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.stream.makefile("rb")

    def __del__(self):
        for end in vars(self).values():
            end.close()

    def call(self, words, timeout):
        words = [word if isinstance(word, bytes) else word.encode() for word in words]
        bulks = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
        self.stream.settimeout(timeout)
        self.stream.sendall(b"*%d\r\n%s" % (len(words), bulks))
        return self.read()

    def read(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if not line.endswith(b"\n"):
            raise ConnectionError("closed")
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind != b"$" or rest == b"-1":
            return None if kind == b"$" else rest
        value = self.replies.read(int(rest) + 2)
        if len(value) < int(rest) + 2:
            raise ConnectionError("closed")
        return value[:-2]


def call(address, words, timeout, wait=0):
    """One request over this thread's connection; over a new one when that has been closed."""
    if resting.get(address, 0) > time.monotonic():
        raise Rests
    key = f"{address} {os.getpid()}"  # a forked child must not share its parent's
    while True:
        connection = own.__dict__.pop(key, None)  # only whole replies put it back
        is_new = connection is None
        try:
            connection = connection or Connection(address, timeout)
            reply = connection.call(words, timeout + wait)
        except Refused:
            own.__dict__[key] = connection
            raise
        except socket.timeout:
            resting[address] = time.monotonic() + REST
            raise
        except ConnectionError:
            if is_new:
                raise
        else:
            own.__dict__[key] = connection
            return reply


class Cached:
    def __init__(self, fn, namespace, key, ttl, wait, timeout, background, dump, load, address):
        self.is_of_class = isinstance(fn, classmethod)
        self.fn = fn.__func__ if self.is_of_class else fn
        functools.update_wrapper(self, self.fn)
        self.signature = inspect.signature(self.fn)
        self.namespace, self.key, self.address = namespace, key, address
        self.options = [] if ttl is None else [f"ttl={ttl}"]
        self.wait, self.timeout, self.background = wait, timeout, background
        self.dump, self.load = dump, load

    def __call__(self, *args, **kwargs):
        key, compute = self.key_of(*args, **kwargs), functools.partial(self.fn, *args, **kwargs)
        state, value, lease = self.get(key)
        if state == b"MISS" and not lease:  # somebody else computes it
            state, value, lease = self.get(key, self.wait)
        if lease and self.background and value is not None:
            threading.Thread(target=self.compute_behind, args=(key, lease, compute), daemon=True).start()
        elif lease:
            return self.compute(key, lease, compute)
        if state == b"NULL":
            return None
        return compute() if value is None else self.loaded(value, key, compute)

    def __get__(self, instance, owner=None):
        """As a method: what it is called on comes first."""
        first = owner if self.is_of_class else instance
        if first is None:
            return self
        bound = functools.update_wrapper(functools.partial(self, first), self.fn)
        bound.forget = functools.partial(self.forget, first)
        bound.refresh = functools.partial(self.refresh, first)
        return bound

    def forget(self, *args, **kwargs):
        """Whether the daemon could be told."""
        return self.ask("del", self.namespace, self.key_of(*args, **kwargs)) is not None

    def refresh(self, *args, **kwargs):
        self.forget(*args, **kwargs)
        return self(*args, **kwargs)

    def key_of(self, *args, **kwargs):
        """By default the function's name and its arguments, whether they are named or not."""
        if isinstance(self.key, str):
            return self.key
        if self.key:
            return str(self.key(*args, **kwargs))
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        words = [value for name, value in bound.arguments.items() if name not in ("self", "cls")]
        text, name = json.dumps(words, sort_keys=True), f"{self.fn.__module__}.{self.fn.__qualname__}"
        return f"{name}:{text if len(text) < 200 else hashlib.sha256(text.encode()).hexdigest()}"

    def get(self, key, wait=0):
        options = [f"wait={int(wait * 1000)}ms"] if wait else []
        reply = self.ask("memo.get", *options, self.namespace, key, wait=wait)
        return reply or (b"AWAY", None, None)

    def compute(self, key, lease, compute):
        try:
            result = compute()
            value = None if result is None else self.dump(result)
        except BaseException:
            self.ask("memo.drop", self.namespace, key, lease)
            raise
        if value is None:
            self.ask("memo.null", self.namespace, key, lease)
        else:
            self.ask("memo.put", *self.options, self.namespace, key, lease, value)
        return result

    def compute_behind(self, *work):
        try:
            self.compute(*work)
        except Exception:
            log.exception("computing %s", self.fn.__qualname__)

    def loaded(self, value, key, compute):
        try:
            return self.load(value)
        except Exception as error:  # perhaps another version of the program has written it
            log.warning("%s can't be read: %s", key, error)
            self.ask("del", self.namespace, key)
            return compute()

    def ask(self, *words, wait=0):
        """The reply, or None: a cache that is away or refuses must not stop anybody."""
        try:
            return call(self.address, words, self.timeout, wait)
        except (OSError, Refused) as error:
            if not str(error).startswith("LEASE"):  # the key was written or deleted meanwhile
                log.warning("%s %s: %s", words[0], self.fn.__qualname__, error)
        except Rests:
            pass
        return None


def cached(fn=None, *, namespace="demo", key=None, ttl=None, wait=10, timeout=1, background=False,
           dump=json.dumps, load=json.loads, address=ADDRESS):
    """key: a string, or a function of the arguments (`self` too). ttl: as the namespace says, or
    "90", "10m", "2h". wait: seconds for what another computes. timeout: seconds for the daemon to answer.
    background: who finds a stale result gets it at once, while a thread computes the next."""
    options = namespace, key, ttl, wait, timeout, background, dump, load, address
    return Cached(fn, *options) if fn else lambda fn: Cached(fn, *options)
