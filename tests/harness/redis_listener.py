"""A daemon with a listener that speaks Redis's protocol, and what is behind it.

    listener = RedisListener(self.world, bound(ttl="1h"))
    with listener.client(protocol=3) as client:
        assert client.call("SET", "k", "v") == b"OK"
    listener.check_ttls()

`bound` is a configuration whose listener has one namespace, and adds its prefix to each key; with
`prefixed` a key begins with its namespace's prefix. Both are plain text, to which a test may add sections;
the daemon listens for its own dialect too (`listener.daemon`).
"""

import re

import keyspace
import resp3
from resp import Client, Error

SERVER = """\
[cachesd]
listen = {{listen}}
[backend main]
url = {{redis:main}}
timeout = 20s
{namespaces}\
[listener apps]
listen = unix:{{folder}}/redis.sock
listen = tcp:127.0.0.1:{{port}}
speak = redis
{options}"""

NAMESPACE = "[namespace {name}]\nprefix = {prefix}\nttl = {ttl}\nmax_ttl = {max_ttl}\n{more}"
DAY = 86400  # seconds: max_ttl, where a test does not say otherwise


def bound(name="t", ttl="2h", max_ttl="1d", namespace="", options=""):
    """Of one namespace, `t` with the prefix `t:`. `namespace` and `options` are further lines of its section
    and of the listener's."""
    section = NAMESPACE.format(name=name, prefix=name + ":", ttl=ttl, max_ttl=max_ttl, more=namespace)
    return SERVER.format(namespaces=section, options=f"namespace = {name}\n{options}")


def prefixed(*names, ttl="2h", max_ttl="1d", namespace="", options=""):
    """Of several namespaces, `sess` with `sess:` and `cart` with `cart:` where none is named."""
    sections = [
        NAMESPACE.format(name=name, prefix=name + ":", ttl=ttl, max_ttl=max_ttl, more=namespace)
        for name in names or ("sess", "cart")
    ]
    return SERVER.format(namespaces="".join(sections), options=options)


class RedisListener:
    """The daemon, its Redis `main`, and where clients find the listener: `path`, and `host` and `port`."""

    host = "127.0.0.1"

    def __init__(self, world, ini=None, **options):
        self.ini = ini or bound()
        self.daemon = world.daemon(self.ini, **options)
        self.redis = world.redis()
        self.path = f"{world.folder}/redis.sock"
        self.port = world.port
        self.prefixes = re.findall(r"^prefix = (\S+)$", self.ini, re.MULTILINE)

    @property
    def url(self):
        """As client libraries want it."""
        return f"redis://{self.host}:{self.port}/0"

    def client(self, protocol=None, timeout=10):
        """A connection; with `protocol`, 2 or 3, it has said HELLO."""
        client = (resp3.Client3 if protocol == 3 else Client)(self.path, timeout)
        self.daemon.world.close_first(client)
        if protocol:
            hello = client.call("HELLO", protocol)
            if isinstance(hello, Error):
                client.close()
                raise AssertionError(f"HELLO {protocol}: {hello}")
        return client

    def call(self, *words):
        with self.client() as client:
            return client.call(*words)

    def check_ttls(self, max_ttl=DAY):
        """That no key of a namespace is without ttl or has one above that of its configuration (seconds);
        gives how many keys there are."""
        return sum(keyspace.check(self.redis, prefix, max_ttl) for prefix in self.prefixes)
