#!/usr/bin/env python3
"""What clients are told that Redis does when its memory is full: some libraries refuse to work otherwise."""

import harness
from redis_listener import bound
from resp import Client

TWO = (
    bound(options="select = 1: u\n").replace("[namespace t]\n", "[namespace t]\nbackend = main\n")
    + "[backend other]\nurl = {redis:other}\n[namespace u]\nbackend = other\n"
)
ACCOUNT = ("on", ">p", "~*", "&*", "+@all", "-info")


class Eviction(harness.TestCase):
    def start(self, ini, policy="volatile-lru"):
        self.world.redis("main").call("CONFIG", "SET", "maxmemory-policy", policy)
        self.daemon = self.world.daemon(ini)
        return self.world.keep(Client(f"{self.world.folder}/redis.sock"))

    def told(self, client):
        lines = client.call("INFO", "memory").decode().split("\r\n")
        return [line.removeprefix("maxmemory_policy:") for line in lines if line.startswith("maxmemory_policy:")]

    def wait_told(self, client, policy):
        harness.wait_until(lambda: self.told(client) == [policy], f"the client is told {policy}")
        self.assertEqual(client.call("CONFIG", "GET", "maxmemory-policy"), [b"maxmemory-policy", policy.encode()])

    def test_it_is_that_of_the_server_of_the_namespace(self):
        self.world.redis("other").call("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
        client = self.start(TWO)
        self.wait_told(client, "volatile-lru")
        client.call("SELECT", "1")
        self.wait_told(client, "allkeys-random")
        client.call("SELECT", "0")
        self.wait_told(client, "volatile-lru")

    def test_it_is_asked_anew_with_each_connection(self):
        client = self.start(bound())
        self.wait_told(client, "volatile-lru")
        redis = self.world.redis("main")
        redis.call("CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
        redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.wait_told(client, "volatile-ttl")

    def test_an_account_that_may_not_ask_is_no_fault(self):
        self.world.redis("main").call("ACL", "SETUSER", "web", *ACCOUNT)
        client = self.start(bound().replace("{redis:main}", "{redis:main}?user=web&password=p"))
        self.assertEqual(client.call("SET", "k", "v"), b"OK")
        self.assertEqual(self.told(client), ["noeviction"])
        self.assertEqual(self.daemon.lines("info"), [])

    def test_nobody_asks_where_no_listener_speaks_redis(self):
        redis = self.world.redis("main")
        redis.call("CONFIG", "RESETSTAT")
        daemon = self.world.daemon()
        daemon.call("key.set", "carts", "k", "v")
        self.assertNotIn(b"cmdstat_info", redis.call("INFO", "commandstats"))


if __name__ == "__main__":
    harness.main()
