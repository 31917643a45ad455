"""Links between the Markdown files: whether each leads to a file, and to a heading of it, that is there."""

import os
import re
from pathlib import Path

from repository import ask_git

FENCED = re.compile(r"^( *)```.*?^\1```$", re.M | re.S)
LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?)\)")
HEADING = re.compile(r"^#{1,6} +(.*?) *$", re.M)


def prose(text):
    """The text without its blocks and what stands between back-ticks: nothing there is a link."""
    return re.sub(r"`[^`\n]+`", "", FENCED.sub("", text))


def anchors(text):
    """The names by which a page's headings are reached, as forges make them."""
    found = set()
    for heading in HEADING.findall(FENCED.sub("", text)):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        name = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        number = sum(1 for other in found if other == name or re.fullmatch(re.escape(name) + r"-\d+", other))
        found.add(f"{name}-{number}" if number else name)
    return found


def documents(root):
    """The Markdown files that belong to the repository, relative to it. Where there is none, all but what builds and npm made."""
    listed = ask_git(root, "ls-files", "-co", "--exclude-standard", "*.md")
    found = (path.relative_to(root) for path in Path(root).rglob("*.md"))
    names = listed.splitlines() if listed is not None else (
        str(path) for path in found if not any(re.match("build|node_modules|fetched", part) for part in path.parts[:-1]))
    return sorted(name for name in names if Path(root, name).exists())


def problems_of(root, names):
    """A line for each link that leads nowhere."""
    for name in names:
        page = Path(root, name)
        for target in LINK.findall(prose(page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            leads_to = page.parent / path if path else page
            if not leads_to.exists():
                yield f"{name}: there is no {os.path.normpath(leads_to.relative_to(root))}, to which {target} leads"
            elif anchor and leads_to.suffix == ".md" and anchor not in anchors(leads_to.read_text()):
                yield f"{name}: no heading of that page is {target}"
