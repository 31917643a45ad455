#!/usr/bin/env python3
"""What the benchmark makes of its samples: the two groups of rounds, the goals, the tables; no server takes part."""

import contextlib
import os
import random
import subprocess
import sys
import threading
import types
import unittest

import goals
import modes
import placement
import report
from points import BASE, LONE_AWAY, full_points, process_of, quick_points, servers_at

POINT = BASE._replace(pipeline=1)
TWO = [0.75, 0.76, 1.02, 0.74, 1.00, 0.77, 0.76, 1.01, 0.75, 0.99]


def samples(**columns):
    """Samples with these numbers of each round; the others are 1."""
    usual = ("rate", "cpu", "p50", "p99", "p999", "user", "system", "redis_cpu", "load_cpu", "relay_cpu",
             "with_redis", "with_load")
    rounds = [dict(zip(columns, numbers)) for numbers in zip(*columns.values())]
    return [types.SimpleNamespace(**{**dict.fromkeys(usual, 1), **one}) for one in rounds]


def goal(limit, is_most=False, needs=0):
    return goals.Goal("throughput", POINT, "cachesd", "redis", "rate", limit, is_most, needs)


class Modes(unittest.TestCase):
    def test_rounds_that_are_near_two_numbers_are_two_modes(self):
        found = modes.two_modes(TWO)
        self.assertEqual(found.low, [0.74, 0.75, 0.75, 0.76, 0.76, 0.77])
        self.assertEqual(found.high, [0.99, 1.00, 1.01, 1.02])
        self.assertGreater(found.share, 0.98)
        self.assertEqual(modes.describe(TWO), "0.755 in 6, 1 in 4")

    def test_their_order_and_their_unit_do_not_matter(self):
        for numbers in (sorted(TWO), TWO[::-1], [1000 * n for n in TWO]):
            self.assertEqual([len(group) for group in modes.two_modes(numbers)[:2]], [6, 4])

    def test_one_group_is_no_two_modes(self):
        for numbers in ([1.0] * 10, [0.98, 1.01, 1.0, 0.99, 1.02, 1.0, 0.97, 1.03, 1.0, 1.01],
                        [0.7, 0.78, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.18, 1.3]):
            self.assertIsNone(modes.two_modes(numbers), numbers)
            self.assertEqual(modes.describe(numbers), "")

    def test_one_round_that_went_wrong_is_no_mode(self):
        self.assertIsNone(modes.two_modes([1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.01, 0.99, 0.5]))

    def test_groups_that_are_near_each_other_are_no_modes(self):
        self.assertIsNone(modes.two_modes([1.0] * 5 + [1.14] * 5))
        self.assertIsNotNone(modes.two_modes([1.0] * 5 + [1.16] * 5))

    def test_few_rounds_say_nothing(self):
        self.assertIsNone(modes.two_modes([]))
        self.assertIsNone(modes.two_modes([0.5]))
        self.assertIsNone(modes.two_modes([0.5, 0.5, 1, 1, 0.5, 1, 1]))
        self.assertIsNotNone(modes.two_modes([0.5, 0.5, 1, 1, 0.5, 1, 1, 1]))

    def test_it_errs_as_seldom_as_it_says(self):
        rng = random.Random(7)
        called = lambda draw: sum(
            modes.two_modes([draw() for _ in range(10)]) is not None for _ in range(500)) / 500
        self.assertLess(called(lambda: rng.gauss(1, 0.05)), 0.02)
        self.assertLess(called(lambda: rng.gauss(1, 0.15)), 0.12)
        self.assertLess(called(lambda: rng.uniform(0.7, 1.3)), 0.3)
        self.assertGreater(called(lambda: rng.choice((0.75, 1)) + rng.gauss(0, 0.025)), 0.9)


class Goals(unittest.TestCase):
    def test_the_median_decides_where_nothing_else_is_said(self):
        verdict = goals.judge(goal(0.85), [0.8, 0.9, 0.9])
        self.assertEqual((verdict.good, verdict.needed, verdict.holds), (2, 0, True))
        self.assertFalse(goals.judge(goal(0.85), [0.8, 0.8, 0.9]).holds)

    def test_a_goal_says_how_many_rounds_have_to_reach_it(self):
        nine = [1.0] * 9 + [0.5]
        self.assertEqual(goals.judge(goal(0.95, needs=0.9), nine)[1:], (9, 9, True))
        self.assertEqual(goals.judge(goal(0.95, needs=0.9), nine[1:] + [0.5])[1:], (8, 9, False))
        self.assertEqual(goals.judge(goal(0.95, needs=0.9), [1.0, 1.0, 0.5])[1:], (2, 3, False))
        self.assertEqual(goals.judge(goal(1, needs=0.7), [1.0] * 7 + [0.5] * 3)[1:], (7, 7, True))

    def test_a_limit_is_the_most_or_the_least(self):
        self.assertTrue(goals.judge(goal(0.5, is_most=True), [0.4, 0.5, 0.6]).holds)
        self.assertFalse(goals.judge(goal(0.5, is_most=True), [0.4, 0.51, 0.6]).holds)

    def test_a_lone_client_far_away_is_held_to_a_bare_relay_and_to_the_build_before(self):
        results = {
            (LONE_AWAY, "cachesd"): samples(p50=[1080, 1160]),
            (LONE_AWAY, "bare"): samples(p50=[1050, 1150]),
        }
        far = {row.reference: row for row in goals.goals("unix") if row.point == LONE_AWAY}
        self.assertEqual(goals.numbers_of(results, far["bare"]), [1080 / 1050, 1160 / 1150])
        self.assertEqual(goals.numbers_of(results, far["before"]), [])

    def test_the_bare_relay_is_asked_by_a_lone_client_over_unix_sockets_alone(self):
        self.assertIn("bare", servers_at(LONE_AWAY))
        self.assertNotIn("bare", servers_at(LONE_AWAY._replace(transport="tcp")))
        self.assertNotIn("bare", servers_at(BASE))

    def test_every_goal_has_its_points_in_either_form(self):
        for points in (quick_points(), full_points()):
            results = {(point, server): samples(rate=[1, 1]) for point in points for server in servers_at(point)}
            self.assertTrue(all(goals.numbers_of(results, row) for row in goals.goals("unix")))
        self.assertTrue(all(goals.numbers_of(results, row) for row in goals.goals("tcp")))


class Tables(unittest.TestCase):
    def setUp(self):
        rates, together = [1000 * n for n in TWO], [0.1 if n > 0.9 else 0.57 for n in TWO]
        self.results = {
            (POINT, "redis"): samples(rate=[1000] * 10, with_load=[0.5] * 10),
            (POINT, "cachesd"): samples(rate=rates, cpu=[0.9] * 10, with_redis=together,
                                           with_load=[0.25] * 10),
            (POINT, "near"): samples(rate=[1500] * 10, with_load=[None] * 10),
        }

    def test_every_round_is_shown_in_its_order(self):
        rows = report.round_rows(self.results, POINT)
        self.assertEqual([" ".join(row[:2]).strip() for row in rows],
                         ["redis 1000/s", "CPU µs", "with load",
                          "cachesd rate/redis", "CPU/redis", "with redis", "with load",
                          "near rate/redis", "CPU/redis"])
        numbers = [" ".join(row[2:-1]) for row in rows]
        self.assertEqual(numbers[:3], [" ".join([one] * 10) for one in ("1", "1.00", "0.50")])
        self.assertEqual(numbers[3], "0.75 0.76 1.02 0.74 1.00 0.77 0.76 1.01 0.75 0.99")
        self.assertEqual(numbers[4], " ".join(["0.90"] * 10))
        self.assertEqual(numbers[5], "0.57 0.57 0.10 0.57 0.10 0.57 0.57 0.10 0.57 0.10")
        self.assertEqual(numbers[6], " ".join(["0.25"] * 10))
        self.assertEqual([row[-1] for row in rows], [""] * 3 + ["0.755 in 6, 1 in 4"] + [""] * 5)
        self.assertEqual(report.round_head(rows)[2:], [*map(str, range(1, 11)), "two modes"])

    def test_a_round_in_which_nobody_looked_is_left_out(self):
        self.results[POINT, "redis"][3].with_load = None
        rows = report.round_rows(self.results, POINT)
        self.assertEqual(" ".join(rows[2][2:5] + rows[2][5:7]), "0.50 0.50 0.50 – 0.50")

    def test_goals_tell_how_many_rounds_reach_them(self):
        rows = {(row[0], row[2]): row for row in report.goal_rows(self.results, "unix")}
        row = rows["key.get, throughput, pipeline 1", "≥ 0.95"]
        self.assertEqual(row[4:], ["4 of 10", "9 of 10", "NO"])
        row = rows["key.get, throughput, pipeline 1", "≥ 0.85"]
        self.assertEqual(row[4:], ["4 of 10", "the median", "NO"])

    def test_where_redis_was_not_measured_no_ratio_is_shown(self):
        del self.results[POINT, "redis"]
        self.assertEqual(report.round_rows(self.results, POINT), [])

    def test_a_far_point_is_named_and_has_the_relay_s_cost(self):
        self.assertTrue(report.point_name(LONE_AWAY).endswith("a lone client, pipeline 1, 64 B, Redis 1 ms away"))
        results = {(LONE_AWAY, "redis"): samples(relay_cpu=[7, 7])}
        [(head, rows), _] = [tables for _, tables in report.sections(results)][0]
        self.assertEqual(dict(zip(head, rows[0]))["relay µs"], "7.00")

    def test_no_two_points_have_one_name(self):
        names = [report.point_name(point) for point in full_points()]
        self.assertEqual(len(names), len(set(names)))

    def test_a_sample_takes_each_process_by_its_name(self):
        cpu = lambda ns: {"cpu_ns": ns, "user_ticks": 1, "system_ticks": 3}
        said = {"requests": 10, "rate": 1, "p50_us": 1, "p99_us": 2, "p999_us": 3, "own_cpu_ns": 50_000,
                "watched": {"cachesd": cpu(40_000), "redis": cpu(20_000), "relay": cpu(10_000)},
                "together": {("cachesd", "redis"): 0.25, ("cachesd", "load"): 0.75}}
        sample = report.Sample(said, process_of("near"))
        self.assertEqual((sample.cpu, sample.user, sample.system), (4, 1, 3))
        self.assertEqual((sample.redis_cpu, sample.relay_cpu, sample.load_cpu), (2, 1, 5))
        self.assertEqual((sample.with_redis, sample.with_load), (0.25, 0.75))


class Placement(unittest.TestCase):
    def test_the_share_is_of_the_looks_in_which_both_were_on_one_processor(self):
        seen = placement.Placement({})
        seen.files = dict.fromkeys(("load", "cachesd", "redis"))
        seen.looks = [[stat(0), stat(1), stat(other)] for other in (1, 1, 0, 1)]
        self.assertEqual(seen.together()["cachesd", "redis"], 0.75)
        self.assertEqual(seen.together()["redis", "load"], 0.25)
        self.assertEqual(seen.together()["cachesd", "load"], 0)

    def test_nothing_is_said_where_nothing_was_seen(self):
        seen = placement.Placement({})
        seen.files = dict.fromkeys(("load", "redis"))
        self.assertEqual(seen.together(), {})

    def test_processes_that_are_held_on_processors_are_seen_there(self):
        last = max(os.sched_getaffinity(0))
        busy = [sys.executable, "-c", "while True: pass"]
        pin = lambda cpu: lambda: os.sched_setaffinity(0, {cpu})
        first = min(os.sched_getaffinity(0))
        with contextlib.ExitStack() as stack:
            processes = [stack.enter_context(subprocess.Popen(busy, preexec_fn=pin(cpu)))
                         for cpu in (first, last, last)]
            for process in processes:
                stack.callback(process.kill)
            names = dict(zip(("one", "other", "third"), (process.pid for process in processes)))
            threading.Timer(0.5, processes[0].kill).start()  # whose end ends the watch
            with placement.Placement(names) as seen:
                seen.watch(0.1)
            self.assertGreater(len(seen.looks), 3)
            self.assertEqual(seen.together()["other", "third"], 1)
            self.assertEqual(seen.together()["one", "other"], 1 if first == last else 0)


def stat(processor):
    """As /proc/PID/stat has it, of a program whose name tries to be misread."""
    return b"7 (a) Z 1) R " + b"0 " * 35 + b"%d 0 0" % processor


if __name__ == "__main__":
    unittest.main(verbosity=2)
