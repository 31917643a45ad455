#!/usr/bin/env python3
"""Sentinels and servers over TLS, each alone and both."""

import harness
import tls
from sentinel import HOST, Sentinels


class Tls(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.authority = tls.Authority(self.world.folder)
        self.authority.issue("server", f"IP:{HOST}")

    def start(self, options="", **watched):
        watched = {"replicas": 0, "sentinels": 1, **watched}
        self.watched = Sentinels(**watched)
        self.addCleanup(self.watched.end)
        ini = harness.INI.replace("{redis:main}", self.watched.url)
        ini = ini.replace("[namespace", "tls_ca = ca.crt\n" + options + "[namespace")
        self.daemon = self.world.daemon(ini + "near = yes\n")

    def check_good(self):
        harness.wait_until(lambda: self.daemon.backend()["state"] == "up", "it is up")
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")
        self.assertEqual(self.watched.master.must("GET", "cart:a"), b"1")
        count = len(self.watched.sentinels)
        all_live = lambda: self.daemon.backend()["sentinels"] == f"{count}/{count}"
        harness.wait_until(all_live, "all sentinels are heard")
        self.daemon.wait_near()

    def test_both_over_tls_and_a_switch(self):
        both = {"server_tls": self.authority, "sentinel_tls": self.authority}
        self.start(replicas=1, sentinels=3, **both)
        self.assertTrue(self.watched.url.startswith("rediss+sentinel://"))
        self.check_good()
        self.watched.switch()
        _, new = self.watched.wait_switched()
        master = lambda: self.daemon.backend()["master"] == f"{HOST}:{new.port}"
        harness.wait_until(master, "the daemon follows")
        self.check_good()

    def test_sentinels_over_tls_and_servers_without(self):
        self.start("sentinel_tls = yes\n", sentinel_tls=self.authority)
        self.assertTrue(self.watched.url.startswith("redis+sentinel://"))
        self.check_good()

    def test_servers_over_tls_and_sentinels_without(self):
        self.start("sentinel_tls = no\n", server_tls=self.authority)
        self.check_good()

    def test_what_is_wrong_is_told(self):
        both = {"server_tls": self.authority, "sentinel_tls": self.authority}
        for options, told in (
            ("sentinel_tls = no\n", "before any answer (is this a TLS port? sentinel_tls = yes"),
            ("tls_server_name = other\n", "can't be asked: TLS: "),
        ):
            with self.subTest(options=options):
                self.start("connect_timeout = 300ms\n" + options, **both)
                self.daemon.wait_logged(told)
                self.assertEqual(self.daemon.backend()["state"], "down")
                self.daemon.stop()


if __name__ == "__main__":
    harness.main()
