#!/usr/bin/env python3
"""What is warned of: options and sections without an effect (conf/effect.c), in -t and in the log."""

import pathlib
import time
import unittest

import harness


class Warnings(unittest.TestCase):
    IDLE = """\
        near = yes
        on_error = stale
        stale = 1m
        [namespace two]
        on_error = stale
        near_ttl = 5s
        [namespace three]
        near_ttl = 60s
        collections = key
        lease = 5s
        scripts = no
        deny = dict.pop
        [backend unused]
        url = redis://h
        seeds = h:1
        sentinel_user = bob
        sentinel_password_file = c.ini
        sentinel_tls = yes
        tls_ca = nosuch
        tls_verify = ca
        tls_min = 1.3
        tls_server_name = other
        tls_ciphers = none
        [listener apps]
        listen = unix:{folder}/apps.sock
        namespaces = two
        rest = three
        namespace =
        select = 1: two
        flush = yes
        [user web]
        uid = 1
        redis = carts
        tls_name = web.internal
        namespaces = carts
        """.replace("        ", "")

    def check(self, world, text):
        path = pathlib.Path(world.folder, "c.ini")
        path.write_text(world.fill_in(text))
        done = harness.run(*harness.DAEMON, "-t", "-c", path, env=world.environment)
        return done.returncode, done.stderr.replace(world.folder + "/", "")

    def test_what_cannot_have_an_effect_is_warned_of_at_its_line_and_good(self):
        wanted = [
            "tls_cert has no effect: no listen = tls:HOST:PORT",
            "tls_client has no effect: no listen = tls:HOST:PORT",
            "near has no effect: near_memory is below 64kb for each of the workers",
            "on_error has no effect: stale needs near = yes, whose memory it answers "
            "from",
            "near_ttl has no effect: near is no",
            "lease has no effect: memo is none of the collections",
            "scripts has no effect: no [listener] has speak = redis",
            "deny = dict.pop has no effect: its collection is not allowed anyway",
            "[backend unused] has no effect: no namespace names it",
            "seeds has no effect: the url names neither a cluster nor sentinels",
            "sentinel_user has no effect: the url names no sentinels",
            "sentinel_password_file has no effect: the url names no sentinels",
            "sentinel_tls has no effect: the url names no sentinels",
            "tls_ca has no effect: the url is no rediss://",
            "tls_verify has no effect: the url is no rediss://",
            "tls_min has no effect: the url is no rediss://",
            "tls_server_name has no effect: the url is no rediss://",
            "tls_ciphers has no effect: the url is no rediss://",
            "namespaces has no effect: speak is cachesd",
            "rest has no effect: speak is cachesd",
            "select has no effect: speak is cachesd",
            "flush has no effect: speak is cachesd",
            "redis has no effect: no [listener] has speak = redis",
            "tls_name has no effect: clients show no certificate (listen = tls:, tls_client)",
        ]
        ini = harness.INI.replace("{listen}", "{listen}\nnear_memory = 63kb\ntls_cert = nosuch\ntls_client = optional") + self.IDLE
        ini = ini.replace("[namespace two]", "backend = main\n[namespace two]\nbackend = main")
        ini = ini.replace("[namespace three]", "[namespace three]\nbackend = main")
        with harness.World() as world:
            code, told = self.check(world, ini)
            self.assertEqual(code, 0, told)
            found = [line.partition(": warning: ") for line in told.splitlines()[:-1]]
            self.assertEqual([text for _, _, text in found], wanted)
            for place, _, text in found:
                line = world.fill_in(ini).splitlines()[int(place.partition(":")[2]) - 1]
                self.assertIn(text.split()[0], line)

    def test_a_prefix_with_a_whole_tag_is_warned_of_at_a_cluster(self):
        cluster = harness.INI.replace("{redis:main}", "redis+cluster://h")
        for ini, prefix, is_told in (
            (cluster, "{cart}:", True),
            (cluster, "cart{:", False),
            (cluster, "{}cart:", False),
            (harness.INI, "{cart}:", False),
        ):
            with self.subTest(prefix=prefix), harness.World() as world:
                code, told = self.check(world, ini.replace("prefix = cart:", f"prefix = {prefix}"))
                self.assertEqual(code, 0, told)
                self.assertEqual("c.ini:7: warning: prefix: what stands in its braces" in told, is_told)

    def test_the_log_tells_them_at_the_start_and_after_a_reload(self):
        with harness.World() as world:
            ini = harness.INI + "on_error = stale\n"
            daemon = world.daemon(ini)
            self.assertEqual(daemon.log().count("warning: " + daemon.ini + ":10: on_error"), 1)
            self.assertEqual(daemon.reload(ini), b"OK")
            self.assertEqual(daemon.log().count("warning: " + daemon.ini + ":10: on_error"), 2)

    def test_a_bad_file_that_is_reloaded_in_a_loop_fills_no_log(self):
        with harness.World() as world:
            daemon = world.daemon()
            daemon.configure(harness.INI + "nonsense = 1\n" * 2000)
            begin = time.monotonic()
            with daemon.client() as client:
                replies = [client.call("reload") for _ in range(150)]
            windows = 1 + (time.monotonic() - begin) // 10
            self.assertEqual({reply.code for reply in replies}, {"POLICY"})
            self.assertLess(len(daemon.log().splitlines()), 250 * (windows + 1))
            self.assertIn("problems more: cachesd -t", daemon.log())
            self.assertIn("reload: too many", daemon.log())


if __name__ == "__main__":
    harness.main()
