#!/usr/bin/env python3
"""The client that blocks: any verb as a call, batches, errors, threads, and what happens when a connection ends."""

import asyncio
import concurrent.futures
import contextlib
import datetime
import gc
import os
import pathlib
import re
import signal
import socket
import sys
import threading
import time
import unittest

import world

import harness
import tls
import verbs

import cachesd
from cachesd import aio

AUTH = (
    world.INI
    + f"""
[user web]
token = {harness.token_hash("secret")}
namespaces = demo
access = write
"""
)
TLS = world.INI.replace("listen = tcp:127.0.0.1:{port}", "listen = tls:127.0.0.1:{port}\ntls_cert = server.crt\ntls_key = server.key")


class Calls(world.TestCase):
    def setUp(self):
        super().setUp()
        self.client = cachesd.connect(timeout=30)
        self.addCleanup(self.client.close)

    def test_every_verb_of_the_daemon_is_a_call(self):
        with self.daemon.client() as client:
            every = [verb for verb in verbs.of(client) if verb.has_namespace and verb.name not in verbs.ADMIN]
        self.assertGreater(len(every), 60)
        for verb in every:
            call = self.client
            for part in verb.name.split("."):
                call = getattr(call, f"{part}_" if part == "del" else part)
            self.assertEqual(repr(call), f"<verb {verb.name}>")
            with contextlib.suppress(cachesd.LeaseEnded):
                call(*verb.request("demo", f"sample:{verb.name}")[1:])
        self.assertEqual((self.client.ping(), self.client.ping("m")), ("PONG", b"m"))

    def test_replies_of_every_kind(self):
        self.assertEqual(self.client.key.set("demo", "k", b"\0\r\n\xff"), "OK")
        self.assertEqual(self.client.key.get("demo", "k"), b"\0\r\n\xff")
        self.assertIsNone(self.client.key.get("demo", "none"))
        self.assertEqual(self.client.dict.set("demo", "d", "a", 1, "b", 2.5), 2)
        self.assertEqual(self.client.dict.items("demo", "d"), [b"a", b"1", b"b", b"2.5"])
        self.assertEqual(self.client.dict.scan("demo", "d", 0), [b"0", [b"a", b"1", b"b", b"2.5"]])
        self.assertEqual(self.client.dict.items("demo", "none"), [])
        with cachesd.connect(text=True) as client:
            self.assertEqual(client.dict.scan("demo", "d", 0), ["0", ["a", "1", "b", "2.5"]])
            odd = client.key.get("demo", "k")
            client.key.set("demo", "again", odd)
            self.assertEqual(self.client.key.get("demo", "again"), b"\0\r\n\xff")

    def test_options_have_names_and_durations_many_forms(self):
        for ttl, seconds in ((90, 90), ("90s", 90), (datetime.timedelta(minutes=2), 120), (60.5, 60.5), ("2h", 7200), (None, 3600)):
            self.client.key.set("demo", "k", "v", ttl=ttl)
            self.assert_ttl("demo:k", seconds, ttl)
        self.assertEqual(self.client.sorted.add("demo", "z", 1, "a", if_="present"), 0)
        self.client.sorted.add("demo", "z", 1, "a", 2, "b")
        self.assertEqual(self.client.sorted.between("demo", "z", "-inf", "+inf", order="desc", limit=1), [b"b", b"2"])
        self.assertEqual(self.client.call("key.set", "ttl=70s", "demo", "k", "ttl=80s"), "OK")
        self.assert_ttl("demo:k", 70)
        self.assertEqual(self.client.key.get("demo", "k"), b"ttl=80s")

    def test_words_without_an_obvious_text_are_refused(self):
        for word in (None, True, ["a"], object()):
            with self.assertRaisesRegex(TypeError, "str, bytes, int or float was expected"):
                self.client.key.set("demo", "k", word)
        for ttl in (True, ["1"], object()):
            with self.assertRaisesRegex(TypeError, "is no duration"):
                self.client.key.set("demo", "k", "v", ttl=ttl)
        self.assertEqual(self.keys(), [])

    def test_a_request_that_waits_at_the_daemon_has_longer(self):
        state, _, lease = self.client.memo.get("demo", "m")
        self.assertEqual(state, b"MISS")
        self.assertEqual(self.client.memo.get("demo", "m", wait="700ms", timeout=0.3), [b"MISS", None, None])
        self.assertEqual(self.client.memo.put("demo", "m", lease, "v"), "OK")
        with self.assertRaises(cachesd.LeaseEnded):
            self.client.memo.put("demo", "m", lease, "v")

    def test_tap_is_refused(self):
        with self.assertRaisesRegex(cachesd.WrongArguments, "without end"):
            self.client.tap()

    def test_a_name_that_is_no_verb_is_the_daemons_to_refuse(self):
        with self.assertRaisesRegex(cachesd.UnknownVerb, "did you mean key.get"):
            self.client.get("demo", "k")
        with self.assertRaises(AttributeError):
            self.client._private


class Batches(world.TestCase):
    def setUp(self):
        super().setUp()
        self.client = cachesd.connect(timeout=30)
        self.addCleanup(self.client.close)

    def test_requests_go_together_and_replies_come_in_order(self):
        with self.client.batch() as batch:
            batch.key.set("demo", "k", "v", ttl=90)
            value, nothing = batch.key.get("demo", "k"), batch.call("key.get", "demo", "none")
            self.assertRaisesRegex(RuntimeError, "not been sent", value.get)
        self.assertEqual((batch.replies, value.get(), nothing.get()), (["OK", b"v", None], b"v", None))
        self.assertRaisesRegex(RuntimeError, "was sent", batch.ping)
        self.assertEqual(self.client.batch().send(), [])

    def test_an_error_stops_no_other_request(self):
        def filled():
            batch = self.client.batch()
            batch.key.set("demo", "k", "v")
            promise = batch.dict.get("demo", "k", "f")
            batch.key.set("demo", "later", "v")
            return batch, promise

        batch, promise = filled()
        self.assertRaises(cachesd.WrongType, batch.send)
        self.assertEqual(self.keys(), ["demo:k", "demo:later"])
        self.assertRaises(cachesd.WrongType, promise.get)
        replies = filled()[0].send(return_errors=True)
        self.assertEqual([type(reply) for reply in replies], [str, cachesd.WrongType, str])

    def test_nothing_is_sent_when_the_program_fails_in_the_midst(self):
        with self.assertRaises(ZeroDivisionError), self.client.batch() as batch:
            batch.key.set("demo", "k", "v")
            1 / 0
        self.assertEqual(self.keys(), [])

    def test_more_than_the_sockets_hold_passes_both_ways(self):
        value = "x" * 500_000
        with self.client.batch() as batch:
            for _ in range(40):
                batch.key.set("demo", "k", value)
                batch.key.get("demo", "k")
        self.assertEqual({len(reply) for reply in batch.replies[1::2]}, {500_000})


class Errors(world.TestCase):
    def test_each_code_of_the_protocol_has_a_class_that_says_whether_it_was_applied(self):
        text = (world.ROOT / "protocol" / "PROTOCOL.md").read_text()
        rows = re.findall(r"^\| (`[A-Z`, ]+`) \| .* \| (no|perhaps) \|$", text.partition("### Errors")[2], re.M)
        told = {code: applied == "perhaps" for codes, applied in rows for code in re.findall(r"\w+", codes)}
        self.assertEqual({code: kind.perhaps_applied for code, kind in cachesd.errors.CODES.items()}, told)

    def test_the_readme_lists_them_with_the_errors_of_python_that_they_are(self):
        rows = re.findall(r"^\| `([A-Z]+)` \| `(\w+)` \|(?: `(\w+)`)? \|$", (world.PACKAGE / "README.md").read_text(), re.M)
        self.assertEqual({code: name for code, name, _ in rows}, {code: kind.__name__ for code, kind in cachesd.errors.CODES.items()})
        for code, name, python in rows:
            kind = getattr(cachesd, name)
            self.assertTrue(issubclass(kind, cachesd.CacheError))
            bases = {base.__name__ for base in kind.__bases__} - {"CacheError"}
            self.assertEqual(bases, {python} if python else set(), code)

    def test_a_code_that_is_new_is_an_error_of_the_cache_and_perhaps_applied(self):
        error = cachesd.errors.refusal("NOVEL something")
        self.assertEqual((type(error), error.code, str(error), error.perhaps_applied), (cachesd.CacheError, "NOVEL", "NOVEL: something", True))


class Connections(world.TestCase):
    def setUp(self):
        super().setUp()
        gc.collect()
        harness.wait_until(lambda: self.count() == 0, "those of other tests are closed")

    def count(self):
        return len(self.daemon.call("clients").splitlines()) - 1

    def test_threads_share_a_client_and_each_has_a_connection(self):
        def work(n):
            barrier.wait(harness.LONG)
            for i in range(100):
                client.key.set("demo", f"k{n}", i)
                self.assertEqual(client.key.get("demo", f"k{n}"), str(i).encode())

        barrier = threading.Barrier(8)
        with cachesd.connect() as client:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(work, range(8)))
        harness.wait_until(lambda: self.count() == 0, "all are closed")

    def test_close_closes_those_of_other_threads_and_a_later_call_connects_anew(self):
        client, asked, go = cachesd.connect(), threading.Event(), threading.Event()

        def work():
            client.ping()
            asked.set()
            go.wait(harness.LONG)
            found.append(client.ping())

        found = []
        thread = threading.Thread(target=work)
        thread.start()
        self.assertTrue(asked.wait(harness.LONG))
        self.assertEqual(self.count(), 2)
        client.close()
        harness.wait_until(lambda: self.count() == 0, "all are closed")
        go.set()
        thread.join()
        self.assertEqual((found, client.ping()), (["PONG"], "PONG"))
        client.close()

    def test_a_forked_child_has_its_own_connection(self):
        with cachesd.connect() as client:
            client.key.set("demo", "k", "v")
            child = os.fork()
            if child == 0:
                os._exit(0 if all(client.key.get("demo", "k") == b"v" for _ in range(200)) else 1)
            for _ in range(200):
                self.assertEqual(client.key.get("demo", "none"), None)
            self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_an_interrupt_leaves_no_reply_for_the_next_call(self):
        class Alarm(BaseException):
            pass

        def ring(*_):
            raise Alarm

        with cachesd.connect() as client:
            client.memo.get("demo", "m")
            self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, ring))
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            self.assertRaises(Alarm, client.memo.get, "demo", "m", wait="20s")
            self.assertEqual([client.ping(str(n)) for n in range(3)], [b"0", b"1", b"2"])

    def test_where_nobody_is_the_error_names_the_places(self):
        self.set_environment(CACHESD_ADDRESS="/nowhere/cachesd.sock")
        with self.assertRaisesRegex(cachesd.Unavailable, "no daemon answers at /nowhere/cachesd.sock: .*No such file") as caught:
            cachesd.connect()
        self.assertIsInstance(caught.exception, ConnectionError)
        for address in ("nonsense", "127.0.0.1:70000", "tls:/a/path"):
            with self.assertRaisesRegex(ValueError, "PATH, HOST:PORT, .* was expected"):
                cachesd.connect(address)


class Peer:
    """Stands where a daemon should: it answers each request with the next of these, and then closes."""

    def __init__(self, folder, *answers):
        self.path, self.requests = f"{folder}/peer.sock", []
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self.serve, args=(list(answers),), daemon=True).start()

    def serve(self, answers):
        while answers:
            peer, _ = self.listener.accept()
            with peer:
                while answers and (data := peer.recv(65536)):
                    self.requests.append(data)
                    answer = answers.pop(0)
                    if answer is None:
                        break
                    peer.sendall(answer)
        self.listener.close()


@contextlib.contextmanager
def full_listener(path):
    """Whose queue has room for one, who has come."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        try:
            yield listener
        finally:
            os.unlink(path)


class Ends(world.TestCase):
    def peer(self, *answers):
        peer = Peer(self.world.folder, *answers)
        client = cachesd.connect(peer.path)
        self.addCleanup(client.close)
        return peer, client

    def test_a_request_whose_connection_breaks_is_perhaps_applied_and_never_sent_again(self):
        peer, client = self.peer(b"+OK\r\n", None, b"$1\r\nv\r\n")
        self.assertEqual(client.key.set("demo", "k", "v"), "OK")
        with self.assertRaises(cachesd.Lost) as caught:
            client.key.incr("demo", "k")
        self.assertTrue(caught.exception.perhaps_applied)
        self.assertEqual(client.key.get("demo", "k"), b"v")
        self.assertEqual([data.count(b"key.incr") for data in peer.requests], [0, 1, 0])

    def test_a_batch_keeps_the_replies_that_came_before_the_end(self):
        peer, client = self.peer(b"+OK\r\n:1\r\n$3\r\nab")
        batch = client.batch()
        first = batch.key.set("demo", "k", "v")
        batch.key.incr("demo", "k")
        last = batch.key.get("demo", "k")
        self.assertRaises(cachesd.Lost, batch.send)
        self.assertEqual((first.get(), batch.replies[:2]), ("OK", ["OK", 1]))
        self.assertRaises(cachesd.Lost, last.get)

    def test_a_daemon_that_was_replaced_is_found_before_anything_is_sent(self):
        with harness.World() as other:
            daemon = other.daemon(world.INI)
            for address in (daemon.path, f"127.0.0.1:{other.port}"):
                with cachesd.connect(address, timeout=30) as client:
                    client.key.set("demo", "n", 1)
                    other.daemons[-1].stop()
                    other.daemon(world.INI)
                    self.assertEqual(client.key.incr("demo", "n"), 2, address)

    def test_a_daemon_whose_queue_is_full_is_tried_until_there_is_room(self):
        path = f"{self.world.folder}/full.sock"
        for connect in (lambda: cachesd.connect(path, timeout=30), lambda: asyncio.run(aio.connect(path, timeout=30))):
            with full_listener(path) as listener:
                room = threading.Timer(0.1, lambda: listener.accept()[0].close())
                room.start()
                connect()
                room.join()  # else it might make room in the next one
        with full_listener(path), self.assertRaisesRegex(cachesd.Unavailable, "queue is full"):
            cachesd.connect(path, timeout=0.1)

    def test_a_daemon_that_closes_each_connection_at_once_is_not_waited_for(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"{self.world.folder}/shut.sock")
            listener.listen(100)
            thread = threading.Thread(target=self.shut, args=(listener,))
            thread.start()
            for _ in range(20):
                with self.assertRaises((cachesd.Unavailable, cachesd.Lost)):
                    asyncio.run(self.set_soon(f"{self.world.folder}/shut.sock"))
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

    def shut(self, listener):
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()

    async def set_soon(self, path):
        async with await aio.connect(path, timeout=30) as client:
            await asyncio.sleep(0.001)
            await client.key.set("demo", "k", "v")

    def test_a_connection_that_was_closed_while_idle_costs_nothing(self):
        peer, client = self.peer(b"+OK\r\n", b"+OK\r\n")
        client.key.set("demo", "k", "v")
        client.give(client.take()[0])
        connection = client.take()[0]
        connection.stream.shutdown(socket.SHUT_RDWR)  # as the daemon's end would
        client.give(connection)
        self.assertEqual(client.key.set("demo", "k", "v"), "OK")

    def test_bytes_that_nobody_asked_for_end_a_connection(self):
        peer, client = self.peer(b"+OK\r\n+EXTRA\r\n", b"$1\r\nv\r\n")
        self.assertRaises(cachesd.Lost, client.key.set, "demo", "k", "v")
        self.assertEqual(client.key.get("demo", "k"), b"v")

    def test_a_daemon_that_is_silent_is_left_in_time(self):
        with cachesd.connect(timeout=0.2) as client:
            self.daemon.send_signal(signal.SIGSTOP)
            self.addCleanup(self.daemon.send_signal, signal.SIGCONT)
            started = time.monotonic()
            with self.assertRaises(TimeoutError) as caught:
                client.key.set("demo", "k", "v")
            self.assertEqual((caught.exception.code, caught.exception.perhaps_applied), ("TIMEOUT", True))
            self.assertLess(time.monotonic() - started, 10)
            self.daemon.send_signal(signal.SIGCONT)
            self.assertEqual(client.ping("m", timeout=30), b"m")

    def test_a_decorator_leaves_a_silent_daemon_alone_for_a_while(self):
        peer = Peer(self.world.folder, b"", b"", b"", b"")
        function = cachesd.cached(key="k", address=peer.path, timeout=0.05)(lambda: 7)
        with self.assertLogs("cachesd", "WARNING"):
            self.assertEqual([function() for _ in range(5)], [7] * 5)
        self.assertEqual(len(peer.requests), 1)

    def test_a_backend_that_is_away_is_unavailable(self):
        with harness.World() as other:
            other.daemon(world.INI.replace("main\n[", "main\n["))
            with cachesd.connect(other.daemons[0].path) as client:
                client.key.set("demo", "k", "v")
                other.redis().kill()
                with self.assertRaises(cachesd.CacheError) as caught:
                    client.key.get("demo", "k")
                self.assertIn(caught.exception.code, ("UNAVAILABLE", "LOST"))
                harness.wait_until(lambda: self.is_away(client), "it is known to be away")

    @staticmethod
    def is_away(client):
        try:
            client.key.get("demo", "k")
        except cachesd.Unavailable as error:
            return not error.perhaps_applied
        except cachesd.Lost:
            return False


class Users(world.TestCase):
    ini = AUTH

    def test_who_asks_is_said_by_arguments_or_the_environment(self):
        address = f"127.0.0.1:{self.world.port}"
        with cachesd.connect(address, user="web", token="secret") as client:
            self.assertEqual(client.key.set("demo", "k", "v"), "OK")
            self.assertRaises(PermissionError, client.key.set, "other", "k", "v")
        with cachesd.connect(address) as client:
            self.assertRaises(cachesd.NotAuthenticated, client.key.get, "demo", "k")
        with self.assertRaises(cachesd.NotAuthenticated):
            cachesd.connect(address, user="web", token="wrong")
        with self.assertRaisesRegex(ValueError, "a token needs a user"):
            cachesd.connect(address, token="secret")
        self.set_environment(CACHESD_ADDRESS=address, CACHESD_USER="web", CACHESD_TOKEN="secret")
        with cachesd.connect() as client:
            self.assertEqual(client.key.get("demo", "k"), b"v")
        self.assertEqual(cachesd.DictCache("foo", data={"a": 1})["a"], 1)


class Tls(unittest.TestCase):
    def test_an_address_may_be_over_tls(self):
        with harness.World() as other:
            authority = tls.Authority(other.folder)
            authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
            other.daemon(TLS)
            address = f"tls:127.0.0.1:{other.port}"
            with self.assertRaisesRegex(cachesd.Unavailable, "certificate verify failed"):
                cachesd.connect(address)
            with cachesd.connect(address, tls=authority.context(), timeout=30) as client:
                client.key.set("demo", "k", "v")
                self.assertEqual(client.key.get("demo", "k"), b"v")
                value = "x" * 1_000_000
                with client.batch() as batch:
                    for _ in range(5):
                        batch.key.set("demo", "k", value)
                        batch.key.get("demo", "k")
                self.assertEqual({len(reply) for reply in batch.replies[1::2]}, {1_000_000})
                other.daemons[0].stop()
                other.daemon(TLS)
                self.assertEqual(client.ping(), "PONG")
            self.assertEqual(asyncio.run(self.later(address, authority.context())), b"x")

    def test_a_daemon_that_wants_a_certificate_has_read_nothing(self):
        with harness.World() as other:
            authority = tls.Authority(other.folder)
            authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
            other.daemon(TLS.replace("tls_key", "tls_client = required\ntls_client_ca = ca.crt\ntls_key"))
            address, context = f"tls:127.0.0.1:{other.port}", authority.context()
            refused = self.assertRaisesRegex(cachesd.Unavailable, "the daemon refuses the connection: .*CERTIFICATE")
            with refused, cachesd.connect(address, tls=context, timeout=30) as client:
                client.key.set("demo", "k", "v")
            # asyncio may hear of the end first, and then nothing is known.
            with self.assertRaisesRegex((cachesd.Unavailable, cachesd.Lost), "CERTIFICATE|broke"):
                asyncio.run(self.set_later(address, context))

    async def set_later(self, address, context):
        async with await aio.connect(address, tls=context, timeout=30) as client:
            await client.key.set("demo", "k", "v")

    async def later(self, address, context):
        with self.assertRaisesRegex(cachesd.Unavailable, "certificate verify failed"):
            await aio.connect(address)
        async with await aio.connect(address, tls=context, timeout=30) as client:
            return await client.ping("x")


class Wire(unittest.TestCase):
    def test_replies_are_read_whatever_pieces_they_come_in(self):
        data = b"+OK\r\n:-5\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n$1\r\n0\r\n*1\r\n$0\r\n\r\n*0\r\n*-1\r\n-ARGS no\r\n"
        expected = ["OK", -5, b"a\r\n", None, [b"0", [b""]], [], None]
        for size in range(1, len(data) + 1):
            replies, found = cachesd.wire.Replies(), []
            for at in range(0, len(data), size):
                replies.feed(data[at : at + size])
                found += list(iter(replies.take, cachesd.wire.PENDING))
            self.assertEqual((found[:-1], str(found[-1])), (expected, "ARGS: no"), size)


if __name__ == "__main__":
    unittest.main(verbosity=2)
