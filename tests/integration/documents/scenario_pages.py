#!/usr/bin/env python3
"""The pages of docs/: what they show works as it is printed. A test for each section that shows something."""

import re
import unittest

import harness
import pages

DOCS = harness.ROOT / "docs"
PAGES = [*sorted(DOCS.glob("*.md")), DOCS / "redis" / "README.md"]


def test_of(blocks):
    def test(self):
        with harness.World() as world:
            player = pages.Player(self, world)
            player.play(blocks)
            self.assertEqual(player.played, sum(language in pages.PLAYED for language, _ in blocks))

    return test


class Pages(unittest.TestCase):
    def test_each_block_says_what_it_is(self):
        for path in PAGES:
            for heading, blocks in pages.sections(path):
                for language, text in blocks:
                    self.assertIn(language, pages.LANGUAGES, f"{path.name}, {heading}:\n{text}")

    def test_the_cookbook_plays_each_recipe(self):
        text = (DOCS / "cookbook.md").read_text()
        recipes = re.findall("^## (.*)", text, re.M)
        played = [heading for heading, blocks in pages.sections(DOCS / "cookbook.md")
                  if any(language in pages.CHATS for language, _ in blocks)]
        self.assertEqual(played, recipes)
        self.assertGreater(len(played), 7)

    def test_the_alerts_that_operations_names_are_those_that_there_are(self):
        rules = (harness.ROOT / "contrib" / "prometheus" / "alerts.yml").read_text()
        named = re.findall(r"`(Cachesd\w+)`", (DOCS / "operations.md").read_text())
        self.assertEqual(sorted(named), sorted(re.findall(r"alert: (\w+)", rules)))

    def test_the_metrics_that_pages_name_are_there(self):
        known = (DOCS / "METRICS.md").read_text()
        for path in PAGES:
            for name in re.findall(r"`(cachesd_\w+)", path.read_text()):
                self.assertIn(f"`{name}`", known, path.name)

    def test_the_figures_of_the_comparison_are_measured_ones(self):
        results = (harness.ROOT / "tests" / "bench" / "RESULTS.md").read_text()
        figures = (DOCS / "comparison.md").read_text().partition("## Figures")[2]
        measured = re.findall(r"(?<![\w.])\d+\.\d+", re.sub(r"(redis-server|twemproxy) \d\.\d", "", figures))
        self.assertGreater(len(measured), 15)
        for figure in measured:
            self.assertIn(figure, results)


for page in PAGES:
    for title, shown in pages.sections(page):
        if any(language in pages.PLAYED for language, _ in shown):
            name = re.sub(r"\W+", "_", f"{page.parent.name}_{page.stem}_{title}".lower()).strip("_")
            setattr(Pages, f"test_{name}", test_of(shown))


if __name__ == "__main__":
    harness.main()
