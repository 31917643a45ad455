#!/usr/bin/env python3
"""[http] with users: who may ask, by what token, and what they see."""

import base64
import concurrent.futures
import os
import time

import harness
import web

HTTP = web.HTTP
INI = harness.INI.replace("prefix =", "backend = main\nprefix =") + """\
[namespace logs]
backend = other
[backend other]
url = {redis:other}
[user web]
token = %s
namespaces = carts
access = write
[user ops]
token = %s
namespaces = *
access = admin
""" % (harness.token_hash("web's"), harness.token_hash("ops' : own")) + HTTP


def basic(user, token):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


class Users(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)

    def get(self, path, headers=None):
        return web.get(self.daemon, path, headers, address=self.world.port)

    def test_without_a_token_only_health_is_told(self):
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.get(path).status, 200)
        for path in ("/metrics", "/status", "/"):
            reply = self.get(path)
            self.assertEqual(reply.status, 401)
            ways = reply.headers.get_all("WWW-Authenticate")
            self.assertEqual([way.split()[0] for way in ways], ["Basic", "Bearer"])
            self.assertIn("USER:TOKEN", reply.text)

    def test_right_tokens_are_taken_in_both_forms(self):
        for headers in (basic("web", "web's"), bearer("web's"), basic("ops", "ops' : own"), bearer("ops' : own"),
                        {"Authorization": "bearer   web's"}):
            with self.subTest(headers=headers):
                self.assertEqual(self.get("/metrics", headers).status, 200)

    def test_what_is_no_token_is_told_the_forms(self):
        for value in ("", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"no colon").decode(), "Bearer ",
                      "Digest x", "web:web's", "Bearer " + "x" * 9000):
            with self.subTest(value=value[:30]):
                reply = self.get("/metrics", {"Authorization": value})
                self.assertEqual(reply.status, 401)
                self.assertIn("use Basic with USER:TOKEN, or Bearer TOKEN", reply.text)

    def test_a_user_sees_its_own_namespaces_and_their_backends(self):
        text = self.get("/metrics", basic("web", "web's")).text
        self.assertIn('namespace="carts"', text)
        self.assertIn('backend="main"', text)
        self.assertNotIn('"logs"', text)
        self.assertNotIn('"other"', text)
        text = self.get("/metrics", basic("ops", "ops' : own")).text
        self.assertIn('namespace="logs"', text)
        self.assertIn('backend="other"', text)

    def test_a_replaced_token_is_no_longer_good(self):
        self.assertEqual(self.get("/metrics", bearer("web's")).status, 200)
        self.world.daemons[0].configure(INI.replace(harness.token_hash("web's"), harness.token_hash("new")))
        self.daemon.send_signal(harness.signal.SIGHUP)
        self.daemon.wait_logged("reload: done")
        self.assertEqual(self.get("/metrics", bearer("web's")).status, 401)
        self.assertEqual(self.get("/metrics", bearer("new")).status, 200)

    def test_wrong_tokens_are_logged_once_and_never_shown(self):
        for _ in range(3):
            self.assertEqual(self.get("/metrics", basic("web", "s3cret!")).status, 401)
        lines = self.daemon.lines("wrong user or token")
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("127.0.0.1: wrong user or token: user web (over HTTP)", lines[0])
        self.assertNotIn("s3cret", self.daemon.log())

    def test_many_wrong_tokens_wait_longer_and_longer_and_hold_nobody_up(self):
        wrong, right = basic("web", "wrong"), basic("web", "web's")
        for _ in range(5):
            self.assertEqual(self.get("/metrics", wrong).status, 401)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            began = time.monotonic()
            waiting = [pool.submit(self.get, "/metrics", wrong) for _ in range(3)]
            # The thread of HTTP serves others meanwhile, and the same user from elsewhere.
            for _ in range(5):
                self.assertEqual(self.get("/healthz").status, 200)
                self.assertEqual(self.get("/metrics", basic("ops", "ops' : own")).status, 200)
            if os.getuid() == 0:  # another peer: the Unix socket
                self.assertEqual(web.get(self.daemon, "/metrics", right).status, 200)
            self.assertFalse(all(future.done() for future in waiting))
            self.assertEqual({future.result().status for future in waiting}, {401})
            self.assertGreater(time.monotonic() - began, 0.7)  # 250, then 250 + …, by guesses.h
        self.assertEqual(self.get("/metrics", right).status, 200)  # it waits for its turn, too

    def test_too_many_that_wait_are_refused_at_once(self):
        wrong = basic("web", "wrong")
        with concurrent.futures.ThreadPoolExecutor(28) as pool:
            replies = list(pool.map(lambda _: self.get("/metrics", wrong), range(28)))
        self.assertEqual({reply.status for reply in replies}, {401, 429})
        refused = next(reply for reply in replies if reply.status == 429)
        self.assertEqual(refused.text, "too many wrong tokens from your address: try again in some seconds\n")

    def test_a_right_token_without_a_name_takes_no_wrong_one_back(self):
        for _ in range(5):
            self.assertEqual(self.get("/metrics", bearer("wrong")).status, 401)
            began = time.monotonic()
            self.assertEqual(self.get("/metrics", bearer("web's")).status, 200)
        self.assertGreater(time.monotonic() - began, 0.2)

    def test_the_daemon_ends_while_tokens_wait(self):
        for _ in range(7):
            self.get("/metrics", basic("web", "wrong"))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            waiting = [pool.submit(self.get, "/metrics", basic("web", "wrong")) for _ in range(3)]
            time.sleep(0.05)
            self.daemon.send_signal(harness.signal.SIGTERM)
            self.assertEqual(self.daemon.wait(), 0)
            for future in waiting:
                self.assertTrue(future.exception() or future.result().status in (401, 429, 503))


class Peers(harness.TestCase):
    @harness.NEEDS_ROOT
    def test_the_peer_of_a_unix_socket_needs_no_token(self):
        ini = harness.INI.replace("[cachesd]\n", "[cachesd]\nsocket_mode = 0666\n")
        daemon = self.world.daemon(ini + f"[user web]\nuid = {harness.OTHER}\nnamespaces = carts\n" + HTTP)
        self.world.open_to_others()
        self.assertEqual(web.get(daemon, "/metrics").status, 401)
        with harness.identity(harness.OTHER, harness.OTHER):
            self.assertEqual(web.get(daemon, "/metrics").status, 200)
        self.assertEqual(web.get(daemon, "/metrics", address=self.world.port).status, 401)


if __name__ == "__main__":
    harness.main()
