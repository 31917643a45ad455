"""The rows of the Redis dialect, as protocol/redis has them, and a request for each of them."""

import re

import harness

ROWS = harness.ROOT / "protocol" / "redis"
SAMPLES = harness.ROOT / "tests" / "unit" / "redis_rows.inc"
MACRO = re.compile(r'\{"([^"]+)", (?:[A-Z]+\()?"([^"]+)"')


def names(refused=False):
    """The commands that a backend answers, or those that are refused."""
    files = [path for path in ROWS.glob("*.c") if (path.stem == "refused") == refused]
    found = {name for path in files for name in re.findall(r'\.name = "([A-Z_-]+)"', path.read_text())}
    assert found, ROWS
    return sorted(found)


def samples():
    """Pairs of a request, and the command that it becomes under the prefix p:."""
    for line in SAMPLES.read_text().splitlines():
        found = MACRO.match(line)
        if found:
            sent = found[2].split("; ")
            yield found[1].split(), sent[1 if sent[0] == "MULTI" else 0].split()
