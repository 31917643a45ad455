#!/usr/bin/env python3
"""Why requests fail, in a sentence of /status and in a line of the log: each way to fail is played."""

import signal
import threading
import time

import cluster
import harness
import web

INI = harness.INI.replace("prefix =", "backend = main\nprefix =").replace("timeout = 20s", "timeout = 1s") + "[http]\nlisten = unix:{folder}/http.sock\n"
ARCHIVE = """\
[backend archive]
url = {redis:archive}
timeout = 200ms
[namespace reports]
backend = archive
[namespace pages]
backend = archive
on_error = miss
"""


class Why(harness.TestCase):
    def start(self, ini=INI):
        self.daemon = self.world.daemon(ini)
        self.client = self.connect(self.daemon)
        # The first sample: from then on the last minute is told.
        harness.wait_until(lambda: self.status()["history"]["samples"] > 0, "there is a history")

    def status(self):
        reply = web.get(self.daemon, "/status")
        self.assertEqual(reply.status, 200, reply)
        return reply.json

    def seconds_of_a_request(self):
        began = time.monotonic()
        self.assertEqual(self.client.call("key.get", "carts", "a"), b"b")
        return time.monotonic() - began

    def notice(self, what):
        return next((n for n in self.status()["notices"] if n["what"] == what), None)

    def wait_notice(self, what, kind, *texts):
        harness.wait_until(lambda: self.notice(what), f"/status has the notice: {what}")
        notice = self.notice(what)
        self.assertEqual(notice["kind"], kind)
        for text in texts:
            self.assertIn(text, notice["text"])
        return notice

    def test_all_is_well(self):
        self.start()
        self.client.call("key.set", "carts", "a", "b")
        self.assertEqual(self.client.call("key.get", "carts", "a"), b"b")
        status = self.status()
        self.assertEqual((status["state"], status["notices"]), ("well", []))

    def test_a_backend_that_is_down(self):
        self.start(INI + ARCHIVE)
        self.world.redis("archive").kill()
        notice = self.wait_notice(
            "archive is down.", "bad", "tried again", "reports answers UNAVAILABLE.",
            "pages answers reads as if nothing were there.",
        )
        self.assertIsNotNone(notice["since"])
        self.assertEqual(self.status()["state"], "failing")
        self.assertTrue(self.daemon.lines("backend archive: "))
        backend = next(b for b in self.status()["backends"] if b["name"] == "archive")
        self.assertEqual(backend["state"], "down")
        self.world.servers["archive"].start()
        harness.wait_until(lambda: not self.notice("archive is down."), "it is up again")

    def test_a_backend_that_is_out_of_memory(self):
        self.start()
        self.world.redis().call("CONFIG", "SET", "maxmemory", "1")
        self.assertRegex(self.client.call("key.set", "carts", "a", "b"), b"^OVERLOADED ")
        self.wait_notice("main is out of memory.", "bad", "Writes answer OVERLOADED", "maxmemory")
        self.daemon.wait_logged("backend main: is out of memory")

    def test_a_backend_that_is_read_only(self):
        self.start()
        self.world.redis().call("REPLICAOF", "127.0.0.1", "1")
        self.assertRegex(self.client.call("key.set", "carts", "a", "b"), b"^UNAVAILABLE ")
        self.wait_notice("main is a read-only replica.", "bad", "Writes answer UNAVAILABLE", "master")
        self.daemon.wait_logged("backend main: is a read-only replica")

    def test_a_backend_that_hangs(self):
        self.start(INI + ARCHIVE)
        archive = self.world.redis("archive")
        archive.send_signal(signal.SIGSTOP)
        try:
            self.assertRegex(self.client.call("key.get", "reports", "a"), b"^TIMEOUT ")
            self.wait_notice("archive answers too late.", "bad", "1 request timed out", "timeout is 200ms", "TIMEOUT")
            self.wait_notice("archive is down.", "bad")
            self.assertTrue(self.daemon.lines("backend archive: "))
        finally:
            archive.send_signal(signal.SIGCONT)

    def test_a_backend_that_is_slow(self):
        self.start()
        self.world.redis().call("SET", "cart:a", "b")
        asleep = threading.Thread(target=self.world.redis().call, args=("DEBUG", "SLEEP", "0.8"))
        asleep.start()
        self.addCleanup(asleep.join)
        harness.wait_until(lambda: self.seconds_of_a_request() > 0.5, "a request falls into the sleep")
        self.wait_notice("main is slow.", "warn", "One of a hundred answers takes", "slow log")

    def test_a_policy_that_refuses(self):
        self.start(INI.replace("prefix = cart:", "max_value = 8\ndeny = touch\nprefix = cart:"))
        for _ in range(3):
            self.assertRegex(self.client.call("key.set", "carts", "a", "v" * 9), b"^POLICY ")
        self.assertRegex(self.client.call("touch", "carts", "a"), b"^POLICY ")
        self.wait_notice("carts refuses requests by its policy.", "warn",
                         "3 with a value longer than max_value = 8b", "1 request with a verb that deny = names", "POLICY")
        carts = self.status()["namespaces"][0]
        self.assertEqual(carts["refused"], {"verb": 1, "max_value": 3})
        self.assertEqual(carts["refused_last_minute"], {"verb": 1, "max_value": 3})
        self.assertEqual(carts["errors"], {"POLICY": 4})

    def test_a_wrong_token(self):
        user = f"[user web]\nuid = 0\ntoken = {harness.token_hash('secret')}\nnamespaces = *\naccess = admin\n"
        self.start(INI + user)
        self.assertRegex(self.client.call("auth", "web", "wrong"), b"^NOAUTH ")
        self.wait_notice("Clients are not let in.", "warn", "1 request", "wrong token")
        self.daemon.wait_logged("wrong user or token")
        self.assertIn("wrong user or token", self.status()["events"][0]["text"])

    def test_a_tracker_that_is_lost(self):
        self.start(INI.replace("prefix =", "near = yes\nprefix ="))
        self.daemon.wait_near()
        redis = self.world.redis()
        redis.call("ACL", "SETUSER", "default", "-subscribe")
        redis.call("CLIENT", "KILL", "TYPE", "pubsub")
        self.wait_notice("News of changes at main is lost.", "warn", "Nothing is read from memory", "none is stale")
        self.assertEqual(self.status()["backends"][0]["news"], "lost")
        harness.wait_until(lambda: self.daemon.lines("near cache"), "the log tells of it")
        redis.call("ACL", "SETUSER", "default", "+subscribe")
        harness.wait_until(lambda: not self.status()["notices"], "the news comes again")

    def test_a_reload_that_was_refused(self):
        self.start()
        self.assertRegex(self.daemon.reload(INI + "[namespace carts]\n"), b"^POLICY ")
        self.wait_notice("The last reload was refused.", "warn", "cachesd -t")
        self.assertEqual(self.daemon.reload(INI), b"OK")
        self.assertEqual(self.status()["state"], "well")

    def test_mistakes_of_clients_are_no_trouble(self):
        self.start()
        self.client.call("nonsense")
        self.client.call("key.get", "carts")
        self.wait_notice("Clients misspell requests.", "note")
        self.assertEqual(self.status()["state"], "well")


class Status(harness.TestCase):
    """What else /status tells."""

    def test_rates_and_counts_are_those_of_the_requests(self):
        daemon = self.world.daemon(INI)
        client = self.connect(daemon)
        samples = lambda: web.get(daemon, "/status").json["history"]["samples"]
        harness.wait_until(lambda: samples() > 0, "there is a history")
        for i in range(50):
            client.call("key.set", "carts", str(i), "v")
        for i in range(100):
            client.call("key.get", "carts", str(i))
        before = samples()
        harness.wait_until(lambda: samples() > before, "the next sample is taken")
        status = web.get(daemon, "/status").json
        carts = status["namespaces"][0]
        self.assertEqual(carts["by"], {"near": 0, "hit": 50, "stale": 0, "miss": 50, "write": 50, "error": 0})
        self.assertEqual((carts["hit_rate"], carts["prefix"], carts["backend"]), (0.5, "cart:", "main"))
        self.assertIn("max 1d", carts["policy"])
        history = status["history"]
        for kind in carts["by"]:
            self.assertEqual(len(history[kind]), 121)
            self.assertAlmostEqual(sum(history[kind]) * history["step"], carts["by"][kind], delta=5)
        self.assertAlmostEqual(sum(carts["line"]) * 5, 150, delta=5)
        self.assertEqual((status["clients"], status["requests"] >= 150), (1, True))

    def test_a_reload_keeps_the_history_of_what_stays(self):
        daemon = self.world.daemon(INI)
        client = self.connect(daemon)
        harness.wait_until(lambda: web.get(daemon, "/status").json["history"]["samples"], "there is a history")
        for i in range(10):
            client.call("key.set", "carts", str(i), "v")
        by = lambda name: next(n["by"] for n in web.get(daemon, "/status").json["namespaces"] if n["name"] == name)
        harness.wait_until(lambda: by("carts")["write"] == 10, "a sample is taken")
        more = INI.replace("[namespace carts]", "[namespace before]\nbackend = main\n[namespace carts]")
        self.assertEqual(daemon.reload(more), b"OK")
        self.assertEqual((by("carts")["write"], by("before")["write"]), (10, 0))

    def test_policies_are_told_in_few_words(self):
        policies = {
            "plain": ("max_ttl = 1d\n", ["ttl 2h", "max 1d"]),
            "ever": ("ttl = forever\nmax_ttl = forever\nover_ttl = reject\n", ["ttl forever"]),
            "most": ("ttl = 1h\nmax_ttl = forever\n", ["ttl 1h", "max forever"]),
            "strict": ("ttl = 1h\nmax_ttl = 1h\nover_ttl = reject\nttl_mode = fixed\njitter = 10%\n",
                       ["ttl 1h", "reject", "fixed", "jitter 10 %"]),
            "one": ("collections = dict\nreadonly = yes\n", ["ttl 2h", "dict", "readonly"]),
            "two": ("collections = key, set\nvalue = int\non_error = miss\n",
                    ["ttl 2h", "key, set", "int", "on_error miss"]),
            "kept": ("value = json\nnear = yes\nnear_ttl = 5s\nstale = 1m\non_error = stale\n",
                     ["ttl 2h", "json", "near 5s", "stale 1m", "on_error stale"]),
        }
        daemon = self.world.daemon(INI + "".join(f"[namespace {name}]\nbackend = main\n{options}"
                                                 for name, (options, _) in policies.items()))
        told = {n["name"]: n["policy"] for n in web.get(daemon, "/status").json["namespaces"]}
        self.assertEqual({name: told[name] for name in policies},
                         {name: words for name, (_, words) in policies.items()})

    def test_a_user_sees_its_own(self):
        users = "".join(f"[user {name}]\ntoken = {harness.token_hash(name)}\nnamespaces = {what}\naccess = {access}\n"
                        for name, what, access in (("web", "carts", "write"), ("ops", "*", "admin")))
        daemon = self.world.daemon(INI + ARCHIVE + users)
        see = lambda name: web.get(daemon, "/status", {"Authorization": f"Bearer {name}"}).json
        harness.wait_until(lambda: see("ops")["history"]["samples"], "there is a history")
        self.world.redis("archive").kill()
        harness.wait_until(lambda: see("ops")["notices"], "archive is told to be down")
        client = self.connect(daemon)
        client.call("auth", "ops", "ops")
        self.assertRegex(client.call("key.get", "reports", "a"), b"^(UNAVAILABLE|LOST) ")
        web_sees, ops_sees = see("web"), see("ops")
        self.assertEqual((web_sees["errors"], web_sees["requests"]), ({}, 0))
        self.assertEqual(sum(ops_sees["errors"].values()), 1)
        self.assertEqual([n["name"] for n in web_sees["namespaces"]], ["carts"])
        self.assertEqual([b["name"] for b in web_sees["backends"]], ["main"])
        self.assertEqual((web_sees["notices"], web_sees["events"]), ([], []))
        self.assertEqual((web_sees["user"], web_sees["is_admin"]), ("web", False))
        self.assertEqual([n["name"] for n in ops_sees["namespaces"]], ["carts", "reports", "pages"])
        self.assertTrue(ops_sees["events"])
        self.assertNotIn("archive", str(web_sees))

    def test_the_slowest_requests_are_told_their_keys_to_admins_alone(self):
        users = "".join(f"[user {name}]\ntoken = {harness.token_hash(name)}\nnamespaces = {what}\naccess = {access}\n"
                        for name, what, access in (("web", "carts", "write"), ("logs", "reports", "write"), ("ops", "*", "admin")))
        daemon = self.world.daemon((INI + ARCHIVE + users).replace("[cachesd]\n", "[cachesd]\nslow = 50ms\nslow_keys = all\n"))
        see = lambda name: web.get(daemon, "/status", {"Authorization": f"Bearer {name}"}).json["slow"]
        client = self.connect(daemon)
        client.call("auth", "web", "web")
        self.world.redis().call("HSET", "cart:k", "f", "v")
        asleep = threading.Thread(target=self.world.redis().call, args=("DEBUG", "SLEEP", "0.3"))
        asleep.start()
        self.addCleanup(asleep.join)
        harness.wait_until(lambda: client.call("dict.items", "carts", "k") and see("ops"), "a request was slow")
        told = see("ops")[0]
        self.assertEqual((told["verb"], told["namespace"], told["key"], told["code"]), ("dict.items", "carts", "k", ""))
        self.assertGreater(told["backend_us"], 50_000)
        self.assertEqual((see("web")[0]["verb"], see("web")[0]["key"]), ("dict.items", None))
        self.assertEqual(see("logs"), [])

    def test_nodes_of_a_cluster_are_told(self):
        nodes = self.world.keep(cluster.Cluster())
        ini = INI.replace("{redis:main}", nodes.url)
        daemon = self.world.daemon(ini)
        told = lambda: web.get(daemon, "/status").json["backends"][0]["route"]
        harness.wait_until(lambda: "node=" in told(), "nodes are told")
        self.assertRegex(told(), r"nodes=\d/\d")

    def test_texts_are_escaped_as_json_wants_it(self):
        daemon = self.world.daemon(INI.replace("cart:", "größe:\\</script>"))
        harness.wait_until(lambda: web.get(daemon, "/status").status == 200, "there is a history")
        self.assertEqual(web.get(daemon, "/status").json["namespaces"][0]["prefix"], "größe:\\</script>")


if __name__ == "__main__":
    harness.main()
