"""Holds ARCHITECTURE.md to the sources: its drawing to the folders, and what it names to what is there."""

import pathlib
import re

DRAWING = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`\n]+)`")
FUNCTION = re.compile(r"(\w+)\(\)")
PLACE = re.compile(r"(protocol|conf|transport|client|daemon|tests|clients)/[\w./]*")
FILE = re.compile(r"\w+\.[ch]")


def folders_of(sources):
    """The folders that hold sources, as the drawing names them."""
    return {str(pathlib.PurePosixPath(path).parent) + "/" for path in sources}


def drawn_folders(text):
    """What the first drawing lists: a line each, which begins with a folder or a file."""
    drawing = DRAWING.search(text)
    lines = drawing[1].splitlines() if drawing else []
    return {line.split()[0] for line in lines if PLACE.match(line)}


def problems_of_drawing(text, sources):
    drawn, there = drawn_folders(text), folders_of(sources)
    for folder in sorted(there - drawn):
        yield f"the drawing lacks {folder}"
    for folder in sorted(drawn - there):
        if folder not in sources:
            yield f"the drawing has {folder}, and there are no sources in it"


def problems_of_names(text, sources, root):
    functions = {function.name for source in sources.values() for function in source.functions}
    files = {pathlib.PurePosixPath(path).name for path in sources}
    for name in sorted(set(QUOTED.findall(text))):
        if FUNCTION.fullmatch(name) and name[:-2] not in functions:
            yield f"there is no function {name}"
        elif PLACE.fullmatch(name) and not pathlib.Path(root, name).exists():
            yield f"there is no {name}"
        elif FILE.fullmatch(name) and name not in files:
            yield f"there is no file {name}"


def problems_of(text, sources, root):
    yield from problems_of_drawing(text, sources)
    yield from problems_of_names(text, sources, root)
