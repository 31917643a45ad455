"""What is measured: operations, and the points of the matrix at which each is."""

import collections

KEYS = 10_000
SIZES = {64: "s", 4096: "l"}  # bytes of a value: what its keys begin with

# An operation at one point. `rate` 0: as fast as it goes.
Point = collections.namedtuple("Point", "operation transport clients pipeline size rate")

BASE = Point("key.get", "unix", 50, 16, 64, 0)


class Operation:
    """How each server is asked: {server: words}; `{k}` in them stands for a key of the size.

    `near` is cachesd, too: it asks a namespace with `near = yes`.
    """

    def __init__(self, name, nils=0, form="array", **words):
        self.name = name
        self.nils = nils  # that a good reply of cachesd holds
        self.form = form  # of cachesd's requests; the others know only arrays
        self.words = words

    def request(self, server, size):
        """Its words at this size, for the load generator."""
        return [word.replace("{k}", SIZES[size] + "{key}") for word in self.words[server]]

    def form_for(self, server):
        return self.form if server in ("cachesd", "near") else "array"


def words(text):
    return text.split()


def many(text, count):
    """The last word, `count` times."""
    *head, last = text.split()
    return head + [last] * count


GET = words("GET bench:{k}")
SET = words("SET bench:{k} {value} EX 3600")
MGET = many("MGET bench:{k}", 100)
MULTI = words("MULTI ; HSET bench:d{k} f {value} ; PEXPIRE bench:d{k} 3600000 ; EXEC")

OPERATIONS = {
    operation.name: operation
    for operation in [
        Operation(
            "key.get",
            redis=GET,
            twemproxy=GET,
            cachesd=words("key.get bench {k}"),
            near=words("key.get near {k}"),
        ),
        Operation(
            "key.get line form",
            form="line",
            redis=GET,
            twemproxy=GET,
            cachesd=words("key.get bench {k}"),
        ),
        Operation(
            "key.set",
            redis=SET,
            twemproxy=SET,
            cachesd=words("key.set ttl=1h bench {k} {value}"),
        ),
        # twemproxy has no MULTI.
        Operation("dict.set", redis=MULTI, cachesd=words("dict.set ttl=1h bench d{k} f {value}")),
        Operation(
            "key.mget",
            redis=MGET,
            twemproxy=MGET,
            cachesd=many("key.mget bench {k}", 100),
        ),
        # A HIT is *3: HIT, the value, nil.
        Operation("memo.get", nils=1, redis=GET, cachesd=words("memo.get bench {k}")),
        # Where something stale may be served, it asks for the ttl too.
        Operation("memo.get stale", nils=1, redis=GET, cachesd=words("memo.get stale {k}")),
    ]
}

# What Redis holds before. A result stands in it as it is.
FILLS = [words(f"SET {name}:{{k}} {{value}} EX 7200") for name in ("bench", "near", "stale")]
TOUCH_NEAR = words("key.get near {k}")


def process_of(server):
    """The server that a column of the tables stands for."""
    return "cachesd" if server == "near" else server


def servers_at(point):
    """Whom a point asks. Where the rate is fixed, latency is all there is to see."""
    names = list(OPERATIONS[point.operation].words)
    return [name for name in names if not point.rate or name in ("redis", "cachesd")]


LATENCY = BASE._replace(clients=1, pipeline=1, rate=1000)


# The goals of report.py are set at these.
GOALS = [LATENCY]
GOALS += [BASE._replace(pipeline=pipeline) for pipeline in (1, 16, 64)]
GOALS += [BASE._replace(operation="key.set")]


def quick_points():
    return GOALS + [
        BASE._replace(operation="dict.set"),
        BASE._replace(operation="key.get line form"),
        BASE._replace(operation="key.mget", pipeline=1),
        BASE._replace(operation="memo.get"),
        BASE._replace(operation="memo.get stale"),
    ]


def matrix():
    """key.get everywhere, but where replies under way would fill 256 MB."""
    for transport in ("unix", "tcp"):
        for clients in (50, 1000):
            for pipeline in (1, 16, 64):
                yield Point("key.get", transport, clients, pipeline, 64, 0)
                if clients * pipeline <= 16_000 and (clients == 50 or transport == "unix"):
                    yield Point("key.get", transport, clients, pipeline, 4096, 0)


def lines():
    """For each other operation, a line along each axis."""
    for name in ("key.set", "dict.set", "key.mget", "memo.get"):
        middle = BASE._replace(operation=name, pipeline=1 if name == "key.mget" else 16)
        yield from [middle._replace(pipeline=pipeline) for pipeline in (1, 16, 64)]
        yield from [middle._replace(clients=1000), middle._replace(transport="tcp")]
        yield middle._replace(size=4096)
    for name in ("key.get line form", "memo.get stale"):
        yield BASE._replace(operation=name)


def full_points():
    """The goals' first, then those of few clients: crowds leave traces in a server's memory."""
    over_tcp = [point._replace(transport="tcp") for point in GOALS]
    others = sorted([*matrix(), *lines()], key=lambda point: point.clients)
    return list(dict.fromkeys(GOALS + over_tcp + others))
