#!/usr/bin/env python3
"""The probes in the binary, where it was built with them: names and arguments as EVENTS.md has them."""

import pathlib
import re
import subprocess
import unittest

import harness

BUILD = pathlib.Path(harness.CACHESD).resolve().parent
HEADER = r"^HAS_SDT:INTERNAL=1$"
OPTION = r"^PROBES:BOOL=ON$"


def has_probes():
    cache = (BUILD / "CMakeCache.txt").read_text()
    return all(re.search(line, cache, re.MULTILINE) for line in (HEADER, OPTION))


def documented():
    """The probes of EVENTS.md."""
    text = (harness.ROOT / "docs" / "EVENTS.md").read_text().partition("## Probes")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


def built():
    """Provider, name and number of arguments of each place in the binary."""
    notes = subprocess.run(["readelf", "-n", "-W", harness.CACHESD], stdout=subprocess.PIPE, text=True, check=True)
    places = re.findall(r"Provider: (\S+)\s+Name: (\S+)\s+.*\s+Arguments: (.*)", notes.stdout)
    return [(provider, name, len(arguments.split())) for provider, name, arguments in places]


class Probes(unittest.TestCase):
    @unittest.skipUnless(has_probes(), "built without probes")
    def test_the_binary_has_the_probes_that_are_documented(self):
        found = built()
        self.assertEqual({name for _, name, _ in found}, documented())
        self.assertEqual({(provider, count) for provider, _, count in found}, {("cachesd", 3)})

    @unittest.skipIf(has_probes(), "built with probes")
    def test_without_the_header_there_are_none(self):
        self.assertEqual(built(), [])


if __name__ == "__main__":
    harness.main()
