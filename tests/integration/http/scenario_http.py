#!/usr/bin/env python3
"""[http]: its paths, methods, headers and names, without users."""

import os
import re
import signal
import subprocess
import unittest

import harness
import web

INI = harness.INI + web.HTTP
PATHS = ["/", "/status", "/metrics", "/healthz", "/readyz"]
EVERYWHERE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Http(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.port = self.world.port

    def test_each_path_is_served_over_tcp_and_a_unix_socket(self):
        for path in PATHS:
            for address in (None, self.port):
                with self.subTest(path=path, address=address):
                    reply = web.get(self.daemon, path, address=address)
                    self.assertEqual(reply.status, 200, reply)
                    for name, value in EVERYWHERE.items():
                        self.assertEqual(reply.headers[name], value)
                    self.assertIn("default-src 'none'", reply.headers["Content-Security-Policy"])
                    self.assertIn("frame-ancestors 'none'", reply.headers["Content-Security-Policy"])
                    self.assertNotIn("Access-Control-Allow-Origin", reply.headers)

    def test_head_sends_the_headers_alone(self):
        for path in PATHS:
            with self.subTest(path=path):
                reply = web.ask(self.daemon, "HEAD", path)
                self.assertEqual((reply.status, reply.body), (200, b""))
                self.assertGreater(int(reply.headers["Content-Length"]), 0)

    def test_other_methods_are_refused_also_with_a_body(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PURGE"):
            for body in (None, b"x" * 100, b"x" * 200_000):
                with self.subTest(method=method, body=body and len(body)):
                    try:
                        reply = web.ask(self.daemon, method, "/metrics", body=body)
                    except ConnectionError:  # it was closed while the rest of the body was sent
                        self.assertEqual(len(body), 200_000)
                        continue
                    self.assertEqual((reply.status, reply.headers["Allow"]), (405, "GET, HEAD"))
                    self.assertIn("nothing can be changed over HTTP", reply.text)

    def test_the_body_of_a_get_is_not_looked_at(self):
        reply = web.ask(self.daemon, "GET", "/healthz", body=b"x" * 100_000)
        self.assertEqual(reply.status, 200)

    def test_unknown_paths_are_told_the_known_ones(self):
        for path in ("/metrics/", "/x", "//", "/status.json", "/../etc/passwd"):
            with self.subTest(path=path):
                reply = web.get(self.daemon, path)
                self.assertEqual(reply.status, 404)
                for known in PATHS:
                    self.assertIn(known, reply.text)

    def test_a_query_is_no_part_of_the_path(self):
        self.assertEqual(web.get(self.daemon, "/healthz?verbose=1").status, 200)

    def test_a_connection_takes_several_requests(self):
        connection = web.Connection(self.port)
        self.addCleanup(connection.close)
        for path in PATHS * 3:
            connection.request("GET", path)
            self.assertEqual(web.Reply(connection.getresponse()).status, 200)
        first = connection.sock.getsockname()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        self.assertEqual(connection.sock.getsockname(), first)

    def test_what_is_no_http_harms_nothing(self):
        for rubbish in (b"\0\1\2\3\r\n\r\n", b"key.get carts a\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000, b"GET /" + b"a" * 100_000):
            with self.subTest(rubbish=rubbish[:20]):
                with web.connect(self.port) as plain:
                    try:
                        plain.sendall(rubbish)
                        plain.shutdown(1)
                        answer = plain.recv(100)
                    except OSError:
                        continue
                    self.assertTrue(answer == b"" or re.match(rb"HTTP/1\.[01] [45]\d\d ", answer), answer)
        self.assertEqual(web.get(self.daemon, "/healthz").status, 200)


class Document(harness.TestCase):
    """protocol/HTTP.md names what there is."""

    def test_each_path_and_member_stands_in_it(self):
        text = (harness.ROOT / "protocol" / "HTTP.md").read_text()
        self.assertEqual(re.findall(r"^\| `(/\w*)` \|", text, re.MULTILINE), PATHS)
        daemon = self.world.daemon(INI)
        harness.wait_until(lambda: web.get(daemon, "/status").status == 200, "there is a history")
        status = web.get(daemon, "/status").json
        members = {*status, *status["near"], *status["settings"], *status["history"],
                   *status["backends"][0], *status["namespaces"][0], *status["events"][0],
                   "verb", "key", "words", "request_bytes", "reply_bytes", "wait_us", "backend_us", "code", "client"}
        told = set(re.findall(r"`(\w+)`", text)) | {"errors_last_minute", "refused_last_minute"}
        self.assertEqual(members - told, set())


class Names(harness.TestCase):
    """DNS rebinding: a web page must not make a browser read this under the page's own name."""

    def status(self, host, path="/metrics"):
        headers = {"Host": host} if host is not None else {}
        return web.get(self.daemon, path, headers, address=self.world.port).status

    def test_only_known_hosts_are_served(self):
        self.daemon = self.world.daemon(INI + "hosts = cache-1.internal, 10.9.8.7, [fd00::7]\n")
        port = self.world.port
        for host in ("localhost", f"localhost:{port}", "LOCALHOST:1", "127.0.0.1", f"127.0.0.1:{port}", "[::1]",
                     "[::1]:80", "127.7.7.7", "cache-1.internal", "CACHE-1.internal:9379", "10.9.8.7:1", "[fd00::7]"):
            with self.subTest(host=host):
                self.assertEqual(self.status(host), 200)
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0",
                     "10.9.8.8", "[fd00::8]", "", ":80", "cache-1", "a" * 300):
            with self.subTest(host=host):
                reply = web.get(self.daemon, "/metrics", {"Host": host}, address=port)
                self.assertEqual(reply.status, 403)
                self.assertIn("hosts = in [http]", reply.text)

    def test_health_checks_are_served_by_any_name(self):
        self.daemon = self.world.daemon(INI)
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.status("10.2.3.4:9379", path), 200)

    def test_a_request_without_a_host_is_none_of_a_browsers(self):
        self.daemon = self.world.daemon(INI)
        with web.connect(self.world.port) as plain:
            plain.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            self.assertIn(b" 200 ", plain.recv(100))

    def test_the_address_itself_is_known(self):
        with harness.own_network():
            try:
                subprocess.run(["ip", "address", "add", "10.77.0.1/32", "dev", "lo"], check=True)
            except (OSError, subprocess.CalledProcessError):
                raise unittest.SkipTest("only root may add an address")
            ini = INI.replace("tcp:127.0.0.1", "tcp:0.0.0.0").replace("[http]", TOKEN_USER + "[http]")
            self.daemon = self.world.daemon(ini)
            bearer = {"Authorization": "Bearer secret"}
            for host, status in (("10.77.0.1", 200), ("10.77.0.2", 403)):
                connection = web.http.client.HTTPConnection("10.77.0.1", self.world.port, timeout=10)
                connection.request("GET", "/metrics", headers={"Host": host, **bearer})
                self.assertEqual(web.Reply(connection.getresponse()).status, status)
                connection.close()


TOKEN_USER = f"[user web]\ntoken = {harness.token_hash('secret')}\nnamespaces = *\n"


class Health(harness.TestCase):
    def test_a_hanging_daemon_does_not_live(self):
        """A worker whose loop does not turn: here each thread of the daemon but those of HTTP is stopped
        by a debugger's means, which is what a hanging look-up or a bug does."""
        daemon = self.world.daemon(INI)
        self.assertEqual(web.get(daemon, "/healthz").text, "alive: the loops of all workers turn\n")
        if os.getuid() != 0:
            raise unittest.SkipTest("needs to stop a thread")
        with web.stopped_thread(daemon.pid):
            hangs = lambda: web.get(daemon, "/healthz").status == 503
            harness.wait_until(hangs, "it is told that the worker hangs")
            self.assertRegex(web.get(daemon, "/healthz").text, r"worker 0 hangs: its loop has not turned for \d+ s")
            for path in ("/metrics", "/readyz"):
                self.assertRegex(web.get(daemon, path).text, "worker 0 hangs")
        harness.wait_until(lambda: web.get(daemon, "/healthz").status == 200, "it lives again")
        self.assertEqual(web.get(daemon, "/metrics").status, 200)

    def test_readyz_names_backends_that_do_not_serve(self):
        daemon = self.world.daemon(INI.replace("prefix =", "backend = main\nprefix =")
                                   + "[backend archive]\nurl = unix:{folder}/none.sock\n"
                                   "[namespace reports]\nbackend = archive\n")
        reply = web.get(daemon, "/readyz")
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.text, "ready: clients are let in; of its backends, archive is down\n")

    def test_readyz_is_503_while_the_daemon_starts(self):
        fake = harness.socket.socket(harness.socket.AF_UNIX)  # a backend that takes its time
        self.addCleanup(fake.close)
        fake.bind(f"{self.world.folder}/slow.sock")
        fake.listen()
        daemon = self.world.start_daemon(INI.replace("{redis:main}", "unix:{folder}/slow.sock"))
        harness.wait_until(lambda: "HTTP: listening at tcp" in daemon.log(), "HTTP is served")
        reply = web.get(daemon, "/readyz")
        self.assertEqual((reply.status, reply.text.split(":")[0]), (503, "starting"))
        self.assertEqual(web.get(daemon, "/healthz").status, 200)
        daemon.wait_ready()
        self.assertEqual(web.get(daemon, "/readyz").status, 200)

    def test_readyz_is_503_while_the_daemon_drains(self):
        daemon = self.world.daemon(INI.replace("[backend", "drain = 20s\n[backend", 1))
        self.world.redis().send_signal(signal.SIGSTOP)
        client = self.connect(daemon)
        client.send(b"key.get carts a\n")  # keeps the daemon from ending
        harness.wait_until(lambda: b"pending=1 " in daemon.call("backends"), "the request is under way")
        daemon.send_signal(signal.SIGTERM)
        harness.wait_until(lambda: web.get(daemon, "/readyz").status == 503, "it drains")
        self.assertRegex(web.get(daemon, "/readyz").text, "^draining: ")
        self.assertEqual(web.get(daemon, "/healthz").status, 200)
        self.world.redis().send_signal(signal.SIGCONT)
        self.assertEqual(daemon.wait(), 0)
        self.assertFalse(os.path.exists(f"{self.world.folder}/http.sock"))


if __name__ == "__main__":
    harness.main()
