#!/usr/bin/env python3
"""Redis's own tests through a listener of the daemon: what the server passes, the daemon must pass, too.

    redis_suite.py                          the suites below but for slow tests
    redis_suite.py unit/type/list           one of them
    SUITE_LONG=1 redis_suite.py             slow tests, too
    redis_suite.py --show unit/type/list    and what each test that fails says
    redis_suite.py --ttls                   as below

Each suite runs twice through a splitter: with Redis itself on both sides, and with the daemon on one. A test that
passes with the server and not with the daemon must stand in refusals.txt with its reason, and what
stands there must not pass.

With --ttls it is only looked at the keys that the suites leave in Redis, again and again while they run: the
namespace has a ttl then, and at no moment may a key be without one.
"""

import argparse
import asyncio
import collections
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import harness  # noqa: E402
import redis_listener  # noqa: E402
from splitter import Splitter  # noqa: E402

SOURCES = HERE / "fetched" / "redis-7.0.15"
REFUSALS = HERE / "refusals.txt"
IS_LONG = os.environ.get("SUITE_LONG") == "1"
MOST_SECONDS = 600  # of one suite

SUITES = [
    "unit/type/zset",
    "unit/type/list",
    "unit/type/set",
    "unit/type/string",
    "unit/type/hash",
    "unit/type/incr",
    "unit/sort",
    "unit/expire",
    "unit/keyspace",
    "unit/scan",
    "unit/multi",
    "unit/bitops",
    "unit/bitfield",
    "unit/hyperloglog",
    "unit/geo",
    "unit/dump",
    "unit/scripting",
]

# What is taken out of a suite before it runs: tests that are run a second time, as functions, which are refused.
EDITS = {"unit/scripting": ("foreach is_eval {0 1} {", "foreach is_eval {1} {")}

# Tests that take seconds and say little of the daemon: they fuzz Redis's own structures, or wait.
SLOW = [
    "GEOSEARCH fuzzy test.*",
    "Fuzzing dense/sparse encoding.*",
    "PFCOUNT multiple-keys merge returns cardinality.*",
    "SCAN regression test for issue #4906",
    "MIGRATE cached connections are released.*",
    "[SZ]DIFF fuzzing.*",
]
NOT_RUN = "not run: "  # a reason in the list begins so

OPTIONS = ["--singledb", "--ignore-encoding", "--ignore-digest", "--no-latency", "--durable"]
OPTIONS += ["--clients", "1", "--tags"]
OPTIONS += ["-needs:debug -needs:repl -needs:save -needs:reset -slow -large-memory"]


def configuration(**ttls):
    """Nothing is too large and anybody may clear all, so that only the dialect makes a difference."""
    more = {"namespace": "max_value = 536870911b\n", "options": "flush = write\n"}
    limits = "max_request = 536870911b\nclient_output = 1gb\n"
    ini = redis_listener.bound(**ttls, **more).replace("[backend main]", limits + "[backend main]")
    return ini.replace("timeout = 20s", "timeout = 60s")



Outcome = collections.namedtuple("Outcome", "passed failed")  # {name: how often}, {name: why}
Refusal = collections.namedtuple("Refusal", "pattern is_run")


# --- running ----------------------------------------------------------------------------------


def run_suite(suite, port):
    """Redis's test program against whatever listens there; gives what it says."""
    left_out = [] if IS_LONG else list(SLOW)
    left_out += [entry.pattern.pattern for entry in read_refusals(suite) if not entry.is_run]
    # It takes a free one of 32 ports below its base, where the port 10,000 further is free as well.
    base = 20_032 + harness.free_port() % 30_000
    command = ["tclsh", "tests/test_helper.tcl", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--single", edited(suite), "--baseport", str(base), *OPTIONS]
    for name in left_out:
        command += ["--skiptest", f"/^{name}$"]
    # Its processes are a group of their own, of which none may stay.
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=SOURCES, start_new_session=True, **output) as program:
        try:
            said, _ = program.communicate(timeout=MOST_SECONDS)
        except BaseException:
            os.killpg(program.pid, signal.SIGKILL)
            raise
    return re.sub(r"\x1b\[[0-9;]*m", "", said.decode(errors="replace"))


def edited(suite):
    """The suite, or a copy of it that is without what EDITS takes out."""
    if suite not in EDITS:
        return suite
    text = (SOURCES / "tests" / f"{suite}.tcl").read_text()
    before, after = EDITS[suite]
    if text.count(before) != 1:
        raise AssertionError(f"{suite} holds {before!r} {text.count(before)} times")
    (SOURCES / "tests" / f"{suite}-edited.tcl").write_text(text.replace(before, after))
    return f"{suite}-edited"


def outcome_of(said):
    passed, failed = collections.Counter(), {}
    for kind, text in re.findall(r"^\[(ok|err)\]: (.*(?:\n(?!\[).*)*)", said, re.MULTILINE):
        first, _, rest = text.partition("\n")
        if kind == "ok":
            passed[re.sub(r" \(\d+ ms\)$", "", first)] += 1
        else:
            # What fails outside a test ends a block of tests.
            name = re.fullmatch(r"(.*) in tests/unit/\S+", first)
            failed[name[1] if name else f"outside a test: {first}"] = rest
    if not re.search(r"^\[\d+/\d+ done\]", said, re.MULTILINE):
        raise AssertionError(f"the suite did not come to its end:\n{said[-2000:]}")
    return Outcome(passed, failed)


def run_through(world, suite, listener_path, prefix, watch=None):
    """A suite through a splitter before Redis and the listener; `watch` is called all the while."""

    async def split():
        port = await Splitter(world.redis().path, listener_path, prefix).start()
        run = asyncio.ensure_future(asyncio.to_thread(run_suite, suite, port))
        try:
            while watch and not run.done():
                await asyncio.to_thread(watch)
                await asyncio.wait([run], timeout=0.02)
        finally:
            said = await run  # the suite comes to its end, whatever was seen
        return said

    return outcome_of(asyncio.run(split()))


def run_server(suite):
    """The server's own outcome, which is kept: it changes with the server and with this folder alone."""
    kept = SOURCES.parent / f"server-{suite.replace('/', '-')}-{fingerprint()}.json"
    if kept.exists():
        return Outcome(*json.loads(kept.read_text()))
    with harness.World() as world:
        outcome = run_through(world, suite, world.redis().path, "")
    kept.write_text(json.dumps(outcome))
    return outcome


def fingerprint():
    version = subprocess.check_output([harness.REDIS_SERVER, "--version"])
    files = [HERE.joinpath(name).read_bytes() for name in ("redis_suite.py", "splitter.py", "refusals.txt")]
    return hashlib.sha256(b"".join([version, *files, b"long" * IS_LONG])).hexdigest()[:12]


def run_daemon(suite):
    with harness.World() as world:
        listener = redis_listener.RedisListener(world, configuration(ttl="forever", max_ttl="forever"))
        return run_through(world, suite, listener.path, "t:")


KEYLESS = ("unit/dump",)  # all but one test begin with RESTORE, which is refused


def watch_ttls(suite):
    """Looks at the keys while the suite runs; gives how many it has seen at most."""
    counts = []
    with harness.World() as world:
        listener = redis_listener.RedisListener(world, configuration())
        run_through(world, suite, listener.path, "t:", lambda: counts.append(listener.check_ttls()))
    print(f"{suite:20} looked at {len(counts):4} times, {max(counts):6} keys at most", flush=True)
    return [] if max(counts) or suite in KEYLESS else [f"{suite}: no key was ever seen"]


# --- comparing --------------------------------------------------------------------------------


def read_refusals(suite):
    """Of a line `[REASON]`, and lines `SUITE: NAME` behind it; a * in NAME stands for anything."""
    found, is_run = [], True
    for line in REFUSALS.read_text().splitlines():
        if line.startswith("["):
            is_run = not line.startswith("[" + NOT_RUN)
        elif line.startswith(suite + ": "):
            parts = [re.escape(part) for part in line[len(suite) + 2 :].split("*")]
            found.append(Refusal(re.compile(".*".join(parts)), is_run))
    return found


def compare(suite, server, daemon):
    """Lines that say what is not as the list has it."""
    lost = [name for name in server.passed if daemon.passed.get(name, 0) < server.passed[name]]
    patterns = [entry.pattern for entry in read_refusals(suite) if entry.is_run]
    complaints = []
    for name in lost:
        if not any(pattern.fullmatch(name) for pattern in patterns):
            complaints.append(f"{suite}: {name}: fails, and is not in the list")
    for pattern in patterns:
        named = [name for name in [*server.passed, *server.failed] if pattern.fullmatch(name)]
        good = [name for name in named if name in server.passed and name not in lost]
        complaints += [f"{suite}: {name}: is in the list, and passes" for name in good]
        if not named and not is_left_out(pattern):
            complaints.append(f"{suite}: {pattern.pattern}: is in the list, and no test")
    return complaints


def is_left_out(pattern):
    """Whether an entry of the list may be one of those tests that the short form leaves out."""
    return not IS_LONG and any(re.match(slow, pattern.pattern.replace("\\", "")) for slow in SLOW)


def try_suite(suite, shows):
    server, daemon = run_server(suite), run_daemon(suite)
    if shows:
        for name, why in daemon.failed.items():
            print(f"--- {suite}: {name}\n{why}")
    complaints = compare(suite, server, daemon)
    counts = [sum(outcome.passed.values()) for outcome in (server, daemon)]
    print(f"{suite:20} {counts[0]:4} by the server, {counts[1]:4} through the daemon", flush=True)
    return complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", action="store_true", help="what tests that fail say")
    parser.add_argument("--ttls", action="store_true", help="look at the keys alone")
    parser.add_argument("suites", nargs="*", default=SUITES)
    args = parser.parse_args()
    subprocess.run([HERE / "fetch"], check=True)
    act = watch_ttls if args.ttls else lambda suite: try_suite(suite, args.show)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(act, args.suites))
    complaints = sum(found, [])
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
