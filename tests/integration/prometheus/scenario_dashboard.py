#!/usr/bin/env python3
"""contrib/grafana/cachesd.json: a real Prometheus answers each of its expressions, while clients are served and a
backend is down. Grafana itself takes no part."""

import itertools
import json
import math
import re
import threading
import unittest

import harness
import resp
import web
from prometheus import Prometheus, scrapes

FILE = harness.ROOT / "contrib" / "grafana" / "cachesd.json"
INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[backend archive]
url = {redis:archive}
[backend narrow]
url = {redis:narrow}
max_pending = 1
[namespace carts]
backend = main
near = yes
deny = set.pop
[namespace reports]
backend = archive
[namespace narrow]
backend = narrow
""" + web.HTTP
# Grafana takes four intervals at least for this.
VARIABLES = {"$job": "cachesd", "$instance": ".+", "$__rate_interval": "10s"}
# What clients ask, again and again.
REQUESTS = [
    ("key.set", "carts", "a", "1"), ("key.get", "carts", "a"), ("key.get", "carts", "a"), ("key.get", "carts", "none"),
    ("set.pop", "carts", "s"), ("memo.get", "carts", "m"), ("key.get", "reports", "a"), ("ping",),
]


def has_repeated_or_unsorted_keys(pairs):
    names = [name for name, _ in pairs]
    assert names == sorted(set(names)), f"keys are not in order, or repeated: {names}"
    return dict(pairs)


def dashboard():
    return json.loads(FILE.read_text(), object_pairs_hook=has_repeated_or_unsorted_keys)


def expressions():
    """(title, expression) of each target."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def fill_in(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, f"a variable that nobody fills in: {expression}"
    return expression


class Form(unittest.TestCase):
    def test_panels_have_all_that_grafana_wants(self):
        panels = dashboard()["panels"]
        for name in ("id", "title"):
            self.assertEqual(len({panel[name] for panel in panels}), len(panels), f"{name} is that of one panel")
        for panel in panels:
            with self.subTest(panel=panel["title"]):
                self.assertIn(panel["type"], ("stat", "timeseries"))
                self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                self.assertIn("unit", panel["fieldConfig"]["defaults"])
                references = [target["refId"] for target in panel["targets"]]
                self.assertEqual(references, list("ABCDEF"[:len(references)]))

    def test_panels_do_not_overlap(self):
        places = [panel["gridPos"] for panel in dashboard()["panels"]]
        for place in places:
            self.assertLessEqual(place["x"] + place["w"], 24)
        for a, b in itertools.combinations(places, 2):
            is_beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            is_below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
            self.assertTrue(is_beside or is_below, (a, b))

    def test_each_metric_is_that_of_the_chosen_job_and_daemons(self):
        for title, expression in expressions():
            for name, labels in re.findall(r"\b((?:cachesd|process)_\w+|up)\b(\{[^}]*\})?", expression):
                with self.subTest(panel=title, metric=name):
                    self.assertTrue(labels.startswith('{job="$job", instance=~"$instance"'), labels)


class Answered(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.daemon.wait_near()
        self.prometheus = self.world.keep(Prometheus(self.world, scrapes(self.world.port)))
        self.is_over = threading.Event()
        self.traffic = threading.Thread(target=self.make_traffic)
        self.traffic.start()
        self.addCleanup(self.end_traffic)
        self.prometheus.wait_for('up{job="cachesd"} == 1')

    def make_traffic(self):
        with self.daemon.client() as client, self.daemon.client() as crowd:
            while not self.is_over.wait(0.02):
                for request in REQUESTS:
                    client.call(*request)
                crowd.send(resp.array("key.get", "narrow", "a") * 20)
                for _ in range(20):
                    crowd.read()
                self.daemon.client().close()

    def end_traffic(self):
        self.is_over.set()
        self.traffic.join()

    def numbers(self, expression):
        """What Prometheus answers, but for what is no number: 0 / 0 of a time without requests."""
        result = self.prometheus.api("query", query=fill_in(expression))["result"]
        return [float(series["value"][1]) for series in result if math.isfinite(float(series["value"][1]))]

    def value(self, title):
        return sum(sum(self.numbers(expression)) for of, expression in expressions() if of == title)

    def test_each_expression_answers_while_a_backend_is_down(self):
        harness.wait_until(lambda: self.value("Requests") > 0, "requests are seen")
        self.assertEqual(self.value("Backends not up"), 0)
        self.world.redis("archive").kill()
        harness.wait_until(lambda: self.value("Backends not up") == 1, "the dashboard shows that it is down")
        for title, expression in expressions():
            with self.subTest(panel=title, expression=expression):
                harness.wait_until(lambda: self.numbers(expression), f"{title}: {expression} answers", 10)
        self.assertTrue(self.traffic.is_alive())
        self.look_at_figures()

    def look_at_figures(self):
        """That each moves as its title says, where one can know."""
        self.assertEqual(self.value("Daemons up"), 1)
        self.assertEqual(self.value("States of backends"), 3)
        harness.wait_until(lambda: self.value("Failed requests") > 0.01, "requests fail")
        for title in ("Hit rate", "Busiest worker", "Errors by code", "Refusals by rule", "Time at the backends",
                      "Waiting for room at the backends", "Memoized results", "Memory"):
            self.assertGreater(self.value(title), 0, title)
        for title in ("Hit rate", "Busiest worker", "Failed requests"):
            self.assertLessEqual(self.value(title), 1, title)

    def test_the_variables_offer_the_job_and_the_daemon(self):
        offered = {}
        for variable in dashboard()["templating"]["list"]:
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"])
            if found:
                path = f"label/{found[2]}/values"
                offered[variable["name"]] = self.prometheus.api(path, **{"match[]": fill_in(found[1])})
        self.assertEqual(offered, {"job": ["cachesd"], "instance": [f"127.0.0.1:{self.world.port}"]})


if __name__ == "__main__":
    harness.main()
