#!/usr/bin/env python3
"""Runs one of ../../../clients against a live daemon: client_test.py FILE

Each stores the same binary values and prints what it reads back, in hex.
"""

import pathlib
import sys

import harness

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
[namespace demo]
"""
PROGRAMS = {".py": sys.executable, ".pl": "perl", ".sh": "bash"}
HEX = b'\0\r\n\xff"'.hex()
EXPECTED = f"key {HEX}\ndict {HEX} True\nset {HEX}\nsorted {HEX}\ncounter 42\n"


def check(world, path, redis, **env):
    """A run of the program, and what it has left in Redis."""
    redis.call("FLUSHALL")
    done = harness.run(PROGRAMS[path.suffix], str(path), env={**world.environment, **env})
    assert done.returncode == 0, done.stderr
    assert done.stdout == EXPECTED, f"expected\n{EXPECTED}got\n{done.stdout}"
    forever, count = harness.keys_without_ttl(redis, "demo:")
    assert (forever, count) == ([], 5)
    assert redis.call("GET", f"demo:{path.suffix[1:]}:k").hex() == HEX


def main(path):
    with harness.World() as world:
        redis, daemon = world.redis(), world.daemon(INI)
        check(world, path, redis, CACHESD_ADDRESS=daemon.path)
        check(world, path, redis, CACHESD_ADDRESS=f"127.0.0.1:{world.port}", XDG_RUNTIME_DIR="/nowhere")
        check(world, path, redis)  # finds the socket in $XDG_RUNTIME_DIR
    print("3 passed, 0 failed")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
