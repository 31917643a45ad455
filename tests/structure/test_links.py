#!/usr/bin/env python3
"""links.py itself: which links it finds, and which of them lead nowhere."""

import tempfile
import unittest
from pathlib import Path

import links


class Links(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def problems(self, **pages):
        for name, text in pages.items():
            Path(self.root, f"{name}.md").write_text(text)
        return list(links.problems_of(self.root, [f"{name}.md" for name in pages]))

    def test_a_file_that_is_missing_is_told(self):
        self.assertIn("there is no nowhere.md", self.problems(a="see [it](nowhere.md)")[0])
        self.assertEqual(self.problems(a="see [it](b.md)", b=""), [])

    def test_a_heading_that_is_missing_is_told(self):
        self.assertIn("no heading", self.problems(a="[x](b.md#two)", b="# One\n")[0])
        self.assertEqual(self.problems(a="# One's `two`, three\n[x](#ones-two-three)"), [])

    def test_a_heading_that_comes_again_has_a_number(self):
        self.assertEqual(links.anchors("# A\n## A\n### A\n"), {"a", "a-1", "a-2"})

    def test_what_is_code_or_elsewhere_is_no_link(self):
        self.assertEqual(self.problems(a="`[x](b.md)` [y](https://example.org/#z)\n```\n[z](c.md)\n```\n"), [])


if __name__ == "__main__":
    unittest.main()
