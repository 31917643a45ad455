"""Every verb, as the daemon's own `help` lists it, with arguments that fit its syntax.

What a verb does is said here once more, apart from its row: the tests of rights, of `readonly` and of
the near cache hold the rows to it. A new verb of a namespace goes into READS or WRITES.
"""

import re

import resp

OPEN = {"ping", "help", "auth", "quit", "reset"}
ADMIN = {"reload", "purge", "kill", "slowlog", "slowlog.reset", "hotkeys", "tap"}
DAEMON = {"ready", "explain", "namespaces", "settings", "backends", "clients", "stats"}

DAEMON |= {"metrics", "client", "select", "echo", "info", "command"}
READS = {
    *("exists", "ttl", "pttl", "type", "scan", "key.get", "key.mget"),
    *("dict.get", "dict.mget", "dict.has", "dict.len", "dict.keys", "dict.values"),
    *("dict.items", "dict.scan", "set.has", "set.len", "set.members", "set.random"),
    *("set.scan", "sorted.has", "sorted.len", "sorted.score", "sorted.rank", "sorted.range"),
    *("sorted.between", "sorted.scan", "counter.get", "counter.len", "counter.total"),
    *("counter.items", "counter.top", "memo.get"),
}
WRITES = {
    *("del", "touch", "key.set", "key.add", "key.replace", "key.swap", "key.take", "key.incr"),
    *("dict.set", "dict.add", "dict.del", "dict.incr", "dict.pop", "dict.popitem"),
    *("set.add", "set.del", "set.pop", "sorted.add", "sorted.incr", "sorted.del", "sorted.pop"),
    *("sorted.rpop", "counter.set", "counter.incr", "counter.update", "counter.del"),
    *("memo.put", "memo.null", "memo.drop", "memo.set"),
}
SAMPLES = {"F": "f", "M": "m", "V": "1", "VERB": "ping", "cursor": "0"}
SAMPLES.update({"word": "id", "index": "0", "id": "0", "message": "m"})
SAMPLES.update({"USER": "nobody", "TOKEN": "wrong", "lease": "0123456789abcdef"})
# Where the shortest request would take long.
MORE = {"hotkeys": ["for=1ms"]}
NUMBERS = {"n", "count", "start", "stop", "score", "min", "max"}


class Verb:
    """A line of help: `dict.set [ttl=] N K F V [F V ...]`."""

    def __init__(self, line):
        self.name, _, self.syntax = line.partition(" ")
        self.words = re.sub(r"\[[^]]*\]", "", self.syntax).split()
        self.collection = self.name.partition(".")[0] if "." in self.name else "any"

    @property
    def has_namespace(self):
        return self.words[:1] == ["N"]

    @property
    def takes_ttl(self):
        return "[ttl=]" in self.syntax

    @property
    def is_read(self):
        return self.name in READS

    @property
    def is_write(self):
        return self.name in WRITES

    def request(self, namespace="carts", key=None, ttl=None):
        """Words that this verb takes. The key is named after the collection that it holds."""
        options = [f"ttl={ttl}"] if ttl else []
        samples = {**SAMPLES, "N": namespace, "K": key or self.collection}
        words = ["1" if word in NUMBERS else samples[word] for word in self.words]
        return [self.name, *options, *words, *MORE.get(self.name, [])]


def code_of(reply):
    """The code of a refusal, else `served`; also when only the sample's lease is wrong."""
    return reply.code if isinstance(reply, resp.Error) and reply.code != "LEASE" else "served"


def of(client):
    """The verbs of a daemon, in its order."""
    lines = client.call("help").decode().partition("\n\n")[0].splitlines()
    return [Verb(line) for line in lines if line and not line.startswith(" ")]
