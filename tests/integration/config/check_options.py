#!/usr/bin/env python3
"""Fails when an option of the sample configuration lacks a test of its effect or values, or is not
among the words that the fuzzer of the settings tries."""

import re

import harness
from scenario_option_values import VALUES

SAMPLE = harness.ROOT / "conf" / "cachesd.ini"
TESTS = harness.ROOT / "tests" / "integration"
FUZZED = harness.ROOT / "tests" / "fuzz" / "settings.dict"


def options_of(text):
    """Pairs of section and option, those included that are commented out."""
    section, found = None, []
    for line in text.splitlines():
        heading = re.match(r";?\[(\w+)", line)
        option = re.match(r";?(\w+) =", line)
        if heading:
            section = heading[1]
        elif option:
            found.append((section, option[1]))
    return found


def tests_that_use():
    """The text of all sessions and scenarios, but the one that tries values only."""
    files = [*TESTS.rglob("*.session"), *TESTS.rglob("scenario_*.py")]
    texts = [f.read_text() for f in files if f.name != "scenario_option_values.py"]
    return "\n".join(texts) + harness.INI


def main():
    options = options_of(SAMPLE.read_text())
    assert len(options) > 35, f"is this the sample? {options}"
    text = tests_that_use()
    words = FUZZED.read_text()
    problems = []
    for section, name in options:
        if name not in VALUES[section]:
            problems.append(f"{name} has no values in tests/integration/config/scenario_option_values.py")
        if not re.search(rf"\b{name} = ", text):
            problems.append(f"no session or scenario of tests/integration shows what `{name} = ` does")
        if f'"{name}"\n' not in words:
            problems.append(f'tests/fuzz/settings.dict lacks "{name}"')
    for section, name in sorted({(s, name) for s in VALUES for name in VALUES[s]} - set(options)):
        problems.append(f"{name} has values to test, and is not in conf/cachesd.ini under [{section}]")
    assert not problems, "what a new option needs besides its row:\n" + "\n".join(problems)
    print(f"{len(options)} options have their tests")


if __name__ == "__main__":
    main()
