#!/usr/bin/env python3
"""../../../clients: whoever shows a client, as a log or an error does, shows no token.

Each language that shows objects by itself has a driver, ../../drivers/clients/shown.*. One that is not installed is skipped, and
says so.
"""

import unittest

import harness
from languages import ENVIRONMENT, LANGUAGES, USER_INI, Built



class Shown(Built, unittest.TestCase):
    """Of the language in `language`."""

    driver = "shown"

    def test_a_client_is_shown_without_its_token(self):
        with harness.World() as world:
            world.redis()
            env = {**ENVIRONMENT, "CACHESD_ADDRESS": world.daemon(USER_INI).path}
            done = harness.run(*self.language.command(self.driver, self.built), env=env)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.strip())
        self.assertNotIn("secret", done.stdout)


for language in LANGUAGES:
    if language.name in ("Go", "Java", "JavaScript", "PHP", "Python", "Ruby"):
        globals()[language.name] = type(language.name, (Shown,), {"language": language})
del Shown


if __name__ == "__main__":
    harness.main()
