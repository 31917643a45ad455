#!/usr/bin/env python3
"""metrics: both formats are what they should be, METRICS.md names every family, and real traffic moves each."""

import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import exposition
import harness

DOCUMENT = harness.ROOT / "docs" / "METRICS.md"
INI = """\
[cachesd]
listen = {listen}
max_clients = 20
client_idle = 1h
near_memory = 1mb
{more}
[backend main]
url = {redis:main}
timeout = 300ms
max_pending = 4
[backend slow]
url = {redis:slow}
timeout = 20s
max_pending = 1
[namespace carts]
backend = main
near = yes
max_key = 100
ttl = 30m
max_ttl = 1h
lease = 10s
[namespace slow]
backend = slow
"""


def documented():
    """{family: (type, labels)} of the document's table."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", DOCUMENT.read_text(), re.MULTILINE)
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


class Metrics(harness.TestCase):
    def start(self, more=""):
        self.redis = self.world.redis()
        self.slow = self.world.redis("slow")
        self.daemon = self.world.daemon(INI.replace("{more}", more))
        self.client = self.connect(self.daemon)

    def text(self, *words):
        return self.client.call("metrics", *words).decode()

    def value(self, name, **labels):
        return exposition.value(exposition.parse_text(self.text()), name, labels)

    def test_the_document_names_every_family_with_its_type_and_labels(self):
        self.start()
        self.client.call("key.get", "carts", "k")
        families = exposition.parse_text(self.text())
        self.assertEqual(documented(), {name: exposition.shape(f) for name, f in families.items()})

    def test_both_formats_say_the_same(self):
        self.start()
        self.client.call("key.set", "carts", "k", "v")
        text = exposition.parse_text(self.text())
        openmetrics = exposition.parse_openmetrics(self.text("openmetrics"))
        self.assertEqual(set(text), set(openmetrics))
        for name, family in text.items():
            self.assertEqual(set(family.samples), set(openmetrics[name].samples), name)

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_has_no_complaint(self):
        self.start()
        self.client.call("key.set", "carts", "k", "v")
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text(), text=True, capture_output=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_without_metrics_by_verb_requests_are_counted_by_namespace_alone(self):
        self.start("metrics_by_verb = no")
        self.client.call("key.set", "carts", "k", "v")
        self.client.call("key.get", "carts", "k")
        self.assertEqual(self.value("cachesd_requests_total", namespace="carts"), 2)
        self.assertNotIn("verb=", self.text())

    def test_label_values_are_there_before_they_are_used(self):
        self.start()
        for rule in ("collection", "verb", "readonly", "max_key", "max_value", "value", "ttl"):
            self.assertEqual(self.value("cachesd_refusals_total", namespace="carts", rule=rule), 0)
        self.assertEqual(self.value("cachesd_errors_total", namespace="slow", code="TIMEOUT"), 0)
        self.assertEqual(self.value("cachesd_clients_closed_total", reason="stalled"), 0)

    # --- each is moved --------------------------------------------------------------------------

    def moved(self, act, *changes):
        """Acts, and asserts by how much each sample has grown; None: by anything."""
        before = exposition.parse_text(self.text())
        act()
        for name, labels, by in changes:
            was = exposition.value(before, name, labels)
            harness.wait_until(lambda: self.value(name, **labels) != was, f"{name} {labels} moves")
            if by is not None:
                self.assertEqual(self.value(name, **labels) - was, by, (name, labels))

    def test_requests_reads_and_writes(self):
        self.start()
        carts, call = {"namespace": "carts"}, self.client.call
        duration = {"namespace": "carts", "backend": "main"}
        self.moved(
            lambda: [call("key.set", "carts", "k", "v"), call("dict.get", "slow", "d", "f")],
            ("cachesd_requests_total", {**carts, "verb": "key.set"}, 1),
            ("cachesd_requests_total", {"namespace": "slow", "verb": "dict.get"}, 1),
            ("cachesd_writes_total", carts, 1),
            ("cachesd_reads_total", {"namespace": "slow", "result": "miss"}, 1),
            ("cachesd_request_bytes_total", carts, len("key.setcartskv")),
            ("cachesd_reply_bytes_total", carts, len("+OK\r\n")),
            ("cachesd_backend_duration_seconds_count", {**duration, "kind": "write"}, 1),
            ("cachesd_backend_duration_seconds_bucket", {**duration, "kind": "write", "le": "+Inf"}, 1),
            ("cachesd_backend_duration_seconds_sum", {**duration, "kind": "write"}, None),
            ("cachesd_backend_requests_total", {"backend": "main"}, None),
            ("cachesd_backend_answers_total", {"backend": "main"}, None),
        )
        self.moved(
            lambda: call("ping"),
            ("cachesd_requests_total", {"namespace": "", "verb": "ping"}, 1),
            ("cachesd_worker_busy_seconds_total", {"worker": "0"}, None),
            ("process_cpu_seconds_total", {}, None),
        )
        self.moved(
            lambda: call("nosuch"),
            ("cachesd_requests_total", {"namespace": "", "verb": "unknown"}, 1),
            ("cachesd_errors_total", {"namespace": "", "code": "VERB"}, 1),
        )

    def test_refusals_and_clamped_ttls(self):
        self.start()
        carts, call = {"namespace": "carts"}, self.client.call
        self.moved(
            lambda: [call("key.get", "carts", "k" * 100), call("key.set", "ttl=2h", "carts", "k", "v")],
            ("cachesd_refusals_total", {**carts, "rule": "max_key"}, 1),
            ("cachesd_errors_total", {**carts, "code": "POLICY"}, 1),
            ("cachesd_clamped_ttls_total", carts, 1),
        )

    def test_near(self):
        self.start()
        harness.wait_until(lambda: self.value("cachesd_near_live", backend="main") == 1, "it is live")
        self.client.call("key.set", "carts", "k", "v")
        reads = [("key.get", "carts", "k"), ("key.get", "carts", "k")]
        self.moved(
            lambda: [self.client.call(*read) for read in reads],
            ("cachesd_reads_total", {"namespace": "carts", "result": "hit"}, 1),
            ("cachesd_reads_total", {"namespace": "carts", "result": "near_hit"}, 1),
            ("cachesd_near_entries", {}, 1),
            ("cachesd_near_size_bytes", {}, None),
            ("cachesd_near_kept_total", {}, 1),
        )
        self.moved(lambda: self.redis.call("SET", "carts:k", "w"),
                   ("cachesd_near_invalidations_total", {"backend": "main"}, None))
        self.moved(lambda: self.redis.call("FLUSHALL"),
                   ("cachesd_near_flushes_total", {"backend": "main"}, 1))
        self.moved(lambda: self.redis.call("CLIENT", "KILL", "TYPE", "normal"),
                   ("cachesd_near_losses_total", {"backend": "main"}, None))

    def test_near_answers_that_do_not_stay(self):
        self.start()
        harness.wait_until(lambda: self.value("cachesd_near_live", backend="main") == 1, "it is live")
        other = self.connect(self.daemon)

        def read_large():
            self.client.call("key.set", "carts", "large", "v" * 200_000)
            self.client.call("key.get", "carts", "large")

        def read_many():
            for number in range(400):
                self.client.call("key.set", "carts", f"k{number}", "v" * 4000)
                self.client.call("key.get", "carts", f"k{number}")

        def read_while_it_is_written():
            self.redis.send_signal(signal.SIGSTOP)
            self.client.send(b"key.get carts k\n")
            harness.wait_until(lambda: int(self.daemon.backend()["pending"]) == 1, "the read is at Redis")
            other.send(b"key.set carts k new\n")
            harness.wait_until(lambda: int(self.daemon.backend()["pending"]) == 2, "the write is, too")
            self.redis.send_signal(signal.SIGCONT)
            self.client.read(), other.read()

        self.moved(read_large, ("cachesd_near_too_large_total", {}, 1))
        self.moved(read_many, ("cachesd_near_evictions_total", {}, None))
        self.moved(read_while_it_is_written, ("cachesd_near_voided_total", {}, 1))

    def test_memo(self):
        self.start()
        carts = {"namespace": "carts"}
        leases = []
        self.moved(
            lambda: leases.append(self.client.call("memo.get", "carts", "m")[2]),
            ("cachesd_memo_replies_total", {**carts, "state": "miss"}, 1),
            ("cachesd_memo_leases_total", {**carts, "outcome": "given"}, 1),
        )
        waiters = [self.connect(self.daemon) for _ in range(2)]
        self.moved(
            lambda: [waiter.send(b"memo.get wait=9s carts m\r\n") for waiter in waiters],
            ("cachesd_memo_waits_total", carts, None),
            ("cachesd_memo_waiting", carts, None),
        )
        harness.wait_until(lambda: self.value("cachesd_memo_waiting", **carts) == 2, "both wait")
        self.moved(lambda: self.client.call("memo.put", "carts", "m", leases[0], "v"),
                   ("cachesd_memo_computations_saved_total", carts, None))

    def test_timeouts_waits_overloads_and_what_is_pending(self):
        self.start()
        waiters = [self.connect(self.daemon) for _ in range(6)]
        self.redis.send_signal(signal.SIGSTOP)
        main = {"backend": "main"}
        self.moved(
            lambda: [waiter.send(b"key.get carts k\r\n") for waiter in waiters],
            ("cachesd_backend_pending", main, None),
            ("cachesd_backend_timeouts_total", main, None),
            ("cachesd_errors_total", {"namespace": "carts", "code": "TIMEOUT"}, None),
            ("cachesd_backend_wait_seconds_count", main, None),
            ("cachesd_backend_overloads_total", main, None),
        )
        self.redis.send_signal(signal.SIGCONT)

    def test_a_backend_that_is_lost_and_comes_back(self):
        self.start()
        up, down = ({"backend": "main", "state": state} for state in ("up", "down"))
        self.assertEqual(self.value("cachesd_backend_state", **up), 1)
        self.moved(
            lambda: self.redis.kill(),
            ("cachesd_backend_state", up, -1),
            ("cachesd_backend_state", down, 1),
            ("cachesd_backend_failures", {"backend": "main"}, None),
        )
        self.moved(lambda: self.redis.start(), ("cachesd_backend_connects_total", {"backend": "main"}, None))

    def test_clients(self):
        self.start()
        more = []
        self.moved(
            lambda: more.append(self.connect(self.daemon)),
            ("cachesd_clients", {}, 1),
            ("cachesd_clients_accepted_total", {}, 1),
            ("process_open_fds", {}, None),
        )
        self.moved(lambda: more[0].call("quit"), ("cachesd_clients_closed_total", {"reason": "quit"}, 1))
        killed = self.connect(self.daemon)
        number = killed.call("client", "id")
        self.moved(lambda: self.client.call("kill", number),
                   ("cachesd_clients_closed_total", {"reason": "killed"}, 1))
        rude = self.connect(self.daemon)
        self.moved(lambda: rude.send(b"*1\r\nnonsense\r\n"),
                   ("cachesd_clients_closed_total", {"reason": "protocol"}, 1))
        gone = self.connect(self.daemon)
        self.moved(lambda: gone.close(), ("cachesd_clients_closed_total", {"reason": "gone"}, 1))

    def test_clients_that_are_too_many(self):
        self.start()
        more = [self.connect(self.daemon) for _ in range(19)]
        self.moved(lambda: more.append(self.connect(self.daemon)),
                   ("cachesd_clients_rejected_total", {"reason": "max_clients"}, 1))

    def test_idle_clients(self):
        self.start("log_level = info")
        ini = INI.replace("{more}", "").replace("client_idle = 1h", "client_idle = 500ms")
        self.assertEqual(self.daemon.reload(ini), b"OK")
        self.connect(self.daemon)
        harness.wait_until(
            lambda: exposition.value(exposition.parse_text(self.daemon.call("metrics").decode()),
                                     "cachesd_clients_closed_total", {"reason": "idle"}) > 0,
            "it is closed")

    def test_purges(self):
        self.start()
        for i in range(10):
            self.client.call("key.set", "carts", f"k{i}", "v")
        self.moved(lambda: self.client.call("purge", "carts"),
                   ("cachesd_purged_keys_total", {"namespace": "carts"}, 10))

    def test_a_purge_that_is_under_way(self):
        self.start()
        self.client.call("key.set", "slow", "k", "v")
        self.slow.send_signal(signal.SIGSTOP)
        other = self.connect(self.daemon)
        self.moved(lambda: other.send(b"purge slow\n"), ("cachesd_purges", {"namespace": "slow"}, 1))
        self.slow.send_signal(signal.SIGCONT)
        self.assertEqual(other.read(), 1)
        self.assertEqual(self.value("cachesd_purges", namespace="slow"), 0)

    def test_reloads(self):
        self.start()
        self.daemon.reload("[cachesd]\nnonsense = 1\n")
        self.assertEqual(self.value("cachesd_config_last_reload_successful"), 0)
        self.moved(lambda: self.daemon.reload(INI.replace("{more}", "").replace("= 1mb", "= 2mb")),
                   ("cachesd_config_last_reload_successful", {}, 1),
                   ("cachesd_near_limit_bytes", {}, 1024 * 1024))

    def test_a_limited_user_sees_its_own_namespaces(self):
        self.start()
        users = f"[user app]\ntoken = {harness.token_hash('secret')}\nnamespaces = slow\n"
        self.assertEqual(self.daemon.reload(INI.replace("{more}", "") + users), b"OK")
        self.assertEqual(self.client.call("auth", "app", "secret"), b"OK")
        text = self.text()
        self.assertIn('namespace="slow"', text)
        self.assertNotIn('namespace="carts"', text)
        self.assertNotIn('backend="main"', text)


if __name__ == "__main__":
    harness.main()
