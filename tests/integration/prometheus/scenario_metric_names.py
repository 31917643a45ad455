#!/usr/bin/env python3
"""What the alerts, their tests and the dashboard ask for, the daemon has: metrics, their labels, and the values of
labels that do not come from a configuration."""

import json
import re

import harness
import web

CONTRIB = harness.ROOT / "contrib"
INI = harness.INI + "[namespace near]\nprefix = near:\nnear = yes\n" + web.HTTP
METRIC = re.compile(r"\b(?:cachesd|process)_[a-z_]+\b(?!\.)")
SELECTOR = re.compile(r"\b((?:cachesd|process)_[a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
LABEL_LISTS = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
PROMETHEUS_OWN = {"job", "instance"}  # labels that it adds
FREE = {"namespace", "backend", "worker"}  # labels whose values come from the configuration


def dashboard_text():
    panels = json.loads((CONTRIB / "grafana" / "cachesd.json").read_text())["panels"]
    return "\n".join(target["expr"] for panel in panels for target in panel["targets"])


def texts():
    """{file: what it asks}"""
    found = {path.name: path.read_text() for path in (CONTRIB / "prometheus").glob("*.yml")}
    return {**found, "cachesd.json": dashboard_text()}


def exposed(text):
    """{metric: {label: values}} of an exposition."""
    found = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.M):
        metric = found.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels):
            metric.setdefault(label, set()).add(value)
    return found


class Names(harness.TestCase):
    def setUp(self):
        super().setUp()
        daemon = self.world.daemon(INI)
        with daemon.client() as client:
            for request in (("key.set", "carts", "a", "1"), ("key.get", "carts", "a"), ("ping",)):
                client.call(*request)  # verbs have time series since their first request
        self.exposed = exposed(web.get(daemon, "/metrics").text)

    def test_each_metric_is_exposed(self):
        for file, text in texts().items():
            names = set(METRIC.findall(text))
            self.assertGreater(len(names), 10, file)
            self.assertLessEqual(names, set(self.exposed), file)

    def test_each_label_and_its_value_is_exposed(self):
        count = 0
        for file, text in texts().items():
            for metric, matchers in SELECTOR.findall(text):
                for label, pattern in MATCHER.findall(matchers):
                    with self.subTest(file=file, metric=metric, label=label, value=pattern):
                        count += self.look_at(metric, label, pattern)
        self.assertGreater(count, 20)

    def look_at(self, metric, label, pattern):
        if label in PROMETHEUS_OWN:
            return 0
        self.assertIn(label, self.exposed[metric])
        if label not in FREE:
            self.assertLessEqual(set(pattern.split("|")), self.exposed[metric][label])
        return 1

    def test_each_label_that_sums_are_made_by_is_exposed(self):
        known = PROMETHEUS_OWN.union(*self.exposed.values())
        for file, text in texts().items():
            for labels in LABEL_LISTS.findall(text):
                self.assertLessEqual(set(labels.replace(" ", "").split(",")) - {""}, known, file)


if __name__ == "__main__":
    harness.main()
