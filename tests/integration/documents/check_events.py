#!/usr/bin/env python3
"""Fails when EVENTS.md and the table of events (daemon/loop/log_event.c) do not say the same, or when
an event is told nowhere, or when the journal's catalogue lacks one that has an id."""

import re

import harness

DAEMON = harness.ROOT / "daemon"
TABLE = DAEMON / "loop" / "log_event.c"
DOCUMENT = harness.ROOT / "docs" / "EVENTS.md"
CATALOGUE = harness.ROOT / "systemd" / "cachesd.catalog"


def texts_of(source, macros):
    """What C makes of the adjoining strings and macros of one initializer."""
    text = ""
    for string, macro in re.findall(r'"((?:[^"\\]|\\.)*)"|([A-Z_]+)', source):
        text += string if not macro else macros[macro]
    return text


def rows():
    """Each event of the table: the enumerator, its name, level, values, those that stand in its
    subject and text, and its id."""
    source = TABLE.read_text()
    macros = {}
    for name, value in re.findall(r"#define ([A-Z]+) +(.*)", source):
        macros[name] = texts_of(value, macros)
    table = source.partition("log_events[LOG_EVENTS] = {")[2]
    for event, body in re.findall(r"\[(LOG_\w+)\] =\s*\{(.*?)\},\n", table, re.DOTALL):
        name, level = re.match(r'"(\w+)",\s*LOG_LEVEL_(\w+)', body).groups()
        members = {
            member: texts_of(value, macros)
            for member, value in re.findall(
                r'\.(\w+) =((?:\s*(?:"(?:[^"\\]|\\.)*"|[A-Z_]+))+)', body)
        }
        found = {m: re.findall(r"\{(\w+)\}", t) for m, t in members.items()}
        identity = found.get("subject", []) + found["text"]
        values = list(dict.fromkeys(identity + found.get("detail", [])))
        yield event, name, level.lower(), values, identity, members.get("message_id")


def documented():
    """Each row of the document's last table: name, level, whether it is counted, values."""
    text = DOCUMENT.read_text().partition("## All events")[2]
    for name, level, values in re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*)\|", text, re.MULTILINE):
        yield name, level, [value.strip() for value in values.split(",") if value.strip()]


def problems_of(row, document, sources):
    event, name, level, values, identity, message_id = row
    if name not in document:
        yield f"EVENTS.md has no row for `{name}`"
        return
    said_level, said = document[name]
    is_counted = said_level.endswith(", counted")
    said_level = said_level.removesuffix(", counted")
    bold = {value.strip("*") for value in said if value.startswith("**")}
    plain = [value.strip("*") for value in said]
    if "peer" in values:  # session_complain() adds the user
        values = list(dict.fromkeys([*values, "user"]))
    if said_level not in (level, "as the latest"):
        yield f"EVENTS.md has the level {said_level} for `{name}`, which is {level}"
    if sorted(plain) != sorted(values):
        yield f"EVENTS.md has the values {', '.join(plain)} for `{name}`, which are {', '.join(values)}"
    if bold != (set(identity) if is_counted else set()):
        yield f"of the values of `{name}`, in EVENTS.md {sorted(bold)} are bold, and not {sorted(set(identity))}"
    if not re.search(rf"\b{event}\b", sources):
        yield f"{event} is told nowhere"
    if message_id and f"-- {message_id}\n" not in CATALOGUE.read_text():
        yield f"systemd/cachesd.catalog has no entry -- {message_id} for `{name}`"


def main():
    table = list(rows())
    assert len(table) > 50, f"is this the table? {table}"
    document = {name: (level, values) for name, level, values in documented()}
    sources = "\n".join(f.read_text() for f in DAEMON.rglob("*.c") if f != TABLE)
    problems = [p for row in table for p in problems_of(row, document, sources)]
    known = {row[1] for row in table}
    problems += [f"EVENTS.md has `{name}`, which is no event" for name in document if name not in known]
    fields = set(re.findall(r'X\(\w+, "(\w+)"\)', (DAEMON / "loop" / "log_event.h").read_text()))
    used = {value for row in table for value in row[3]} | {"user", "count", "seconds", "state"}
    problems += [f"the field {field} belongs to no event" for field in sorted(fields - used)]
    assert not problems, "\n" + "\n".join(problems)
    print(f"{len(table)} events are documented")


if __name__ == "__main__":
    main()
