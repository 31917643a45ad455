#!/usr/bin/env python3
"""../../../clients: every language's client holds the same conversations, with daemons that are good, hang, die, or talk nonsense.

Each has a driver, ../../drivers/clients/talk.*, which does what it is told line by line: talk.md says how. A language that is not
installed is skipped, and says so.
"""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from languages import LANGUAGES, MORE, Built, Talk

INI = f"""\
[cachesd]
listen = {{listen}}
listen = tcp:127.0.0.1:{{port}}
listen = tcp:[::1]:{{port}}
[backend main]
url = {{redis:main}}
[namespace demo]
[user anybody]
uid = {os.getuid()}
namespaces = demo
access = write
[user web]
token = {harness.token_hash("secret")}
namespaces = demo
access = write
"""
ODD = b"\0\r\n\xff\" '$*-+:\\"
LONG_VALUE = bytes(range(256)) * 4096  # 1 MiB
CONVERSATION = (  # request, reply; {key} is of the language's own
    ("key.set ttl=90s demo {key} v", b"OK"),
    ("key.get demo {key}", b"v"),
    ("key.get demo {key}:none", None),
    ("ttl demo {key}:none", -2),
    (["key.set", "demo", "{key}", ODD], b"OK"),
    ("key.get demo {key}", ODD),
    (["key.set", "demo", "{key}", b""], b"OK"),
    ("key.get demo {key}", b""),
    (["key.set", "demo", "{key}", LONG_VALUE], b"OK"),
    ("key.get demo {key}", LONG_VALUE),
    (["key.set", "demo", "{key}", "käse €"], b"OK"),
    ("key.get demo {key}", "käse €".encode()),
    (["key.set", "demo", "{key}", "ttl=1s"], b"OK"),
    ("key.get demo {key}", b"ttl=1s"),
    ("dict.set demo {key}:d apples 2 pears 3", 2),
    ("dict.get demo {key}:d apples", b"2"),
    ("dict.mget demo {key}:d apples none pears", [b"2", None, b"3"]),
    ("dict.items demo {key}:none", []),
    ("dict.scan demo {key}:d 0", [b"0", [b"apples", b"2", b"pears", b"3"]]),
    ("counter.update demo {key}:c hits 9223372036854775807", [9223372036854775807]),
    ("counter.set demo {key}:c hits -9007199254740993", b"OK"),
    ("counter.get demo {key}:c hits", -9007199254740993),
    ("dict.get demo {key} field", "-WRONGTYPE (no)"),
    ("key.get demo", "-ARGS (no)"),
    ("nonsense", "-VERB (no)"),
    ("key.get nowhere {key}", "-NOPERM (no)"),
    ("counter.incr demo {key}:c hits", -9007199254740992),
)
BROKEN = {  # answers that are none, to a write
    "closes": b"",
    "no number": b":x\r\n",
    "negative": b"$-7\r\n",
    "huge": b"$99999999999999999999\r\n",
    "many": b"*99999999999\r\n",
    "deep": b"*1\r\n" * 20000,
    "endless line": b"+" + b"x" * 200000,
    "no end": b"$1\r\nabc",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "twice": b"+OK\r\n+OK\r\n",
}
HASTY_MS = 500  # a client's timeout, where a daemon will not answer
WRONG_ADDRESSES = "::1:7379", "localhost", "127.0.0.1:999999999", "127.0.0.1:99999", "[::1]", ":"


class Server:
    """Stands where a daemon should, and does with each of its peers what `serve(peer)` says."""

    def __init__(self, listener, serve):
        self.listener, self.serve = listener, serve
        listener.listen(64)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self.run_one, args=(peer,), daemon=True).start()

    def run_one(self, peer):
        with peer, contextlib.suppress(OSError):  # the client leaves in the midst of it
            self.serve(peer)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Conversations(Built, unittest.TestCase):
    """Of the language in `language`, all in one world."""

    driver = "talk"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world = harness.World()
        cls.world.__enter__()
        cls.addClassCleanup(cls.world.__exit__, None, None, None)
        cls.world.redis()
        cls.daemon = cls.world.daemon(INI)

    def setUp(self):
        self.talk = self.start()

    def start(self, **env):
        talk = Talk(self.language, self.built, {**self.world.environment, "HOME": self.world.folder, **env})
        self.addCleanup(talk.end)
        return talk

    def open(self, **options):
        if self.language.has_unix:
            self.talk.open(self.daemon.path, **options)
        else:
            self.talk.open(f"127.0.0.1:{self.world.port}", user="web", token="secret", **options)

    def restart_daemon(self, meanwhile=lambda: None):
        cls = type(self)
        cls.daemon.stop()
        meanwhile()
        cls.daemon = self.world.daemon(INI)

    def serve(self, serve):
        """The address of such a server."""
        listener = socket.socket(socket.AF_UNIX if self.language.has_unix else socket.AF_INET)
        path = f"{self.world.folder}/{self.id().rpartition('.')[2]}.sock"
        listener.bind(path if self.language.has_unix else ("127.0.0.1", 0))
        self.addCleanup(Server(listener, serve).close)
        return path if self.language.has_unix else f"127.0.0.1:{listener.getsockname()[1]}"

    def check(self, talk, request, expected):
        words = request.split() if isinstance(request, str) else request
        key = f"{type(self).__name__}:k"
        words = [word.replace("{key}", key) if isinstance(word, str) else word for word in words]
        if not self.language.has_zero and any(b"\0" in word for word in words if isinstance(word, bytes)):
            return
        reply = talk.call(*words)
        if isinstance(expected, str):
            self.assert_refused(reply, expected)
        elif not (not self.language.has_zero and isinstance(expected, bytes) and b"\0" in expected):
            self.assertEqual(reply, self.language.seen(expected), request if len(str(request)) < 200 else "a long request")

    def assert_refused(self, reply, expected):
        code, *end = expected.split()
        self.assertIsInstance(reply, str, f"{expected} was expected")
        self.assertTrue(reply.startswith(code) and reply.endswith(" ".join(end)), f"{reply}: {expected} was expected")

    def test_values_of_every_kind_pass_and_errors_are_told(self):
        self.open()
        for request, expected in CONVERSATION:
            self.check(self.talk, request, expected)

    def test_a_request_without_a_verb_is_refused_and_not_sent(self):
        self.open()
        self.assertRegex(self.talk.call(), "^-(WRONG|ARGS) ")  # the daemon would not answer
        self.check(self.talk, "key.set demo {key} v", b"OK")

    def test_the_daemon_is_found_and_told_who_asks(self):
        port = self.world.port
        addresses = [f"127.0.0.1:{port}", f"[::1]:{port}"]
        if self.language.has_unix:
            addresses.append(self.daemon.path)
        for address in addresses:
            self.talk.open(address, user="web", token="secret")
            self.check(self.talk, "key.set demo {key} v", b"OK")
        self.talk.open(f"127.0.0.1:{port}")
        self.check(self.talk, "key.get demo {key}", "-NOAUTH (no)")
        self.talk.open(f"127.0.0.1:{port}", user="web", token="wrong")
        self.check(self.talk, "key.get demo {key}", "-NOAUTH (no)")
        for address in WRONG_ADDRESSES:
            self.assert_refused(self.talk.open(address), "-WRONG")
        self.assert_refused(self.talk.open(f"127.0.0.1:{port}", token="secret"), "-WRONG")
        env = {"CACHESD_ADDRESS": f"127.0.0.1:{port}", "CACHESD_USER": "web", "CACHESD_TOKEN": "secret"}
        found = self.start(**env)
        found.open()
        self.check(found, "key.get demo {key}", b"v")
        if self.language.has_unix:
            found = self.start(XDG_RUNTIME_DIR=self.world.folder, CACHESD_ADDRESS="")
            found.open()
            self.check(found, "key.get demo {key}", b"v")

    def test_without_a_daemon_nothing_is_applied_and_a_new_one_is_found(self):
        self.open()
        self.check(self.talk, "key.set demo {key} v", b"OK")
        self.restart_daemon(lambda: self.check(self.talk, "key.set demo {key} v", "-UNAVAILABLE (no)"))
        self.check(self.talk, "key.set demo {key} v", b"OK")
        self.restart_daemon()
        self.check(self.talk, "key.get demo {key}", b"v")

    def test_a_daemon_that_hangs_is_left_in_time_and_its_late_reply_is_nobodys(self):
        self.open(timeout_ms=HASTY_MS)
        self.check(self.talk, "key.set demo {key} v", b"OK")
        self.daemon.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        self.check(self.talk, "key.incr demo {key}:n", "-TIMEOUT (perhaps)")
        self.assertLess(time.monotonic() - started, 5)
        self.daemon.send_signal(signal.SIGCONT)
        self.check(self.talk, "key.get demo {key}", b"v")

    def test_a_daemon_that_takes_no_more_connections_is_left_in_time(self):
        if not self.language.has_unix:
            self.skipTest(f"{self.language.name} has no Unix sockets")
        path = f"{self.world.folder}/full.sock"
        with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
            listener.bind(path)
            listener.listen(0)
            first.connect(path)
            self.talk.open(path, timeout_ms=HASTY_MS)
            started = time.monotonic()
            expected = "-UNAVAILABLE (no)" if self.language.sees_connection else "-TIMEOUT (perhaps)"
            self.check(self.talk, "key.set demo {key} v", expected)
            self.assertLess(time.monotonic() - started, 5)

    def test_answers_that_are_none_are_lost_and_perhaps_applied(self):
        answers = []
        address = self.serve(lambda peer: (peer.recv(65536), peer.sendall(answers[-1])))
        for name, answer in BROKEN.items():
            answers.append(answer)
            self.talk.open(address, timeout_ms=2000)
            with self.subTest(answer=name):
                self.check(self.talk, "key.set demo {key} v", "-LOST (perhaps)")

    def test_an_answer_that_comes_drop_by_drop_is_not_waited_for(self):
        self.talk.open(self.serve(self.drip), timeout_ms=HASTY_MS)
        started = time.monotonic()
        self.check(self.talk, "key.get demo {key}", "-TIMEOUT (perhaps)")
        self.assertLess(time.monotonic() - started, 5, "all of it takes 10 s")

    @staticmethod
    def drip(peer):
        for byte in b"$99\r\n" + b"x" * 99:
            time.sleep(0.1)
            peer.sendall(bytes([byte]))


class Places(unittest.TestCase):
    def test_the_shell_says_where_no_daemon_was(self):
        source = str(harness.ROOT / "clients" / "shell" / "cachesd.sh")
        command = ["bash", "-c", f'. "$0"; cachesd_call ping', source]
        environment = {name: value for name, value in os.environ.items() if "CACHESD" not in name}
        done = subprocess.run(command, env={**environment, "CACHESD_ADDRESS": "/nowhere/s"}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (2, "UNAVAILABLE cannot connect to /nowhere/s\n"))


for language in LANGUAGES + MORE:
    globals()[language.name] = type(language.name, (Conversations,), {"language": language})
del Conversations


if __name__ == "__main__":
    harness.main()
