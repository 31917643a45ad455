#!/usr/bin/env python3
"""The examples of ../../../clients/README.md."""

import json
import re
import sys

import harness
from cached_world import ROOT, Scripts

README = (ROOT / "clients" / "README.md").read_text()


class Readme(Scripts):
    def test_the_examples_of_the_readme_keep_what_they_compute(self):
        blocks = dict(re.findall(r"```(\w+)\n(.*?)```", README, re.S))
        javascript = blocks["javascript"].replace("'./cached'", "'cached'")
        ruby = blocks["ruby"].replace("require_relative", "require")
        for key, command in (
            ("__main__.report:[7, 2024]", (sys.executable, "-c", blocks["python"])),
            ("report:[7]", ("node", "-e", javascript)),
            ("report:[7]", ("php", "-d", f"include_path={ROOT}/clients/php", "-r", blocks["php"])),
            ('report:["7"]', ("perl", "-we", "use strict;" + blocks["perl"])),
            ("Reports#pages:[7]", ("ruby", "-we", ruby)),
        ):
            self.direct.call("FLUSHALL")
            self.run_to_end(*command)
            value = self.direct.call("GET", f"demo:{key}")
            self.assertEqual(json.loads(value or "null"), {"pages": 42}, key)


if __name__ == "__main__":
    harness.main()
