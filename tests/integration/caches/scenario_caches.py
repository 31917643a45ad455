#!/usr/bin/env python3
"""`caches` for scripts: one request, forms of replies, exit codes, where the daemon is, who asks."""

import csv
import io
import json
import os
import pathlib
import pty
import resource
import select
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import unittest

import caches
import harness
import tls

USERS = harness.INI + """\
[user web]
token = {hash}
namespaces = carts
access = write
"""


class OneRequest(caches.TestCase):
    def test_words_are_sent_as_they_are_and_the_value_comes_back_as_it_is(self):
        value = 'two words "quoted" $5 größe\n*'
        self.assertEqual(self.caches("key.set", "carts", "k", value), "OK\n")
        self.assertEqual(self.caches("key.get", "carts", "k"), value + "\n")
        self.assertEqual(self.caches("-n", "key.get", "carts", "k"), value)
        self.assertEqual(self.daemon.call("key.get", "carts", "k").decode(), value)

    def test_a_word_may_begin_with_a_dash(self):
        self.assertEqual(self.caches("counter.incr", "carts", "c", "f", "-3"), "-3\n")

    def test_q_says_errors_only(self):
        self.assertEqual(self.caches("-q", "ping"), "")
        self.assertIn("VERB", self.refused("-q", "nix"))

    def test_a_large_value_goes_both_ways(self):
        value = "x" * 100_000
        self.caches("key.set", "carts", "k", value)
        self.assertEqual(self.caches("-n", "key.get", "carts", "k"), value)


class Forms(caches.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon.call("dict.set", "carts", "d", "a,b", "1", "c", 'say "x"')
        self.daemon.call("key.set", "carts", "bytes", b"\xff\x00")

    def json(self, *words, **options):
        return json.loads(self.caches("--json", *words, **options))

    def test_json_has_each_type_of_reply(self):
        self.assertEqual(self.json("ping"), "PONG")
        self.assertEqual(self.json("dict.len", "carts", "d"), 2)
        self.assertIsNone(self.json("key.get", "carts", "nix"))
        self.assertEqual(self.json("dict.items", "carts", "d"), ["a,b", "1", "c", 'say "x"'])
        self.assertEqual(self.json("key.get", "carts", "bytes"), {"base64": "/wA="})
        self.assertEqual(self.json("scan", "carts", "0")[0], "0")
        self.assertEqual(self.json("nix", code=1)["error"], "VERB")

    def test_json_of_tables_is_objects_with_numbers_as_numbers(self):
        (namespace,) = self.json("namespaces")
        self.assertEqual((namespace["name"], namespace["ttl"], namespace["prefix"]), ("carts", "2h", "cart:"))
        stats = self.json("stats")
        self.assertEqual(stats["clients"]["connected"], 1)
        self.assertIn("carts", self.json("stats", "carts").popitem()[0])
        (client,) = self.json("clients")
        self.assertIsInstance(client["id"], int)
        self.assertEqual({option["section"] for option in self.json("settings", "namespace")}, {"namespace"})
        self.assertIsInstance(self.json("backends")[0]["answers"], int)
        self.assertIsInstance(self.json("slowlog"), list)

    def test_a_number_that_is_a_name_stays_a_text(self):
        self.assertEqual(self.json("explain", "key.get", "carts", "7")[:4], "verb")
        for line in self.json("settings", "carts"):
            self.assertIsInstance(line["value"], str)

    def test_csv_is_read_by_a_reader_of_csv(self):
        rows = lambda *words: list(csv.reader(io.StringIO(self.caches("--csv", *words))))
        self.assertEqual(rows("dict.items", "carts", "d"), [["a,b", "1"], ["c", 'say "x"']])
        self.assertEqual(rows("dict.keys", "carts", "d"), [["a,b", "c"]])
        table = rows("settings", "namespace")
        self.assertEqual(table[0][:3], ["section", "name", "option"])
        self.assertTrue(all(len(row) == len(table[0]) for row in table))
        self.assertIn(["clients", "connected", "1"], rows("stats"))

    def test_raw_is_a_line_for_each_item(self):
        self.assertEqual(self.caches("--raw", "dict.items", "carts", "d"), 'a,b\n1\nc\nsay "x"\n')

    def test_text_numbers_items_and_escapes_what_a_terminal_might_obey(self):
        self.assertEqual(self.caches("--text", "dict.keys", "carts", "d"), "1) a,b\n2) c\n")
        self.assertEqual(self.caches("--text", "scan", "match=d", "carts", "0"), "1) 0\n2) 1) d\n")
        self.assertEqual(self.caches("--text", "key.get", "carts", "nix"), "(nil)\n")
        self.daemon.call("key.set", "carts", "evil", b"a\x1b]0;title\x07")
        self.assertEqual(self.caches("--text", "key.get", "carts", "evil"), '"a\\x1b]0;title\\x07"\n')
        self.daemon.call("key.set", "carts", "c1", "a\x9bm")
        self.assertNotIn("\x9b", self.caches("--text", "key.get", "carts", "c1"))

    def test_json_and_csv_hold_nothing_that_a_terminal_might_obey(self):
        value = "a\x7f\x80b\x9f\xa0\xff\x1b[m,\u20ac\x7f"
        self.daemon.call("key.set", "carts", "evil", value)
        written = self.caches("--json", "key.get", "carts", "evil")
        self.assertEqual(written, '"a\\u007f\\u0080b\\u009f\xa0\xff\\u001B[m,\u20ac\\u007f"\n')
        self.assertEqual(json.loads(written), value)
        shown = '"a\\x7f\\xc2\\x80b\\xc2\\x9f\xa0\xff\\x1b[m,\u20ac\\x7f"\r\n'
        self.assertEqual(self.on_terminal("--csv", "key.get", "carts", "evil"), shown)
        self.assertEqual(self.on_terminal("--csv", "key.get", "carts", "bytes"), "\\xff\\x00\r\n")
        self.assertEqual(self.caches("--csv", "key.get", "carts", "evil"), f'"{value}"\n', "a program gets it as it is")

    def test_a_terminal_gets_text_with_colours_unless_they_are_not_wanted(self):
        self.assertIn("\x1b[", self.on_terminal("key.get", "carts", "nix"))
        self.assertEqual(self.on_terminal("--color=no", "key.get", "carts", "nix"), "(nil)\r\n")
        self.assertEqual(self.on_terminal("key.get", "carts", "nix", NO_COLOR="1"), "(nil)\r\n")

    def on_terminal(self, *words, **env):
        ours, theirs = pty.openpty()
        environment = caches.environment(self.daemon.path, TERM="xterm", **env)
        process = subprocess.run([*caches.PROGRAM, *words], stdout=theirs, env=environment, timeout=harness.LONG)
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertEqual(process.returncode, 0)
        return text


class ExitCodes(caches.TestCase):
    INI = harness.INI.replace("[namespace carts]", "[namespace carts]\nbackend = main") + "[backend other]\nurl = {redis:other}\ntimeout = 100ms\n[namespace slow]\nttl = 1h\nbackend = other\n"

    def test_nil_is_an_answer_unless_x_says_otherwise(self):
        self.assertEqual(self.caches("key.get", "carts", "nix"), "\n")
        self.caches("-x", "key.get", "carts", "nix", code=5)
        self.daemon.call("key.set", "carts", "k", "v")
        self.caches("-x", "key.get", "carts", "k")

    def test_an_error_says_its_code_and_ends_with_1_when_nothing_was_applied(self):
        self.assertIn("caches: NAMESPACE", self.refused("key.get", "nix", "k"))
        self.assertIn("caches: ARGS", self.refused("key.get", "carts"))
        self.assertIn("did you mean key.get", self.refused("get", "carts", "k"))
        self.assertIn("did you mean the command export?", self.refused("exprot", "carts"))

    def test_a_request_that_is_one_word_is_told_of_its_words(self):
        for request in ("key.get carts k", "watch --once", "nix\tnix"):
            self.assertIn("\ncaches: the words of a request are arguments of their own", self.refused(request))
        self.assertNotIn("arguments", self.refused("nix", "carts k"))

    def test_a_server_that_speaks_redis_is_told_apart(self):
        address = self.world.redis().path
        for words, script in ((["key.get", "carts", "k"], ""), (["-"], "ttl carts k\n"), (["export", "carts"], ""), (["purge", "carts"], "")):
            done = caches.run(address, *words, stdin=script)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"\ncaches: unix:{address} speaks the protocol of Redis; a listener of cachesd's own is wanted\n", done.stderr)

    def test_a_backend_that_is_down_has_its_reason_in_backends(self):
        hint = "caches: `caches backends` has the reason\n"
        self.world.redis("other").kill()
        harness.wait_until(lambda: self.daemon.backend("other")["state"] == "down", "it is down")
        self.assertEqual(self.refused("key.get", "slow", "k"), "caches: UNAVAILABLE backend other is down\n" + hint)
        self.assertNotIn(hint, self.refused("ready"), "which says the reason itself")

    def test_what_was_perhaps_applied_ends_with_4(self):
        redis = self.world.redis("other")
        self.caches("key.set", "slow", "k", "1")
        redis.send_signal(signal.SIGSTOP)
        try:
            self.assertIn("caches: TIMEOUT", self.refused("key.set", "slow", "k", "2", code=4))
        finally:
            redis.send_signal(signal.SIGCONT)

    def test_a_pipelined_request_that_was_perhaps_applied_behind_one_that_failed_ends_with_4(self):
        redis = self.world.redis("other")
        self.caches("key.set", "slow", "k", "1")
        redis.send_signal(signal.SIGSTOP)
        try:
            self.assertIn("line 2: TIMEOUT", self.refused("-", stdin="nix\nkey.set slow k 2\n", code=4))
        finally:
            redis.send_signal(signal.SIGCONT)

    def test_a_reply_that_does_not_come_ends_with_4(self):
        said = self.refused("--timeout", "50ms", "memo.get", "carts", "k", code=0)
        self.assertEqual(said, "")
        said = self.refused("--timeout", "50ms", "memo.get", "wait=20s", "carts", "k", code=4)
        self.assertIn("no reply within 50ms; the request was perhaps applied", said)

    def test_a_daemon_that_closes_before_it_replies_ends_with_4(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            process = subprocess.Popen([*caches.PROGRAM, "-s", f"127.0.0.1:{port}", "ping"],
                                       stderr=subprocess.PIPE, env=caches.environment())
            connection, _ = server.accept()
            self.assertEqual(connection.recv(100), b"*1\r\n$4\r\nping\r\n")
            connection.close()
            said = process.communicate(timeout=harness.LONG)[1]
        self.assertEqual(process.returncode, 4)
        self.assertIn(b"closed the connection without a word (a TLS port is tls:HOST:PORT); the request was perhaps applied", said)

    def test_what_is_no_daemon_is_said(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            process = subprocess.Popen([*caches.PROGRAM, "-s", f"127.0.0.1:{port}", "ping"],
                                       stderr=subprocess.PIPE, env=caches.environment())
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            said = process.communicate(timeout=harness.LONG)[1]
            connection.close()
        self.assertEqual(process.returncode, 4)
        self.assertIn(b"that is no cachesd", said)

    def test_output_that_cannot_be_written_is_an_error(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([*caches.PROGRAM, "ping"], stdout=full, stderr=subprocess.PIPE,
                                  env=caches.environment(self.daemon.path), timeout=harness.LONG)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"No space left", done.stderr)

    def test_a_wrong_command_line_ends_with_2_and_says_what_would_be_right(self):
        for words, why in (
            (["--jso", "--raw", "ping"], "one of"), (["--timeot", "1", "ping"], "--timeout"), (["-Z"], "-Z"),
            (["--timeout", "soon", "ping"], "500ms"), (["--ahead", "0", "-"], "1 to"), (["--color", "x"], "auto or no"),
            (["--json", "--csv", "ping"], "one of"), (["-u", "web", "ping"], "$CACHESD_TOKEN"), (["-s"], "needs a value"),
            (["--token-file", "x", "ping"], "-u USER"), (["--cert", "x", "ping"], "--key"), (["--json=1"], "no value"),
            (["--ca", "x", "ping"], "tls:"), (["-s", "nix", "ping"], "HOST:PORT"), (["--local", "-s", "x"], "--local"),
        ):
            said = self.refused(*words, code=2)
            self.assertTrue(said.startswith("caches: "), said)
            self.assertIn(why, said, words)


class Script(caches.TestCase):
    def test_requests_come_a_line_each_with_quotes_blocks_and_comments(self):
        script = '# a comment\nping\n\nkey.set carts a "x\\ny"\nkey.set carts b $5\n1\n3\n5\nkey.get carts b\nkey.get carts a'
        self.assertEqual(self.caches("-", stdin=script), "PONG\nOK\nOK\n1\n3\n5\nx\ny\n")
        self.assertEqual(self.caches(stdin="ping"), "PONG\n")
        self.assertEqual(self.caches("-", stdin=""), "")

    def test_it_stops_at_the_first_error_and_says_which_line_that_is(self):
        script = 'key.set carts a "1\\n2"\nkey.set carts b $4\n\n\n\n\n\nnix\nkey.set carts c 1\n'
        done = caches.run(self.daemon.path, "--ahead", "1", "-", stdin=script)
        self.assertEqual((done.returncode, done.stdout), (1, "OK\nOK\n"))
        self.assertIn("caches: line 8: VERB", done.stderr)
        self.assertEqual(self.daemon.call("exists", "carts", "c"), 0)

    def test_pipelined_it_says_what_had_been_sent_behind_the_error(self):
        script = "nix\n" + "key.set carts c 1\n" * 5
        done = caches.run(self.daemon.path, "-", stdin=script)
        self.assertEqual((done.returncode, done.stdout), (1, "OK\n" * 5))
        self.assertIn("lines up to 6 had been sent", done.stderr)

    def test_k_goes_on_and_the_gravest_code_is_the_exit_code(self):
        done = caches.run(self.daemon.path, "-k", "-", stdin="nix\nping\nkey.get carts nix\nnix\n")
        self.assertEqual((done.returncode, done.stdout), (1, "PONG\n\n"))
        self.assertEqual([line.split(":")[1] for line in done.stderr.splitlines()], [" line 1", " line 4"])
        self.caches("-kx", "-", stdin="key.get carts nix\nping\n", code=5)

    def test_ten_thousand_requests_are_answered_in_order(self):
        script = "".join(f"key.set carts k{i} {i}\nkey.get carts k{i}\n" for i in range(5000))
        self.assertEqual(self.caches("-", stdin=script), "".join(f"OK\n{i}\n" for i in range(5000)))

    def test_a_request_is_answered_before_the_next_one_is_written(self):
        process = subprocess.Popen([*caches.PROGRAM, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=caches.environment(self.daemon.path))
        for number in (b"1", b"2"):
            process.stdin.write(b"ping " + number + b"\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), number + b"\n")
        process.stdin.close()
        self.assertEqual(process.wait(harness.LONG), 0)
        process.stdout.close()

    def test_a_script_that_cannot_be_read_ends_with_2(self):
        self.assertIn("line 2: unbalanced quote", self.refused("-", stdin='ping\nping "x\n', code=2))
        self.assertIn("line 2: the input ends inside", self.refused("-", stdin="ping\nkey.set carts k $9\nab", code=2))
        self.assertIn("line 1: a tap", self.refused("-", stdin="tap\n", code=2))

    def test_nothing_is_sent_behind_quit(self):
        self.assertEqual(self.refused("-", stdin="quit\nping\n", code=2), "caches: line 2: not sent, and none behind it, since it stands behind quit\n")
        self.assertIn("line 3: ARGS", self.refused("-", stdin="# one\nping\nquit x\n"))
        self.assertEqual(self.caches("-", stdin="ping\nQUIT\n# the end\n"), "PONG\nOK\n")


class Search(unittest.TestCase):
    def setUp(self):
        self.world = harness.World()
        self.addCleanup(self.world.__exit__, None)

    def test_without_a_daemon_all_places_are_listed(self):
        with harness.own_network():
            done = caches.run(None, "ping", env={"XDG_RUNTIME_DIR": self.world.folder})
        if done.returncode == 0:
            self.skipTest("a daemon runs on this machine")
        self.assertEqual(done.returncode, 3)
        for place in ("/run/cachesd/cachesd.sock: ", f"{self.world.folder}/cachesd.sock: No such file",
                      f"/tmp/cachesd-{os.geteuid()}/cachesd.sock: ", "127.0.0.1:7379: ", "-s ADDRESS"):
            self.assertIn(place, done.stderr)

    @harness.NEEDS_ROOT
    def test_a_daemon_is_found_at_the_places_of_the_defaults(self):
        with harness.own_network():
            daemon = self.world.daemon(harness.INI.replace("[backend", "listen = tcp:127.0.0.1:7379\n[backend", 1))
            nowhere = {"XDG_RUNTIME_DIR": "/nonexistent"}
            self.assertEqual(caches.run(None, "ping", env={"XDG_RUNTIME_DIR": self.world.folder}).stdout, "PONG\n")
            if not pathlib.Path("/run/cachesd/cachesd.sock").exists():
                self.assertEqual(caches.run(None, "ping", env=nowhere).stdout, "PONG\n")
            for address in (daemon.path, "unix:" + daemon.path, "127.0.0.1:7379", "tcp:127.0.0.1:7379"):
                self.assertEqual(caches.run("/nix/x", "-s", address, "ping").stdout, "PONG\n", address)
            relative = caches.run(None, "-s", "./cachesd.sock", "ping", cwd=self.world.folder)
            self.assertEqual(relative.stdout, "PONG\n")

    def test_an_address_that_was_given_is_the_only_one_tried(self):
        self.world.daemon(harness.INI)
        done = caches.run("/nix/cachesd.sock", "ping", env={"XDG_RUNTIME_DIR": self.world.folder})
        self.assertEqual(done.returncode, 3)
        self.assertIn("no daemon at /nix/cachesd.sock ($CACHESD_ADDRESS): No such file", done.stderr)
        self.assertIn("(-s): Connection refused", caches.run(None, "-s", "127.0.0.1:1", "ping").stderr)

    @harness.NEEDS_ROOT
    def test_a_folder_in_tmp_that_is_anothers_is_not_trusted(self):
        folder = pathlib.Path(f"/tmp/cachesd-{harness.OTHER}")
        try:
            folder.mkdir()
        except FileExistsError:
            self.skipTest(f"{folder} is there")
        self.addCleanup(shutil.rmtree, folder)
        with harness.own_network():
            daemon = self.world.daemon(harness.INI.replace("[cachesd]\n", "[cachesd]\nsocket_mode = 0666\n"))
            os.chmod(self.world.folder, 0o755)
            os.chown(folder, 1, 1)
            os.symlink(daemon.path, folder / "cachesd.sock")
            program = self.world.folder + "/caches"
            pathlib.Path(program).write_bytes(pathlib.Path(caches.CACHES).read_bytes())
            os.chmod(program, 0o755)
            done = subprocess.run([program, "ping"], capture_output=True, text=True, cwd="/",
                                  env=caches.environment(XDG_RUNTIME_DIR=""), timeout=harness.LONG, **harness.AS_OTHER)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("belongs to another user", done.stderr)

    @harness.NEEDS_ROOT
    def test_a_socket_that_is_closed_to_the_user_is_told_with_what_would_open_it(self):
        daemon = self.world.daemon(harness.INI)
        program = self.world.folder + "/caches"
        shutil.copy(caches.CACHES, program)
        for mode, why in ((0o755, "Permission denied: in the daemon's configuration socket_mode and socket_group say who"),
                          (0o700, "Permission denied: the folder is closed to this user")):
            folder = tempfile.mkdtemp(dir=self.world.folder)
            os.chmod(self.world.folder, 0o755)
            os.symlink(daemon.path, folder + "/cachesd.sock")
            os.chmod(folder, mode)
            done = subprocess.run([program, "-s", folder + "/cachesd.sock", "ping"], capture_output=True, text=True, cwd="/",
                                  env=caches.environment(), timeout=harness.LONG, **harness.AS_OTHER)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(why, done.stderr)


class Users(caches.TestCase):
    INI = USERS.replace("{hash}", harness.token_hash("s3cret"))

    def test_a_token_comes_from_the_environment_or_a_file(self):
        said = self.refused("key.get", "carts", "k")
        self.assertIn("NOAUTH", said)
        self.assertIn("use -u USER, with the token in $CACHESD_TOKEN or by --token-file", said)
        self.assertEqual(self.caches("-u", "web", "key.set", "carts", "k", "v", env={"CACHESD_TOKEN": "s3cret"}), "OK\n")
        path = pathlib.Path(self.world.folder, "token")
        path.write_text("s3cret\n")
        self.assertEqual(self.caches("-u", "web", "--token-file", path, "key.get", "carts", "k"), "v\n")
        self.assertIn("No such file", self.refused("-u", "web", "--token-file", "/nix", "ping", code=2))

    def test_a_wrong_token_is_refused_with_1(self):
        said = self.refused("-u", "web", "ping", env={"CACHESD_TOKEN": "wrong"})
        self.assertIn("NOAUTH", said)
        self.assertNotIn("wrong", said.replace("wrong user or token", ""))

    def test_a_daemon_that_does_not_say_whether_it_knows_the_user_is_left_and_nothing_was_applied(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = f"127.0.0.1:{server.getsockname()[1]}"
            done = caches.run(address, "-u", "web", "key.set", "carts", "k", "v", env={"CACHESD_TOKEN": "s3cret"})
            peer, _ = server.accept()
            with peer:
                sent = peer.recv(65536)
        self.assertEqual((done.returncode, sent), (3, b"*3\r\n$4\r\nauth\r\n$3\r\nweb\r\n$6\r\ns3cret\r\n"), done.stderr)
        self.assertIn("does not answer", done.stderr)


class Tls(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.authority = tls.Authority(self.world.folder)
        self.authority.issue("server", "DNS:localhost", "IP:127.0.0.1")
        self.authority.issue("client", "DNS:web.internal")

    def start(self, more=""):
        folder = self.world.folder
        self.world.daemon(harness.INI.replace("[backend", f"listen = tls:127.0.0.1:{{port}}\ntls_cert = {folder}/server.crt\n"
                                              f"tls_key = {folder}/server.key\n{more}[backend", 1))
        return f"tls:127.0.0.1:{self.world.port}"

    def test_the_daemons_certificate_is_checked(self):
        address = self.start()
        folder = self.world.folder
        done = caches.run(address, "--ca", f"{folder}/ca.crt", "ping")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("PONG\n", "", 0))
        done = caches.run(address, "ping")
        self.assertEqual(done.returncode, 3)
        self.assertIn("TLS", done.stderr)
        done = caches.run(address, "--ca", "/nix", "ping")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--ca", done.stderr)
        script = "".join(f"key.set carts k{i} {'v' * 1000}\n" for i in range(1000))
        done = caches.run(address, "--ca", f"{folder}/ca.crt", "-", stdin=script)
        self.assertEqual(done.stdout, "OK\n" * 1000, done.stderr)

    def test_tls_at_a_port_without_and_the_other_way_round_are_told_in_the_clients_words(self):
        plain = harness.free_port()
        address = self.start(f"listen = tcp:127.0.0.1:{plain}\n")
        done = caches.run(address.replace("tls:", "tcp:"), "ping")
        self.assertEqual(done.returncode, 4)
        self.assertIn("closed the connection without a word (a TLS port is tls:HOST:PORT)", done.stderr)
        self.assertIn("is its CA, ca, in --ca?", caches.run(address, "ping").stderr)
        done = caches.run(f"tls:127.0.0.1:{plain}", "ping")
        self.assertEqual(done.returncode, 3)
        self.assertIn("is this a TLS port? (HOST:PORT is without TLS)", done.stderr)

    def test_a_certificate_of_the_clients_is_shown(self):
        folder = self.world.folder
        address = self.start(f"tls_client = required\ntls_client_ca = {folder}/ca.crt\n")
        shown = ["--ca", f"{folder}/ca.crt", "--cert", f"{folder}/client.crt", "--key", f"{folder}/client.key"]
        self.assertEqual(caches.run(address, *shown, "ping").stdout, "PONG\n")
        done = caches.run(address, "--ca", f"{folder}/ca.crt", "ping")
        self.assertIn(done.returncode, (3, 4))
        self.assertIn("certificate", done.stderr)
        # The daemon has read no request, also where the handshake was over here and one was sent.
        for words, script in ((["key.set", "carts", "k", "v"], ""), (["-"], "ping\nping\n"),
                              (["import", "carts"], '{"key":"k","type":"key","value":"v"}\n')):
            done = caches.run(address, "--ca", f"{folder}/ca.crt", *words, stdin=script)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertRegex(done.stderr, r"\Acaches: tls:\S+: TLS: the server wants a client certificate \(--cert, --key\)\n\Z")


class Local(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="caches-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder)

    def test_a_daemon_of_ones_own_lives_as_long_as_the_command(self):
        script = "key.set demo k v\nkey.get demo k\nttl demo k\n"
        done = caches.run("/nix", "--local", "-", stdin=script, env={"TMPDIR": self.folder})
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("OK\nv\n3600\n", "", 0))
        self.assertEqual(os.listdir(self.folder), [])

    def test_it_ends_even_when_the_command_is_killed(self):
        process = subprocess.Popen([*caches.PROGRAM, "--local", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   env=caches.environment(TMPDIR=self.folder))
        process.stdin.write(b"ping\n")
        process.stdin.flush()
        self.assertEqual(process.stdout.readline(), b"PONG\n")
        (name,) = os.listdir(self.folder)
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.folder}/{name}").st_mode), 0o700)
        process.kill()
        process.communicate(timeout=harness.LONG)
        harness.wait_until(lambda: not os.listdir(self.folder), "the folder is removed")

    def test_a_folder_without_a_keeper_is_removed(self):
        # A file may have no byte; then all descriptors but one are in use.
        for limit, most, why in ((resource.RLIMIT_FSIZE, 0, "its configuration: File too large"),
                                 (resource.RLIMIT_NOFILE, 4, "can't start a daemon: Too many open files")):
            with self.subTest(why=why):
                done = subprocess.run([caches.CACHES, "--local", "ping"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      env=caches.environment(TMPDIR=self.folder), timeout=harness.LONG, restore_signals=False,
                                      preexec_fn=lambda: resource.setrlimit(limit, (most, most)))
                self.assertIn(why, done.stderr)
                self.assertEqual((done.returncode, os.listdir(self.folder)), (3, []))

    def test_a_folder_for_it_that_is_none_is_told_and_one_that_cannot_be_used_left(self):
        done = caches.run(None, "--local", "ping", env={"TMPDIR": f"{self.folder}/nix"})
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"/nix/caches-\w+: No such file or directory")
        for folder in ("relative", "", "/tmp/" + "x" * 60):
            done = caches.run(None, "--local", "ping", env={"TMPDIR": folder})
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "PONG\n", ""))

    def test_ctrl_c_leaves_no_folder_however_early_it_comes(self):
        for signal_ in [signal.SIGINT, signal.SIGTERM] * 5:
            process = subprocess.Popen([*caches.PROGRAM, "--local", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       env=caches.environment(TMPDIR=self.folder), start_new_session=True)
            while not os.listdir(self.folder):  # at once, not some milliseconds later
                self.assertIsNone(process.poll())
            os.killpg(process.pid, signal_)
            process.communicate(timeout=harness.LONG)
            self.assertEqual(process.returncode, -signal_)
            harness.wait_until(lambda: not os.listdir(self.folder), "the folder is removed")

    def test_without_the_daemons_program_it_says_so(self):
        with harness.World() as world:
            program = world.folder + "/caches"
            pathlib.Path(program).write_bytes(pathlib.Path(caches.CACHES).read_bytes())
            os.chmod(program, 0o755)
            done = subprocess.run([program, "--local", "ping"], capture_output=True, text=True, timeout=harness.LONG,
                                  env=caches.environment(PATH="/nonexistent"))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("can't run cachesd", done.stderr)


class Commands(caches.TestCase):
    INI = harness.INI.replace("[backend main]", "large = 1\n[backend main]", 1)

    def test_purge_says_how_many_keys_it_removed_and_draws_on_a_terminal(self):
        with self.daemon.client() as client:
            for i in range(300):
                client.call("key.set", "carts", i, "v")
        self.assertEqual(self.caches("purge", "carts"), "300\n")
        self.daemon.call("key.set", "carts", "k", "v")
        ours, theirs = pty.openpty()
        redis = self.world.redis("main")
        redis.send_signal(signal.SIGSTOP)  # so that it takes a while
        try:
            process = subprocess.Popen([*caches.PROGRAM, "purge", "carts"], stdout=subprocess.PIPE, stderr=theirs,
                                       env=caches.environment(self.daemon.path, TERM="xterm"))
            self.assertTrue(select.select([ours], [], [], harness.LONG)[0], "nothing is drawn")
            self.assertRegex(os.read(ours, 65536), rb"purge +\d")
        finally:
            redis.send_signal(signal.SIGCONT)
        self.assertEqual(process.communicate(timeout=harness.LONG)[0], b"1\n")
        os.close(theirs)
        os.close(ours)
        self.assertIn("NAMESPACE", self.refused("purge", "nix"))

    def test_slow_shows_the_slow_log(self):
        self.daemon.call("key.set", "carts", "k", "v")
        found = json.loads(self.caches("--json", "slow", "5"))
        self.assertEqual(found[0]["verb"], "key.set")
        self.assertIn("use slow", self.refused("slow", "1", "2", code=2))

    def test_tap_shows_requests_as_they_pass_line_by_line(self):
        process = subprocess.Popen([*caches.PROGRAM, "--json", "tap", "verb=key.set"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=caches.environment(self.daemon.path))
        with self.daemon.client() as client:
            deadline = time.monotonic() + harness.LONG
            os.set_blocking(process.stdout.fileno(), False)
            line = None
            while not line and time.monotonic() < deadline:
                client.call("key.set", "carts", "k", "v")
                line = process.stdout.readline()
        self.assertEqual(json.loads(line)["verb"], "key.set")
        process.terminate()
        process.communicate(timeout=harness.LONG)
        self.assertIn("ARGS", self.refused("tap", "nix=1"))

    def test_metrics_and_hotkeys_are_the_verbs(self):
        self.assertIn("cachesd_build_info", self.caches("metrics"))
        self.assertEqual(json.loads(self.caches("--json", "hotkeys", "for=10ms")), [])

    def test_ctrl_c_ends_bench_with_what_was_measured(self):
        for warm_up, least in ((), 1), (("-w", "600"), 0):
            before = self.daemon.stats("carts")["requests"]
            process = subprocess.Popen([*caches.PROGRAM, "bench", "-s", "600", *warm_up, "key.get", "carts", "k"], text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=caches.environment(self.daemon.path))
            harness.wait_until(lambda: self.daemon.stats("carts")["requests"] > before + 9, "it is at work")
            if warm_up:  # nor does it wait for a daemon that hangs
                self.daemon.send_signal(signal.SIGSTOP)
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=harness.LONG)
            self.daemon.send_signal(signal.SIGCONT)
            self.assertEqual((process.returncode, said), (-signal.SIGINT, ""))
            found = json.loads(out)
            self.assertEqual((found["errors"], found["requests"] >= least), (0, True))

    def test_bench_gives_up_after_the_timeout(self):
        self.daemon.send_signal(signal.SIGSTOP)
        self.addCleanup(self.daemon.send_signal, signal.SIGCONT)
        self.assertIn("stuck: no reply", self.refused("--timeout", "50ms", "bench", "-s", "1", "ping"))

    def test_bench_measures_the_daemon(self):
        found = json.loads(self.caches("bench", "-n", "100", "-k", "10", "key.set", "carts", "{key}", "v"))
        self.assertEqual((found["requests"], found["errors"]), (100, 0))
        self.assertIn("say either -s SECONDS or -n COUNT", self.refused("bench", "ping", code=2))
        found = json.loads(self.caches("bench", "-n", "5", "nix", code=1))
        self.assertEqual((found["errors"], found["first_error"][:12]), (5, "VERB unknown"))

    def test_an_option_behind_the_verb_is_told_its_place(self):
        for words, option in ((["key.get", "carts", "k", "--json"], "--json"), (["key.get", "-x", "carts", "k"], "-x")):
            said = self.refused(*words)
            self.assertIn(f"the option {option} would stand before the verb, as in `caches {option} key.get ...`", said)
        self.assertNotIn("stand before", self.refused("key.get", "carts", "k", "--jsonx"))
        self.assertEqual(self.caches("ping", "-x"), "-x\n")

    def test_a_daemon_of_ones_own_that_has_no_redis_server_says_so(self):
        done = caches.run(None, "--local", "ping", env={"PATH": "/nowhere"})
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, "can't run redis-server.*\n(.*\n)*caches: the daemon of --local does not start\n$")

    def test_a_closed_standard_stream_is_no_place_for_the_connection(self):
        self.caches("key.set", "carts", "note", "purge carts")
        self.caches("key.set", "carts", "precious", "1")

        def closed(stream, *words, script=""):
            """Runs it with that stream closed: (exit code, what it said to standard error)."""
            shell = ["sh", "-c", f'exec "$0" "$@" {stream}', *caches.PROGRAM, *words]
            done = subprocess.run(shell, env=caches.environment(self.daemon.path), input=script, text=True,
                                  capture_output=True, timeout=harness.LONG)
            return done.returncode, done.stderr

        script = "key.get carts note\n" + "ping\n" * 100
        for words in (["-"], ["--ahead", "1", "-"], ["key.get", "carts", "note"], ["export", "carts"]):
            code, said = closed(">&-", *words, script=script if words[-1] == "-" else "")
            self.assertEqual((code, said), (4, "caches: standard output: Bad file descriptor\n"), words)
        self.assertEqual(self.daemon.call("exists", "carts", "precious"), 1)
        self.assertEqual(self.daemon.metric("cachesd_errors_total", namespace="", code="PROTOCOL"), 0)
        for words in (["-"], ["import", "carts"]):
            code, said = closed("<&-", *words)
            self.assertEqual((code, said), (2, "caches: standard input: Bad file descriptor\n"), words)
        with self.daemon.client() as client:
            script = f'exec "$0" "$@" >&-'
            process = subprocess.Popen(["sh", "-c", script, *caches.PROGRAM, "tap"], text=True, stderr=subprocess.PIPE,
                                       env=caches.environment(self.daemon.path))
            with harness.killed_on_failure(process):
                harness.wait_until(lambda: client.call("ping") and process.poll() is not None, "it ends")
                self.assertEqual(process.stderr.read(), "caches: standard output: Bad file descriptor\n")
                self.assertEqual(process.returncode, 4)

    def test_commands_help_and_read_their_words_without_a_daemon(self):
        nowhere = caches.environment("/nowhere/at/all")

        def run(*words):
            return subprocess.run([*caches.PROGRAM, *words], capture_output=True, text=True, env=nowhere,
                                  stdin=subprocess.DEVNULL)

        for name in ("bench", "export", "import", "purge", "slow", "tap", "watch"):
            for word in ("-h", "--help"):
                helped = run(name, word)
                self.assertEqual((helped.returncode, helped.stderr), (0, ""), name)
                self.assertRegex(helped.stdout, rf"^usage: caches (\[.*\] )?{name} ")
        for words, said in ((("bench", "-n", "x", "ping"), "-n takes a number"),
                            (("bench", "-h8"), "'-h8' is no option"),
                            (("export",), "use export N [pattern], where N is a namespace"),
                            (("export", "a", "b", "c"), "use export N [pattern], where N is a namespace"),
                            (("import",), "use import N, where N is a namespace"),
                            (("purge",), "use purge N, where N is a namespace"),
                            (("purge", "a", "b"), "use purge N, where N is a namespace"),
                            (("slow", "1", "2"), "use slow [count]\n"),
                            (("watch", "--twice"), "no option '--twice'"),
                            (("watch", "--interval"), "a time from 1ms to 1h is missing behind '--interval'")):
            refused = run(*words)
            self.assertEqual((refused.returncode, refused.stdout), (2, ""), words)
            self.assertIn(said, refused.stderr)
        self.assertIn("/nowhere/at/all", run("purge", "carts").stderr)

    def test_help_and_version_are_printed(self):
        self.assertIn("It ends with 0", self.caches("--help"))
        self.assertRegex(self.caches("-V"), r"^caches \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    harness.main()
