#!/usr/bin/env python3
"""Under load, faults and bad input: nothing lost, nobody stuck. `--long` for the real sizes."""

import random
import signal
import sys
import time
import unittest

from sizes import CLIENTS, FAULTS, IS_LONG, IS_SANITIZED, KILLS, MB, REQUESTS, SEED, SLACK_MS
from sizes import SOAK_SECONDS, open_files, status

import harness
import scenario_kill_daemon
from crowd import BATCH, Crowd
from relay import Relay
from rude import Connections, RudeClients  # noqa: F401 — these are run, too
from scenario_kill_daemon import KillDaemon  # noqa: F401

TIMEOUT_MS = 300
scenario_kill_daemon.ROUNDS = KILLS

INI = f"""\
[cachesd]
listen = {{listen}}
[backend main]
url = RELAY
timeout = {TIMEOUT_MS}ms
connect_timeout = {TIMEOUT_MS}ms
[namespace chaos]
"""


class Faults:
    """Does something to Redis, and says when Redis was back."""

    def __init__(self, redis, relay, rng):
        self.redis, self.relay, self.rng = redis, relay, rng
        self.kinds = [self.kill, self.stop_for_a_moment, self.stop_for_long, self.cut, self.halve]
        self.turn = 0

    def strike(self):
        kind = self.kinds[self.turn % len(self.kinds)]
        self.turn += 1
        kind()
        return kind.__name__, time.monotonic()

    def kill(self):
        self.redis.kill()
        time.sleep(self.rng.random())
        self.redis.start()

    def stop_for_a_moment(self):
        self.stop(self.rng.random() * TIMEOUT_MS / 1000)

    def stop_for_long(self):
        self.stop(self.rng.uniform(1, 4) * TIMEOUT_MS / 1000)

    def stop(self, seconds):
        self.redis.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.redis.send_signal(signal.SIGCONT)

    def cut(self):
        self.relay.cut()

    def halve(self):
        self.relay.cut_in_a_reply()


class Chaos(unittest.TestCase):
    def test_every_request_gets_its_own_reply_in_time_while_redis_fails(self):
        rng = random.Random(SEED)
        print(f"SEED={SEED}")
        with harness.World() as world:
            redis = world.redis()
            with Relay(f"{world.folder}/relay.sock", redis.path) as relay:
                daemon = world.daemon(INI.replace("RELAY", relay.url))
                seconds = 1.5 * FAULTS
                pause = seconds / (REQUESTS / CLIENTS / BATCH) if not IS_LONG else 0.05
                most = TIMEOUT_MS + SLACK_MS
                crowd = Crowd(daemon.path, CLIENTS, REQUESTS, pause, most, SEED)
                backs = self.strike_until_done(crowd, daemon, Faults(redis, relay, rng), rng)
                report = crowd.join()
        print(report)
        print(f"{len(backs)} faults; service back in {max(backs) * 1000:.0f} ms at most")
        self.assertEqual(report.wrong[:5], [])
        self.assertEqual(report.replies, REQUESTS // CLIENTS * CLIENTS)
        self.assertGreater(report.read_back, 0)
        self.assertEqual(report.late[:5], [], f"{len(report.late)} later than {most} ms")
        self.assertLessEqual(max(backs), 1)

    def strike_until_done(self, crowd, daemon, faults, rng):
        backs = []
        with daemon.client() as client:
            while not crowd.is_done():
                name, back = faults.strike()
                harness.wait_until(
                    lambda: client.call("key.set", "chaos", "probe", "v") == b"OK", "service"
                )
                backs.append(time.monotonic() - back)
                self.assertLessEqual(backs[-1], 2, f"after {name}")
                time.sleep(rng.random())
        return backs

    @unittest.skipUnless(SOAK_SECONDS, "in the long form only, or with SOAK_SECONDS")
    def test_a_soak_leaves_no_memory_and_no_descriptor_behind(self):
        with harness.World() as world:
            daemon = world.daemon(INI.replace("RELAY", "{redis:main}"))
            before, samples = open_files(daemon.pid), []
            end = time.monotonic() + SOAK_SECONDS
            while time.monotonic() < end:
                world.redis().call("FLUSHALL")  # each round has the same keys
                report = Crowd(daemon.path, CLIENTS, 20_000, 0.01, TIMEOUT_MS, SEED).join()
                self.assertEqual(report.wrong[:5], [])
                self.assertGreater(report.read_back, 0)
                self.wait_until_alone(daemon)
                harness.wait_until(
                    lambda: open_files(daemon.pid) <= before, "descriptors are as at the start"
                )
                samples.append(status(daemon.pid, "VmRSS"))
        early, last = samples[len(samples) // 5], samples[-1]
        print(f"{len(samples)} rounds; RSS {early // 1024} → {last // 1024} KB")
        if not IS_SANITIZED:
            self.assertLess(last, early + MB)

    def wait_until_alone(self, daemon):
        with daemon.client() as client:
            harness.wait_until(lambda: client.call("clients").strip().count(b"\n") == 0, "alone")


if __name__ == "__main__":
    sys.argv = [word for word in sys.argv if word != "--long"]
    harness.main()
