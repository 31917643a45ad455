#!/usr/bin/env python3
"""Fails when a verb that `help` knows has no .session file."""

import harness


def main():
    with harness.World() as world:
        text = world.daemon().call("help").decode()
    verbs = [line.split()[0] for line in text.splitlines() if line and not line.startswith(" ")]
    assert len(verbs) > 50, f"is this help? {text!r}"
    missing = [verb for verb in verbs if not (harness.HERE / f"{verb}.session").exists()]
    assert not missing, f"verbs without a .session: {', '.join(missing)}"
    print(f"{len(verbs)} verbs have their sessions")


if __name__ == "__main__":
    main()
