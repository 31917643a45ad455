#!/usr/bin/env python3
"""Programs in Perl, Lua, C and Go, and Redis's own tools, run unchanged on a listener that speaks its dialect.

Each is a file of tests/drivers/redis_others; how they are run, and what fails one, says redis_programs.py.
"""

import harness
import redis_programs

GO = 'GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS=-p=2 go build -o program "$1" && exec ./program'


class Programs(redis_programs.TestCase):
    pass


Programs.add_all("redis_others", "*.pl", ["perl"])
Programs.add_all("redis_others", "*.lua", ["lua5.1"])
Programs.add_all("redis_others", "*.sh", ["sh"])
Programs.add_all("redis_others", "*.c", ["sh", "-c", 'cc -o program "$1" -lhiredis && exec ./program', "cc"])
Programs.add_all("redis_others", "*.go", ["sh", "-c", GO, "go"])

if __name__ == "__main__":
    harness.main()
