#!/usr/bin/env python3
"""Fails when the version is not the same everywhere: project() in CMakeLists.txt, the newest heading of CHANGELOG.md, that of
debian/changelog, the package for Rust, what the program says (its path is the argument), a tag of this commit. That of the
package for Python is held by its own test, clients/python/tests/test_package.py."""

import re
import subprocess
import sys
from pathlib import Path

from repository import ask_git

ROOT = Path(__file__).resolve().parents[2]


def tags():
    """The versions by which this commit is tagged; none where there is no repository."""
    listed = ask_git(ROOT, "tag", "--points-at", "HEAD") or ""
    return [tag[1:] for tag in listed.split() if re.fullmatch(r"v\d.*", tag)]


def said(program):
    printed = subprocess.run([program, "-V"], capture_output=True, text=True, check=True).stdout
    return re.match(rf"{Path(program).name} (\S+)$", printed, re.M)[1]


def main():
    version = re.search(r"project\(cachesd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    headings = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)
    newest = next(heading for heading in headings if heading != "Unreleased")
    package = re.match(r"cachesd \((.*?)\)", (ROOT / "debian" / "changelog").read_text())[1]
    crate = re.search(r'^version = "(.*)"', (ROOT / "clients" / "rust" / "Cargo.toml").read_text(), re.M)[1]
    found = {"CHANGELOG.md": newest, "debian/changelog": package, "clients/rust/Cargo.toml": crate, **{f"the tag v{tag}": tag for tag in tags()},
             **{f"{program} -V": said(program) for program in sys.argv[1:] if Path(program).exists()}}
    problems = [f"{place} has {other}, and CMakeLists.txt {version}" for place, other in found.items() if other != version]
    print("\n".join(problems) or f"{version} in {', '.join(found)}")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
