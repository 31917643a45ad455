#!/usr/bin/env python3
"""../../../clients, the languages whose helper is part of their client: each keeps results as the decorators do.

Each has a driver, ../../drivers/clients/cached.*. A language that is not installed is skipped, and says so.
"""

import harness
from cached_every import EveryLanguage
from cached_world import World
from languages import LANGUAGES, Built

HELPERS = "PHP", "Go", "Java", "Lua", "Rust", "C", "Shell", "Tcl"
OF_BYTES = "Rust", "C", "Shell", "Tcl"  # their helpers give bytes, and leave it to the program to read them


class Helpers(Built, EveryLanguage, World):
    """Of the language in `language`."""

    driver = "cached"
    # What these test is that of the client: ../clients/scenario_languages.py.
    test_a_new_daemon_is_found_by_the_next_call = None
    test_a_daemon_that_hangs_is_not_waited_for = None
    test_who_is_asked_to_compute_early_does = None

    def program(self, address=None, *words, **options):
        if address is None and not self.language.has_unix:
            address = f"127.0.0.1:{self.world.port}"
        return super().program(address, *words, **options)

    def command(self):
        return self.language.command("cached", self.built)


for language in LANGUAGES:
    if language.name in HELPERS:
        globals()[language.name] = type(language.name, (Helpers,), {"language": language})
        if language.name in OF_BYTES:
            globals()[language.name].test_a_value_that_cannot_be_read_is_computed_again = None
del Helpers


if __name__ == "__main__":
    harness.main()
