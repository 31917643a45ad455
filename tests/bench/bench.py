#!/usr/bin/env python3
"""cachesd, twemproxy and redis-server side by side: `--quick` is the short form.

In each round all servers are started afresh and take turns at each point, in another order each
time, so that whatever else the machine does meets them all. What is compared are the ratios within
a round; of these the tables give the median and, in brackets, the least and the largest, and then those of
all rounds, with the processors on which the processes ran.
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
from placement import Placement
from points import BASE, FILLS, OPERATIONS, SIZES, TOUCH_NEAR
from points import full_points, is_heavy, is_native, is_near, namespace_at, process_of, quick_points, servers_at, with_keys
from servers import HERE, Servers

BUILD = HERE.parent.parent / "build"
CACHES = os.environ.get("CACHES") or str(BUILD / "caches")
FILL_BYTES = 256 << 10  # in a batch of requests or replies that fill
LATENCY_TURNS = 2  # a round: a burst of other work then spoils but one
NEAR_SHARE = 0.9  # of reads that have to come from the near cache, for a measurement of it to count


class Bench:
    """Runs the load generator against the servers of one round and keeps what it says."""

    def __init__(self, servers, round_number, seconds, results, options=()):
        self.servers, self.round_number, self.seconds = servers, round_number, seconds
        self.results = results  # (point, server): [sample of each round]
        self.options = options  # of the load generator, in each run

    def load(self, server, point, words, *options, watched=(), warm_up=0):
        """One run of the load generator; gives what it reports, with `watched` by the processes' names, and
        with `together`: for each two processes, how often they were on the same processor."""
        command = [CACHES, "-s", self.servers[process_of(server)].address(point), "bench"]
        command += ["-k", SIZES[point.size].count, "-d", point.size, *self.options, *options]
        pids = {name: self.pid(name, point) for name in watched}
        for pid in pids.values():
            command += ["-W", pid]
        process = subprocess.Popen(
            [str(part) for part in [*command, *words]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        # Where latencies are all there is to see, a look could be seen in them.
        is_placed = pids and not point.rate
        with process, Placement({"load": process.pid, **pids} if is_placed else {}) as placement:
            placement.watch(warm_up)
            out, error = self.said_by(process)
        what = f"bench: {server}: {' '.join(words[:4])}"
        said = json.loads(out or '{"errors": 0}')
        if said["errors"]:
            sys.exit(f"{what}: {said['errors']} errors, as -{said['first_error']}")
        if process.returncode != 0:
            sys.exit(f"{what}: {error.strip()}")
        said["watched"] = dict(zip(pids, said["watched"]))
        said["together"] = placement.together()
        return said

    @staticmethod
    def said_by(process):
        try:
            return process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def pid(self, name, point):
        return self.servers.relays[point.away].pid if name == "relay" else self.servers[name].pid_at(point)

    def fill(self, server, point, words):
        """Sends the request for every key of the point's size."""
        depth = max(1, min(64, FILL_BYTES // point.size))
        options = ["-q", "-n", SIZES[point.size].count, "-p", depth]
        self.load(server, point, with_keys(words, point.size), *options)

    def fill_all(self, points):
        for words in FILLS:
            for size in sorted({point.size for point in points}):
                self.fill("redis", BASE._replace(size=size), words)

    def times(self, point, patience):
        """How long it warms up and measures: longer where a reply takes long, or few are asked."""
        seconds = self.seconds * patience * (2.5 if point.rate else 2 if is_heavy(point) else 1)
        return self.seconds / (2 if is_heavy(point) else 8), seconds

    def near_hits(self, point):
        return self.servers.daemon.stats(namespace_at("near", point.away))["near_hits"]

    def measure(self, point, server):
        """Appends one sample. On a busy machine a server may have had no turn in that time: then it
        is measured again, for longer."""
        for patience in (1, 4, 16, 64):
            said = self.measure_once(point, server, patience)
            if said["answered"] and said["watched"][process_of(server)]["cpu_ns"]:
                sample = report.Sample(said, process_of(server))
                self.results.setdefault((point, server), []).append(sample)
                return
        sys.exit(f"bench: {server}: {point.operation}: it had no turn on this machine")

    def measure_once(self, point, server, patience):
        operation = OPERATIONS[point.operation]
        if is_near(server):
            self.fill("near", point, [namespace_at(word, point.away) for word in TOUCH_NEAR])
        hits = self.near_hits(point)
        warm_up, seconds = self.times(point, patience)
        options = ["-c", point.clients, "-p", point.pipeline, "-w", warm_up, "-s", seconds]
        options += ["-f", operation.form_for(server), "-e", self.round_number]
        options += ["-r", point.rate] if point.rate else []
        watched = [process_of(server)] + (["redis"] if server != "redis" else [])
        watched += ["relay"] if point.away else []
        words = operation.request(server, point.size, point.away)
        said = self.load(server, point, words, *options, watched=watched, warm_up=warm_up)
        # At the end each client may have read a reply's nils without its end.
        nils = operation.nils if is_native(server) else 0
        expected = nils * said["answered"]
        if not expected <= said["nils"] <= expected + nils * point.clients:
            sys.exit(f"bench: {server}: {point.operation}: {said['nils']} nils in "
                     f"{said['answered']} replies: keys are missing")
        if is_near(server) and self.near_hits(point) - hits < NEAR_SHARE * said["answered"]:
            sys.exit(f"bench: {point.operation}: {said['answered']} reads, but only "
                     f"{self.near_hits(point) - hits} from the near cache")
        return said

    def measure_all(self, points, rng):
        for point in points:
            for _ in range(LATENCY_TURNS if point.rate else 1):
                servers = [name for name in servers_at(point) if process_of(name) in self.servers]
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
    parser.add_argument("--quick", action="store_true", help="in about a minute")
    parser.add_argument("--rounds", type=int, help="how often each point is measured (10; --quick: 3)")
    parser.add_argument("--seconds", type=float, help="how long a measurement takes (0.4; --quick: 0.3)")
    parser.add_argument("--only", help="points whose name holds this text, as `key.get unix`")
    parser.add_argument("--before", metavar="CACHESD", help="another build of cachesd, to be measured beside this one")
    parser.add_argument("--calls", action="store_true", help="the load generator does without io_uring")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--out", default=str(BUILD / "bench"), help="folder of the results")
    return parser.parse_args()


def choose_points(args):
    points = quick_points() if args.quick else full_points()
    points = [point for point in points if (args.only or "") in report.point_name(point)]
    return points or sys.exit(f"bench: no point's name holds '{args.only}'")


def main():
    args = arguments()
    points = choose_points(args)
    rounds = args.rounds or (3 if args.quick else 10)
    seconds = args.seconds or (0.3 if args.quick else 0.4)
    rng = random.Random(args.seed)
    begun, machine, ours = time.monotonic(), machine_seconds(), our_seconds()
    results = {}
    for number in range(rounds):
        print(f"bench: round {number + 1} of {rounds}", file=sys.stderr)
        with Servers(sorted({point.away for point in points if point.away}), args.before) as servers:
            bench = Bench(servers, number + 1, seconds, results, ["-u"] if args.calls else [])
            bench.fill_all(points)
            bench.measure_all(points, rng)
    took = time.monotonic() - begun
    others = (machine_seconds() - machine) - (our_seconds() - ours)
    folder = pathlib.Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    report.write(report.Head(args, rounds, seconds, took, others / took), results, folder)


if __name__ == "__main__":
    main()
