#!/usr/bin/env python3
"""../../../clients/shell: what cachesd_cached keeps are any bytes."""

import shutil
import subprocess
import unittest

import harness
from languages import CLIENTS, ENVIRONMENT

PROGRAM = """
. "$0"
compute() {
    echo >>"$1"
    printf "$2"
}
cachesd_cached carts "$2" compute "$1" "$2"
"""


@unittest.skipUnless(shutil.which("nc"), "nc is not installed")
class Shell(harness.TestCase):
    def test_results_with_zero_bytes_are_kept_as_they_are(self):
        self.world.redis()
        env = {**ENVIRONMENT, "CACHESD_ADDRESS": self.world.daemon().path}
        for number, form in enumerate((r"a\0", r"a\0b", r"\0\0", r"a\0b\0\n", "a", "")):
            computed = f"{self.world.folder}/computed{number}"
            command = ["bash", "-c", PROGRAM, str(CLIENTS / "shell" / "cachesd.sh"), computed, form]
            printed = [subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, timeout=harness.LONG).stdout for _ in range(2)]
            expected = form.replace(r"\0", "\0").replace(r"\n", "\n").encode()
            with self.subTest(form=form), open(computed, encoding="utf-8") as lines:
                self.assertEqual(printed, [expected] * 2)
                self.assertEqual(len(lines.readlines()), 1, "it is computed once")


if __name__ == "__main__":
    harness.main()
