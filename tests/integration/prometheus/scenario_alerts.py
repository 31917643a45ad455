#!/usr/bin/env python3
"""contrib/prometheus/alerts.yml: Prometheus takes its rules, and alerts_test.yml holds each of them. The rules meet a
real daemon here, too."""

import pathlib
import re
import shutil
import signal
import unittest

import harness
import resp
import web
from prometheus import Prometheus, scrapes

FOLDER = harness.ROOT / "contrib" / "prometheus"
RULES = FOLDER / "alerts.yml"
ALERT = re.compile(r"^      - alert: (\w+)\n(?:        #.*\n)*        expr: (?:>-\n((?:          .*\n)+)|(.*)\n)", re.M)


def alerts():
    """{name: expression} as the file writes them."""
    return {name: block or line for name, block, line in ALERT.findall(RULES.read_text())}


def promtool(*arguments, cwd=None):
    if not shutil.which("promtool"):
        raise unittest.SkipTest("needs Debian's package prometheus")
    return harness.run("promtool", *arguments, cwd=cwd)


class Rules(harness.TestCase):
    def test_promtool_finds_nothing_wrong(self):
        done = promtool("check", "rules", RULES)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn(f"SUCCESS: {len(alerts())} rules found", done.stdout)

    def test_alerts_fire_when_they_should_and_then_only(self):
        done = promtool("test", "rules", FOLDER / "alerts_test.yml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_alert_that_never_fires_or_always_is_noticed(self):
        names = alerts()
        self.assertGreater(len(names), 10)
        shutil.copy(FOLDER / "alerts_test.yml", self.world.folder)
        for name, expression in names.items():
            one_line = " ".join(expression.split())
            for what, wrong in (("never", f"({one_line}) and vector(0) > 1"), ("always", f"({one_line}) or on() vector(1)")):
                with self.subTest(alert=name, fires=what):
                    self.assertNotEqual(self.with_expression(name, wrong).returncode, 0)
        self.assertEqual(self.with_expression(None, None).returncode, 0)

    def with_expression(self, name, wrong):
        """promtool's test of the rules, where the alert of that name has another expression."""
        replace = lambda match: f"      - alert: {name}\n        expr: '{wrong}'\n" if match[1] == name else match[0]
        pathlib.Path(self.world.folder, "alerts.yml").write_text(ALERT.sub(replace, RULES.read_text()))
        return promtool("test", "rules", "alerts_test.yml", cwd=self.world.folder)


# A backend for each way in which one can ail.
INI = """\
[cachesd]
listen = {listen}
max_clients = 10
[backend main]
url = {redis:main}
[backend gone]
url = unix:{folder}/gone.sock
[backend replica]
url = {redis:replica}
[backend deaf]
url = {redis:deaf}
[backend slow]
url = {redis:slow}
timeout = 5s
[backend hung]
url = {redis:hung}
timeout = 50ms
max_pending = 1
[namespace carts]
backend = main
near = yes
[namespace gone]
backend = gone
[namespace replica]
backend = replica
[namespace deaf]
backend = deaf
near = yes
[namespace slow]
backend = slow
[namespace hung]
backend = hung
""" + web.HTTP
# An alert, and the backend or namespace that it names; alerts_test.yml alone tries those that need minutes.
EXPECTED = {
    ("CachesdBackendDown", "gone"), ("CachesdBackendUnfit", "replica"), ("CachesdNearCacheLost", "deaf"),
    ("CachesdBackendSlow", "slow"), ("CachesdTimeouts", "hung"), ("CachesdOverloaded", "hung"), ("CachesdReloadRefused", ""),
    ("CachesdRequestsFail", "gone"), ("CachesdRequestsFail", "hung"), ("CachesdRequestsFail", "replica"),
    ("CachesdClientsNearLimit", ""), ("CachesdClientsRejected", ""),
}
# Whether this one fires depends on how long the server was stopped.
MAY_FIRE = {("CachesdBackendSlow", "hung")}
NEED_MINUTES = {"CachesdWorkerBusy", "CachesdRefusalsRise"}


class AtADaemon(harness.TestCase):
    """The rules without their waiting (`for`), against a daemon that ails in all ways at once."""

    def setUp(self):
        super().setUp()
        self.world.redis("deaf", options=("--rename-command", "SUBSCRIBE", ""))
        self.daemon = self.world.daemon(INI)
        self.daemon.wait_near()
        rules = pathlib.Path(self.world.folder, "alerts.yml")
        rules.write_text(re.sub(r"^        for: .*\n", "", RULES.read_text(), flags=re.M))
        self.prometheus = self.world.keep(Prometheus(self.world, scrapes(self.world.port, rules)))
        self.prometheus.wait_for('up{job="cachesd"} == 1')
        self.client = self.connect(self.daemon)

    def firing(self):
        """{(alert, backend or namespace): annotations} of those that fire."""
        found = {}
        for alert in self.prometheus.api("alerts")["alerts"]:
            labels = alert["labels"]
            found[labels["alertname"], labels.get("backend") or labels.get("namespace", "")] = alert["annotations"]
        return found

    def wait_firing(self, expected):
        try:
            harness.wait_until(lambda: self.go_on() and set(self.firing()) - MAY_FIRE == expected, "these alerts fire, and no other")
        except AssertionError:
            self.assertEqual(set(self.firing()) - MAY_FIRE, expected)
            raise

    def go_on(self):
        """A backend counts as unfit as long as it refuses writes; and a verb's first request is the beginning of its
        time series, so that only the second is an increase."""
        return [self.client.call("key.set", namespace, "a", "1") for namespace in ("replica", "gone", "hung")]

    def test_each_fires_when_its_daemon_ails(self):
        self.wait_firing({("CachesdBackendDown", "gone"), ("CachesdNearCacheLost", "deaf")})
        self.ail()
        self.wait_firing(EXPECTED)
        self.assertEqual({name for name, _ in EXPECTED} | NEED_MINUTES | {"CachesdGone"}, set(alerts()))
        self.look_at_annotations()
        self.assertEqual([rule for rule in self.rules() if rule["health"] != "ok"], [])
        self.daemon.kill()
        harness.wait_until(lambda: ("CachesdGone", "") in self.firing(), "it is told that the daemon is gone")

    def ail(self):
        with self.daemon.client() as client:
            client.call("key.set", "carts", "a", "1")
            self.assertEqual(client.call("key.get", "gone", "a").code, "UNAVAILABLE")
            self.world.redis("replica").call("REPLICAOF", "127.0.0.1", "1")
            self.assertEqual(client.call("key.set", "replica", "a", "1").code, "UNAVAILABLE")
            self.world.redis("slow").call("CLIENT", "PAUSE", "300", "ALL")
            client.call("key.get", "slow", "a")
        while int(self.daemon.backend("hung")["timeouts"]) < 8 or int(self.daemon.backend("hung")["late_waits"]) < 1:
            self.hang()
        self.assertEqual(self.daemon.reload(INI + "[nonsense]\n").code, "POLICY")
        harness.wait_until(self.turn_clients_away, "clients are turned away")

    def hang(self):
        """One request is not answered in time, and those behind it find no room."""
        hung = self.world.redis("hung")
        hung.send_signal(signal.SIGSTOP)
        with self.daemon.client() as client:
            client.send(resp.array("key.get", "hung", "a") * 3)
            self.assertNotIn(None, [client.read() for _ in range(3)])
        hung.send_signal(signal.SIGCONT)

    def turn_clients_away(self):
        self.connect(self.daemon)  # it stays, as do those that were let in
        return not re.search(r'^cachesd_clients_rejected_total\{reason="max_clients"\} 0$',
                             web.get(self.daemon, "/metrics").text, re.M)

    def rules(self):
        return self.prometheus.api("rules")["groups"][0]["rules"]

    def look_at_annotations(self):
        for (name, subject), annotations in self.firing().items():
            with self.subTest(alert=name):
                self.assertEqual(set(annotations), {"summary", "description"})
                for text in annotations.values():
                    self.assertRegex(text, r"(?s)^[A-Z0-9`].*\.$")
                    self.assertNotRegex(text, "<no value>|error expanding|NaN|Inf")
                self.assertIn(subject, annotations["summary"])
        for rule in self.rules():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))


if __name__ == "__main__":
    harness.main()
