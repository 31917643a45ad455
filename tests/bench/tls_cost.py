#!/usr/bin/env python3
"""What TLS to Redis costs the daemon: its CPU time a request over rediss://, less that over redis://.

    tls_cost.py [ROUNDS]

One daemon has a backend of each kind at one Redis. The two are measured in turn, and the figures are
medians of each pair's difference: what else the machine does weighs on both.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "harness"))

import harness  # noqa: E402
import tls  # noqa: E402

CACHES = os.environ.get("CACHES") or str(ROOT / "build" / "caches")
SECONDS = 0.5
INI = """\
[cachesd]
listen = {listen}
[backend plain]
url = redis://127.0.0.1:PLAIN
[backend secure]
url = rediss://127.0.0.1:SECURE
tls_ca = ca.crt
[namespace plain]
backend = plain
prefix = k:
[namespace secure]
backend = secure
prefix = k:
"""


def microseconds(daemon, namespace, depth, verb):
    """The daemon's CPU time a request."""
    words = [verb, namespace, "{key}", *(["{value}"] if verb == "key.set" else [])]
    done = subprocess.run(
        [CACHES, "-s", f"unix:{daemon.path}", "bench", "-p", str(depth), "-w", "0.1", "-s", str(SECONDS), "-k", "1000",
         "-W", str(daemon.pid), *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert not found["errors"], found["first_error"]
    return found["watched"][0]["cpu_ns"] / found["requests"] / 1000


def main(rounds):
    with harness.World() as world:
        tls.Authority(world.folder).issue("server", "IP:127.0.0.1")
        port = harness.free_port()
        redis = tls.redis(world, options=("--port", str(port)))
        daemon = world.daemon(INI.replace("PLAIN", str(port)).replace("SECURE", str(redis.tls_port)))
        microseconds(daemon, "plain", 16, "key.set")
        for verb in ("key.get", "key.set"):
            for depth in (1, 16, 64):
                pairs = []
                for _ in range(rounds):
                    pairs.append([microseconds(daemon, name, depth, verb) for name in ("plain", "secure")])
                more = statistics.median(secure - plain for plain, secure in pairs)
                plain = statistics.median(plain for plain, _ in pairs)
                print(f"{verb}, pipeline {depth:2}: {plain:6.2f} µs, with TLS {more:+.2f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
