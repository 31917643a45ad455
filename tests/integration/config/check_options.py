#!/usr/bin/env python3
"""Fails when an option of the sample configuration lacks a test of its effect or values."""

import re

import harness
from scenario_option_values import VALUES

SAMPLE = harness.ROOT / "conf" / "cachesd.ini"
TESTS = harness.ROOT / "tests" / "integration"
# So far only checked: what they do comes later.
ONLY_VALUES = set()


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
    without_values = [name for section, name in options if name not in VALUES[section]]
    assert not without_values, f"not in scenario_option_values.py: {', '.join(without_values)}"
    without_test = [
        name
        for _, name in options
        if name not in ONLY_VALUES and not re.search(rf"\b{name} = ", text)
    ]
    assert not without_test, f"options without a test: {', '.join(without_test)}"
    unknown = {(s, name) for s in VALUES for name in VALUES[s]} - set(options)
    assert not unknown, f"tested, and not in the sample: {unknown}"
    print(f"{len(options)} options have their tests")


if __name__ == "__main__":
    main()
