#!/usr/bin/env python3
"""Every session gives the same bytes where its Redis is a cluster of three masters.

Quick: in the array form. `CLUSTER_LONG=1`: in both. `SESSIONS` chooses some, as `verbs/dict.*`.
"""

import os
import pathlib
import unittest

import harness
import resp
import session
from cluster import Cluster
from cluster_case import IS_LONG

FOLDER = pathlib.Path(__file__).resolve().parents[1]
SESSIONS = os.environ.get("SESSIONS") or "*/*.session"
FORMS = session.FORMS if IS_LONG else ("array",)
NOT_HERE = {  # and why
    "policy.two_backends": "a database other than 0",
    "errors.unavailable_replica": "makes its Redis a replica by REPLICAOF, which no cluster allows",
    "explain": "shows the slot and the node, too",
    "backends": "shows the nodes, too",
    "scan": "a step for each server, and cursors that name it: scenario_cluster_scan.py",
}


class Main:
    """In the place of a world's Redis `main`: commands go to the owners of their keys."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.url = cluster.url

    def client(self):
        return MainClient(self.cluster)

    def kill(self):
        """It goes on: the next session uses it, too."""


class MainClient:
    def __init__(self, cluster):
        self.cluster = cluster
        self.replies = []

    def send(self, data):
        words, _ = resp.parse(data)
        self.replies.append(self.run(words[0].decode().upper(), *words[1:]))

    def run(self, name, *words):
        if name in ("KEYS", "DBSIZE"):
            replies = self.cluster.call_masters(name, *words)
            return sum(replies[1:], replies[0])
        if name in ("CONFIG", "CLIENT"):
            return self.cluster.call_masters(name, *words)[0]
        if name == "MSET":
            return [self.cluster.call("SET", *pair) for pair in zip(words[::2], words[1::2])][0]
        if name == "MGET":
            return [self.cluster.call("GET", key) for key in words]
        if name == "EXISTS":
            return sum(self.cluster.call(name, key) for key in words)
        return self.cluster.call(name, *words)

    def read(self):
        return self.replies.pop(0)

    def close(self):
        pass


class ClusterWorld(harness.World):
    def __init__(self, cluster):
        super().__init__()
        cluster.flush()
        self.servers["main"] = Main(cluster)


class Sessions(unittest.TestCase):
    def test_every_session_is_the_same_with_a_cluster(self):
        played = 0
        with Cluster(3) as cluster:
            for path in sorted(FOLDER.glob(SESSIONS)):
                if path.stem in NOT_HERE:
                    continue
                with self.subTest(path.name):
                    session.play_file(path, lambda: ClusterWorld(cluster), FORMS)
                played += 1
        self.assertGreater(played, 0)


if __name__ == "__main__":
    harness.main()
