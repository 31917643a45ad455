#!/usr/bin/env python3
"""docs/monitoring.md, "Prometheus and Grafana": what it says to configure does what it says."""

import os
import pathlib
import re
import shutil

import harness
from prometheus import Prometheus

PAGE = harness.ROOT / "docs" / "monitoring.md"
TOKEN = "correct horse"


def examples(language):
    """The section's blocks in that language, from first to last."""
    text = PAGE.read_text().partition("\n## Prometheus and Grafana\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


class HookedUp(harness.TestCase):
    """All as it is printed, but that Prometheus comes each second; and where nobody but root may have a network of
    its own, with other ports."""

    def setUp(self):
        super().setUp()
        self.ports = harness.own_network()
        self.ports.__enter__()
        self.addCleanup(self.ports.__exit__, None, None, None)
        self.port = "9379" if os.getuid() == 0 else str(harness.free_port())
        self.http, self.user = examples("ini")
        self.configuration, self.authorization = examples("yaml")
        shutil.copy(harness.ROOT / "contrib" / "prometheus" / "alerts.yml", f"{self.world.folder}/cachesd-alerts.yml")

    def start(self, ini, configuration):
        self.daemon = self.world.daemon(harness.INI + ini.replace("9379", self.port))
        configuration = configuration.replace("9379", self.port).replace("15s", "1s")
        self.prometheus = self.world.keep(Prometheus(self.world, configuration))

    def test_the_daemon_is_scraped_and_the_alerts_are_there(self):
        self.start(self.http, self.configuration)
        self.prometheus.wait_for('cachesd_build_info{job="cachesd"} and on (instance) up == 1')
        groups = self.prometheus.api("rules")["groups"]
        self.assertEqual([group["name"] for group in groups], ["cachesd"])
        evaluated = lambda: all(r["health"] == "ok" for r in self.prometheus.api("rules")["groups"][0]["rules"])
        harness.wait_until(evaluated, "all rules are evaluated")
        self.assertEqual(self.prometheus.api("alerts")["alerts"], [], "a daemon that is well is the cause of none")

    def test_the_daemon_is_scraped_with_a_token(self):
        user = self.user.replace("sha256:HEX", harness.token_hash(TOKEN))
        self.assertNotEqual(user, self.user)
        pathlib.Path(self.world.folder, "cachesd.token").write_text(TOKEN + "\n")
        self.start(user + self.http, self.configuration + self.authorization)
        self.prometheus.wait_for('cachesd_namespace_info{job="cachesd", namespace="carts"}')

    def test_without_the_token_it_is_not(self):
        self.start(self.user.replace("sha256:HEX", harness.token_hash(TOKEN)) + self.http, self.configuration)
        self.prometheus.wait_for('up{job="cachesd"} == 0')
        self.assertIn("401", self.prometheus.target()["lastError"])


if __name__ == "__main__":
    harness.main()
