#!/usr/bin/env python3
"""docs/tls.md, "Try it": its commands work, and print what stands behind them."""

import pathlib
import re
import subprocess

import harness
import pages


class TryIt(harness.TestCase):
    def sh(self, commands):
        environment = {**self.world.environment, "PATH": pages.PATH}
        done = subprocess.run(["bash", "-u"], input=commands, env=environment, cwd=self.world.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=harness.LONG)
        return done.stdout

    def test_the_commands_print_what_stands_behind_them(self):
        blocks = dict(pages.sections(harness.ROOT / "docs" / "tls.md"))["Try it"]
        (_, making), (_, ini), (_, asking) = blocks
        self.sh(making)
        made = {path.name for path in pathlib.Path(self.world.folder).glob("*.crt")}
        self.assertEqual(made, {"ca.crt", "server.crt", "web.crt"})
        self.world.daemon(ini.replace("7380", "{port}"))
        port = str(self.world.port)
        wanted = re.findall("  # (.*)$", asking, re.M)
        self.assertEqual(len(wanted), 4)
        printed = self.sh(asking.replace("7380", port)).replace(port, "7380").splitlines()
        self.assertEqual(printed, wanted)


if __name__ == "__main__":
    harness.main()
