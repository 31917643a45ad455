#!/usr/bin/env python3
"""A listener of Redis's dialect replies, byte for byte, what a Redis server replies, in both protocols."""

import shlex
import unittest

import harness
import resp3
from redis_listener import RedisListener, bound
from resp3_forms import forms

# Commands whose replies differ by design, and why.
OTHER = {
    "TTL": "each key has one",
    "PTTL": "each key has one",
    "EXPIRETIME": "each key has one",
    "PEXPIRETIME": "each key has one",
    "PERSIST": "gives the longest ttl",
    "INFO": "is about the daemon",
    "ROLE": "is about the daemon",
    "CLIENT": "is about the daemon",
    "COMMAND": "is about the daemon",
    "CONFIG": "is about the daemon",
    "CLUSTER": "is about the daemon",
    "READONLY": "is taken as for a replica",
    "LOLWUT": "is about the daemon",
    "SCAN": "its cursors are the daemon's own",
    "SCRIPT": "scripts are sent in a wrapper",
    "EVALSHA": "an unknown script is told in Redis's words, whatever the server's",
    "OBJECT": "tells of the clock",
}


# Commands that a listener may refuse.
REFUSED = {"DBSIZE", "FLUSHALL", "FLUSHDB", "KEYS", "LATENCY", "RANDOMKEY"}
REFUSED |= {"SELECT", "UNWATCH"}  # inside a transaction
REFUSALS = (b"-NOPERM", b"-ERR unknown command", b"-ERR Command ")


class RawClient(resp3.Client3):
    """Its replies are the bytes themselves."""

    @staticmethod
    def parse(data, at=0):
        parsed = resp3.parse(data, at)
        return parsed and (bytes(data[at : parsed[1]]), parsed[1])

    def ask(self, line):
        return self.call(*shlex.split(line))


def transaction(command):
    return ["MULTI", "SET m 1", command, "GET m", "EXEC"]


class Replies(harness.TestCase):
    def client(self, server, protocol):
        client = RawClient(server.path)
        self.addCleanup(client.close)
        client.ask(f"HELLO {protocol}")
        return client

    def ask(self, client, commands):
        """The replies of all commands, on an empty server."""
        self.listener.redis.call("FLUSHALL")
        client.ask("DEL k l m n_1")  # or what is kept in memory might live a little longer
        return [client.ask(line) for line in commands]

    # One server for both, so that sets come in the same order.
    def check(self, protocol, frame=lambda command: [command], **options):
        self.listener = RedisListener(self.world, bound(**options))
        here, there = self.client(self.listener, protocol), self.client(self.listener.redis, protocol)
        refused = set()
        for shape, command, setup in forms():
            name = command.split()[0]
            if name in OTHER:
                continue
            wanted, got = (self.ask(client, [*setup, *frame(command)]) for client in (there, here))
            if name != "NOSUCH" and any(reply.startswith(REFUSALS) for reply in got):
                refused.add(name)
                continue
            if wanted[-1].startswith(b"-EXECABORT"):  # a server may notice a mistake sooner
                wanted, got = wanted[-1], got[-1]
            with self.subTest(command=command, setup=setup, shape=shape):
                self.assertEqual(got, wanted)
            self.listener.check_ttls()
        self.assertLessEqual(refused, REFUSED)

    def test_protocol_2(self):
        self.check(2)

    def test_protocol_3(self):
        self.check(3)

    def test_transactions_in_protocol_2(self):
        self.check(2, transaction)

    def test_transactions_in_protocol_3(self):
        self.check(3, transaction)

    def test_answers_from_memory(self):
        self.check(3, lambda command: [command] * 3, namespace="near = yes\n")
        self.assertGreater(int(self.listener.daemon.stats("t")["near_hits"]), 100)


if __name__ == "__main__":
    unittest.main()
