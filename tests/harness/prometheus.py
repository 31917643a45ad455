"""A real Prometheus that scrapes a daemon: on a free port of loopback, with its data in the test's folder.

    prometheus = self.world.keep(Prometheus(self.world, scrapes(self.world.port)))
    prometheus.wait_for('up{job="cachesd"} == 1')
    assert prometheus.ask("sum(cachesd_clients)") == {(): 1.0}
"""

import json
import os
import pathlib
import re
import subprocess
import unittest
import urllib.parse

import harness
import web

INTERVAL = "250ms"  # between two scrapes in tests


def scrapes(port, rules=None):
    """A configuration for one daemon, whose [http] listens at that port of loopback."""
    text = f"global:\n  scrape_interval: {INTERVAL}\n  evaluation_interval: {INTERVAL}\n"
    if rules:
        text += f"rule_files: ['{rules}']\n"
    return text + f"scrape_configs:\n  - job_name: cachesd\n    static_configs: [targets: ['127.0.0.1:{port}']]\n"


class QueryError(Exception):
    """Prometheus did not answer a question."""


class Prometheus:
    def __init__(self, world, configuration, name="prometheus.yml"):
        """`configuration`: text, which becomes a file of that name in the world's folder."""
        file = pathlib.Path(world.folder, name)
        file.write_text(configuration)
        self.log_path = pathlib.Path(world.folder, "prometheus.log")
        arguments = [f"--config.file={file}", f"--storage.tsdb.path={world.folder}/prometheus",
                     "--web.listen-address=127.0.0.1:0"]
        try:
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(["prometheus", *arguments], stdout=log, stderr=log, cwd=world.folder,
                                                env={**os.environ, "GOMAXPROCS": "2"},
                                                preexec_fn=harness.end_with_parent)
        except FileNotFoundError:
            raise unittest.SkipTest("needs Debian's package prometheus")
        self.port = None

    def __enter__(self):
        try:
            harness.wait_until(self._is_ready, "Prometheus is ready")
        except BaseException:
            print(self.log_path.read_text(errors="replace"))
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def _is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Prometheus ended with {self.process.returncode}")
        listening = re.search(r'msg="Listening on" .*?address=127\.0\.0\.1:(\d+)', self.log_path.read_text())
        if not listening:
            return False
        self.port = int(listening[1])
        return self.get("/-/ready").status == 200

    def get(self, path, **parameters):
        connection = web.Connection(self.port)
        try:
            connection.request("GET", path + "?" + urllib.parse.urlencode(parameters))
            return web.Reply(connection.getresponse())
        finally:
            connection.close()

    def api(self, path, **parameters):
        """What the API says to the question, as `data`."""
        reply = json.loads(self.get(f"/api/v1/{path}", **parameters).body)
        if reply["status"] != "success" or reply.get("warnings"):
            raise QueryError(f"{parameters}: {reply.get('error') or reply['warnings']}")
        return reply["data"]

    def ask(self, query, *labels):
        """The value of each series that answers: {(value of each of the labels, …): number}."""
        found = {}
        for series in self.api("query", query=query)["result"]:
            key = tuple(series["metric"].get(label, "") for label in labels)
            assert key not in found, f"{query}: more than one series has {labels} = {key}"
            found[key] = float(series["value"][1])
        return found

    def wait_for(self, query, *labels):
        """Until series answer; gives them."""
        return harness.wait_until(lambda: self.ask(query, *labels), f"Prometheus finds: {query}")

    def complaints(self):
        """What it has logged of samples that it could not take, and the like."""
        return re.findall(r"^.*\blevel=(?:warn|error)\b.*", self.log_path.read_text(), re.M | re.I)

    def target(self):
        """What it knows of the one target: `health`, `lastError`, `scrapeUrl`, …"""
        targets = self.api("targets")["activeTargets"]
        assert len(targets) == 1, targets
        return targets[0]
