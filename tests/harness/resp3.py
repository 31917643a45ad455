"""Replies of protocol 3, of which the older protocol's are a part.

What protocol 2 knows becomes what resp.py says. Beyond that: Map, Set, Double, Verbatim, Push, True and
False, and None for `_`, so that a test sees in which shape a reply came.
"""

import resp
from resp import Client, Error


class Map(dict):
    """%"""


class Set(list):
    """~, in the order in which it came."""


class Push(list):
    """>"""


class Double(float):
    ""","""


class Verbatim(bytes):
    """= without the three letters of its kind."""

    kind = b""


def parse(data, at=0):
    """As resp.parse()."""
    kind = bytes(data[at : at + 1])
    if kind in b"+-:$":
        return resp.parse(data, at)
    end = data.find(b"\r\n", at)
    if end < 0:
        return None
    rest, at = bytes(data[at + 1 : end]), end + 2
    if kind in AGGREGATES:
        return parse_aggregate(data, kind, int(rest), at)
    if kind in b"=!":
        return parse_block(data, kind, int(rest), at)
    return parse_simple(kind, rest), at


def parse_simple(kind, rest):
    if kind == b"_" and not rest:
        return None
    if kind == b",":
        return Double(rest)
    if kind == b"#" and rest in (b"t", b"f"):
        return rest == b"t"
    if kind == b"(":
        return int(rest)
    raise AssertionError(f"not a reply: {kind + rest!r}")


def parse_block(data, kind, length, at):
    parsed = resp.parse_bulk(data, length, at)
    if parsed is None:
        return None
    text, at = parsed
    if kind == b"!":
        return Error(text), at
    verbatim = Verbatim(text[4:])
    verbatim.kind = text[:3]
    return verbatim, at


def parse_aggregate(data, kind, count, at):
    if count < 0:
        return None, at
    items = []
    for _ in range(2 * count if kind == b"%" else count):
        parsed = parse(data, at)
        if parsed is None:
            return None
        item, at = parsed
        items.append(item)
    return AGGREGATES[kind](items), at


def map_of(items):
    return Map(zip(items[::2], items[1::2]))


AGGREGATES = {b"*": list, b"%": map_of, b"~": Set, b">": Push}


class Client3(Client):
    """A connection that has said nothing yet: HELLO 3 is the caller's."""

    parse = staticmethod(parse)
