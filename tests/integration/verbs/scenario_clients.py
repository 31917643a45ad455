#!/usr/bin/env python3
"""clients: lines picked by what stands in their columns, over all workers."""

import re

import harness

WORKERS = 3
INI = f"""\
[cachesd]
listen = {{listen}}, tcp:127.0.0.1:{{port}}
workers = {WORKERS}
[backend main]
url = {{redis:main}}
[namespace carts]
[user web]
token = {harness.token_hash("web")}
namespaces = carts
[user ops]
token = {harness.token_hash("ops")}
namespaces = *
access = admin
"""


def rows(text):
    """Each line as {column: value}."""
    return [dict(pair.split("=", 1) for pair in line.split(" ")) for line in text.decode().splitlines()]


class Clients(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.ops = self.connect(self.daemon)
        self.assertEqual(self.ops.call("auth", "ops", "ops"), b"OK")
        self.webs = [self.connect(self.daemon) for _ in range(2 * WORKERS)]
        for number, client in enumerate(self.webs):
            self.assertEqual(client.call("auth", "web", "web"), b"OK")
            self.assertEqual(client.call("client", "setname", f"n{number}"), b"OK")
        self.webs[0].call("key.get", "carts", "k")

    def pick(self, *words):
        return rows(self.ops.call("clients", *words))

    def test_each_column_picks_the_line_that_has_it_and_no_other(self):
        everyone = self.pick()
        self.assertEqual(len(everyone), 2 * WORKERS + 1)
        for column in everyone[0]:
            if column in ("age", "idle", "requests"):
                continue
            for line in everyone:
                if line["user"] == "ops":
                    continue  # its own numbers change while it asks
                right = {other["id"] for other in everyone if other[column] == line[column]}
                found = {other["id"] for other in self.pick(f"{column}={line[column]}")}
                self.assertEqual(found - {everyone[0]["id"]}, right - {everyone[0]["id"]}, (column, line))

    def test_all_that_is_asked_for_must_hold(self):
        self.assertEqual(len(self.pick("user=web")), 2 * WORKERS)
        self.assertEqual(len(self.pick("user=web", "worker=1")), 2)
        self.assertEqual([line["name"] for line in self.pick("user=web", "verb=key.get")], ["n0"])
        self.assertEqual(self.pick("user=web", "name=n1", "verb=key.get"), [])
        self.assertEqual(self.pick("user=we"), [])
        self.assertEqual(self.pick("user="), [])

    def test_age_and_idle_are_at_least(self):
        self.assertEqual(len(self.pick("age=0", "idle=0s")), 2 * WORKERS + 1)
        old = lambda: len(self.pick("idle=1", "user=web")) == 2 * WORKERS
        harness.wait_until(old, "those who ask nothing are idle for a second")
        self.assertEqual(self.webs[2].call("ping"), b"PONG")
        self.assertNotIn("n2", {line["name"] for line in self.pick("idle=1000ms")})
        self.assertEqual(self.pick("age=1h"), [])

    def test_an_address_is_found_with_its_port_and_without(self):
        with harness.Client(("127.0.0.1", self.world.port)) as client:
            self.assertEqual(client.call("ping"), b"PONG")
            here = "%s:%d" % client.socket.getsockname()
            for address in ("127.0.0.1", here):
                self.assertEqual([line["addr"] for line in self.pick(f"addr={address}")], [here])
            self.assertEqual(self.pick("addr=127.0.0"), [])

    def test_who_is_no_admin_finds_its_own_alone(self):
        found = rows(self.webs[0].call("clients", "age=0"))
        self.assertEqual({line["user"] for line in found}, {"web"})
        self.assertEqual(rows(self.webs[0].call("clients", "user=ops")), [])


if __name__ == "__main__":
    harness.main()
