"""The client of cachesd for Python: collections used as Python's own, cached functions, and any verb as a call.

    import cachesd

    @cachesd.cached(ttl="10m")
    def report(user): ...

    cart = cachesd.DictCache("cart", 7)
    cart["apples"] = 2

    with cachesd.connect() as client:
        client.sorted.add("demo", "scores", 10, "ann", ttl="1d")

`import cachesd as caches` takes the place of the library `caches`; README.md says what is different. cachesd.aio has
the same for asyncio. It needs nothing but this folder.
"""

from .address import Login
from .base import unsafe_clear
from .client import Batch, Client, Promise, connect
from .counter import CounterCache
from .decorators import cached
from .dict import DictCache
from .errors import (
    CacheError,
    InternalError,
    LeaseEnded,
    Lost,
    NoSuchProtocol,
    NotAuthenticated,
    NotPermitted,
    Overloaded,
    PolicyRefused,
    ProtocolError,
    TimedOut,
    Unavailable,
    UnknownNamespace,
    UnknownVerb,
    WrongArguments,
    WrongType,
)
from .key import Cache, KeyCache, SentinelCache
from .registry import Interface, configure, configure_environ, get_interface, get_interfaces, set_interface
from .set import SetCache
from .sorted_set import SortedSetCache

__version__ = "0.1.0"

__all__ = [
    "Batch", "Cache", "CacheError", "Client", "CounterCache", "DictCache", "Interface", "InternalError",
    "KeyCache", "LeaseEnded", "Login", "Lost", "NoSuchProtocol", "NotAuthenticated", "NotPermitted",
    "Overloaded", "PolicyRefused", "Promise", "ProtocolError", "SentinelCache", "SetCache", "SortedSetCache",
    "TimedOut", "Unavailable", "UnknownNamespace", "UnknownVerb", "WrongArguments", "WrongType", "cached",
    "configure", "configure_environ", "connect", "get_interface", "get_interfaces", "set_interface",
    "unsafe_clear",
]
