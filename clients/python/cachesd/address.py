"""Where a daemon may be, and as whom it is asked."""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import NamedTuple, Optional

FORMS = "PATH, HOST:PORT, [IPV6]:PORT or tls:HOST:PORT was expected"


class Place(NamedTuple):
    """A Unix socket's path, or a host and a port."""

    path: str = ""
    host: str = ""
    port: int = 0
    is_tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{'tls:' if self.is_tls else ''}{host}:{self.port}"


def places(address: Optional[str]) -> list[Place]:
    """The address alone, or that of $CACHESD_ADDRESS, else all where a daemon usually is, in order."""
    address = address or os.environ.get("CACHESD_ADDRESS")
    if address:
        return [split(address)]
    paths: list[str] = []
    if hasattr(socket, "AF_UNIX"):
        private = f"/tmp/cachesd-{os.geteuid()}"
        folders = ["/run/cachesd", os.environ.get("XDG_RUNTIME_DIR"), private if is_mine(private) else None]
        paths = [f"{folder}/cachesd.sock" for folder in folders if folder]
    return [Place(path) for path in paths if os.path.exists(path)] + [Place(host="127.0.0.1", port=7379)]


def split(address: str) -> Place:
    is_tls, rest = address.startswith("tls:"), re.sub(r"^(unix|tcp|tls):", "", address)
    if "/" in rest and not is_tls:
        return Place(path=rest)
    found = re.fullmatch(r"(?:\[([^]]+)\]|([^:\[\]/]+)):(\d{1,5})", rest)
    if not found or int(found[3]) > 65535:
        raise ValueError(f"address {address!r}: {FORMS}")
    return Place(host=found[1] or found[2], port=int(found[3]), is_tls=is_tls)


def is_mine(folder: str) -> bool:
    """Whoever comes first can make a folder in /tmp."""
    try:
        return os.lstat(folder).st_uid == os.geteuid()
    except OSError:
        return False


class Login(NamedTuple):
    """Where to connect, and as whom. `tls` is for addresses with tls:, instead of the system's authorities."""

    address: Optional[str] = None
    user: Optional[str] = None
    token: Optional[str] = None
    tls: Optional[ssl.SSLContext] = None

    def __repr__(self) -> str:
        """Without the token, which logs would keep."""
        return f"Login(address={self.address!r}, user={self.user!r})"

    def words(self) -> Optional[tuple[str, str, str]]:
        """The request that says who asks, or None."""
        token = self.token or os.environ.get("CACHESD_TOKEN")
        user = self.user or os.environ.get("CACHESD_USER")
        if token and not user:
            raise ValueError("a token needs a user: the option user, or CACHESD_USER")
        return ("auth", user, token) if token and user else None

    def checked(self) -> Login:
        """Raises ValueError for an address, or a login, that can't be one."""
        places(self.address)
        self.words()
        return self

    def context(self) -> ssl.SSLContext:
        return self.tls or ssl.create_default_context()
