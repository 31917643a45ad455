#!/usr/bin/env python3
"""cachesd, twemproxy and redis-server side by side. `--quick` for the short form, `--help` for more.

At each point of the matrix the servers take turns, in another order each round, so that whatever
else the machine does meets them all. What is compared are the ratios within a round; of these the
tables give the median and, in brackets, the least and the largest.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import time

import report
from points import FILL_MEMO, FILLS, KEYS, OPERATIONS, SIZES, TOUCH_NEAR
from points import full_points, process_of, quick_points, servers_at
from servers import HERE, Servers

BUILD = HERE.parent.parent / "build"
LOAD = os.environ.get("LOAD") or str(BUILD / "load")


class Bench:
    """Runs the load generator against the servers and keeps what it says."""

    def __init__(self, servers, seconds, latency_seconds):
        self.servers = servers
        self.seconds, self.latency_seconds = seconds, latency_seconds
        self.results = {}  # (point, server): [sample of each round]

    def load(self, server, transport, words, *options):
        """One run of the load generator; gives what it reports."""
        command = [LOAD, "-a", self.servers[process_of(server)].addresses[transport]]
        command += ["-k", KEYS, *options, *words]
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=120
        )
        if done.returncode != 0:
            sys.exit(f"bench: {server}: {' '.join(words[:4])}: {done.stderr.strip()}")
        said = json.loads(done.stdout)
        if said["errors"]:
            sys.exit(f"bench: {server}: {' '.join(words[:4])}: {said['errors']} errors: "
                     f"-{said['first_error']}")
        return said

    def fill(self, server, words):
        for size, mark in SIZES.items():
            words_now = [word.replace("{k}", mark + "{key}") for word in words]
            self.load(server, "unix", words_now, "-q", "-n", KEYS, "-p", 64, "-d", size)

    def fill_all(self):
        fills = FILLS + [FILL_MEMO] if self.servers.has_verb("memo.get") else FILLS
        for server, words in fills:
            self.fill(server, words)

    def measure(self, point, server, round_number):
        """Appends one sample."""
        operation = OPERATIONS[point.operation]
        if server == "near":
            self.fill("near", TOUCH_NEAR)
        options = ["-c", point.clients, "-p", point.pipeline, "-d", point.size]
        options += ["-e", round_number + 1, "-w", 0.1]
        options += ["-s", self.latency_seconds if point.rate else self.seconds]
        options += ["-r", point.rate] if point.rate else []
        watched = [process_of(server)] + (["redis"] if server != "redis" else [])
        for name in watched:
            options += ["-W", self.servers[name].pid]
        said = self.load(server, point.transport, operation.request(server, point.size), *options)
        # At the end each client may have read a reply's nils without its end.
        expected = operation.nils * said["answered"]
        if not expected <= said["nils"] <= expected + operation.nils * point.clients:
            sys.exit(f"bench: {server}: {point.operation}: {said['nils']} nils in "
                     f"{said['answered']} replies: keys are missing")
        self.results.setdefault((point, server), []).append(report.Sample(said, point, server))

    def run_round(self, points, round_number, rng):
        for point in points:
            servers = servers_at(point)
            rng.shuffle(servers)
            for server in servers:
                self.measure(point, server, round_number)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="in less than a minute")
    parser.add_argument("--rounds", type=int, help="how often each point is measured")
    parser.add_argument("--seconds", type=float, help="how long each measurement takes")
    parser.add_argument("--only", help="points whose name holds this text, as `key.get unix`")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--out", default=str(BUILD / "bench"), help="folder of the results")
    return parser.parse_args()


def main():
    args = arguments()
    points = quick_points() if args.quick else full_points()
    rounds = args.rounds or (3 if args.quick else 5)
    seconds = args.seconds or (0.4 if args.quick else 0.5)
    rng = random.Random(args.seed)
    begun = time.monotonic()
    with Servers() as servers:
        if not servers.has_verb("memo.get"):
            points = [point for point in points if point.operation != "memo.get"]
        if args.only:
            points = [point for point in points if args.only in report.point_name(point)]
        bench = Bench(servers, seconds, 2 if args.quick else 3)
        bench.fill_all()
        for number in range(rounds):
            print(f"bench: round {number + 1} of {rounds}", file=sys.stderr)
            bench.run_round(points, number, rng)
    took = time.monotonic() - begun
    head = report.Head(args, rounds, seconds, took)
    pathlib.Path(args.out).mkdir(parents=True, exist_ok=True)
    report.write(head, bench.results, pathlib.Path(args.out))


if __name__ == "__main__":
    main()
