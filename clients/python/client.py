#!/usr/bin/env python3
# A client of cachesd in Python without any Redis library; $CACHESD_ADDRESS is a path or HOST:PORT.
import os
import socket


def connect(address):
    if "/" not in address:
        host, _, port = address.rpartition(":")
        return socket.create_connection((host.strip("[]"), port))
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(address)
    return stream


folders = "/run/cachesd", os.environ.get("XDG_RUNTIME_DIR"), f"/tmp/cachesd-{os.geteuid()}"
paths = [f"{folder}/cachesd.sock" for folder in folders if os.path.exists(f"{folder}/cachesd.sock")]
stream = connect(os.environ.get("CACHESD_ADDRESS") or [*paths, "127.0.0.1:7379"][0])
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
call("key.set", "demo", "py:k", binary)
call("dict.set", "ttl=90", "demo", "py:d", "note", binary)
call("set.add", "demo", "py:s", binary)
call("sorted.add", "demo", "py:z", "1.5", binary)
call("counter.update", "demo", "py:c", "hits", "41", "hits", "1")
print("key", call("key.get", "demo", "py:k").hex())
print("dict", call("dict.get", "demo", "py:d", "note").hex(), call("ttl", "demo", "py:d") > 80)
print("set", call("set.members", "demo", "py:s")[0].hex())
print("sorted", call("sorted.range", "demo", "py:z", "0", "-1")[0].hex())
print("counter", call("counter.get", "demo", "py:c", "hits"))
