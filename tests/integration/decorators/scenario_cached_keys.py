#!/usr/bin/env python3
"""../../../clients: different arguments never share a result, and equal ones do, in whatever process.

Each language has a program, ../clients/keys.*, which calls a cached function with random arguments from a seed, twice
each and built anew. The function returns a text of its arguments, which the program has made beside them. Printed is how
many results were `wrong`, how many different `texts` there were, and how often the function `computed`.
"""

import json
import os
import subprocess
import sys

import harness
from cached_world import ENVIRONMENT, ROOT, World

COUNT = int(os.environ.get("KEYS", 2_000))  # argument sets, each asked for twice; long form: 10,000
PROGRAMS = {"python": (sys.executable, "-B", "keys.py"), "javascript": ("node", "keys.js"),
            "perl": ("perl", "keys.pl"), "ruby": ("ruby", "keys.rb")}


class Keys(World):
    def keys(self, language, seed, count=COUNT, **env):
        *interpreter, program = PROGRAMS[language]
        command = *interpreter, str(ROOT / "tests" / "drivers" / program), str(seed), str(count)
        env = {**ENVIRONMENT, "CACHESD_ADDRESS": self.daemon.path, **env}
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=harness.LONG + count / 50)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def check(self, language):
        first = self.keys(language, 11, PYTHONHASHSEED="1")
        self.assertEqual((first["wrong"], first["computed"]), (0, first["texts"]), first)
        self.assertGreater(first["texts"], COUNT // 4)
        again = self.keys(language, 11, COUNT // 4, PYTHONHASHSEED="2", LC_ALL="C")
        self.assertEqual((again["wrong"], again["computed"]), (0, 0), again)


for language in PROGRAMS:
    def test(self, language=language):
        self.check(language)

    setattr(Keys, f"test_{language}_tells_all_arguments_apart_and_knows_them_again", test)


if __name__ == "__main__":
    harness.main()
