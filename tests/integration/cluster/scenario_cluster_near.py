#!/usr/bin/env python3
"""The near cache in front of a cluster: how old an answer may be while slots move and masters fail."""

import collections
import random
import signal
import threading
import time

import harness
import load
import resp
from cluster import SLOTS, names_in_slot, slot_of
from cluster_case import IS_LONG, NOT_COVERED, ClusterCase

INI = """\
[cachesd]
listen = unix:{folder}/NAME.sock
workers = 1
[backend main]
url = CLUSTER
timeout = 1s
[namespace near]
prefix = n:
ttl = 1d
near = yes
"""
LOAD = """\
[cachesd]
listen = {listen}
[backend main]
url = CLUSTER
timeout = 1s
"""
PREFIX = b"n:"
KEYS = 1000
STALE = 5.0  # seconds that an answer may be older than the newest value, in a cluster
OFF = 3.5  # seconds after which nothing is served from memory for an isolated master
ROUNDS = 50 if IS_LONG else 10
MOVES = 1000 if IS_LONG else 200
PAUSE = 0.001  # between two writes


def read_all(client, names):
    """The versions of these keys, 0 for a missing one; None where the daemon could not say."""
    client.send(b"".join(resp.array("key.get", "near", name) for name in names))
    replies = [client.read() for _ in names]
    return [None if isinstance(r, resp.Error) else int(r or 0) for r in replies]


class Writer(threading.Thread):
    """Writes round the daemons, each key's versions upwards, and remembers when each was safe."""

    def __init__(self, cluster, names, replicas):
        super().__init__(daemon=True)
        self.cluster, self.names, self.replicas = cluster, names, replicas
        self.clients = {}
        self.times = collections.defaultdict(lambda: [0.0])  # of each key, by version
        self.is_over = False
        self.rng = random.Random(1)

    def run(self):
        while not self.is_over:
            self.write(self.rng.choice(self.names))
            time.sleep(PAUSE)
        for client in self.clients.values():
            client.close()

    def write(self, name):
        """Wherever the key is; the version counts when it is acknowledged, else it is tried again later."""
        version = len(self.times[name])
        port, asking = self.cluster.owner_of(PREFIX + name).port, False
        for _ in range(5):
            reply = self.ask(port, asking, name, version)
            if reply == b"OK":
                self.times[name].append(time.monotonic())
                return
            if not (isinstance(reply, resp.Error) and reply.code in ("MOVED", "ASK")):
                return
            port, asking = int(reply.rsplit(b":", 1)[1]), reply.code == "ASK"

    def ask(self, port, asking, name, version):
        try:
            if port not in self.clients:
                self.clients[port] = resp.Client(("127.0.0.1", port), 2)
            client = self.clients[port]
            commands = [("ASKING",)] * asking + [("SET", PREFIX + name, version)]
            commands += [("WAIT", 1, 200)] * self.replicas
            client.send(b"".join(resp.array(*words) for words in commands))
            replies = [client.read() for _ in commands]
        except (OSError, resp.Closed):
            if port in self.clients:
                self.clients.pop(port).close()
            time.sleep(0.01)
            return None
        is_safe = not self.replicas or replies[-1] == 1
        return replies[int(asking)] if is_safe else None


class Reader(threading.Thread):
    """Reads all keys from a daemon over and over, and looks how old the answers are."""

    def __init__(self, daemon, path, writer):
        super().__init__(daemon=True)
        self.client = resp.Client(path, harness.LONG)
        self.daemon, self.writer = daemon, writer
        self.is_over = False
        self.expects_order = True
        self.oldest, self.too_old, self.backwards = 0.0, [], []
        self.reads = 0
        self.last = collections.Counter()

    def run(self):
        rng = random.Random(2)
        while not self.is_over:
            names = rng.sample(self.writer.names, 50)
            known = {name: len(self.writer.times[name]) for name in names}
            sent = time.monotonic()
            for name, version in zip(names, read_all(self.client, names)):
                if version is not None:
                    self.look(name, version, known[name], sent)
            time.sleep(0.005)
        self.client.close()

    def look(self, name, version, known, sent):
        self.reads += 1
        age = sent - self.writer.times[name][version + 1] if version + 1 < known else 0.0
        self.oldest = max(self.oldest, age)
        if age > STALE:
            self.too_old.append((name, version, known, age))
        if version < self.last[name] and self.expects_order:
            self.backwards.append((name, version, self.last[name]))
        self.last[name] = max(self.last[name], version)


class Near(ClusterCase):
    def start_daemons(self, count):
        self.daemons, self.paths = [], []
        for number in range(count):
            ini = INI.replace("NAME", f"near{number}").replace("CLUSTER", self.cluster.url)
            daemon = self.world.daemon(ini)
            daemon.path = f"{self.world.folder}/near{number}.sock"
            daemon.wait_near()
            self.daemons.append(daemon)
        self.names = [b"%d" % number for number in range(KEYS)]

    def hits(self, daemon):
        return daemon.stats("near")["near_hits"]

    def keep_all(self):
        """Each key is there, and in each daemon's memory."""
        for name in self.names:
            self.cluster.call("SET", PREFIX + name, 1)
        for daemon in self.daemons:
            harness.wait_until(lambda: self.all_hit(daemon, self.names), "all keys are kept")

    def all_hit(self, daemon, names):
        before = self.hits(daemon)
        with daemon.client() as client:
            read_all(client, names)
        return self.hits(daemon) - before == len(names)

    def of(self, node):
        return [name for name in self.names if self.cluster.owner_of(PREFIX + name) is node]

    def test_an_answer_is_not_older_than_said_over_migration_failover_and_death(self):
        self.start_cluster(3, 1, options=NOT_COVERED)
        self.start_daemons(2)
        self.writer = Writer(self.cluster, self.names, 1)
        for name in self.names:
            self.writer.write(name)
        self.writer.start()
        self.assertEqual({len(times) for times in self.writer.times.values()}, {2})
        self.readers = readers = [Reader(d, d.path, self.writer) for d in self.daemons]
        for reader in readers:
            reader.start()
        try:
            for change in (self.migrate, self.fail_over, self.kill):
                self.check_hits_meanwhile(change)
        finally:
            self.writer.is_over = True
            self.writer.join(harness.LONG)
            for reader in readers:
                reader.is_over = True
                reader.join(harness.LONG)
        for reader in readers:
            print(f"{reader.reads} reads, the oldest answer had been replaced for {reader.oldest:.3f} s")
            self.assertEqual(reader.too_old[:5], [])
            self.assertEqual(reader.backwards[:5], [])
        self.check_settled()

    def check_hits_meanwhile(self, change):
        """The masters that nothing happens to go on to be served from memory."""
        before = [self.hits(daemon) for daemon in self.daemons]
        change()
        for daemon, hits in zip(self.daemons, before):
            self.assertGreater(self.hits(daemon), hits)

    def migrate(self):
        first, target = self.cluster.masters[0], self.cluster.masters[2]
        slots = {slot_of(PREFIX + name) for name in self.of(first)}
        for slot in sorted(slots)[:MOVES]:
            self.cluster.migrate_slot(slot, target)

    def fail_over(self):
        self.cluster.failover(self.cluster.masters[1])
        self.cluster.wait_agreed()

    def kill(self):
        """What was read but not acknowledged may be lost."""
        for reader in self.readers:
            reader.expects_order = False
        victim = self.cluster.masters[2]
        victim.kill()
        self.cluster.wait_promoted(victim)
        self.writer.replicas = 0  # the promoted one has none
        self.cluster.wait_agreed()

    def check_settled(self):
        """Nothing stale stays."""
        newest = [len(self.writer.times[name]) - 1 for name in self.names]
        for daemon in self.daemons:
            with daemon.client() as client:
                # A write that was not acknowledged may be there as well.
                is_new = lambda: all(
                    version is not None and version >= right
                    for version, right in zip(read_all(client, self.names), newest)
                )
                harness.wait_until(is_new, "each daemon replies the newest", STALE)

    def test_clients_see_their_own_writes_while_slots_move_and_a_master_hands_over(self):
        self.start_cluster(3, 1)
        self.start_daemon(LOAD + load.INI + "near = yes\n")
        self.daemon.wait_near()
        hot = range(0, SLOTS, SLOTS // 24)
        groups = [0 if slot in hot else None for slot in range(SLOTS)]
        with load.Load([self.daemon.path], groups) as running:
            for number in range(ROUNDS):
                self.cluster.migrate_round(hot, number)
            self.cluster.failover(self.cluster.masters[1])
            running.wait_replies(3000)
            report = running.finish()
        self.assert_clean(report)
        self.assertGreater(self.daemon.stats("load")["near_hits"], 0)

    def test_a_key_that_was_written_after_its_move_is_not_stale(self):
        self.start_cluster(3)
        self.start_daemons(2)
        self.keep_all()
        names = self.of(self.cluster.masters[0])[:MOVES]
        clients = [self.connect(daemon) for daemon in self.daemons]
        for name in names:
            slot = slot_of(PREFIX + name)
            if self.cluster.owners[slot] is self.cluster.masters[0]:
                self.cluster.migrate_slot(slot, self.cluster.masters[2])
            self.assertEqual(self.cluster.call("SET", PREFIX + name, 2), b"OK")
            for client in clients:
                harness.wait_until(lambda: read_all(client, [name]) == [2], f"{name} is new", harness.SOON)

    def test_a_slot_that_was_taken_without_its_keys_is_not_stale(self):
        """Redis 7.0 removes them in silence."""
        self.start_cluster(3)
        self.start_daemons(1)
        self.keep_all()
        name = self.of(self.cluster.masters[0])[0]
        self.cluster.take_slot(slot_of(PREFIX + name), self.cluster.masters[1])
        self.cluster.call("SET", PREFIX + name, 2)
        with self.daemons[0].client() as client:
            harness.wait_until(lambda: read_all(client, [name]) == [2], "it is new", STALE)

    def test_a_slot_that_was_taken_and_is_given_back_without_its_keys_is_not_stale(self):
        """What was kept before is not good again."""
        self.start_cluster(3)
        self.start_daemons(1)
        slot = SLOTS // 2
        names = names_in_slot(slot, PREFIX, 2)
        home = self.cluster.owners[slot]
        other = next(node for node in self.cluster.masters if node is not home)
        for name in names:
            self.cluster.call("SET", PREFIX + name, 1)
        harness.wait_until(lambda: self.all_hit(self.daemons[0], names), "they are kept")
        with self.daemons[0].client() as client:
            for target in (other, home):
                self.cluster.take_slot(slot, target)
                self.cluster.wait_agreed()
                is_gone = lambda: read_all(client, names[:1]) == [0]
                harness.wait_until(is_gone, "the daemon asks the new owner", STALE)
            self.assertEqual(read_all(client, names), [0, 0])

    def test_an_isolated_master_is_not_served_from_memory(self):
        self.start_cluster(3)
        self.start_daemons(1)
        self.keep_all()
        alone, daemon = self.cluster.masters[0], self.daemons[0]
        names = self.of(alone)
        self.assertTrue(self.all_hit(daemon, names))
        for node in self.cluster.masters[1:]:
            node.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        harness.wait_until(lambda: not self.any_hit(daemon, names), "nothing is served from memory", OFF)
        print(f"off after {time.monotonic() - stopped:.2f} s")
        for node in self.cluster.masters[1:]:
            node.send_signal(signal.SIGCONT)
        harness.wait_until(lambda: self.all_hit(daemon, names), "it is back")

    def any_hit(self, daemon, names):
        before = self.hits(daemon)
        with daemon.client() as client:
            read_all(client, names[:10])
        return self.hits(daemon) > before


if __name__ == "__main__":
    harness.main()
