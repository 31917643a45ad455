"""What is measured: operations, and the points of the matrix at which each is."""

import collections

KB = 1024
MB = 1024 * KB

# What the keys begin with whose values have these bytes, and how many keys there are.
Keys = collections.namedtuple("Keys", "prefix count")
SIZES = {
    64: Keys("s", 10_000),
    4 * KB: Keys("l", 10_000),
    64 * KB: Keys("xl", 200),
    1 * MB: Keys("xxl", 20),
}

# An operation at one point. `rate` 0: as fast as it goes. `away`: µs that the way to redis-server and back
# takes, by a relay before it (relay.c).
Point = collections.namedtuple("Point", "operation transport clients pipeline size rate away", defaults=[0])

BASE = Point("key.get", "unix", 50, 16, 64, 0)


class Operation:
    """How each server is asked: {server: words}; `{k}` in them stands for a key of the size.

    `near` is cachesd, too: it asks a namespace with `near = yes`. `dialect` and `dialect near` ask the same in
    Redis's dialect, by a listener of its own. `before`, another build, is asked what cachesd is, and `bare`, which only
    passes bytes on, what redis-server is.
    """

    def __init__(self, name, nils=0, form="array", **words):
        self.name = name
        self.nils = nils  # that a good reply of cachesd holds
        self.form = form  # of cachesd's requests; the others know only arrays
        self.words = words

    def request(self, server, size, away=0):
        """Its words at this size, for the load generator, where redis-server is `away` µs away."""
        words = self.words[{"before": "cachesd", "bare": "redis"}.get(server, server)]
        return [namespace_at(word, away) for word in with_keys(words, size)]

    def form_for(self, server):
        return self.form if is_native(server) else "array"


def words(text):
    return text.split()


def with_keys(request, size):
    """The request's words with the keys of this size, which the load generator numbers."""
    return [word.replace("{k}", SIZES[size].prefix + "{key}") for word in request]


def namespace_at(word, away):
    """cachesd's namespace that asks redis-server by the relay of so many µs; other words stay as they are."""
    return f"{word}{away}us" if away and word in ("bench", "near") else word


def many(text, count):
    """The last word, `count` times."""
    *head, last = text.split()
    return head + [last] * count


GET = words("GET bench:{k}")
GET_NEAR = words("GET near:{k}")
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
            **{"dialect": GET, "dialect near": GET_NEAR},
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
            dialect=SET,
        ),
        # twemproxy has no MULTI. In the dialect a key without a ttl gets that of its namespace.
        Operation(
            "dict.set",
            redis=MULTI,
            cachesd=words("dict.set ttl=1h bench d{k} f {value}"),
            dialect=words("HSET bench:d{k} f {value}"),
        ),
        Operation(
            "key.mget",
            redis=MGET,
            twemproxy=MGET,
            cachesd=many("key.mget bench {k}", 100),
            dialect=MGET,
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
    return {"near": "cachesd", "dialect near": "dialect"}.get(server, server)


def is_native(server):
    """Whether it is asked in cachesd's own protocol."""
    return server in ("cachesd", "near", "before")


def is_near(server):
    """Whether the near cache is to answer."""
    return server in ("near", "dialect near")


def servers_at(point):
    """Whom a point asks. Where the rate is fixed, latency is all there is to see. The dialect differs by a
    request's way through cachesd, not by crowds, large values or far servers; and how far away redis-server is
    the near cache shows at one distance as well as at three. What a process between costs by itself shows where one
    client waits for it; the bare one listens at Unix sockets alone. There need be no `before`."""
    names = [*OPERATIONS[point.operation].words, "before"]
    if point.clients == 1 and point.transport == "unix":
        names.append("bare")
    if point.rate:
        return [name for name in names if name in ("redis", "cachesd", "before", "bare")]
    if point.away not in (0, LONE_AWAY.away):
        names.remove("near")
    if (point.clients, point.size, point.away) != (BASE.clients, BASE.size, BASE.away):
        return [name for name in names if process_of(name) != "dialect"]
    return names


LATENCY = BASE._replace(clients=1, pipeline=1, rate=1000)
LONE = BASE._replace(clients=1, pipeline=1)
LONE_AWAY = LONE._replace(away=1000)
LARGE = BASE._replace(pipeline=64, size=4 * KB)

# The goals of goals.py are set at these, over either transport and over Unix sockets alone.
GOALS = [LATENCY]
GOALS += [BASE._replace(pipeline=pipeline) for pipeline in (1, 16, 64)]
GOALS += [BASE._replace(operation="key.set")]
UNIX_GOALS = [LONE, LONE_AWAY, LARGE]


def quick_points():
    return GOALS + UNIX_GOALS + [
        BASE._replace(operation="dict.set"),
        BASE._replace(operation="key.get line form"),
        BASE._replace(operation="key.mget", pipeline=1),
        BASE._replace(operation="memo.get"),
        BASE._replace(operation="memo.get stale"),
    ]


def matrix():
    """key.get everywhere, but where replies under way would fill 256 MB, and where a crowd over TCP does what it does
    over Unix sockets."""
    for transport, clients in (("unix", 50), ("tcp", 50), ("unix", 1000)):
        for pipeline in (1, 16, 64):
            yield Point("key.get", transport, clients, pipeline, 64, 0)
            if clients * pipeline <= 16_000:
                yield Point("key.get", transport, clients, pipeline, 4 * KB, 0)
    yield Point("key.get", "tcp", 1000, 1, 64, 0)


def far():
    """redis-server behind a network."""
    for away in (200, 1000, 5000):
        yield BASE._replace(pipeline=1, away=away)


def large_values():
    """Fewer clients where their replies would fill 256 MB, and where one client's were `client_output`."""
    for size in (64 * KB, 1 * MB):
        yield BASE._replace(pipeline=1, size=size)
        yield BASE._replace(pipeline=16, size=size, clients=50 if size < MB else 10)


def lines():
    """For each other operation, a line along each axis."""
    for name in ("key.set", "dict.set", "key.mget", "memo.get"):
        middle = BASE._replace(operation=name, pipeline=1 if name == "key.mget" else 16)
        yield from [middle._replace(pipeline=pipeline) for pipeline in (1, 16, 64)]
        yield from [middle._replace(clients=1000), middle._replace(transport="tcp")]
        yield middle._replace(size=4 * KB)
    for name in ("key.get line form", "memo.get stale"):
        yield BASE._replace(operation=name)


def is_heavy(point):
    """Whether it leaves traces in a server's memory, and needs long until all clients have had their turn."""
    return point.clients > BASE.clients or point.size > LARGE.size


def full_points():
    """The goals' first, and the heavy ones last."""
    over_tcp = [point._replace(transport="tcp") for point in GOALS]
    others = sorted([*far(), *matrix(), *lines(), *large_values()], key=is_heavy)
    return list(dict.fromkeys(GOALS + UNIX_GOALS + over_tcp + others))
