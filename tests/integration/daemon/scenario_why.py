#!/usr/bin/env python3
"""Why requests fail, in one line of the log: each way to fail is played. EVENTS.md, "Why requests
fail", says what a person sees; ../http/scenario_http_why.py reads the same off /status."""

import json
import os
import signal
import threading

import cluster
import fake_redis
import harness
import resp

INI = harness.INI.replace("{listen}", "{listen}\nlog_format = json").replace(
    "timeout = 20s", "timeout = 200ms"
)
ME = f"[user me]\nuid = {os.getuid()}\nnamespaces = carts\naccess = write\n"


class Why(harness.TestCase):
    def start(self, ini=INI):
        self.daemon = self.world.daemon(ini)
        self.client = self.connect(self.daemon)

    def events(self, name):
        return [e for e in map(json.loads, self.daemon.log().splitlines()) if e["event"] == name]

    def expect(self, code, *request):
        reply = self.client.call(*request)
        self.assertIsInstance(reply, resp.Error)
        self.assertEqual(reply.code, code)

    def expect_event(self, name, message, **values):
        """The first event of that name, as soon as it is told."""
        harness.wait_until(lambda: self.events(name), f"the log tells of {name}")
        event = self.events(name)[0]
        self.assertEqual({**event, **values}, event)
        self.assertRegex(event["message"], message)
        return event

    def test_a_backend_that_is_down(self):
        self.start()
        self.world.redis().kill()
        self.expect_event("backend_lost", "^backend main: lost: ", backend="main", level="warning")
        self.expect_event("backend_down", "^backend main: down: .*(refused|no such file)",
                          backend="main", level="error")
        self.expect("UNAVAILABLE", "key.get", "carts", "a")
        self.world.redis().start()
        harness.wait_until(lambda: len(self.events("backend_up")) == 2, "it is told that it is up")
        over = self.events("backend_down")[-1]
        self.assertEqual((over["state"], over["level"]), ("over", "warning"))
        self.assertGreaterEqual(over["count"], 1)

    def test_a_backend_that_is_out_of_memory(self):
        self.start()
        self.world.redis().call("CONFIG", "SET", "maxmemory", "1")
        for _ in range(100):
            self.expect("OVERLOADED", "key.set", "carts", "a", "b")
        self.expect_event("backend_fault", "^backend main: is out of memory: OOM .*maxmemory",
                          backend="main", cause="is out of memory", level="error")
        self.assertEqual(len(self.events("backend_fault")), 1)

    def test_a_backend_that_is_read_only(self):
        self.start()
        self.world.redis().call("REPLICAOF", "127.0.0.1", "1")
        self.expect("UNAVAILABLE", "key.set", "carts", "a", "b")
        self.expect_event("backend_fault", "^backend main: is a read-only replica: READONLY ",
                          backend="main", cause="is a read-only replica")

    def test_a_backend_that_hangs(self):
        self.start()
        self.world.redis().send_signal(signal.SIGSTOP)
        try:
            self.expect("TIMEOUT", "key.get", "carts", "a")
            self.expect_event(
                "backend_timeout",
                "^backend main: it does not answer in time: key.get of namespace carts: none within 200 ms: .*timeout",
                backend="main", namespace="carts", verb="key.get", limit=200,
            )
            self.expect_event("backend_lost", "^backend main: lost: it does not answer", backend="main")
        finally:
            self.world.redis().send_signal(signal.SIGCONT)

    def test_a_backend_that_is_slow(self):
        """It answers each request, but too late: the connection stays."""
        with fake_redis.FakeRedis(self.world) as fake:
            self.start(INI.replace("{redis:main}", fake.url))
            late = threading.Event()
            fake.behave = lambda connection, words, right: (late.wait(10), connection.send(right))
            self.expect("TIMEOUT", "key.get", "carts", "a")
            late.set()
            self.expect_event("backend_timeout", "none within 200 ms: see the server's SLOWLOG, or raise timeout")
            self.assertNotIsInstance(self.client.call("key.get", "carts", "a"), resp.Error)
            self.assertEqual(self.events("backend_lost"), [])

    def test_a_timeout_of_one_of_many_keys_is_told_too(self):
        """At a cluster each key is a command of its own."""
        nodes = self.world.keep(cluster.Cluster(node_timeout=30000))
        self.start(INI.replace("{redis:main}", nodes.url))
        keys = [str(i) for i in range(32)]
        self.assertEqual(self.client.call("key.mget", "carts", *keys), [None] * len(keys))
        node = nodes.owner_of(b"cart:0")
        node.stop()
        try:
            self.expect("TIMEOUT", "key.mget", "carts", *keys)
            self.expect_event("backend_timeout", "key.mget of namespace carts", verb="key.mget")
        finally:
            node.cont()

    def test_a_backend_that_has_no_room(self):
        self.start(INI.replace("timeout = 200ms", "timeout = 200ms\nmax_pending = 1"))
        others = [self.connect(self.daemon) for _ in range(4)]
        self.world.redis().send_signal(signal.SIGSTOP)
        try:
            for client in others:
                client.send(resp.array("key.get", "carts", "a"))
            codes = {client.read().code for client in others}
            self.assertIn("OVERLOADED", codes)
            self.expect_event("backend_full", "^backend main: requests wait too long for room: key.get of "
                              "namespace carts: 1 are pending: .*max_pending", backend="main", limit=1)
        finally:
            self.world.redis().send_signal(signal.SIGCONT)

    def test_a_policy_that_refuses(self):
        self.start(INI.replace("prefix = cart:", "max_value = 8\ndeny = touch\nprefix = cart:"))
        for _ in range(100):
            self.expect("POLICY", "key.set", "carts", "a", "v" * 9)
        self.expect("POLICY", "touch", "carts", "a")
        self.expect_event(
            "policy_refused",
            r"^namespace carts: requests are refused by policy \(max_value\): key.set: value of 9 bytes is too long: "
            r"max_value of namespace 'carts' is 8 \(user none, client unix:.*\): mend the client, or the namespace's section",
            namespace="carts", rule="max_value", verb="key.set", level="info",
        )
        rules = [event["rule"] for event in self.events("policy_refused")]
        self.assertEqual(rules, ["max_value", "verb"])  # once each, however often they refuse

    def test_refusals_of_a_policy_leave_room_for_what_is_told_of_clients_and_backends(self):
        spaces = "".join(f"[namespace n{i}]\nbackend = main\nprefix = n{i}:\nmax_value = 1\n" for i in range(80))
        self.start(INI + spaces + ME.replace("carts", "*"))
        for i in range(80):
            self.expect("POLICY", "key.set", f"n{i}", "a", "long")
        self.assertEqual(len(self.events("policy_refused")), 64)
        self.assertEqual(len(self.events("more_causes")), 1)
        self.expect("NOAUTH", "auth", "me", "wrong")
        self.expect_event("wrong_token", "user me")
        self.world.redis().kill()
        self.expect_event("backend_down", "^backend main: down: ")

    def test_a_wrong_token(self):
        self.start(INI + ME)
        for _ in range(3):
            self.expect("NOAUTH", "auth", "me", "wrong")
        self.expect_event("wrong_token", r"^uid \d+: wrong user or token: user me \(client unix:",
                          user="me", peer=f"uid {os.getuid()}")

    def test_what_is_not_permitted(self):
        self.start(INI + ME + "[namespace others]\nbackend = main\nprefix = other:\n")
        self.expect("NOPERM", "key.get", "others", "a")
        self.expect_event("not_permitted", r"^uid \d+: NOPERM: user me: key.get", user="me", verb="key.get")

    def test_a_tracker_that_is_lost(self):
        self.start(INI.replace("prefix =", "near = yes\nprefix ="))
        self.daemon.wait_near()
        redis = self.world.redis()
        redis.call("ACL", "SETUSER", "default", "-subscribe")
        redis.call("CLIENT", "KILL", "TYPE", "pubsub")
        self.expect_event("near_off", "^backend main: near cache off: ", backend="main", level="warning")
        self.expect_event("near_refused", r"^backend main: near cache stays off: .*\+subscribe.*: NOPERM|SUBSCRIBE refused",
                          backend="main", level="error")
        redis.call("ACL", "SETUSER", "default", "+subscribe")
        redis.call("CLIENT", "KILL", "TYPE", "pubsub")
        harness.wait_until(lambda: len(self.events("near_on")) == 2, "the log tells that it is on again")


if __name__ == "__main__":
    harness.main()
