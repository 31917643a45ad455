#!/usr/bin/env python3
"""Fails when docs/troubleshooting.md does not explain each code of an error reply, or one that there is not, or when it quotes a text
that no source has."""

import re

import harness

PAGE = harness.ROOT / "docs" / "troubleshooting.md"
CODES = harness.ROOT / "protocol" / "reply.h"


def known():
    """The codes of both tables."""
    lists = re.findall(r"#define \w+_CODES\(X\)((?:.*\\\n)*.*)", CODES.read_text())
    return re.findall(r"X\((\w+)\)", "".join(lists))


def strings():
    """What stands in the sources between quotes, adjoining ones joined."""
    files = [path for folder in ("protocol", "conf", "daemon") for path in (harness.ROOT / folder).rglob("*.[ch]")]
    text = "\n".join(path.read_text() for path in files)
    return re.sub(r'"\s*\n\s*"', "", text)


def main():
    codes = known()
    assert len(codes) > 15, f"are these all? {codes}"
    by_code = PAGE.read_text().partition("\n## By code\n")[2].partition("\n## ")[0]
    explained = re.findall(r"^### `(\w+)`$", by_code, re.M)
    problems = [f"docs/troubleshooting.md does not explain {code}" for code in codes if code not in explained]
    problems += [f"docs/troubleshooting.md explains {code}, which is no code" for code in explained if code not in codes]
    sources = strings()
    quoted = re.findall(r'"([^"\n]+)"', re.sub(r"^```.*?^```$", "", by_code, flags=re.M | re.S))
    assert len(quoted) > 15, f"are these all? {quoted}"
    problems += [f'docs/troubleshooting.md quotes "{text}", and no source has that' for text in quoted if text not in sources]
    assert not problems, "\n" + "\n".join(problems)
    print(f"{len(codes)} codes are explained, {len(quoted)} texts are there")


if __name__ == "__main__":
    main()
