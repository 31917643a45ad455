#!/usr/bin/env python3
# keys.py SEED COUNT: calls a cached function with COUNT random arguments. scenario_cached_keys.py tells what it prints.
import dataclasses
import datetime
import decimal
import enum
import json
import os
import pathlib
import random
import sys
import zoneinfo

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "clients" / "python"))
from cachesd import cached


class Color(enum.Enum):
    RED = 1
    BLUE = "1"


@dataclasses.dataclass(frozen=True)
class Point:
    x: object
    y: object = 0


# An atom's text is written down here, so that it does not depend on what is tested.
ATOMS = {
    text: eval(text)
    for text in """None|True|False|0|1|-1|10**5000|0.0|-0.0|1.0|0.1|0.1+0.2|float("inf")|float("nan")|1j|""|"1"|"null"|"None"
    |"[]"|"\\""|"\\\\"|","|"1, 2"|"ä"|"a\\u0308"|"\\ud83d\\ude00"|"\U0001f600"|b""|b"1"|b"\\xff"|bytearray(b"1")|range(1)|range(2)
    |Color.RED|Color.BLUE|int|str|len|Point|decimal.Decimal("1")|decimal.Decimal("1.0")|datetime.date(2024, 1, 1)
    |datetime.datetime(2024, 1, 1)|datetime.datetime(2024, 1, 1, fold=1)|datetime.timedelta(1)|pathlib.PurePosixPath("1")
    |datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)|datetime.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("UTC"))
    """.replace("\n    ", "").split("|")
}


def value(depth=3):
    """A random value: its text, in which order counts only where it does in the language, and two of it."""
    kind = random.choice(["atom"] * 4 + ["list", "tuple", "dict", "set", "frozenset", "point"][: 6 if depth else 0])
    if kind == "atom":
        text = random.choice(list(ATOMS))
        return text, ATOMS[text], eval(text)
    parts = [value(depth - 1) for _ in range(2 if kind == "point" else random.randrange(4))]
    if kind in ("set", "frozenset", "dict"):
        parts = list({hash_of(part): part for part in parts if is_hashable(part[1])}.values())
    texts, once, again = ([part[at] for part in parts] for at in range(3))
    if kind == "dict":
        inner = value(depth - 1)
        pairs = [dict.fromkeys(once, inner[1]), dict.fromkeys(reversed(again), inner[2])]
        return f"{{{' '.join(sorted(texts))}: {inner[0] if texts else ''}}}", *pairs
    make = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "point": lambda parts: Point(*parts)}[kind]
    is_set = kind in ("set", "frozenset")
    return f"{kind}({' '.join(sorted(texts) if is_set else texts)})", make(once), make(again[::-1] if is_set else again)


def hash_of(part):
    """Python's sets and dicts keep only one of 1, 1.0 and True."""
    return hash(part[1])


def is_hashable(thing):
    try:
        hash(thing)
        return True
    except TypeError:
        return False


@cached(namespace="demo", timeout=30)
def function(a, b=0, *more, **named):
    computed.append(1)
    return text


random.seed(int(sys.argv[1]))
computed, wrong, texts = [], 0, set()
for _ in range(int(sys.argv[2])):
    parts = [value() for _ in range(random.randrange(1, 4))]
    text = " ".join(part[0] for part in parts + ([("0",)] if len(parts) == 1 else []))
    for at in (1, 2):
        values = [part[at] for part in parts]
        named = random.random() < 0.2
        result = function(a=values[0], b=values[1]) if named and len(values) == 2 else function(*values)
        wrong += result != text
    texts.add(text)
print(json.dumps({"wrong": wrong, "texts": len(texts), "computed": len(computed)}))
