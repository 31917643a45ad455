#!/usr/bin/env python3
"""Runs one of ../clients against a live daemon: client_test.py FILE

Each stores the same binary values and prints what it reads back, in hex.
"""

import pathlib
import sys

import harness

INI = harness.INI.replace("{listen}", "{listen}\nlisten = tcp:127.0.0.1:{port}")
PROGRAMS = {".py": sys.executable, ".pl": "perl", ".sh": "bash"}
HEX = b'\0\r\n\xff"'.hex()
EXPECTED = f"key {HEX}\ndict {HEX} True\nset {HEX}\nsorted {HEX}\ncounter 42\n"


def main(path):
    kind = path.suffix
    with harness.World() as world:
        redis, daemon = world.redis(), world.daemon(INI)
        address = ("127.0.0.1", str(world.port)) if kind == ".sh" else (daemon.path,)
        done = harness.run(PROGRAMS[kind], str(path), *address)
        assert done.returncode == 0, done.stderr
        assert done.stdout == EXPECTED, f"expected\n{EXPECTED}got\n{done.stdout}"
        forever, count = harness.keys_without_ttl(redis, "cart:")
        assert (forever, count) == ([], 5)
        assert redis.call("GET", f"cart:{kind[1:]}:k").hex() == HEX
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
