"""From samples to tables: medians, ratios within a round, and whether the goals hold."""

import collections
import os
import statistics

import modes
import plot
from goals import goals, judge, numbers_of, ratios
from points import BASE, KB, MB, is_near, servers_at

Head = collections.namedtuple("Head", "args rounds seconds took others")


class Sample:
    """One run of the load generator: throughput, latencies, CPU time a request. `name` is that of the server's
    process."""

    def __init__(self, said, name):
        requests = said["requests"]
        self.rate = said["rate"]
        self.p50, self.p99, self.p999 = said["p50_us"], said["p99_us"], said["p999_us"]
        self.load_cpu = said["own_cpu_ns"] / requests / 1000
        watched = {name: one["cpu_ns"] / requests / 1000 for name, one in said["watched"].items()}
        self.cpu = watched[name]  # µs, of the server asked
        user, system = said["watched"][name]["user_ticks"], said["watched"][name]["system_ticks"]
        self.user = self.cpu * user / (user + system) if user + system else self.cpu
        self.system = self.cpu - self.user
        self.redis_cpu = watched["redis"]
        self.relay_cpu = watched.get("relay", 0)
        self.with_redis = said["together"].get((name, "redis"))  # shares; None where nothing was seen
        self.with_load = said["together"].get((name, "load"))


def size_name(size):
    for unit, name in ((MB, "MB"), (KB, "KB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def point_name(point):
    """As `key.get unix 50 clients, pipeline 16, 64 B`."""
    clients = "a lone client" if point.clients == 1 else f"{point.clients:,} clients"
    rate = f", {point.rate:,}/s" if point.rate else ""
    away = f", Redis {point.away / 1000:g} ms away" if point.away else ""
    return (f"{point.operation} {point.transport} {clients}, "
            f"pipeline {point.pipeline}, {size_name(point.size)}{rate}{away}")


def spread(numbers, form="{:.2f}"):
    """Median (least–largest)."""
    middle, least, most = statistics.median(numbers), min(numbers), max(numbers)
    return f"{form.format(middle)} ({form.format(least)}–{form.format(most)})"


def median(samples, name):
    return statistics.median(getattr(sample, name) for sample in samples)


def goal_rows(results, transport):
    rows = []
    for goal in goals(transport):
        numbers = numbers_of(results, goal)
        if not numbers:
            continue
        verdict = judge(goal, numbers)
        form = "{:.0f}" if goal.measure == "added p99" else "{:.3f}"
        limit = ("≤ " if goal.is_most else "≥ ") + f"{goal.limit:.3g}"
        needed = f"{verdict.needed} of {len(numbers)}" if verdict.needed else "the median"
        rows.append([goal.name, goal.reference, limit, spread(numbers, form),
                     f"{verdict.good} of {len(numbers)}", needed, "yes" if verdict.holds else "NO"])
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
                row += [spread(ratios(samples, others, name)) for name in ("cpu", "rate")]
        row += [f"{median(samples, 'relay_cpu'):.2f}"] if point.away else []
        rows.append(row)
    return rows


def lines_of(results, point, server):
    """(what, form, a number of each round) of a server: redis-server's own figures, the others' ratios to it; and how
    often it shared a processor with redis-server, where that is behind it, and with the load generator."""
    samples, references = results[point, server], results[point, "redis"]
    if server == "redis":
        yield "1000/s", "{:.4g}", [sample.rate / 1000 for sample in samples]
        yield "CPU µs", "{:.2f}", [sample.cpu for sample in samples]
    else:
        yield "rate/redis", "{:.2f}", ratios(samples, references, "rate")
        yield "CPU/redis", "{:.2f}", ratios(samples, references, "cpu")
        if not is_near(server):
            yield "with redis", "{:.2f}", [sample.with_redis for sample in samples]
    yield "with load", "{:.2f}", [sample.with_load for sample in samples]


def round_rows(results, point):
    """A row for each figure of each server, with a column for each round; and the modes of the figures."""
    rows = []
    for server in servers_at(point):
        if (point, server) not in results or (point, "redis") not in results:
            continue
        name = server
        for what, form, numbers in lines_of(results, point, server):
            if numbers == [None] * len(numbers):
                continue
            cells = ["–" if number is None else form.format(number) for number in numbers]
            rows.append([name, what, *cells, "" if what.startswith("with") else modes.describe(numbers)])
            name = ""
    return rows


def round_head(rows):
    return ["round by round", "", *map(str, range(1, len(rows[0]) - 2)), "two modes"] if rows else []


GOAL_HEAD = ["what", "against", "goal", "measured", "rounds", "needed", "holds"]
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
    """(title, [(head, rows) of each table]) of every section."""
    for transport in ("unix", "tcp"):
        rows = goal_rows(results, transport)
        if rows:
            yield f"Goals, over {transport}: 50 clients, 64 B where nothing else is said", [(GOAL_HEAD, rows)]
    for point in points_of(results):
        head = POINT_HEAD + (["relay µs"] if point.away else [])
        rounds = round_rows(results, point)
        tables = [(head, point_rows(results, point)), (round_head(rounds), rounds)]
        yield point_name(point), [(head, rows) for head, rows in tables if rows]


def preface(head):
    mode = "quick" if head.args.quick else "full"
    return (
        f"{mode.capitalize()} form: {head.rounds} rounds, {head.seconds} s a measurement, "
        f"{head.took:.0f} s in all, seed {head.args.seed}. {os.cpu_count()} cores, of which other "
        f"processes took {head.others:.2f}{' (TOO MUCH: repeat)' if head.others > 0.2 else ''}. "
        "CPU is that of the server asked, in µs a request, redis µs that of redis-server behind "
        "it. Ratios are medians of those within a round (least–largest). Round by round, \"with redis\" and \"with "
        "load\" are how often the server was on one processor with redis-server, and with the load generator."
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
            server: ratios(results[point, server], references, measure)
            for server in ("twemproxy", "cachesd", "near", "dialect", "dialect near")
            if references and (point, server) in results
        }
        if bars:
            groups.append((label, bars))
    return title, groups


def write(head, results, folder):
    parts = ["# Benchmark\n", preface(head), "\n![ratios to redis-server](bench.svg)"]
    print(preface(head))
    for title, tables in sections(results):
        print("\n" + title)
        parts.append(f"\n## {title}")
        for names, rows in tables:
            print(*text(names, rows), sep="\n")
            parts += ["", *markdown(names, rows)]
    (folder / "bench.md").write_text("\n".join(parts) + "\n")
    panels = [panel(results, title, measure) for title, measure in PANELS]
    (folder / "bench.svg").write_text(
        plot.draw(panels, "50 clients, Unix socket, 64-byte values; the number is the pipeline"))
    print(f"\n{folder}/bench.md, {folder}/bench.svg")
