#!/usr/bin/env python3
"""Threads that share a pool of redis-py, until stdin ends: SOCKET. Each value tells of its key, so that a reply
that belongs to another request is seen. Then all must be well again. Prints a report, in JSON.
"""

import collections
import json
import sys
import threading

import redis

THREADS = 8
LAST = 50  # requests of each thread that may not fail, at the end
BEHIND = 12  # rounds after which a value is read back
# Faults of the backend as the dialect tells them; redis-py takes "LOADING " off that error's text.
MAY_FAIL_WITH = ("LOADING", "TIMEOUT", "LOST", "OVERLOADED", "cachesd: backend main is down")


class Talker:
    """One thread's requests. Its keys and values carry its number and a sequence."""

    def __init__(self, client, number):
        self.client, self.number = client, number
        self.sequence = 0
        self.report = collections.Counter()
        self.failed = collections.Counter()
        self.wrong = []

    def name(self, rounds=0):
        return f"py{self.number}.{self.sequence - rounds}"

    def requests(self):
        """Functions that send a request, with the replies that are right."""
        own, earlier = self.name(), self.name(BEHIND)
        number = self.number * 10_000_000 + self.sequence
        client = self.client
        yield lambda: client.set(own, own), [True]
        yield lambda: client.get(earlier), [earlier, None]
        yield lambda: client.hset("h" + own, own, own), [1]
        yield lambda: client.hget("h" + earlier, earlier), [earlier, None]
        yield lambda: client.incrby("n" + own, number), [number]
        yield lambda: client.rpush("l" + own, own, earlier), [2]
        yield lambda: client.lrange("l" + earlier, 0, 0), [[earlier], []]
        yield lambda: client.echo(own), [own]
        yield lambda: client.eval("return {KEYS[1], ARGV[1]}", 1, "e" + own, own), [["e" + own, own]]
        yield lambda: self.pipeline(False), [[True, own, number]]
        yield lambda: self.pipeline(True), [[True, own, number]]
        yield lambda: [name in (own, None) for name in client.mget(own, own)], [[True, True]]

    def pipeline(self, in_transaction):
        own, number = self.name(), self.number * 10_000_000 + self.sequence
        key = ("t" if in_transaction else "p") + own
        with self.client.pipeline(transaction=in_transaction) as pipe:
            pipe.set(key, own)
            pipe.get(key)
            pipe.incrby("n" + key, number)
            return pipe.execute()

    def round(self, may_fail):
        self.sequence += 1
        for send, right in self.requests():
            try:
                reply = send()
            except redis.RedisError as error:
                self.note_failure(str(error), may_fail)
                continue
            self.report["replies"] += 1
            if reply not in right:
                self.wrong.append(f"thread {self.number}: {right!r} was right, got {reply!r}")
            self.report["read_back"] += len(right) > 1 and reply == right[0]

    def note_failure(self, text, may_fail):
        # In front of an error in a pipeline redis-py tells which command it was.
        text = text.rpartition(") of pipeline caused error: ")[2]
        self.failed[text.split()[0] if text.split() else text] += 1
        if not may_fail or not text.startswith(MAY_FAIL_WITH):
            self.wrong.append(f"thread {self.number}: failed with {text}")

    def run(self, is_over):
        try:
            while not is_over.is_set():
                self.round(may_fail=True)
            for _ in range(LAST):
                self.round(may_fail=False)
        except BaseException as error:  # the report is to tell of it
            self.wrong.append(repr(error))


def main():
    pool = redis.ConnectionPool(
        connection_class=redis.UnixDomainSocketConnection, path=sys.argv[1], decode_responses=True
    )
    client, is_over = redis.Redis(connection_pool=pool), threading.Event()
    talkers = [Talker(client, number) for number in range(THREADS)]
    threads = [threading.Thread(target=talker.run, args=(is_over,)) for talker in talkers]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join()
    report = sum((talker.report for talker in talkers), collections.Counter())
    failed = sum((talker.failed for talker in talkers), collections.Counter())
    wrong = sum((talker.wrong for talker in talkers), [])
    print(json.dumps({**report, "failed": failed, "wrong": wrong[:20], "rounds": talkers[0].sequence}))


if __name__ == "__main__":
    main()
