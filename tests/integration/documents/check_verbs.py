#!/usr/bin/env python3
"""Fails when a verb that `help` knows has no .session, or is not in the documents, or when the tests
do not know what it does."""

import re

import harness
import verbs

SESSIONS = harness.ROOT / "tests" / "integration" / "verbs"


def rows():
    """Each verb's syntax and summary, as `help` has them from the verb's row."""
    with harness.World() as world:
        lines = world.daemon().call("help").decode().partition("\n\n")[0].splitlines()
    return list(zip(lines[::2], (line.strip() for line in lines[1::2])))


def main():
    known = rows()
    assert len(known) > 50, f"is this help? {known!r}"
    protocol = (harness.ROOT / "protocol" / "PROTOCOL.md").read_text()
    readme = (harness.ROOT / "README.md").read_text()
    types = (harness.ROOT / "clients" / "javascript" / "cachesd.d.ts").read_text()
    problems = []
    for syntax, summary in known:
        verb = syntax.split()[0]
        escaped = syntax.replace("|", "\\|")
        if not (SESSIONS / f"{verb}.session").exists():
            problems.append(f"{verb} has no .session in tests/integration/verbs")
        if f"| `{escaped}` | {summary} |" not in protocol:
            problems.append(f"PROTOCOL.md has no row: | `{escaped}` | {summary} |")
        if f"`{verb}`" not in readme:
            problems.append(f"README.md does not name `{verb}`")
        if verbs.Verb(syntax).has_namespace and verb not in verbs.ADMIN and not re.search(rf"^  '?{verb}'?: ", types, re.M):
            problems.append(f"clients/javascript/cachesd.d.ts does not say what {verb} replies")
        if verbs.Verb(syntax).has_namespace and verb not in verbs.READS | verbs.WRITES | verbs.ADMIN:
            problems.append(f"tests/harness/verbs.py has {verb} neither in READS nor in WRITES")
    names = {syntax.split()[0] for syntax, _ in known}
    problems += [f"tests/harness/verbs.py has {verb}, which `help` does not know"
                 for verb in sorted((verbs.READS | verbs.WRITES) - names)]
    assert not problems, "what a new verb needs besides its row:\n" + "\n".join(problems)
    print(f"{len(known)} verbs have their sessions and documents")


if __name__ == "__main__":
    main()
