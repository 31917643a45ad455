"""Which daemon and namespace a `connection_name` stands for, and what $CACHES_DSN says of it."""

from __future__ import annotations

import logging
import os
import re
import threading
import urllib.parse
from typing import NamedTuple, Optional

from .address import Login
from .client import TIMEOUT, Client

FORMS = (
    "cachesd://[USER:TOKEN@][HOST:PORT]/NAMESPACE[?timeout=SECONDS][#NAME], cachesd+tls://… likewise, or "
    "cachesd+unix:///PATH?namespace=NAMESPACE[#NAME]"
)
log = logging.getLogger("cachesd")
lock = threading.RLock()
clients: dict[tuple[Login, float], Client] = {}


def default_namespace() -> str:
    return os.environ.get("CACHESD_NAMESPACE") or "demo"


class Interface(NamedTuple):
    """A namespace of a daemon, and how it is reached."""

    login: Login = Login()
    namespace: str = ""
    timeout: float = TIMEOUT

    @property
    def client(self) -> Client:
        """The client that blocks, which all interfaces to this daemon share."""
        with lock:
            key = self.login, self.timeout
            if key not in clients:
                clients[key] = Client(self.login, self.timeout)
            return clients[key]


# By name; None until the environment was read.
interfaces: Optional[dict[str, Interface]] = None


def parse_dsn(dsn: str) -> tuple[str, Interface]:
    """The name that a URL gives after its #, and what it says. ValueError for one that is none of FORMS."""
    url = urllib.parse.urlsplit(dsn)
    if url.scheme not in ("cachesd", "cachesd+tls", "cachesd+unix"):
        raise ValueError(f"{url.scheme or 'it'}: is no URL of a daemon: {FORMS} was expected")
    try:  # Python's own errors would show a part of a token that has to be quoted
        query, port = dict(urllib.parse.parse_qsl(url.query, strict_parsing=bool(url.query))), url.port or 7379
    except ValueError:
        raise ValueError(f"{url.scheme}: its port or its options are none: {FORMS} was expected") from None
    namespace, address = query.pop("namespace", ""), None
    timeout = float(query.pop("timeout", TIMEOUT))
    if query:
        raise ValueError(f"{url.scheme}: unknown option {', '.join(query)}: {FORMS} was expected")
    path = urllib.parse.unquote(url.path)
    if url.scheme == "cachesd+unix":
        address = path
    else:
        namespace = path.strip("/") or namespace
        tls = "tls:" if url.scheme == "cachesd+tls" else ""
        host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
        address = f"{tls}{host}:{port}" if host else None
    user, token = (urllib.parse.unquote(part) if part else None for part in (url.username, url.password))
    return url.fragment, Interface(Login(address, user, token), namespace, timeout)


def configure(dsn: str) -> Interface:
    """Makes a URL's daemon and namespace available under the name after its #, or as the default."""
    name, interface = parse_dsn(dsn)
    if name in known():
        raise ValueError(f"a connection named {name!r} is there already")
    set_interface(interface, name)
    return interface


def configure_environ(variable: str = "CACHES_DSN") -> None:
    """Reads CACHES_DSN and CACHES_DSN_1, CACHES_DSN_2, … A URL of a Redis server is for the daemon, which reads
    these variables, too: it is passed over here, and its name means the namespace of that name."""
    for name, dsn in sorted(os.environ.items()):
        if re.fullmatch(rf"{variable}(_\d+)?", name) and dsn.startswith("cachesd"):
            configure(dsn)
        elif re.fullmatch(rf"{variable}(_\d+)?", name) and dsn:
            log.info("%s names no daemon of cachesd: it is left to the daemon, which makes a backend of it", name)


def known() -> dict[str, Interface]:
    global interfaces
    with lock:
        if interfaces is None:
            interfaces = {}
            try:
                configure_environ()
            except ValueError:
                interfaces = None  # so that it is said again
                raise
        return interfaces


def set_interface(interface: Interface, name: str = "") -> None:
    known()[name] = interface


def get_interface(name: str = "") -> Interface:
    """What was configured under this name, else the namespace of that name, at the daemon of the default."""
    default = known().get("", Interface())
    found = known().get(name) or default._replace(namespace=name)
    return found._replace(namespace=found.namespace or default_namespace())


def get_interfaces() -> dict[str, Interface]:
    return dict(known())
