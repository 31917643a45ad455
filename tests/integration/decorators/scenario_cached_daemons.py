#!/usr/bin/env python3
"""../../../clients, each language: where the daemon is found, who asks, and daemons that answer wrongly or not."""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import threading
import time
import unittest

import harness
from cached_world import INI, LANGUAGES, Drivers, World

USERS = INI + f"""
[user web]
token = {harness.token_hash("secret")}
namespaces = memo
access = write
"""
WRONG = {  # to be read as an answer of memo.get
    "closes": b"",
    "noauth": b"-NOAUTH who are you\r\n",
    "overloaded": b"-OVERLOADED too much\r\n",
    "not utf-8": b"-INTERNAL \xff\xfe\r\n",
    "no number": b"*x\r\n",
    "negative": b"$-7\r\n",
    "huge": b"$99999999999999999999\r\n",
    "many": b"*999999999\r\n",
    "deep": b"*1\r\n" * 20000,
    "endless line": b"+" + b"x" * 200000,
    "another kind": b":1\r\n",
    "status": b"+OK\r\n",
    "nil": b"$-1\r\n",
    "two": b"*2\r\n$4\r\nMISS\r\n$-1\r\n",
    "state": b"*3\r\n$4\r\nHITS\r\n$1\r\n1\r\n$-1\r\n",
    "numbers": b"*3\r\n:1\r\n:2\r\n:3\r\n",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "twice": b"*3\r\n$3\r\nHIT\r\n$1\r\n1\r\n$-1\r\n" * 2,
}


class Impostor:
    """Listens where a daemon should, and answers all with the same bytes."""

    def __init__(self, path):
        self.answer, self.asked = b"", 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer_all, args=(peer,), daemon=True).start()

    def answer_all(self, peer):
        with peer:
            with contextlib.suppress(OSError):  # it leaves in the midst of it
                while peer.recv(65536) and self.answer:
                    self.asked += 1
                    peer.sendall(self.answer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Daemons(Drivers, World):
    def test_a_wrong_answer_never_stops_the_function(self):
        path = f"{self.folder}/wrong.sock"
        impostor = Impostor(path)
        self.addCleanup(impostor.close)
        program = self.program(path)
        for count, (name, answer) in enumerate(WRONG.items(), 1):
            impostor.answer = answer
            result = program("x")
            self.assertIn(result, [{"word": "x", "count": self.computed().count("x")}, 1], name)
            self.assertIn(program("throw"), ["threw throw", 1], name)
        self.assertGreater(impostor.asked, len(WRONG))
        impostor.answer = b"-NOAUTH who are you\r\n"
        self.assertIs(program("x", "forget"), False)

    def test_who_asks_is_said_by_the_environment(self):
        self.daemon.stop()
        self.daemon = self.world.daemon(USERS)
        address = f"127.0.0.1:{self.world.port}"
        program = self.program(address, CACHESD_USER="web", CACHESD_TOKEN="secret")
        self.assertEqual([program("x")["count"], program("x")["count"], program("x")["count"]], [1, 1, 1])
        self.daemon.stop()
        self.daemon = self.world.daemon(USERS)
        self.assertEqual(program("x")["count"], 1, "said again to the next daemon")
        for env in ({}, {"CACHESD_TOKEN": "secret"}, {"CACHESD_USER": "web", "CACHESD_TOKEN": "wrong"}):
            count = self.computed().count("y")
            other = self.program(address, **env)
            self.assertEqual([other("y")["count"], other("y")["count"]], [count + 1, count + 2], env)

    def test_addresses_of_every_form(self):
        port = harness.free_port()
        self.daemon.stop()
        self.daemon = self.world.daemon(INI.replace("[backend main]", f"listen = tcp:[::1]:{port}\n[backend main]"))
        count = 0
        for address in (self.daemon.path, f"[::1]:{port}", f"127.0.0.1:{self.world.port}"):
            self.assertEqual(self.program(address, "demo")("x")["count"], 1, address)
        for address in (f"::1:{port}", "localhost", f"127.0.0.1:{'9' * 9}", "127.0.0.1:99999", "[::1]", ":"):
            count += 1
            self.assertEqual(self.program(address)("y")["count"], count, address)

    def test_without_an_address_the_first_socket_that_answers_is_used(self):
        program = self.program("", XDG_RUNTIME_DIR=str(self.folder))
        self.assertEqual([program("x")["count"], program("x")["count"]], [1, 1])
        self.assertEqual(self.direct.call("EXISTS", "m:f:x"), 1)

    @unittest.skipIf(os.path.exists(f"/tmp/cachesd-{os.geteuid()}"), "somebody's own daemon may be there")
    def test_a_socket_that_nobody_serves_is_passed_over(self):
        own = pathlib.Path(f"/tmp/cachesd-{os.geteuid()}")
        own.mkdir(mode=0o700)
        self.addCleanup(shutil.rmtree, own)
        (own / "cachesd.sock").symlink_to(self.daemon.path)
        dead = self.folder / "dead"
        dead.mkdir()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{dead}/cachesd.sock")
        program = self.program("", XDG_RUNTIME_DIR=str(dead))
        self.assertEqual([program("x")["count"], program("x")["count"]], [1, 1])
        if os.geteuid() == 0:
            os.chown(own, harness.OTHER, harness.OTHER)
            other = self.program("", XDG_RUNTIME_DIR=str(dead))
            count = other("x")["count"]
            self.assertEqual(other("x")["count"], count + 1, "a folder of another's is not trusted")

    def test_a_result_that_took_longer_than_its_lease_is_said_once(self):
        self.daemon.stop()
        self.daemon = self.world.daemon(INI.replace("lease = 30s", "lease = 20ms"))
        log = self.folder / "log"
        program = self.program(LOG=str(log))
        for word in ("gate1", "gate2"):
            (self.folder / "gate").unlink(missing_ok=True)
            program.send("call", word)
            harness.wait_until(lambda: word in self.computed(), "it is computed")
            time.sleep(0.05)  # longer than the lease
            (self.folder / "gate").touch()
            self.assertEqual(program.read()["count"], 1)
            self.assertEqual(self.direct.call("EXISTS", f"m:f:{word}"), 0)
        self.assertEqual(len(re.findall("was not kept: it took", log.read_text())), 1, log.read_text())

    def test_a_daemon_that_answers_drop_by_drop_is_not_waited_for(self):
        path = f"{self.folder}/slow.sock"
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen(8)
        threading.Thread(target=self.drip, args=(listener,), daemon=True).start()
        program = self.program(path)
        started = time.monotonic()
        self.assertEqual(program("x")["count"], 1)
        self.assertLess(time.monotonic() - started, 9, "all of it takes 11 s")

    @staticmethod
    def drip(listener):
        peer, _ = listener.accept()
        with peer:
            for byte in b"*3\r\n$3\r\nHIT\r\n$99\r\n" + b"x" * 99:
                time.sleep(0.1)
                try:
                    peer.sendall(bytes([byte]))
                except OSError:
                    return


for name in LANGUAGES:
    globals()[name] = type(name, (Daemons,), {})
del Daemons


if __name__ == "__main__":
    harness.main()
