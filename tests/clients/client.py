#!/usr/bin/env python3
# A client of cachesd in Python without any Redis library: client.py SOCKET
import socket
import sys

stream = socket.socket(socket.AF_UNIX)
stream.connect(sys.argv[1])
replies = stream.makefile("rb")


def call(*words):
    parts = [w if isinstance(w, bytes) else w.encode() for w in words]
    stream.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
    return read()


def read():
    line = replies.readline()
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b"$":
        return None if rest == b"-1" else replies.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [read() for _ in range(int(rest))]
    return int(rest) if kind == b":" else rest.decode()


binary = b"\0\r\n\xff\""
call("key.set", "carts", "py:k", binary)
call("dict.set", "ttl=90", "carts", "py:d", "note", binary)
call("set.add", "carts", "py:s", binary)
call("sorted.add", "carts", "py:z", "1.5", binary)
call("counter.update", "carts", "py:c", "hits", "41", "hits", "1")
print("key", call("key.get", "carts", "py:k").hex())
print("dict", call("dict.get", "carts", "py:d", "note").hex(), call("ttl", "carts", "py:d") > 80)
print("set", call("set.members", "carts", "py:s")[0].hex())
print("sorted", call("sorted.range", "carts", "py:z", "0", "-1")[0].hex())
print("counter", call("counter.get", "carts", "py:c", "hits"))
