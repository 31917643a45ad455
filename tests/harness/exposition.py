"""Metrics as Prometheus reads them, read strictly: the text format 0.0.4 and OpenMetrics 1.0."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (-?\d+(?:\.\d+)?)")
ENDINGS = {"counter": ("_total",), "info": ("_info",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


class Family:
    def __init__(self, name, kind):
        self.name, self.kind, self.samples = name, kind, {}


def labels_of(text):
    pairs = re.findall(r'([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"', text or "")
    assert len({name for name, _ in pairs}) == len(pairs), text
    return tuple((name, re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], value)) for name, value in pairs)


def parse(text, endings):
    """{name as queries say it: Family}"""
    families, family, helped = {}, None, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = re.fullmatch(rf"# HELP ({NAME}) (\S.*)", line)[1]
        elif line.startswith("# TYPE "):
            name, kind = re.fullmatch(rf"# TYPE ({NAME}) (\w+)", line).groups()
            assert name == helped, f"{name} has no help before it"
            whole = name + (endings[kind][0] if kind in ("counter", "info") else "")
            assert whole not in families, f"{whole} comes twice"
            family = families[whole] = Family(name, kind)
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name in {family.name + ending for ending in endings[family.kind]}, line
            key = (name, labels_of(labels))
            assert key not in family.samples, f"{line} comes twice"
            family.samples[key] = float(value)
    for family in families.values():
        if family.kind == "histogram":
            check_histogram(family)
    return families


def check_histogram(family):
    """Buckets grow up to +Inf, which is the count."""
    last, bound = {}, {}
    for (name, labels), value in family.samples.items():
        others = tuple(pair for pair in labels if pair[0] != "le")
        if name.endswith("_bucket"):
            le = float(dict(labels)["le"])
            assert le > bound.get(others, 0) and value >= last.get(others, 0), (name, labels)
            bound[others], last[others] = le, value
        elif name.endswith("_count"):
            assert bound[others] == float("inf") and last[others] == value, (name, labels)


def parse_text(text):
    plain = {**ENDINGS, "counter": ("",)}
    return parse(text, plain)


def parse_openmetrics(text):
    assert text.endswith("\n# EOF\n"), text[-20:]
    return parse(text[: -len("# EOF\n")], ENDINGS)


def value(families, name, labels):
    """Of the only sample that has these labels; 0: there is none."""
    wanted = set(labels.items())
    found = [
        number
        for family in families.values()
        for (sample, pairs), number in family.samples.items()
        if sample == name and set(pairs) == wanted
    ]
    assert len(found) <= 1, (name, labels, found)
    return found[0] if found else 0


def shape(family):
    """(type, the names of all labels but a histogram's own)"""
    kind = "info" if family.name.endswith("_info") else family.kind
    return kind, {name for _, labels in family.samples for name, _ in labels} - {"le"}
