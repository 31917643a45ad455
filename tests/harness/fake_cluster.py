"""Nodes that say they are a Redis Cluster, and then answer as the test says: see fake_redis.py.

    with FakeCluster(world, 2) as fakes:
        daemon = world.daemon(INI.replace("{redis:main}", fakes.url))
        fakes.nodes[0].keyed = moved_to(fakes.nodes[1])

`table` says who owns which slots: first, last, node; `epoch` and `state` are what CLUSTER INFO tells.
`keyed` is the behaviour of a node for all that it is asked but CLUSTER; `slots_answer`, when set, are the
bytes that answer CLUSTER SLOTS.
"""

import collections
import contextlib
import socket
import time

from cluster import HOST, SLOTS, slot_of
from fake_redis import FakeRedis, array, bulk, plain_answer, send_right


class FakeNode(FakeRedis):
    def __init__(self, cluster, number, port=0):
        self.cluster = cluster
        self.number = number
        self.port = port
        self.id = f"{number:040x}"
        self.keyed = send_right
        self.slots_answer = None
        self.asked = collections.Counter()  # by command, behind the greeting
        self.slots_asked = []  # when CLUSTER SLOTS was asked for
        super().__init__(cluster.world, f"node{number}")
        self.behave = self.behave_as_node
        self.url = f"redis+cluster://{HOST}:{self.port}"

    def bind(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        self.port = listener.getsockname()[1]
        return listener

    def behave_as_node(self, connection, words, right):
        name = words[0].upper()
        self.asked[name] += 1
        own = name in (b"CLUSTER", b"ASKING", b"CLIENT", b"READONLY")
        (send_right if own else self.keyed)(connection, words, right)

    def plain_answer(self, name, words):
        if name == b"ASKING":
            return b"+OK\r\n"
        if name != b"CLUSTER":
            return plain_answer(name, words)
        what = words[1].upper()
        if what == b"MYID":
            return bulk(self.id.encode())
        if what == b"INFO":
            return bulk(self.cluster.info())
        if what == b"SLOTS":
            self.slots_asked.append(time.monotonic())
            return self.cluster.slots() if self.slots_answer is None else self.slots_answer
        return b"-ERR unknown subcommand\r\n"


class FakeCluster:
    def __init__(self, world, nodes):
        self.world = world
        self.epoch, self.state = 1, "ok"
        self.kept = contextlib.ExitStack()
        self.nodes = [self.kept.enter_context(FakeNode(self, number)) for number in range(nodes)]
        share = SLOTS // nodes
        self.table = [(n * share, (n + 1) * share - 1, node) for n, node in enumerate(self.nodes)]
        self.table[-1] = (self.table[-1][0], SLOTS - 1, self.nodes[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kept.close()

    @property
    def url(self):
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes)

    def info(self):
        lines = [f"cluster_state:{self.state}", f"cluster_slots_assigned:{SLOTS}"]
        lines += [f"cluster_current_epoch:{self.epoch}", f"cluster_my_epoch:{self.epoch}"]
        return "".join(line + "\r\n" for line in lines).encode()

    def slots(self):
        return array([slots_range(first, last, node) for first, last, node in self.table])

    def owner_of(self, key):
        slot = slot_of(key)
        return next(node for first, last, node in self.table if first <= slot <= last)

    def sends(self):
        """Commands of keys that all nodes were given."""
        names = ("GET", "SET", "HINCRBY", "UNLINK", "DEL")
        return sum(node.asked[name.encode()] for node in self.nodes for name in names)


def slots_range(first, last, node, host=HOST):
    where = array([bulk(host.encode()), b":%d\r\n" % node.port, bulk(node.id.encode()), array([])])
    return array([b":%d\r\n" % first, b":%d\r\n" % last, where])


# --- behaviours -----------------------------------------------------------------------------------


def moved_to(node, host=HOST):
    """Each key is said to be there."""
    return redirect("MOVED", node, host)


def ask_at(node, host=HOST):
    return redirect("ASK", node, host)


def redirect(word, node, host):
    def behave(connection, words, right):
        if len(words) < 2:  # MULTI, EXEC, DISCARD
            connection.send(right)
        else:
            connection.send(f"-{word} {slot_of(words[1])} {host}:{node.port}\r\n".encode())

    return behave


def refuse(text):
    return lambda connection, words, right: connection.send(f"-{text}\r\n".encode())


