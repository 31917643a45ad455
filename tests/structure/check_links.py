#!/usr/bin/env python3
"""Fails when a link between the Markdown files leads nowhere."""

import sys
from pathlib import Path

import links

ROOT = Path(__file__).resolve().parents[2]


def main():
    names = links.documents(ROOT)
    assert len(names) > 20, f"are these all? {names}"
    problems = list(links.problems_of(ROOT, names))
    print("\n".join(problems) or f"the links of {len(names)} documents lead somewhere")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
