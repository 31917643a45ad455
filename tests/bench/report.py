"""From samples to tables: medians, ratios within a round, and whether the goals hold."""

import collections
import os
import statistics

import plot
from points import BASE, LATENCY, servers_at

Head = collections.namedtuple("Head", "args rounds seconds took others")
Goal = collections.namedtuple("Goal", "name point server reference measure limit is_most")


class Sample:
    """One run of the load generator: throughput, latencies, CPU time a request."""

    def __init__(self, said):
        requests = said["requests"]
        self.rate = said["rate"]
        self.p50, self.p99, self.p999 = said["p50_us"], said["p99_us"], said["p999_us"]
        self.load_cpu = said["own_cpu_ns"] / requests / 1000
        watched = said["watched"]
        self.cpu = watched[0]["cpu_ns"] / requests / 1000  # µs, of the server asked
        ticks = watched[0]["user_ticks"] + watched[0]["system_ticks"]
        self.user = self.cpu * watched[0]["user_ticks"] / ticks if ticks else self.cpu
        self.system = self.cpu - self.user
        self.redis_cpu = watched[-1]["cpu_ns"] / requests / 1000


def goals(transport):
    """The floors that were set, as rows. `added`: a difference in µs, else a ratio."""
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
        ("added p99 at 1,000/s, µs", latency, "cachesd", "redis", "added", 60, True),
    ]
    return [Goal(*row) for row in rows]


def point_name(point):
    """As `key.get unix 50 clients, pipeline 16, 64 B`."""
    size = f"{point.size // 1024} KB" if point.size >= 1024 else f"{point.size} B"
    rate = f", {point.rate:,}/s" if point.rate else ""
    return (f"{point.operation} {point.transport} {point.clients:,} clients, "
            f"pipeline {point.pipeline}, {size}{rate}")


def compare(samples, references, measure):
    """Of each round one number: how the one did against the other."""
    if measure == "added":
        return [a.p99 - b.p99 for a, b in zip(samples, references)]
    return [getattr(a, measure) / getattr(b, measure) for a, b in zip(samples, references)]


def spread(numbers, form="{:.2f}"):
    """Median (least–largest)."""
    middle, least, most = statistics.median(numbers), min(numbers), max(numbers)
    return f"{form.format(middle)} ({form.format(least)}–{form.format(most)})"


def median(samples, name):
    return statistics.median(getattr(sample, name) for sample in samples)


def goal_rows(results, transport):
    rows = []
    for goal in goals(transport):
        mine, other = results.get((goal.point, goal.server)), results.get(
            (goal.point, goal.reference))
        if not mine or not other:
            continue
        numbers = compare(mine, other, goal.measure)
        middle = statistics.median(numbers)
        holds = middle <= goal.limit if goal.is_most else middle >= goal.limit
        form = "{:.0f}" if goal.measure == "added" else "{:.3f}"
        limit = ("≤ " if goal.is_most else "≥ ") + f"{goal.limit:.3g}"
        rows.append([goal.name, goal.reference, limit, spread(numbers, form),
                     "yes" if holds else "NO"])
    return rows


def point_rows(results, point):
    rows = []
    for server in servers_at(point):
        samples = results.get((point, server))
        if not samples:
            continue
        row = [server, f"{median(samples, 'rate') / 1000:,.1f}"]
        row += [f"{median(samples, name):,.0f}" for name in ("p50", "p99", "p999")]
        row += [f"{median(samples, 'cpu'):.2f}"]
        row += [f"{median(samples, 'user'):.2f}+{median(samples, 'system'):.2f}"]
        row += [f"{median(samples, 'redis_cpu'):.2f}", f"{median(samples, 'load_cpu'):.2f}"]
        for reference in ("twemproxy", "redis"):
            others = results.get((point, reference))
            if not others:
                row += ["n/a", "n/a"]
            elif reference == server:
                row += ["1", "1"]
            else:
                row += [spread(compare(samples, others, name)) for name in ("cpu", "rate")]
        rows.append(row)
    return rows


GOAL_HEAD = ["what", "against", "goal", "measured", "holds"]
POINT_HEAD = ["server", "1000/s", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs", "user+system",
              "redis µs", "load µs", "CPU/twemproxy", "rate/twemproxy", "CPU/redis", "rate/redis"]


def markdown(head, rows):
    lines = [f"| {' | '.join(row)} |" for row in [head] + rows]
    return [lines[0], "|" + "---|" * len(head)] + lines[1:]


def text(head, rows):
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
            for row in [head] + rows]


def points_of(results):
    return list(dict.fromkeys(point for point, _ in results))


def sections(results):
    """(title, head, rows) of every table."""
    for transport in ("unix", "tcp"):
        rows = goal_rows(results, transport)
        if rows:
            yield f"Goals, over {transport}: 50 clients, 64 B", GOAL_HEAD, rows
    for point in points_of(results):
        yield point_name(point), POINT_HEAD, point_rows(results, point)


def preface(head):
    mode = "quick" if head.args.quick else "full"
    return (
        f"{mode.capitalize()} form: {head.rounds} rounds, {head.seconds} s a measurement, "
        f"{head.took:.0f} s in all, seed {head.args.seed}. {os.cpu_count()} cores, of which other "
        f"processes took {head.others:.2f}{' (TOO MUCH: repeat)' if head.others > 0.2 else ''}. "
        "CPU is that of the server asked, in µs a request, redis µs that of redis-server behind "
        "it. Ratios are medians of those within a round (least–largest)."
    )


PLOTTED = [
    ("get, 1", BASE._replace(pipeline=1)),
    ("get, 16", BASE),
    ("get, 64", BASE._replace(pipeline=64)),
    ("set, 16", BASE._replace(operation="key.set")),
    ("dict.set, 16", BASE._replace(operation="dict.set")),
    ("mget of 100, 1", BASE._replace(operation="key.mget", pipeline=1)),
    ("memo.get, 16", BASE._replace(operation="memo.get")),
]
PANELS = [
    ("CPU of the server a request, against redis-server (less is better)", "cpu"),
    ("Requests a second, against redis-server (more is better)", "rate"),
]


def panel(results, title, measure):
    groups = []
    for label, point in PLOTTED:
        references = results.get((point, "redis"))
        bars = {
            server: compare(results[point, server], references, measure)
            for server in ("twemproxy", "cachesd", "near")
            if references and (point, server) in results
        }
        if bars:
            groups.append((label, bars))
    return title, groups


def write(head, results, folder):
    tables = list(sections(results))
    print(preface(head))
    for title, names, rows in tables:
        print("\n" + title, *text(names, rows), sep="\n")
    parts = ["# Benchmark\n", preface(head), "\n![ratios to redis-server](bench.svg)"]
    for title, names, rows in tables:
        parts += [f"\n## {title}\n", *markdown(names, rows)]
    (folder / "bench.md").write_text("\n".join(parts) + "\n")
    panels = [panel(results, title, measure) for title, measure in PANELS]
    (folder / "bench.svg").write_text(
        plot.draw(panels, "50 clients, Unix socket, 64-byte values; the number is the pipeline"))
    print(f"\n{folder}/bench.md, {folder}/bench.svg")
