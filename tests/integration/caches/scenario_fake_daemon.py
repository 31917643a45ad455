#!/usr/bin/env python3
"""`caches` at a daemon that answers oddly, late, in halves or not at all."""

import json
import os
import resource
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import caches
import harness
import resp

CLOSED = "the daemon closed the connection"


def reply(value):
    """As a daemon writes it; bytes that begin with - are an error."""
    if isinstance(value, list):
        return b"*%d\r\n" % len(value) + b"".join(map(reply, value))
    if isinstance(value, resp.Status):
        return b"+%b\r\n" % value
    if isinstance(value, int):
        return b":%d\r\n" % value
    if value is None:
        return b"$-1\r\n"
    return b"%b\r\n" % value if value.startswith(b"-") else b"$%d\r\n%b\r\n" % (len(value), value)


def settings(collections, stale=b"0s"):
    """What `settings n` says of the namespace."""
    return (b'section=namespace name=n option=collections value="%b"\n'
            b'section=namespace name=n option=stale value=%b\n' % (collections, stale))


def address_of(server):
    return f"127.0.0.1:{server.getsockname()[1]}"


def hang_up(peer):
    """Ends the connection with a reset, as a daemon does that is killed with bytes unread."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class FakeDaemons(unittest.TestCase):
    def caches(self, answers, *words, ends=False, begin=None, script=b"", scheme="", **options):
        """Runs it at a daemon with these answers, which closes then if it ends: (code, stdout, stderr)."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            process = subprocess.Popen(
                [*caches.PROGRAM, "-s", scheme + address_of(server), *words], stderr=subprocess.PIPE,
                env=caches.environment(), **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **options},
            )
            server.settimeout(harness.LONG)
            peer, _ = server.accept()
            with peer:
                peer.settimeout(None)
                peer.sendall(b"".join(map(reply, answers)))
                if begin:
                    begin(peer)
                if ends:
                    peer.shutdown(socket.SHUT_WR)
                out, said = process.communicate(script if process.stdin else None, timeout=harness.LONG)
        said = said.decode()
        self.assertIsNone(harness.SANITIZER.search(said), said)
        return process.returncode, (out or b"").decode(), said


class Export(FakeDaemons):
    def test_keys_that_cannot_be_read_are_told_and_counted_and_the_others_are_written(self):
        names = [b"k%d" % i for i in range(12)]
        answers = [settings(b"key"), [b"0", [*names, b"good"]], *[b"-WRONGTYPE no", 5] * 12, resp.Status(b"key"), 5, b"v"]
        code, out, said = self.caches(answers, "export", "n")
        self.assertEqual((code, [json.loads(line)["key"] for line in out.splitlines()]), (1, ["good"]))
        self.assertEqual(said.count("WRONGTYPE no"), 10)
        self.assertIn("k9: WRONGTYPE no", said)
        self.assertIn("12 keys could not be read", said)

    def test_a_value_that_cannot_be_read_is_told(self):
        answers = [settings(b"dict,set"), [b"0", [b"d", b"s"]], resp.Status(b"dict"), 5, resp.Status(b"set"), 5,
                   b"-TOOBIG no", [b"0", [b"m"]]]
        code, out, said = self.caches(answers, "export", "n")
        self.assertEqual((code, json.loads(out)["value"]), (1, ["m"]))
        self.assertIn("d: TOOBIG no", said)

    def test_what_passes_is_asked_again_at_each_step(self):
        answers = [settings(b"key"), b"-TIMEOUT late", [b"0", [b"k"]], b"-LOST it", 7_000, resp.Status(b"key"), 7_000,
                   b"-OVERLOADED so", b"-UNAVAILABLE now", b"v"]
        code, out, said = self.caches(answers, "export", "n")
        self.assertEqual((code, said), (0, ""))
        self.assertEqual(json.loads(out), {"key": "k", "type": "key", "value": "v", "pttl": 7000})

    def test_types_that_the_namespace_does_not_take_are_left_out(self):
        types = (b"key", b"dict", b"set", b"sorted", b"list")
        asked = [answer for kind in types for answer in (resp.Status(kind), -1)]
        for collections in (b"", b"other,,"):
            code, out, said = self.caches([settings(collections), [b"0", list(types)], *asked], "export", "n")
            self.assertEqual((code, out), (0, ""))
            self.assertIn("5 keys left out", said)

    def test_each_collection_is_read_by_its_own_verb(self):
        answers = [settings(b"counter,set,sorted"), [b"0", [b"c", b"s", b"z"]], resp.Status(b"dict"), 5, resp.Status(b"set"), -1,
                   resp.Status(b"sorted"), 5, [b"hits", 3], [b"9", []], [b"0", [b"m", b"1.5"]], [b"0", [b"a"]]]
        code, out, said = self.caches(answers, "export", "n")
        self.assertEqual((code, said), (0, ""))
        self.assertEqual({line["key"]: (line["type"], line["value"]) for line in map(json.loads, out.splitlines())},
                         {"c": ("counter", {"hits": 3}), "s": ("set", ["a"]), "z": ("sorted", [["m", 1.5]])})

    def test_memos_that_are_stale_or_being_computed_are_left_out_and_those_that_are_over_not_told(self):
        answers = [settings(b"memo", b"1h"), [b"0", [b"m", b"stale", b"over"]], resp.Status(b"key"), 3_700_000,
                   resp.Status(b"key"), 1_000, resp.Status(b"key"), -2, [b"MISS", None, b"lease7"], resp.Status(b"OK")]
        code, out, said = self.caches(answers, "export", "n")
        self.assertEqual((code, out), (0, ""))
        self.assertIn("2 keys left out", said)

    def test_a_time_that_is_none_counts_as_no_time(self):
        answers = [settings(b"memo", b"soon"), [b"0", [b"m"]], resp.Status(b"key"), 1_000, [b"HIT", b"v", None]]
        code, out, said = self.caches(answers, "export", "n")
        self.assertEqual((code, json.loads(out)["pttl"], said), (0, 1000, ""))

    def test_a_daemon_that_goes_at_any_step_ends_it_with_3(self):
        step, asked = [b"0", [b"k"]], [resp.Status(b"key"), 5]
        for answers in ([], [settings(b"key")], [settings(b"key"), step], [settings(b"key"), step, *asked]):
            code, out, said = self.caches(answers, "export", "n", ends=True)
            self.assertEqual((code, out), (3, ""), answers)
            self.assertIn(CLOSED, said)

    def test_settings_that_are_refused_are_told(self):
        code, _, said = self.caches([b"-NOPERM not you"], "export", "n")
        self.assertEqual((code, said), (1, "caches: NOPERM not you\n"))
        for answer in (b"-ARGS what", resp.Status(b"OK"), b"section=backend name=n option=x value=1\n"):
            for reason, told in ((b"-NAMESPACE no: did you mean m", "NAMESPACE no: did you mean m"),
                                 (resp.Status(b"OK"), "the daemon tells nothing of a namespace 'n'")):
                code, _, said = self.caches([answer, reason], "export", "n")
                self.assertEqual((code, said), (1, f"caches: {told}\n"))
        code, _, said = self.caches([settings(b"key"), b"-NOPERM not you"], "export", "n")
        self.assertEqual((code, "NOPERM" in said), (1, True))

    def test_an_output_that_is_full_ends_it(self):
        answers = [settings(b"key"), [b"7", [b"k"]], resp.Status(b"key"), 5, b"v" * 100_000]
        with open("/dev/full", "wb") as full:
            code, _, said = self.caches(answers, "export", "n", stdout=full)
        self.assertEqual(code, 4)
        self.assertIn("No space left", said)


class Import(FakeDaemons):
    def test_an_input_that_cannot_be_read_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            for words in (("import", "n"), ("-",)):
                descriptor = os.open(folder, os.O_RDONLY)
                try:
                    code, _, said = self.caches([], *words, stdin=descriptor)
                finally:
                    os.close(descriptor)
                self.assertEqual(code, 2, said)
                self.assertIn("standard input: Is a directory", said)

    def test_an_input_that_is_a_terminal_is_no_export(self):
        ours, theirs = os.openpty()
        try:
            done = subprocess.run([*caches.PROGRAM, "import", "n"], stdin=theirs, capture_output=True, text=True)
        finally:
            os.close(ours)
            os.close(theirs)
        self.assertEqual(done.returncode, 2)
        self.assertIn("import n < FILE", done.stderr)

    def test_lines_whose_parts_are_of_a_wrong_kind_say_which(self):
        for members, why in (
            ('"type":"key","value":1,"pttl":"5"', "milliseconds"), ('"type":"key","value":1,"pttl":1.5', "milliseconds"),
            ('"type":"key","value":1,"pttl":-2', "milliseconds"), ('"type":7,"value":1', "key, dict, set"),
            ('"type":"key","value":true', "text"), ('"type":"key","value":{"base64":7}', "text"),
            ('"type":"key","value":{"base64":"aGk=","x":1}', "text"), ('"type":"key","value":{"x":"y"}', "text"),
            ('"type":"set","value":["a",null]', "text"), ('"type":"set","value":[["a"]]', "text"),
            ('"type":"dict","value":{"f":[1]}', "text"), ('"type":"dict","value":7', "object"),
            ('"type":"dict","value":[["f"]]', "pair"), ('"type":"dict","value":[["f","v","x"]]', "pair"),
            ('"type":"counter","value":[[{},1]]', "pair"), ('"type":"sorted","value":{"m":1}', "array"),
            ('"type":"sorted","value":[["m",1,2]]', "where"), ('"type":"sorted","value":["m"]', "where"),
        ):
            code, _, said = self.caches([], "import", "n", script=b'{"key":"k",%b}\n' % members.encode())
            self.assertEqual(code, 2, members)
            self.assertIn("line 1: ", said)
            self.assertIn(why, said, members)

    def test_errors_of_the_daemon_have_their_lines_number_and_the_gravest_decides(self):
        line = b'{"key":"k","type":"key","value":"v","more":%b}\n'
        answers = [b"-LOST it", b"-TOOBIG no", resp.Status(b"OK")]
        code, _, said = self.caches(answers, "-k", "import", "n", script=line % b"false" + line % b"null" + line % b"false")
        self.assertEqual(code, 4)
        self.assertIn("line 1: LOST it", said)
        self.assertIn("line 2: TOOBIG no", said)
        self.assertIn("1 of the requests of 3 lines were refused\ncaches: 1 of the requests of 3 lines were perhaps applied\n", said)

    def test_a_daemon_that_goes_within_a_collection_ends_it_with_4(self):
        for kind, value in (("set", json.dumps([str(i) for i in range(20_000)])), ("counter", json.dumps({str(i): i for i in range(900)}))):
            line = b'{"key":"k","type":"%b","value":%b}\n' % (kind.encode(), value.encode())
            code, _, said = self.caches([resp.Status(b"OK")], "-q", "import", "n", script=line, ends=True)
            self.assertEqual(code, 4, said)
            self.assertIn("perhaps stored", said)


class Requests(FakeDaemons):
    def test_a_tap_ends_with_the_daemon_or_the_output(self):
        lines = [resp.Status(b"OK"), resp.Status(b"one"), resp.Status(b"two")]
        code, out, said = self.caches(lines, "tap", ends=True)
        self.assertEqual((code, out), (3, "one\ntwo\n"))
        self.assertIn(CLOSED, said)
        code, out, said = self.caches([], "tap", ends=True)
        self.assertEqual((code, out), (3, ""))
        with open("/dev/full", "wb") as full:
            code, _, said = self.caches(lines, "tap", stdout=full,
                                        begin=lambda peer: peer.sendall(reply(b"x" * 100_000) + reply(b"y")))
        self.assertEqual((code, said), (4, "caches: standard output: No space left on device\n"))

    def test_a_reset_and_half_a_reply_are_an_end(self):
        for begin, ends in ((lambda peer: peer.sendall(b"$5\r\nab"), True), (lambda peer: peer.sendall(b"*2\r\n:1\r\n"), True)):
            code, out, said = self.caches([], "key.get", "n", "k", begin=begin, ends=ends)
            self.assertEqual((code, out), (4, ""))
            self.assertIn(CLOSED, said)

        def reset(peer):
            peer.recv(1000)
            hang_up(peer)
            peer.close()

        with socket.create_server(("127.0.0.1", 0)) as server:
            thread = threading.Thread(target=lambda: reset(server.accept()[0]))
            thread.start()
            done = caches.run(address_of(server), "key.set", "n", "k", "v" * 10)
            thread.join()
            self.assertEqual(done.returncode, 4)
            self.assertIn(CLOSED, done.stderr)
            thread = threading.Thread(target=lambda: reset(server.accept()[0]))
            thread.start()
            script = "key.set n k " + "v" * 5000 + "\n"
            done = caches.run(address_of(server), "-", stdin=script * 2000)
            thread.join()
            self.assertEqual(done.returncode, 4)
            self.assertIn("were perhaps applied", done.stderr)

    def test_a_purge_on_a_terminal_draws_on_whatever_the_other_connection_says(self):
        for answer in (b"-NOPERM no", b"# namespace n\npurge_removed:many\n", b"purge_removed:7\n"):
            ours, theirs = os.openpty()
            with socket.create_server(("127.0.0.1", 0)) as server:
                process = subprocess.Popen([*caches.PROGRAM, "-s", address_of(server), "purge", "n"], env=caches.environment(),
                                           stdout=subprocess.PIPE, stderr=theirs)
                first, other = server.accept()[0], server.accept()[0]
                with first, other:
                    asked = b""
                    while asked.count(b"stats") < 2:  # before, and while it waits
                        asked += other.recv(1000)
                        other.sendall(reply(answer))
                    first.sendall(reply(12))
                    out, _ = process.communicate(timeout=harness.LONG)
            os.close(theirs)
            os.close(ours)
            self.assertEqual((process.returncode, out), (0, b"12\n"))

    def test_one_line_or_several_were_perhaps_applied(self):
        _, _, said = self.caches([], "-", script=b"ping\n", ends=True)
        self.assertIn("line 1 was perhaps applied", said)

    def test_a_tls_handshake_that_does_not_end_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            done = caches.run(None, "-s", "tls:" + address_of(server), "--timeout", "100ms", "ping")
        self.assertEqual(done.returncode, 3)
        self.assertIn("does not end the TLS handshake", done.stderr)
        code, _, said = self.caches([], "ping", scheme="tls:", ends=True)
        self.assertEqual(code, 3)
        self.assertIn("closed", said)

    def test_a_unix_socket_whose_queue_is_full_is_waited_for_in_time(self):
        with tempfile.TemporaryDirectory(prefix="caches-", dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as server:
            server.bind(folder + "/s")
            server.listen(0)
            with socket.socket(socket.AF_UNIX) as first:
                first.connect(folder + "/s")
                done = caches.run(folder + "/s", "--timeout", "100ms", "ping")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no daemon at", done.stderr)

    def test_addresses_that_are_none_are_told(self):
        for address, why in (("/" + "x" * 200, "107 bytes"), ("x/" * 80, "107 bytes"), ("tls:", "HOST:PORT"), ("host:99999", "HOST:PORT")):
            done = caches.run(None, "-s", address, "ping")
            self.assertEqual(done.returncode, 2)
            self.assertIn(why, done.stderr)

    def test_an_empty_address_and_a_relative_folder_are_as_good_as_none(self):
        if os.path.exists("/run/cachesd/cachesd.sock"):
            self.skipTest("a daemon has its socket on this machine")
        with harness.own_network():
            done = caches.run(None, "ping", env={"CACHESD_ADDRESS": "", "XDG_RUNTIME_DIR": "relative"})
        self.assertEqual(done.returncode, 3)
        self.assertNotIn("relative", done.stderr)

    def test_a_command_line_that_contradicts_itself_is_refused(self):
        for words, why in ((["--timeout", "0", "ping"], "--timeout '0'"), (["--ahead", "x", "-"], "1 to"),
                           (["--ahead", "99999999", "-"], "1 to"), (["--local", "-u", "web"], "--local"),
                           (["--local", "--token-file", "x"], "--local"), (["--key", "x", "ping"], "--cert"),
                           (["--local", "--ca", "x", "ping"], "tls:"), (["-u", "web", "ping"], "$CACHESD_TOKEN"),
                           (["watch", "--interval"], "is missing"), (["watch", "--interval", "0", "n"], "1ms to 1h"),
                           (["watch", "--interval", "2h"], "1ms to 1h")):
            with socket.create_server(("127.0.0.1", 0)) as server:
                given = [] if "--local" in words else ["-s", address_of(server)]
                done = caches.run(None, *given, *words, env={"CACHESD_TOKEN": ""})
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(why, done.stderr)

    def test_the_same_form_twice_and_colours_asked_for_are_no_contradiction(self):
        for words in (["--json", "--json"], ["--color", "auto"], ["--color", "no"], ["--ahead", "1"], ["--timeout", "9s"]):
            code, out, said = self.caches([resp.Status(b"PONG")], *words, "ping")
            self.assertEqual((code, out.strip('"\n'), said), (0, "PONG", ""))

    def test_a_daemon_at_a_usual_place_that_refuses_ends_the_search(self):
        with tempfile.TemporaryDirectory(prefix="caches-", dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as server:
            server.bind(folder + "/cachesd.sock")
            server.listen()

            def refuse():
                peer, _ = server.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"-NOAUTH wrong user or token\r\n")

            if os.path.exists("/run/cachesd/cachesd.sock"):
                self.skipTest("a daemon has its socket on this machine")
            thread = threading.Thread(target=refuse)
            thread.start()
            done = caches.run(None, "-u", "web", "ping", env={"XDG_RUNTIME_DIR": folder, "CACHESD_TOKEN": "x"})
            thread.join()
        self.assertEqual(done.returncode, 1)
        self.assertIn("the daemon refuses\n", done.stderr)
        self.assertIn(f"\n  {folder}/cachesd.sock: NOAUTH wrong user or token\n", done.stderr)
        self.assertNotIn("start one", done.stderr)


class Bench(FakeDaemons):
    def test_options_that_are_wrong_are_refused_with_what_is_right(self):
        count, clients = "-n takes a number from 1 to 1e+15", "-c takes a number from 1 to 100000"
        either = "say either -s SECONDS or -n COUNT"
        for words, why in (
            (["-n", ""], f"{count}, not ''"), (["-n", "5x"], f"{count}, not '5x'"), (["-n", "nan"], f"{count}, not 'nan'"),
            (["-c", "0", "-n", "x"], f"{clients}, not '0'"), (["-c", "1e6", "-n", "1"], f"{clients}, not '1e6'"),
            (["-s", "1e7"], "-s takes a number from 0.001 to 1000000, not '1e7'"),
            (["-n", "1", "-w", "1"], "-w goes with -s"), (["-n", "1", "-f", "xml"], "FORM is array or line"),
            (["-Z"], "'-Z' is no option, or lacks its value"), (["-n", "1", *["-W", "1"] * 100], "too many -W"),
            (["--nix", "-n", "1"], "'--nix' is no option, or lacks its value"),
            (["-n", "1", "-W", "0"], "-W takes a number from 1 to 1000000000, not '0'"),
            (["-s", "1", "-n", "1"], either), ([], either),
        ):
            done = caches.run(None, "bench", *words, "ping")
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertEqual(f"caches bench: {why}; caches bench --help tells more\n", done.stderr, words)
        done = caches.run(None, "bench", "-n", "1")
        self.assertEqual((done.returncode, "no WORD" in done.stderr), (2, True))

    def test_an_error_with_letters_that_json_cannot_hold_is_shown_without(self):
        code, out, said = self.caches([b'-ERR "a\\b" \x01\xc3'], "bench", "-n", "1", "-e", "7", "-q", "ping")
        self.assertEqual((code, said), (1, ""))
        found = json.loads(out)
        self.assertEqual((found["errors"], found["first_error"]), (1, "ERR ?a?b? ??"))

    def test_what_was_perhaps_applied_ends_it_with_4(self):
        for code, ends_with in ((b"TIMEOUT", 4), (b"LOST", 4), (b"INTERNAL", 4), (b"UNAVAILABLE", 1), (b"LOSTS", 1)):
            found, out, said = self.caches([b"-" + code + b" x", resp.Status(b"PONG")], "bench", "-p", "2", "-n", "2", "ping")
            self.assertEqual((found, said, json.loads(out)["errors"]), (ends_with, "", 1), code)

    def test_the_cpu_time_of_a_process_is_told_and_one_that_is_gone_ends_it(self):
        code, out, _ = self.caches([resp.Status(b"PONG")], "bench", "-n", "1", "-W", str(os.getpid()), "ping")
        self.assertEqual((code, json.loads(out)["watched"][0]["pid"]), (0, os.getpid()))
        gone = subprocess.Popen(["true"])
        gone.wait()
        code, _, said = self.caches([resp.Status(b"PONG")], "bench", "-n", "1", "-W", str(gone.pid), "ping")
        self.assertEqual(code, 1)
        self.assertIn("a watched process is gone", said)

    def test_too_many_connections_are_told(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            done = subprocess.run(
                [caches.CACHES, "-s", address_of(server), "bench", "-n", "1", "-c", "90", "ping"], capture_output=True, text=True,
                # The sanitizer would open files at the end.
                env=caches.environment(ASAN_OPTIONS="detect_leaks=0"), timeout=harness.LONG,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16)),
            )
        self.assertEqual(done.returncode, 1)
        self.assertIn("Too many open files", done.stderr)


if __name__ == "__main__":
    harness.main()
