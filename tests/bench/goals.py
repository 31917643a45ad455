"""The floors that were set, and whether the rounds of a run reach them."""

import collections
import math
import statistics

from points import BASE, LARGE, LATENCY, LONE, LONE_AWAY

# `measure`: of a sample, as a ratio to the reference's; or a function of MEASURES. `needs`: the share of the rounds
# that have to hold; 0: the median has to.
Goal = collections.namedtuple("Goal", "name point server reference measure limit is_most needs", defaults=[0])
Verdict = collections.namedtuple("Verdict", "numbers good needed holds")


def added_p99(results, goal):
    """µs that the server adds to the reference's p99."""
    return [a.p99 - b.p99 for a, b in zip(results[goal.point, goal.server], results[goal.point, goal.reference])]


MEASURES = {"added p99": added_p99}


def ratios(samples, references, measure):
    """Of each round one number: how the one did against the other."""
    return [getattr(a, measure) / getattr(b, measure) for a, b in zip(samples, references)]


def goals(transport):
    base = BASE._replace(transport=transport)
    at = {depth: base._replace(pipeline=depth) for depth in (1, 16, 64)}
    write = base._replace(operation="key.set")
    latency = LATENCY._replace(transport=transport)
    rows = [
        ("key.get, CPU, pipeline 1", at[1], "cachesd", "twemproxy", "cpu", 0.8, True),
        ("key.get, CPU, pipeline 16", at[16], "cachesd", "twemproxy", "cpu", 1 / 4, True),
        ("key.get, CPU, pipeline 64", at[64], "cachesd", "twemproxy", "cpu", 1 / 8, True),
        ("key.set with ttl, CPU, pipeline 16", write, "cachesd", "twemproxy", "cpu", 0.3, True),
        ("key.get, throughput, pipeline 1", at[1], "cachesd", "redis", "rate", 0.85, False),
        ("near, CPU, pipeline 16", at[16], "near", "redis", "cpu", 0.5, True),
        ("near, CPU, pipeline 64", at[64], "near", "redis", "cpu", 0.4, True),
        ("near, throughput, pipeline 16", at[16], "near", "redis", "rate", 1.7, False),
        ("added p99 at 1,000/s, µs", latency, "cachesd", "redis", "added p99", 60, True),
    ]
    if transport == "unix":
        rows += [
            ("key.get, throughput, pipeline 1", at[1], "cachesd", "redis", "rate", 0.95, False, 0.9),
            # 5.8 µs where redis-server itself needs 6.8.
            ("key.get, CPU, pipeline 1", at[1], "cachesd", "redis", "cpu", 0.853, True),
            ("near, CPU, pipeline 1", at[1], "near", "redis", "cpu", 0.9, True),
            ("near, CPU, pipeline 64, 4 KB", LARGE, "near", "cachesd", "cpu", 0.5, True),
            ("lone client, p50, Redis 1 ms away", LONE_AWAY, "cachesd", "bare", "p50", 1.03, True),
            ("lone client, p50", LONE, "cachesd", "before", "p50", 1.1, True),
            ("lone client, p99", LONE, "cachesd", "before", "p99", 1, True),
            ("lone client, p50, Redis 1 ms away", LONE_AWAY, "cachesd", "before", "p50", 1.03, True),
        ]
    return [Goal(*row) for row in rows]


def numbers_of(results, goal):
    """One number of each round; none where something was not measured."""
    try:
        if goal.measure in MEASURES:
            return MEASURES[goal.measure](results, goal)
        return ratios(results[goal.point, goal.server], results[goal.point, goal.reference], goal.measure)
    except KeyError:
        return []


def judge(goal, numbers):
    """In how many rounds the goal was reached, how many have to (0: the median has to), and whether it holds."""
    reaches = (lambda n: n <= goal.limit) if goal.is_most else (lambda n: n >= goal.limit)
    good = sum(map(reaches, numbers))
    needed = math.ceil(goal.needs * len(numbers) - 1e-9)  # 0.7 × 10 is more than 7 to a computer
    holds = good >= needed if needed else reaches(statistics.median(numbers))
    return Verdict(numbers, good, needed, holds)
