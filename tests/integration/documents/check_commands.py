#!/usr/bin/env python3
"""Fails when a command of the Redis dialect, or a verb that it counts as, does not stand in REDIS.md, or the other
way round. That each has a test is for tests/unit/test_redis_rows.c to say."""

import re

import harness

ROWS = harness.ROOT / "protocol" / "redis"
DOCUMENT = harness.ROOT / "protocol" / "REDIS.md"
COMMAND_ROW = re.compile(r"^\| `([A-Z_-]+)` \| (`.+?`) \|", re.MULTILINE)
REFUSED_ROW = re.compile(r"^\| (`[A-Z_-]+`(?:, `[A-Z_-]+`)*) \| (.+) \|$", re.MULTILINE)


def rows(is_refused):
    files = [path for path in ROWS.glob("*.c") if (path.stem == "refused") == is_refused]
    return {name for path in files for name in re.findall(r'\.name = "([A-Z_-]+)"', path.read_text())}


def quoted(text):
    return set(re.findall(r"`([^`]+)`", text))


def compare(what, wanted, told):
    return [f"REDIS.md lacks {what} {name}" for name in sorted(wanted - told)] + [
        f"REDIS.md has {what} {name}, which is none" for name in sorted(told - wanted)
    ]


def known_verbs():
    with harness.World() as world:
        daemon = world.daemon()
        texts = daemon.call("help").decode(), daemon.call("help", "redis").decode()
    lines = [line for text in texts for line in text.partition("\n\n")[0].splitlines()[::2]]
    return {line.split()[0] for line in lines}


def main():
    commands, _, refused = DOCUMENT.read_text().partition("## Refused")
    told = dict(COMMAND_ROW.findall(commands))
    problems = compare("the command", rows(is_refused=False), set(told))
    problems += compare(
        "the refused command", rows(is_refused=True),
        {name for names, _ in REFUSED_ROW.findall(refused) for name in quoted(names)},
    )
    verbs = known_verbs()
    counted = {verb for cell in told.values() for verb in quoted(cell)}
    problems += [f"REDIS.md has {verb}, which is no verb" for verb in sorted(counted - verbs)]
    own = {verb for verb in verbs if verb.startswith("redis.")}
    by_daemon = {f"redis.{name.lower()}" for name in daemon_rows()}
    problems += [f"REDIS.md lacks the verb {verb}" for verb in sorted(own - counted - by_daemon)]
    problems += [f"REDIS.md lacks {name}" for name in sorted(own_rows()) if f"`{name}`" not in commands]
    assert not problems, "\n".join(problems)
    print(f"{len(told)} commands stand in REDIS.md")


def daemon_rows():
    """The commands that the daemon answers itself."""
    files = (harness.ROOT / "daemon" / "redis").glob("*.c")
    return {name for path in files for name in re.findall(r'\.name = "([A-Z_-]+)"', path.read_text())}


def own_rows():
    """Those of daemon/redis/own_rows.h. A subcommand that is refused has but a name."""
    texts = [path.read_text() for path in (harness.ROOT / "daemon" / "redis").glob("*.c")]
    rows = [text.partition("const struct redis_row own_")[2] for text in texts]
    return {name for text in rows for name in re.findall(r'\.name = "([A-Z_-]+)",', text)}


if __name__ == "__main__":
    main()
