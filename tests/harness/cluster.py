"""A Redis Cluster for tests: masters with their replicas, formed in about two seconds, in memory.

    with Cluster(masters=3, replicas=1) as cluster:
        daemon = world.daemon(INI.replace("{redis:main}", cluster.url))
        cluster.migrate_slot(slot_of(b"cart:7"), cluster.masters[2])
        cluster.failover(cluster.masters[0])

`options` are further ones for each server, or a function that is given a node and replies its options.
In `nodes` the masters stand first, then a replica of each, then their second ones. `owners` says of each
slot which node serves it, as far as the tests have moved it; `learn_owners()` asks the nodes.
"""

import binascii
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import resp
from harness import ENDS_WITH_PARENT, LONG, REDIS_SERVER, free_port, send_signal, wait_until

SLOTS = 16384
HOST = "127.0.0.1"
KEYS_AT_ONCE = 100  # that one MIGRATE moves


def slot_of(key):
    """The hash slot of a key as Redis has it, with the namespace's prefix."""
    begin = key.find(b"{")
    end = key.find(b"}", begin + 1) if begin >= 0 else -1
    if end > begin + 1:
        key = key[begin + 1 : end]
    return binascii.crc_hqx(key, 0) % SLOTS


def names_in_slot(slot, prefix, count=1):
    """So many names that are in this slot with the prefix in front."""
    found, number = [], 0
    while len(found) < count:
        name = b"%d" % number
        if slot_of(prefix + name) == slot:
            found.append(name)
        number += 1
    return found


def memory_folder():
    """A new folder in memory, where the machine has such."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
    return tempfile.mkdtemp(prefix="cachesd-cluster-", dir=base)


def fields_of(text):
    """The name:value lines of INFO and CLUSTER INFO."""
    lines = (line.partition(":") for line in text.decode().splitlines() if ":" in line)
    return {name: value for name, _, value in lines}


class NodesLine:
    """A line of CLUSTER NODES: how one node sees another."""

    def __init__(self, line):
        words = line.split()
        self.id, self.flags, self.master = words[0], set(words[2].split(",")), words[3]
        self.epoch = words[6]
        self.ranges = [word for word in words[8:] if not word.startswith("[")]

    def slots(self):
        for text in self.ranges:
            first, _, last = text.partition("-")
            yield from range(int(first), int(last or first) + 1)


class Node:
    """One redis-server of a cluster."""

    def __init__(self, cluster, number, options):
        self.cluster = cluster
        self.number = number
        self.options = options
        self.folder = f"{cluster.folder}/{number}"
        os.mkdir(self.folder)
        self.host = HOST
        self.port = self.bus_port = 0
        self.shown_port = None  # that clients are told of, where it is another: a relay's
        self.process = None
        self.is_stopped = False
        self.id = ""
        self.kept = None  # the connection of call()
        self.lock = threading.Lock()
        self.launch()

    def __repr__(self):
        return f"node {self.number}"

    @property
    def address(self):
        return self.host, self.port

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_alive(self):
        return self.process.poll() is None

    @property
    def is_running(self):
        """Whether it can be asked: not while it is held still."""
        return self.is_alive and not self.is_stopped

    def launch(self):
        """Begins to start it, on ports that are free now."""
        self.port, self.bus_port = free_port(), free_port()
        options = self.options(self) if callable(self.options) else self.options
        self.command = [REDIS_SERVER, "--port", str(self.port), "--bind", HOST]
        self.command += ["--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)]
        self.command += ["--cluster-node-timeout", str(self.cluster.node_timeout)]
        self.command += ["--cluster-config-file", "nodes.conf", "--dir", self.folder, "--save", ""]
        self.command += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        self.command += ["--enable-debug-command", "yes", "--logfile", f"{self.folder}/log"]
        self.command += options
        self.spawn()

    def spawn(self):
        """Starts it, or starts it again as it was."""
        self.process = subprocess.Popen([*ENDS_WITH_PARENT, *self.command])

    def wait_started(self):
        """Until it answers, and is not another that has taken its port."""
        wait_until(self._has_started, f"{self} answers")
        self.id = self.call("CLUSTER", "MYID").decode()

    def _has_started(self):
        if not self.is_alive:  # somebody was faster to take a port
            self.launch()
        try:
            return fields_of(self.call("INFO", "server"))["process_id"] == str(self.pid)
        except (OSError, resp.Closed):
            return False

    def log(self):
        return pathlib.Path(f"{self.folder}/log").read_text(errors="replace")

    def client(self, timeout=10):
        return self.cluster.connect(self.address, timeout)

    def call(self, *words):
        return self.call_all([words])[0]

    def call_all(self, commands):
        """Sends all of them at once; gives their replies. Connects again after a loss."""
        with self.lock:
            try:
                self.kept = self.kept or self.client()
                self.kept.send(b"".join(resp.array(*words) for words in commands))
                return [self.kept.read() for _ in commands]
            except (OSError, resp.Closed):
                self.disconnect()
                raise

    def must(self, *words):
        """The same for a command that has to succeed."""
        reply = self.call(*words)
        if isinstance(reply, resp.Error):
            raise AssertionError(f"{self}: {words!r} replied {reply!r}")
        return reply

    def disconnect(self):
        if self.kept:
            self.kept.close()
        self.kept = None

    def info(self, *words):
        return fields_of(self.must("INFO", *words))

    def is_master(self):
        return self.must("ROLE")[0] == b"master"

    def cluster_info(self):
        return fields_of(self.must("CLUSTER", "INFO"))

    def nodes(self):
        """CLUSTER NODES: {id: NodesLine}."""
        lines = self.must("CLUSTER", "NODES").decode().splitlines()
        return {line.id: line for line in map(NodesLine, lines)}

    def counters(self):
        """How often it has run each command: {name: calls}."""
        text = self.must("INFO", "commandstats").decode()
        found = re.findall(r"cmdstat_(\S+?):calls=(\d+)", text)
        return {name.lower(): int(calls) for name, calls in found}

    def connections(self, name="cachesd"):
        """How many clients of this name it has."""
        lines = self.must("CLIENT", "LIST").decode().splitlines()
        return sum(f" name={name} " in line for line in lines)

    def send_signal(self, number):
        send_signal(self.process, number)

    def stop(self):
        """Holds it still; cont() lets it go on."""
        self.is_stopped = True
        self.send_signal(signal.SIGSTOP)

    def cont(self):
        self.send_signal(signal.SIGCONT)
        self.is_stopped = False

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.is_stopped = False
        self.disconnect()


class Cluster:
    def __init__(self, masters=3, replicas=0, options=(), node_timeout=1000, connect=resp.Client):
        self.folder = memory_folder()
        self.node_timeout = node_timeout
        self.connect = connect
        self.options = options
        self.nodes = []
        try:
            for _ in range(masters * (1 + replicas)):
                self._launch_node()
            for node in self.nodes:
                node.wait_started()
            self.masters = self.nodes[:masters]
            self.owners = [self.masters[slot * masters // SLOTS] for slot in range(SLOTS)]
            self._form()
        except BaseException:
            self.end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for node in self.nodes:
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _launch_node(self):
        node = Node(self, len(self.nodes), self.options)
        self.nodes.append(node)
        return node

    def _form(self):
        for node in self.masters:
            for first, last in self.ranges_of(node):
                node.must("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in self.nodes:
            node.must("CLUSTER", "SET-CONFIG-EPOCH", node.number + 1)
            for other in self.nodes[: node.number]:
                node.must("CLUSTER", "MEET", HOST, other.port, other.bus_port)
        wait_until(self._all_know_all, "all nodes know each other")
        for number, node in enumerate(self.nodes[len(self.masters) :]):
            node.must("CLUSTER", "REPLICATE", self.masters[number % len(self.masters)].id)
        self.wait_agreed()

    def ranges_of(self, node):
        """Its slots as pairs of first and last."""
        ranges = []
        for slot in range(SLOTS):
            if self.owners[slot] is not node:
                continue
            if ranges and ranges[-1][1] == slot - 1:
                ranges[-1][1] = slot
            else:
                ranges.append([slot, slot])
        return ranges

    def _all_know_all(self):
        ids = {node.id for node in self.running()}
        return all(ids <= set(node.nodes()) for node in self.running())

    # --- addresses --------------------------------------------------------------------------

    @property
    def hosts(self):
        return ",".join(f"{HOST}:{node.shown_port or node.port}" for node in self.nodes)

    @property
    def url(self):
        return f"redis+cluster://{self.hosts}"

    # --- who serves what --------------------------------------------------------------------

    def owner_of(self, key):
        return self.owners[slot_of(key)]

    def by_id(self, id):
        return next(node for node in self.nodes if node.id == id)

    def running(self):
        return [node for node in self.nodes if node.is_running]

    def replicas_of(self, master):
        """As the master knows them; only those that run."""
        lines = master.nodes().values()
        ids = {line.id for line in lines if line.master == master.id and "fail" not in line.flags}
        return [node for node in self.running() if node.id in ids]

    def learn_owners(self, node=None):
        """Asks a node who serves which slot."""
        for line in (node or self.running()[0]).nodes().values():
            for slot in line.slots():
                self.owners[slot] = self.by_id(line.id)
        return self.owners

    def wait_agreed(self, seconds=2 * LONG):
        """Until all running nodes see the same, each replica has its master's data, and all is well. Slots
        that move in another direction sooner, or another failover, can be disputed for ever, by news that
        is under way."""
        try:
            wait_until(self._is_agreed, "the nodes agree", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self._views()}") from None
        self.learn_owners()

    def settle(self, slots):
        """Until all masters see the owners that the slots were given. A node can forget what it was told by
        news that was under way, and then disputes the slot for ever: it is told again, as `redis-cli
        --cluster fix` does."""
        wait_until(lambda: self._is_settled(slots), "the masters know who has the slots")

    def _is_settled(self, slots):
        is_settled = True
        for node in self.running():
            seen = {slot: line.id for line in node.nodes().values() for slot in line.slots()}
            wrong = [slot for slot in slots if seen.get(slot) != self.owners[slot].id]
            for slot in wrong if node.is_master() else []:
                node.call("CLUSTER", "SETSLOT", slot, "NODE", self.owners[slot].id)
                is_settled = False
        return is_settled

    def _views(self):
        """What each node sees, for a person."""
        lines = []
        for node in self.running():
            lines.append(f"{node} ({node.cluster_info()['cluster_state']}, in sync: {self._is_in_sync(node)}):")
            for line in node.nodes().values():
                lines.append(f"  {line.id[:8]} {line.flags} of {line.master} epoch {line.epoch} {line.ranges}")
        return "\n".join(lines)

    def _is_agreed(self):
        tables = []
        for node in self.running():
            if node.cluster_info()["cluster_state"] != "ok" or not self._is_in_sync(node):
                return False
            lines = node.nodes().values()
            tables.append({line.id: (line.ranges, line.master, line.epoch) for line in lines})
        return all(table == tables[0] for table in tables)

    def _is_in_sync(self, node):
        role = node.must("ROLE")
        return role[0] == b"master" or role[3] == b"connected"

    def call(self, *words):
        """A command of one key, at the key's owner."""
        key = words[1] if isinstance(words[1], bytes) else str(words[1]).encode()
        return self.owner_of(key).call(*words)

    def call_masters(self, *words):
        """The same command at each master: their replies."""
        return [node.call(*words) for node in self.running() if node.is_master()]

    def flush(self):
        self.call_masters("FLUSHALL")

    def dbsize(self):
        return sum(self.call_masters("DBSIZE"))

    # --- changes ----------------------------------------------------------------------------

    def open_slot(self, slot, target):
        """From now on the slot is on its way to the target."""
        source = self.owners[slot]
        target.must("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        source.must("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)

    def move_keys(self, slot, target, most=None):
        """Those of an open slot, or so many of them; replies how many."""
        source, moved = self.owners[slot], 0
        while most is None or moved < most:
            count = min(KEYS_AT_ONCE, most - moved if most is not None else KEYS_AT_ONCE)
            keys = source.must("CLUSTER", "GETKEYSINSLOT", slot, count)
            if not keys:
                break
            self.move_these(keys, source, target)
            moved += len(keys)
        return moved

    def move_these(self, keys, source, target):
        source.must("MIGRATE", HOST, target.port, "", 0, 5000, "KEYS", *keys)

    def close_slot(self, slot, target):
        """Gives the slot to the target: it hears so first, then the source, then the other masters. A
        source without slots may have become a replica by then."""
        source = self.owners[slot]
        words = ("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        target.must(*words)
        for node in [source, *(node for node in self.masters if node not in (source, target))]:
            if node.is_running and isinstance(node.call(*words), resp.Error) and node.is_master():
                raise AssertionError(f"{node} does not take {words!r}")
        self.owners[slot] = target

    def migrate_slot(self, slot, target):
        self.open_slot(slot, target)
        self.move_keys(slot, target)
        self.close_slot(slot, target)

    def migrate_round(self, slots, number):
        """The slots go to one master, in the next round to the next, and so on."""
        target = self.masters[number % len(self.masters)]
        for source in [master for master in self.masters if master is not target]:
            moved = [slot for slot in slots if self.owners[slot] is source]
            self.settle(moved)
            for slot in moved:
                self.migrate_slot(slot, target)
            if moved:
                self.settle(moved)
                self.wait_agreed()

    def take_slot(self, slot, target):
        """Gives it away by force, without its keys: the target alone hears of it, and tells others."""
        target.must("CLUSTER", "SETSLOT", slot, "NODE", target.id)
        target.must("CLUSTER", "BUMPEPOCH")
        self.owners[slot] = target

    def failover(self, master, kind=None):
        """Has a replica take over (`kind`: FORCE or TAKEOVER), and waits until it has; gives it."""
        replica = self.replicas_of(master)[0]
        replica.must("CLUSTER", "FAILOVER", *([kind] if kind else []))
        wait_until(replica.is_master, f"{replica} is a master")
        self._replace_master(master, replica)
        return replica

    def wait_promoted(self, master, seconds=30):
        """Until a replica of this dead master has taken over: gives it."""
        candidates = [node for node in self.running() if node not in self.masters]
        taken = lambda: next((node for node in candidates if self._has_taken(node, master)), None)
        replica = wait_until(taken, f"a replica of {master} takes over", seconds)
        self._replace_master(master, replica)
        return replica

    def _has_taken(self, node, master):
        slots = [slot for slot in range(SLOTS) if self.owners[slot] is master]
        line = node.nodes()[node.id]
        return "master" in line.flags and slots and slots[0] in set(line.slots())

    def _replace_master(self, master, replica):
        self.masters[self.masters.index(master)] = replica
        self.owners = [replica if node is master else node for node in self.owners]

    def add_node(self):
        """A further master without slots, which all others know."""
        node = self._launch_node()
        node.wait_started()
        for other in self.running():
            if other is not node:
                node.must("CLUSTER", "MEET", HOST, other.port, other.bus_port)
        wait_until(self._all_know_all, "all nodes know the new one")
        self.masters.append(node)
        self.wait_agreed()
        return node
