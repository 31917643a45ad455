#!/usr/bin/env python3
"""The first program of each ../../../clients/*/README.md, run as a newcomer does.

That is beside a copy of the client, with a daemon where it usually is.
"""

import os
import re
import shutil
import unittest

import harness
from languages import CLIENTS, ENVIRONMENT, LANGUAGES

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
[namespace demo]
"""


class FirstValues(harness.TestCase):
    def run_first(self, language):
        fence, file, command = language.first
        source = CLIENTS / language.folder
        folder = f"{self.world.folder}/{language.folder}"
        shutil.copytree(source, folder)
        program = re.search(rf"```{fence}\n(.*?)```", (source / "README.md").read_text(), re.S)[1]
        os.makedirs(os.path.dirname(f"{folder}/{file}"), exist_ok=True)
        with open(f"{folder}/{file}", "w") as output:
            output.write(program)
        env = {**ENVIRONMENT, **self.world.environment, "HOME": os.environ.get("HOME", "/")}
        if not language.has_unix:
            env["CACHESD_ADDRESS"] = f"127.0.0.1:{self.world.port}"
        done = harness.run("sh", "-c", f"cd {folder} && {command}", env=env)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"^hello( <nil>)?\n$", done.stderr)
        self.assertEqual(self.redis.call("GET", "demo:greeting"), b"hello")
        self.assertIn(self.redis.call("PTTL", "demo:greeting"), range(60_000, 90_001))

    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.daemon = self.world.daemon(INI)


for language in LANGUAGES:
    def test(self, language=language):
        self.run_first(language)

    skip = unittest.skipIf(language.lacks(), language.lacks())
    setattr(FirstValues, f"test_{language.folder}", skip(test))


if __name__ == "__main__":
    harness.main()
