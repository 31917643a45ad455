#!/usr/bin/env python3
"""explain: for every verb of `help`, what it would do, and nothing is done."""

import os
import unittest

import harness
import verbs

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[backend other]
url = {redis:other}
[namespace carts]
backend = main
prefix = some-prefix:
ttl = 2h
max_ttl = 1d
[namespace users]
backend = other
[namespace fixed]
backend = main
ttl_mode = fixed
[namespace forever]
backend = main
ttl = forever
"""
USER = f"[user me]\nuid = {os.getuid()}\nnamespaces = *\naccess = admin\n"
NO_KEY = {"purge", "scan"}  # they are about all keys of the namespace
# These take away, and leave the ttl as they find it or restart it.
ADD_NOTHING = {"del", "key.take"}


def fields(reply):
    """The lines of `name: value`; of a name that comes again, all values."""
    found = {}
    for line in reply.decode().splitlines():
        name, _, value = line.partition(": ")
        found.setdefault(name, []).append(value)
    return found


class Explain(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI + USER)
        self.client = self.connect(self.daemon)

    def explain(self, *words):
        return fields(self.client.call("explain", *words))

    def test_what_it_says_of_many_keys_is_bounded(self):
        keys = [bytes([255]) * 190] * 5000
        self.assertLess(len(self.client.call("explain", "del", "carts", *keys)), 128 * 1024)

    def of_namespaces(self):
        return [v for v in verbs.of(self.client) if v.has_namespace and v.name not in NO_KEY]

    def test_each_verb_shows_caller_namespace_backend_key_and_commands(self):
        for verb in self.of_namespaces():
            with self.subTest(verb=verb.name):
                shown = self.explain(*verb.request())
                self.assertEqual(shown["verb"], [verb.name])
                self.assertEqual(shown["caller"], ["me (admin)"])
                self.assertEqual(shown["namespace"], ["carts"])
                self.assertEqual(shown["backend"], ["main"])
                self.assertEqual(shown["key"], [f"some-prefix:{verb.collection}"])
                self.assertTrue(any("some-prefix:" in command for command in shown["command"]))

    def test_each_verb_of_the_daemon_is_explained_too(self):
        for verb in verbs.of(self.client):
            if not verb.has_namespace:
                with self.subTest(verb=verb.name):
                    shown = self.explain(*verb.request())
                    self.assertEqual(shown["verb"], [verb.name])
                    self.assertEqual(shown["caller"], ["me (admin)"])
                    self.assertNotIn("refused", shown)

    def test_purge_shows_its_commands(self):
        shown = self.explain("purge", "carts")
        self.assertEqual(shown["backend"], ["main"])
        text = "\n".join(shown.get("command", []))
        for word in ("SCAN", "some-prefix:*", "UNLINK"):
            self.assertIn(word, text)

    def test_nothing_is_done(self):
        before = [self.world.redis(name).call("INFO", "commandstats") for name in ("main", "other")]
        for verb in verbs.of(self.client):
            if verb.name != "purge":
                self.explain(*verb.request())
        self.explain("purge", "carts")
        for name in ("main", "other"):
            self.assertEqual(self.world.redis(name).call("DBSIZE"), 0)
        after = [self.world.redis(name).call("INFO", "commandstats") for name in ("main", "other")]
        for text, old in zip(after, before):
            new = {line.split(b":")[0] for line in text.splitlines()}
            self.assertLessEqual(new - {l.split(b":")[0] for l in old.splitlines()},
                                 {b"cmdstat_info", b"cmdstat_dbsize"})
        self.assertEqual(self.client.call("ping"), b"PONG")
        self.assertEqual(self.daemon.stats("carts")["writes"], 0)

    def test_the_ttl_of_each_verb_has_its_reason(self):
        ways = {
            None: "2h (the namespace's ttl)",
            "90s": "90s (asked for)",
            "1d": "1d (asked for)",
            "86400001ms": "1d (asked for more: clamped to max_ttl)",
            "forever": "1d (asked for more: clamped to max_ttl)",
        }
        for verb in filter(lambda verb: verb.takes_ttl, self.of_namespaces()):
            for ttl, right in ways.items():
                with self.subTest(verb=verb.name, ttl=ttl):
                    shown = self.explain(*verb.request(ttl=ttl))
                    self.assertEqual(shown["ttl"], [right])

    def test_reads_and_what_only_takes_away_show_no_ttl(self):
        for verb in self.of_namespaces():
            if verb.is_read or verb.name in ADD_NOTHING:
                with self.subTest(verb=verb.name):
                    self.assertNotIn("ttl", self.explain(*verb.request()))

    def test_the_ttl_that_is_shown_is_the_one_in_the_commands(self):
        for verb in filter(lambda verb: verb.takes_ttl, self.of_namespaces()):
            for ttl, milliseconds in ((None, "7200000"), ("9d", "86400000"), ("90s", "90000")):
                with self.subTest(verb=verb.name, ttl=ttl):
                    commands = " ".join(self.explain(*verb.request(ttl=ttl))["command"])
                    self.assertIn(milliseconds, commands)

    def test_each_name_that_it_shows_is_in_the_protocol(self):
        more = "near = yes\nvalue = json\n[namespace frozen]\nbackend = main\nreadonly = yes\n"
        self.assertEqual(self.daemon.reload(INI + more + USER), b"OK")
        requests = [verb.request() for verb in verbs.of(self.client)]
        requests += [["key.get", "forever", "k"], ["key.set", "frozen", "k", "v"]]
        requests += [["key.set", "forever", "k", "1" * 65537]]
        names = {name for request in requests for name in self.explain(*request)}
        self.assertLessEqual({"near", "refused", "value"}, names)
        protocol = (harness.ROOT / "protocol" / "PROTOCOL.md").read_text()
        told = protocol.partition("\n- `explain` replies lines of")[2].partition("\n- ")[0]
        missing = [name for name in sorted(names) if f"`{name}`" not in told]
        self.assertEqual(missing, [], "names that PROTOCOL.md does not have where it tells of explain")

    def test_fixed_and_forever_are_told(self):
        shown = self.explain("dict.set", "fixed", "d", "f", "v")["ttl"][0]
        self.assertIn("ttl_mode = fixed", shown)
        self.assertNotIn("fixed", self.explain("key.set", "fixed", "k", "v")["ttl"][0])
        self.assertIn("forever", self.explain("key.set", "forever", "k", "v")["ttl"][0])

    def test_each_key_is_shown(self):
        for verb in ("del", "key.mget"):
            shown = self.explain(verb, "carts", "a", "b", "c")
            self.assertEqual(shown["key"], [f"some-prefix:{name}" for name in "abc"])
        self.assertEqual(self.explain("key.get", "users", "a")["backend"], ["other"])

    def test_bytes_that_are_no_text_do_not_break_its_lines(self):
        shown = self.client.call("explain", "key.set", "carts", "a\nttl: 1s\r\n\0", "\nkey: x\n")
        self.assertEqual(len(fields(shown)["ttl"]), 1)
        self.assertEqual(len(fields(shown)["key"]), 1)
        self.assertNotIn(b"\0", shown)

    def test_a_large_value_is_cut(self):
        shown = self.client.call("explain", "key.set", "carts", "a", bytes(1 << 20))
        self.assertLess(len(shown), 4096)

    def test_an_explain_of_an_explain_is_no_more_than_one(self):
        shown = self.explain("explain", "key.set", "carts", "a", "1")
        self.assertEqual(shown["verb"], ["explain"])


class Trusted(unittest.TestCase):
    def test_without_users_the_caller_is_anybody(self):
        with harness.World() as world:
            shown = fields(world.daemon(INI).call("explain", "key.get", "carts", "k"))
            self.assertIn("anybody", shown["caller"][0])


if __name__ == "__main__":
    harness.main()
