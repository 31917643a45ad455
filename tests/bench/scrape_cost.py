#!/usr/bin/env python3
"""What scrapes of /metrics cost a daemon under full load:

    python3 tests/bench/scrape_cost.py [--pairs 15] [--seconds 2] [--rate 100] [--namespaces 20]

The same load is measured again and again, by turns beside scrapes of this daemon, and beside as many scrapes of
another daemon that does nothing else: so what the scraping client itself takes of the machine is in both. Printed are
the medians of the pairs: of the throughput, and of the CPU time a request that the worker's own thread took, which
other work on the machine does not change. `CACHESD` names the daemon, `CACHES` the load generator.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "harness"))

import harness  # noqa: E402
import web  # noqa: E402

CACHES = os.environ.get("CACHES") or str(ROOT / "build" / "caches")
INI = harness.INI.replace("prefix =", "backend = main\nprefix =") + "[http]\nlisten = unix:{folder}/http.sock\n"


class Scraper:
    """So many scrapes a second, over one connection that is kept."""

    def __init__(self, rate):
        self.rate = rate
        self.path = None  # nobody is scraped
        self.count = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        connections = {}
        while not self.is_over:
            began, path = time.monotonic(), self.path
            if path:
                connection = connections.setdefault(path, web.Connection(path))
                connection.request("GET", "/metrics")
                assert web.Reply(connection.getresponse()).status == 200
                self.count += 1
            time.sleep(max(0, began + 1 / self.rate - time.monotonic()))


def worker_seconds(daemon):
    """CPU time of the main thread, whose loop is worker 0's."""
    with open(f"/proc/{daemon.pid}/task/{daemon.pid}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def all_seconds(daemon):
    tasks = pathlib.Path(f"/proc/{daemon.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def scrape_microseconds(daemon, count=300):
    """CPU time that one scrape takes: of the worker's thread, and of HTTP's."""
    connection = web.Connection(web.address_of(daemon))
    before = worker_seconds(daemon), all_seconds(daemon)
    for _ in range(count):
        connection.request("GET", "/metrics")
        reply = web.Reply(connection.getresponse())
        assert reply.status == 200
    worker, whole = worker_seconds(daemon) - before[0], all_seconds(daemon) - before[1]
    connection.close()
    return worker / count * 1e6, (whole - worker) / count * 1e6, len(reply.body)


def measure(daemon, words, seconds):
    """Requests a second, and µs of the worker's CPU time for each."""
    before = worker_seconds(daemon)
    command = [CACHES, "-s", f"unix:{daemon.path}", "bench", "-c", "50", "-p", "16", "-k", "1000", "-s", str(seconds), *words]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert not found["errors"], found["first_error"]
    return found["rate"], (worker_seconds(daemon) - before) / found["requests"] * 1e6


def pair(scraper, daemon, other, words, options):
    found = {}
    for name, path in (("other", web.address_of(other)), ("this", web.address_of(daemon))):
        scraper.path = path
        found[name] = measure(daemon, words, options.seconds)
    scraper.path = None
    return found["this"][0] / found["other"][0] - 1, found["this"][1] / found["other"][1] - 1, found["this"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--namespaces", type=int, default=20)
    options = parser.parse_args()
    more = "".join(f"[namespace n{i}]\nbackend = main\n" for i in range(options.namespaces - 1))
    scraper = Scraper(options.rate)
    with harness.World() as world, harness.World() as quiet:
        daemon, other = world.daemon(INI + more), quiet.daemon(INI + more)
        worker, http, size = scrape_microseconds(daemon)
        print(
            f"one scrape of {options.namespaces} namespaces, {size:,} bytes: {worker:.0f} µs of the worker's CPU time, "
            f"{http:.0f} µs of HTTP's thread; {options.rate} a second are {worker * options.rate / 1e4:.2f} % of a worker"
        )
        for words in (["key.get", "carts", "{key}"], ["key.set", "carts", "{key}", "{value}"]) if options.pairs else ():
            measure(daemon, words, 1)
            pairs = [pair(scraper, daemon, other, words, options) for _ in range(options.pairs)]
            rates, times, last = zip(*pairs)
            print(
                f"{words[0]}: {last[-1][0]:,.0f} requests a second; {options.rate} scrapes a second of "
                f"{options.namespaces} namespaces: throughput {statistics.median(rates):+.1%} "
                f"(middle half {statistics.quantiles(rates)[0]:+.1%} to {statistics.quantiles(rates)[2]:+.1%}), "
                f"worker's CPU time a request {statistics.median(times):+.1%} "
                f"({statistics.quantiles(times)[0]:+.1%} to {statistics.quantiles(times)[2]:+.1%})"
            )
        scraper.is_over = True
        print(f"{scraper.count} scrapes")


if __name__ == "__main__":
    main()
