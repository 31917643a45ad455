#!/usr/bin/env python3
"""How many instructions cachesd spends on a request, against a table of what they should be.

Callgrind counts those of the daemon while the load generator, in lock step with it, sends batches
and waits for all their replies. It does so twice, with N and with 2 N requests, each time with a
fresh daemon: the difference is what N requests cost, without start and end. No clock takes part, so
neither the machine's speed nor what else it does matters.

    instructions.py                     compares with instructions.json
    instructions.py --update            writes instructions.json anew
    instructions.py --keep FOLDER TEXT  keeps the profiles of the kinds whose name holds TEXT, for
                                        callgrind_annotate
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import servers
from points import FILLS, OPERATIONS, is_near, process_of
from servers import HERE, harness

CACHESD = harness.CACHESD
CACHES = os.environ.get("CACHES") or str(HERE.parent.parent / "build" / "caches")
TABLE = HERE / "instructions.json"
MARGIN = 0.05
KEYS = 100
SIZE = 64
# Functions of glibc that it chooses by the processor, chosen alike on all.
TUNABLES = (
    "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX_Fast_Unaligned_Load,-BMI1,-BMI2,-ERMS,-FSRM,-RTM,"
    "-SSSE3,-SSE4_1,-SSE4_2"
)

WRAPPER = f"""\
#!/bin/sh
GLIBC_TUNABLES={TUNABLES} exec valgrind --tool=callgrind \\
    --callgrind-out-file="$COUNTED_OUT" --log-file="$COUNTED_LOG" "$COUNTED" "$@"
"""
INI = servers.INI.replace("listen = tcp:127.0.0.1:{port}\n", "") + servers.LISTENER

# Operation, server of points.py, pipeline, N.
KINDS = [
    ("key.get", "cachesd", 1, 2_000),
    ("key.get", "cachesd", 16, 8_000),
    ("key.get", "cachesd", 64, 16_000),
    ("key.get line form", "cachesd", 16, 8_000),
    ("key.get", "near", 1, 2_000),
    ("key.get", "near", 16, 8_000),
    ("key.get", "near", 64, 16_000),
    ("key.set", "cachesd", 16, 8_000),
    ("dict.set", "cachesd", 16, 8_000),
    ("key.mget", "cachesd", 1, 400),
    ("memo.get", "cachesd", 16, 8_000),
    ("memo.get stale", "cachesd", 16, 8_000),
    ("key.get", "dialect", 1, 2_000),
    ("key.get", "dialect", 16, 8_000),
    ("key.get", "dialect", 64, 16_000),
    ("key.get", "dialect near", 16, 8_000),
    ("key.set", "dialect", 16, 8_000),
    ("key.mget", "dialect", 1, 400),
    ("dict.set", "dialect", 16, 8_000),
]

# What may cost no more than another.
NO_DEARER = [
    ("GET, pipeline 1", "key.get, pipeline 1"),
    ("GET, pipeline 16", "key.get, pipeline 16"),
    ("GET, pipeline 64", "key.get, pipeline 64"),
    ("GET near, pipeline 16", "key.get near, pipeline 16"),
]
NOISE = 0.015  # two runs of one build differ by as much at pipeline 1


def kind_name(kind):
    """As `key.get near, pipeline 16`; in Redis's dialect with its command, as `GET, pipeline 16`."""
    operation, server, pipeline, _ = kind
    name = OPERATIONS[operation].words[server][0] if process_of(server) == "dialect" else operation
    return f"{name}{' near' if is_near(server) else ''}, pipeline {pipeline}"


def load(address, words, *options):
    command = [CACHES, "-s", f"unix:{address}", "bench", "-k", KEYS, "-d", SIZE, *options, *words]
    done = subprocess.run([str(w) for w in command], capture_output=True, text=True, timeout=300)
    said = json.loads(done.stdout or '{"errors": 0}')
    if said["errors"]:
        sys.exit(f"instructions: {words[0]}: -{said['first_error']}")
    if done.returncode != 0:
        sys.exit(f"instructions: {done.stderr.strip()}")


def fill(path, words):
    """Stores the values that are read later."""
    load(path, [word.replace("{k}", "s{key}") for word in words], "-q", "-n", KEYS)


def is_tracked(redis):
    """Whether the daemon has subscribed to invalidations. Redis is asked: it is not counted."""
    return b" sub=1" in redis.call("CLIENT", "LIST")


@contextlib.contextmanager
def counted_daemons():
    """Within it, callgrind counts the daemons that start_counted() starts."""
    uncounted = list(harness.DAEMON)
    with tempfile.TemporaryDirectory(prefix="cachesd-", dir="/tmp") as folder:
        wrapper = pathlib.Path(folder, "counted")
        wrapper.write_text(WRAPPER)
        wrapper.chmod(0o755)
        harness.DAEMON[:] = [str(wrapper)]
        try:
            yield
        finally:
            harness.DAEMON[:] = uncounted


def start_counted(world, ini, keep=None):
    """A daemon of the world, within counted_daemons(); `keep` is the file for its profile."""
    log = str(pathlib.Path(world.folder, "valgrind.log"))
    counted = {"COUNTED": CACHESD, "COUNTED_LOG": log, "COUNTED_OUT": keep or "/dev/null"}
    return world.daemon(ini, env=counted)


def stop_counted(world, daemon):
    """All instructions of the daemon, which ends."""
    daemon.stop()
    return int(re.search(r"Collected : (\d+)", pathlib.Path(world.folder, "valgrind.log").read_text())[1])


def count_run(kind, times, keep):
    """All instructions of a daemon that answers `times` N requests."""
    operation, server, pipeline, requests = kind
    words = OPERATIONS[operation].request(server, SIZE)
    with harness.World() as world:
        daemon = start_counted(world, INI, keep)
        for fill_words in FILLS:
            fill(world.redis("main").path, fill_words)
        if is_near(server):
            harness.wait_until(lambda: is_tracked(world.redis("main")), "the near cache is live")
        form = OPERATIONS[operation].form_for(server)
        path = f"{world.folder}/dialect.sock" if process_of(server) == "dialect" else daemon.path
        load(path, words, "-n", times * requests, "-p", pipeline, "-f", form)
        return stop_counted(world, daemon)


def count(kind, keep=None):
    """Instructions a request."""
    out = keep and str(pathlib.Path(keep, kind_name(kind).replace(", ", "-").replace(" ", "-")))
    counts = [count_run(kind, 1, None), count_run(kind, 2, out)]
    return round((counts[1] - counts[0]) / kind[3])


def compare(name, measured, expected):
    """Prints a line; gives whether the count is as it should be."""
    if expected is None:
        print(f"{name:32} {measured:7,}  not in the table: run instructions.py --update")
        return False
    change = measured / expected - 1
    verdict = "ok"
    if change > MARGIN:
        verdict = f"MORE than the {MARGIN:.0%} that are let pass"
    elif change < -MARGIN:
        verdict = "less: run instructions.py --update, to keep it so"
    print(f"{name:32} {measured:7,}  expected {expected:7,}  {change:+7.1%}  {verdict}")
    return change <= MARGIN


def compare_pair(counts, name, other):
    """The same, of two counts of which one may not be above the other."""
    if name not in counts or other not in counts:
        return True
    ratio = counts[name] / counts[other]
    is_good = ratio <= 1 + NOISE
    print(f"{name:32} {ratio:7.3f} × {other}{'' if is_good else ': DEARER'}")
    return is_good


def count_all(kinds, keep):
    """{name: instructions}"""
    with counted_daemons(), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(lambda kind: count(kind, keep), kinds))
    return {kind_name(kind): n for kind, n in zip(kinds, counts)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the table anew")
    parser.add_argument("--keep", help="folder for the profiles")
    parser.add_argument("text", nargs="?", default="", help="only kinds whose name holds it")
    args = parser.parse_args()
    found = count_all([kind for kind in KINDS if args.text in kind_name(kind)], args.keep)
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    is_good = all([compare(name, number, table.get(name)) for name, number in found.items()])
    is_good &= all([compare_pair(found, *pair) for pair in NO_DEARER])
    if args.update:
        TABLE.write_text(json.dumps({**table, **found}, indent=2) + "\n")
        return 0
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
