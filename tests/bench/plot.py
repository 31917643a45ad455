"""Ratios as bars with whiskers, as an SVG. The axis is logarithmic, so that a half and a double are
equally far from 1, where the bars begin."""

import math
import statistics
from html import escape

COLOURS = {"twemproxy": "#999999", "cachesd": "#2f6fb0", "near": "#e08a1e"}
COLOURS |= {"dialect": "#4a9a8f", "dialect near": "#c2a83e"}
BAR, GROUP = 26, 142  # widths
LEFT, HEIGHT, PANEL = 46, 210, 290


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{style}"/>'


def text(x, y, words, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def steps(least, most):
    """1, 2 and 5 times the powers of ten, from at most `least` to at least `most`."""
    every = [step * 10.0**power for power in range(-4, 5) for step in (1, 2, 5)]
    first = max(step for step in every if step <= max(least, every[0]))
    last = min(step for step in every if step >= min(most, every[-1]))
    return [step for step in every if first <= step <= last]


class Panel:
    """One diagram: groups of bars over a common axis."""

    def __init__(self, title, groups, top, width):
        self.title, self.groups, self.width = title, groups, width
        self.top = top + 34
        ends = [n for _, bars in groups for numbers in bars.values() for n in numbers]
        self.steps = steps(min(ends + [0.5]), max(ends + [2]))

    def y(self, value):
        least, most = math.log(self.steps[0]), math.log(self.steps[-1])
        share = (math.log(min(max(value, self.steps[0]), self.steps[-1])) - least) / (most - least)
        return self.top + HEIGHT * (1 - share)

    def axis(self):
        parts = [text(LEFT, self.top - 14, self.title, "start", 'font-weight="bold"')]
        for step in self.steps:
            parts.append(line(LEFT, self.y(step), self.width, self.y(step), "#dddddd"))
            parts.append(text(LEFT - 6, self.y(step) + 4, f"{step:g}", "end"))
        return parts + [line(LEFT, self.y(1), self.width, self.y(1), "#c03030")]

    def bar(self, x, server, numbers):
        middle, centre = statistics.median(numbers), x + BAR / 2
        top, end = sorted([self.y(middle), self.y(1)])
        least, most = self.y(min(numbers)), self.y(max(numbers))
        label = most - 4 if middle > 1 else least + 12
        return [
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{BAR - 2}" height="{end - top:.1f}" '
            f'fill="{COLOURS[server]}"><title>{server}: {middle:.2f}</title></rect>',
            line(centre, least, centre, most, "#000000"),
            text(centre, label, f"{middle:.2f}", "middle", 'font-size="10"'),
        ]

    def draw(self):
        parts = self.axis()
        for i, (label, bars) in enumerate(self.groups):
            middle = LEFT + (i + 0.5) * GROUP
            parts.append(text(middle, self.top + HEIGHT + 18, label))
            for j, (server, numbers) in enumerate(bars.items()):
                parts += self.bar(middle + (j - len(bars) / 2) * BAR, server, numbers)
        return parts


def legend(y):
    parts = []
    for i, (name, colour) in enumerate(COLOURS.items()):
        x = LEFT + i * 110
        parts.append(f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{colour}"/>')
        parts.append(text(x + 18, y, name, "start"))
    x = LEFT + len(COLOURS) * 110
    parts.append(line(x, y - 4, x + 14, y - 4, "#c03030"))
    return parts + [text(x + 20, y, "redis-server itself", "start")]


def draw(panels, note):
    """`panels`: (title, [(label, {server: numbers})]). Bars are medians, whiskers the extremes."""
    groups = max(len(groups) for _, groups in panels)
    width, height = max(LEFT + groups * GROUP, 560), len(panels) * PANEL + 50
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for i, (title, groups) in enumerate(panels):
        parts += Panel(title, groups, i * PANEL, width).draw()
    parts += legend(height - 30)
    return "\n".join(parts + [text(LEFT, height - 10, note, "start"), "</svg>", ""])
