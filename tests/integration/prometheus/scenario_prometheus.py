#!/usr/bin/env python3
"""A real Prometheus reads the daemon's /metrics, and answers with the values that `stats` shows."""

import harness
import web
from prometheus import Prometheus, scrapes

# A namespace for each way in which requests end; `near` is kept in the daemon's memory.
INI = """\
[cachesd]
listen = {listen}
near_memory = 4mb
[backend main]
url = {redis:main}
timeout = 200ms
[backend archive]
url = {redis:archive}
[namespace carts]
backend = main
prefix = cart:
max_ttl = 1d
max_value = 10
deny = set.pop
[namespace near]
backend = main
near = yes
[namespace reports]
backend = archive
""" + web.HTTP

REQUESTS = [
    ("key.set", "carts", "a", "1"), ("key.set", "ttl=9d", "carts", "b", "2"), ("key.get", "carts", "a"),
    ("key.get", "carts", "none"), ("key.get", "carts", "none"), ("key.set", "carts", "c", "x" * 11),
    ("set.pop", "carts", "s"), ("dict.get", "carts", "a", "f"), ("memo.get", "carts", "m"), ("key.set", "near", "a", "1"),
    *[("key.get", "near", "a")] * 5, ("key.set", "reports", "a", "1"), ("key.get", "reports", "a"),
]

# A counter of `stats N`, or a sum of them, and the question that has the same answer.
OF_NAMESPACE = {
    "hits misses": "sum(cachesd_reads_total{%s})",
    "near_hits": 'cachesd_reads_total{%s, result="near_hit"}',
    "writes": "cachesd_writes_total{%s}",
    "clamped_ttls": "cachesd_clamped_ttls_total{%s}",
    "bytes_in": "cachesd_request_bytes_total{%s}",
    "bytes_out": "cachesd_reply_bytes_total{%s}",
    "errors_POLICY errors_WRONGTYPE errors_TIMEOUT": 'sum(cachesd_errors_total{%s, code=~"POLICY|WRONGTYPE|TIMEOUT"})',
    "refused_max_value": 'cachesd_refusals_total{%s, rule="max_value"}',
    "refused_verb": 'cachesd_refusals_total{%s, rule="verb"}',
    "leases_given": 'cachesd_memo_leases_total{%s, outcome="given"}',
    "memo_misses": 'cachesd_memo_replies_total{%s, state="miss"}',
}
# The same of `backends`.
OF_BACKEND = {
    "requests": "cachesd_backend_requests_total{%s}",
    "answers": "cachesd_backend_answers_total{%s}",
    "timeouts": "cachesd_backend_timeouts_total{%s}",
    "connects": "cachesd_backend_connects_total{%s}",
}


class Scraped(harness.TestCase):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.daemon.wait_near()

    def start(self, configuration=None):
        self.prometheus = self.world.keep(Prometheus(self.world, configuration or scrapes(self.world.port)))

    def test_the_values_are_those_of_stats(self):
        self.start()
        self.prometheus.wait_for('up{job="cachesd"} == 1')
        self.make_traffic()
        before = self.shown()
        try:
            harness.wait_until(lambda: self.is_between(before), "Prometheus says what stats and backends do")
        except AssertionError:
            self.assertEqual(self.asked(before), before)
            raise
        for name in ("writes", "near_hits", "refused_verb", "errors_POLICY"):
            self.assertGreater(sum(self.daemon.stats(n)[name] for n in ("carts", "near")), 0, name)
        target = self.prometheus.target()
        self.assertEqual((target["health"], target["lastError"]), ("up", ""))
        self.assertEqual(self.prometheus.complaints(), [])

    def make_traffic(self):
        with self.daemon.client() as client:
            for request in REQUESTS:
                client.call(*request)
            self.world.redis().call("CLIENT", "PAUSE", "300", "ALL")
            self.assertEqual(client.call("key.get", "carts", "late").code, "TIMEOUT")
        harness.wait_until(lambda: self.daemon.backend()["pending"] == "0", "all is answered")

    def is_between(self, before):
        """The daemon itself asks backends, whether they are there: their counters do not stand still."""
        asked, after = self.asked(before), self.shown()
        return all(asked[q] is not None and before[q] <= asked[q] <= after[q] for q in before)

    def shown(self):
        """What the daemon's own verbs say: {question: value}."""
        found = {}
        for namespace in ("carts", "near", "reports"):
            stats = self.daemon.stats(namespace)
            for names, query in OF_NAMESPACE.items():
                value = sum(stats[name] for name in names.split())
                found[query % f'job="cachesd", namespace="{namespace}"'] = value
        for backend in ("main", "archive"):
            state = self.daemon.backend(backend)
            for name, query in OF_BACKEND.items():
                found[query % f'job="cachesd", backend="{backend}"'] = int(state[name])
        return found

    def asked(self, queries):
        answers = {query: list(self.prometheus.ask(query).values()) for query in queries}
        return {query: values[0] if len(values) == 1 else None for query, values in answers.items()}

    def test_a_daemon_that_ends_is_a_target_that_is_down(self):
        self.start()
        self.prometheus.wait_for('up{job="cachesd"} == 1')
        self.daemon.stop()
        self.prometheus.wait_for('up{job="cachesd"} == 0')
        self.assertIn("connection refused", self.prometheus.target()["lastError"])


if __name__ == "__main__":
    harness.main()
