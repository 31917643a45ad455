#!/usr/bin/env python3
"""cachesd, twemproxy and redis-server side by side: `--quick` is the short form.

In each round all servers are started afresh and take turns at each point, in another order each
time, so that whatever else the machine does meets them all. What is compared are the ratios within
a round; of these the tables give the median and, in brackets, the least and the largest.
"""

import argparse
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import time

import report
from points import FILLS, KEYS, OPERATIONS, SIZES, TOUCH_NEAR
from points import full_points, process_of, quick_points, servers_at
from servers import HERE, Servers

BUILD = HERE.parent.parent / "build"
LOAD = os.environ.get("LOAD") or str(BUILD / "load")
LATENCY_TURNS = 2  # a round: a burst of other work then spoils but one
NEAR_SHARE = 0.9  # of reads that have to come from the near cache, for a measurement of it to count


class Bench:
    """Runs the load generator against the servers of one round and keeps what it says."""

    def __init__(self, servers, round_number, seconds, results):
        self.servers, self.round_number, self.seconds = servers, round_number, seconds
        self.results = results  # (point, server): [sample of each round]

    def load(self, server, transport, words, *options):
        """One run of the load generator; gives what it reports."""
        command = [LOAD, "-a", self.servers[process_of(server)].addresses[transport]]
        command += ["-k", KEYS, *options, *words]
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=120
        )
        what = f"bench: {server}: {' '.join(words[:4])}"
        if done.returncode != 0:
            sys.exit(f"{what}: {done.stderr.strip()}")
        said = json.loads(done.stdout)
        if said["errors"]:
            sys.exit(f"{what}: {said['errors']} errors, as -{said['first_error']}")
        return said

    def fill(self, server, words, size):
        words = [word.replace("{k}", SIZES[size] + "{key}") for word in words]
        self.load(server, "unix", words, "-q", "-n", KEYS, "-p", 64, "-d", size)

    def fill_all(self):
        for words in FILLS:
            for size in SIZES:
                self.fill("redis", words, size)

    def times(self, point, patience):
        """How long it warms up and measures: longer where a reply takes long, or few are asked."""
        is_crowd = point.clients * point.pipeline >= 16_000
        seconds = self.seconds * patience * (2.5 if point.rate else 2 if is_crowd else 1)
        return ["-w", self.seconds / (2 if is_crowd else 8), "-s", seconds]

    def near_hits(self):
        return self.servers.daemon.stats("near")["near_hits"]

    def measure(self, point, server):
        """Appends one sample. On a busy machine a server may have had no turn in that time: then it
        is measured again, for longer."""
        for patience in (1, 4, 16, 64):
            said = self.measure_once(point, server, patience)
            if said["answered"] and said["watched"][0]["cpu_ns"]:
                self.results.setdefault((point, server), []).append(report.Sample(said))
                return
        sys.exit(f"bench: {server}: {point.operation}: it had no turn on this machine")

    def measure_once(self, point, server, patience):
        operation = OPERATIONS[point.operation]
        if server == "near":
            self.fill("near", TOUCH_NEAR, point.size)
        hits = self.near_hits()
        options = ["-c", point.clients, "-p", point.pipeline, "-d", point.size]
        options += ["-f", operation.form_for(server)]
        options += ["-e", self.round_number, *self.times(point, patience)]
        options += ["-r", point.rate] if point.rate else []
        watched = [process_of(server)] + (["redis"] if server != "redis" else [])
        for name in watched:
            options += ["-W", self.servers[name].pid]
        said = self.load(server, point.transport, operation.request(server, point.size), *options)
        # At the end each client may have read a reply's nils without its end.
        nils = operation.nils if server in ("cachesd", "near") else 0
        expected = nils * said["answered"]
        if not expected <= said["nils"] <= expected + nils * point.clients:
            sys.exit(f"bench: {server}: {point.operation}: {said['nils']} nils in "
                     f"{said['answered']} replies: keys are missing")
        if server == "near" and self.near_hits() - hits < NEAR_SHARE * said["answered"]:
            sys.exit(f"bench: {point.operation}: {said['answered']} reads, but only "
                     f"{self.near_hits() - hits} from the near cache")
        return said

    def measure_all(self, points, rng):
        for point in points:
            for _ in range(LATENCY_TURNS if point.rate else 1):
                servers = servers_at(point)
                rng.shuffle(servers)
                for server in servers:
                    self.measure(point, server)


def machine_seconds():
    """CPU time that all cores spent on anything."""
    user, nice, system, _, _, *rest = pathlib.Path("/proc/stat").read_text().split()[1:9]
    return sum(map(int, [user, nice, system, *rest])) / os.sysconf("SC_CLK_TCK")


def our_seconds():
    """CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="in less than a minute")
    parser.add_argument("--rounds", type=int, help="how often each point is measured")
    parser.add_argument("--seconds", type=float, help="how long each measurement takes")
    parser.add_argument("--only", help="points whose name holds this text, as `key.get unix`")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--out", default=str(BUILD / "bench"), help="folder of the results")
    return parser.parse_args()


def choose_points(args):
    points = quick_points() if args.quick else full_points()
    points = [point for point in points if (args.only or "") in report.point_name(point)]
    return points or sys.exit(f"bench: no point's name holds '{args.only}'")


def main():
    args = arguments()
    rounds = args.rounds or (3 if args.quick else 5)
    seconds = args.seconds or (0.35 if args.quick else 0.4)
    rng = random.Random(args.seed)
    begun, machine, ours = time.monotonic(), machine_seconds(), our_seconds()
    results = {}
    for number in range(rounds):
        print(f"bench: round {number + 1} of {rounds}", file=sys.stderr)
        with Servers() as servers:
            bench = Bench(servers, number + 1, seconds, results)
            bench.fill_all()
            bench.measure_all(choose_points(args), rng)
    took = time.monotonic() - begun
    others = (machine_seconds() - machine) - (our_seconds() - ours)
    folder = pathlib.Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    report.write(report.Head(args, rounds, seconds, took, others / took), results, folder)


if __name__ == "__main__":
    main()
