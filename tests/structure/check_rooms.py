#!/usr/bin/env python3
"""Fails when the sources do not keep to the rooms that ARCHITECTURE.md lists:

    check_rooms.py [--root FOLDER] [--leave-out KIND,…] [--circles]

    up        a file includes one of a room below its own in the list, or calls a function from there
    circle    files that need each other: a module is x.c with x.h, and needs the module whose header it
              includes or whose function it calls
    include   a name is used whose header is not included; a .c has what its own header includes, and
              needs no header for a struct that an included one announces (`struct x;`)
    long      a file of over 500 lines without a reason in the list, or a function of over 40
    room      a file without a room, a room or a reason without its file
    document  ARCHITECTURE.md draws a folder that is not there, or lacks one, or names what is not there

`--circles` only prints the circles, each with all that binds its files together.
"""

import argparse
import pathlib
import sys
from typing import NamedTuple

import document
from c_source import read_tree
from rooms import Rooms

FOLDERS = ("protocol", "conf", "transport", "client", "daemon")
KINDS = ("up", "circle", "include", "long", "room", "document")
FILE_LINES, FUNCTION_LINES = 500, 40


class Complaint(NamedTuple):
    kind: str
    path: str
    line: int
    text: str

    def __str__(self):
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.text}"


class House:
    """The sources and the list of rooms, and who knows whom."""

    def __init__(self, root, sources, text):
        self.root = root
        self.sources = sources
        self.text = text  # of ARCHITECTURE.md
        self.rooms = Rooms(text)
        self.unknown_includes = []
        self.includes = {path: self._resolve(source) for path, source in sources.items()}
        self.headers = owners_of(sources, lambda s: s.declared_names(), lambda s: s.is_header)
        self.tag_headers = owners_of(sources, lambda s: s.tags, lambda s: s.is_header)
        defined = lambda s: {f.name for f in s.functions if not f.is_static}
        self.definers = owners_of(sources, defined, lambda s: not s.is_header)

    def _resolve(self, source):
        """The paths of the project's files that it includes."""
        found = []
        folder = pathlib.PurePosixPath(source.path).parent
        for name in source.includes:
            places = [name, str(folder / name), *(f"{other}/{name}" for other in FOLDERS)]
            path = next((place for place in places if place in self.sources), None)
            if path:
                found.append(path)
            else:
                self.unknown_includes.append((source.path, name))
        return found

    def own_header(self, path):
        header = self.sources[path].stem + ".h"
        return header if header != path and header in self.sources else None

    def visible(self, path):
        """Files whose names this one may use: itself, what it includes, and what its own header does."""
        header = self.own_header(path)
        more = self.includes[header] if header and header in self.includes[path] else []
        return {path, *self.includes[path], *more}

    def needs(self, path):
        """What binds this file to other modules: {module: [why, …]}."""
        found, source = {}, self.sources[path]
        for other in self.includes[path]:
            found.setdefault(self.sources[other].stem, []).append(f'#include "{other}"')
        own = {f.name for f in source.functions} | (source.prototypes if source.is_header else set())
        for name in source.uses()[0]:
            owner = self.definers.get(name)
            if owner and name not in own:
                found.setdefault(self.sources[owner].stem, []).append(f"{name}()")
        found.pop(source.stem, None)
        return found


def owners_of(sources, names_of, is_wanted):
    """{name: path of the file that has it}."""
    found = {}
    for path, source in sources.items():
        if is_wanted(source):
            for name in names_of(source):
                found.setdefault(name, path)
    return found


def check_up(house):
    for path, source in house.sources.items():
        room = house.rooms.room_of(source.stem)
        for module, reasons in house.needs(path).items():
            other = house.rooms.room_of(module)
            if room and other and house.rooms.is_above(other, room):
                text = f"{room} may not use {other}, which is below it in the list: {', '.join(reasons[:6])}"
                yield Complaint("up", path, 0, text)


def graph_of(house):
    """{module: {module that it needs: [why, …]}}."""
    graph = {source.stem: {} for source in house.sources.values()}
    for path, source in house.sources.items():
        for module, reasons in house.needs(path).items():
            graph[source.stem].setdefault(module, []).extend(reasons)
    return graph


def circles_of(graph):
    """The sets of modules each of which needs every other one, directly or not."""
    reached = {module: reach(graph, module) for module in graph}
    found, seen = [], set()
    for module in sorted(graph):
        if module in reached[module] and module not in seen:
            circle = {other for other in reached[module] if module in reached[other]}
            seen |= circle
            found.append(circle)
    return found


def reach(graph, start):
    found, waiting = set(), [start]
    while waiting:
        for module in graph[waiting.pop()]:
            if module not in found:
                found.add(module)
                waiting.append(module)
    return found


def shortest_round(graph, circle):
    """The shortest way from a module of the circle back to itself, for the message."""
    ways = [way for start in sorted(circle) for way in [way_round(graph, start, circle)] if way]
    return min(ways, key=len)


def way_round(graph, start, circle):
    ways = [[start]]
    seen = set()
    for way in ways:
        for module in sorted(set(graph[way[-1]]) & circle):
            if module == start:
                return [*way, start]
            if module not in seen:
                seen.add(module)
                ways.append([*way, module])
    return None


def check_circle(house):
    graph = graph_of(house)
    for circle in circles_of(graph):
        way = shortest_round(graph, circle)
        steps = [f"{a} needs {b} ({graph[a][b][-1]})" for a, b in zip(way, way[1:])]
        text = f"{len(circle)} files need each other: {', '.join(sorted(circle))}; so {'; '.join(steps)}"
        yield Complaint("circle", way[0], 0, text)


def check_include(house):
    for path in house.sources:
        for name, (line, header) in sorted(missing_headers(house, path).items()):
            yield Complaint("include", path, line, f'{name} is used without #include "{header}"')


def missing_headers(house, path):
    """Names that this file uses without including a header that declares them: {name: (line, header)}."""
    seen = house.visible(path)
    names, tags = house.sources[path].uses()
    known, known_tags = set(), set()
    for other in seen:
        known |= house.sources[other].declared_names()
        known_tags |= house.sources[other].tags | house.sources[other].forward_tags
    found = {name: (line, house.headers[name]) for name, line in names.items()
             if name in house.headers and name not in known}
    found.update({f"struct {tag}": (line, house.tag_headers[tag]) for tag, line in tags.items()
                  if tag in house.tag_headers and tag not in known_tags})
    return found


def check_long(house):
    for path, source in house.sources.items():
        if source.line_count > FILE_LINES and path not in house.rooms.long:
            text = f"{source.line_count} lines, more than {FILE_LINES}, and no reason in the list of rooms"
            yield Complaint("long", path, 0, text)
        for function in source.functions:
            if function.lines > FUNCTION_LINES:
                text = f"{function.name}() has {function.lines} lines, more than {FUNCTION_LINES}"
                yield Complaint("long", path, function.line, text)


def check_room(house):
    for path, source in house.sources.items():
        if not house.rooms.room_of(source.stem):
            yield Complaint("room", path, 0, "no room has this file")
    stems = {source.stem for source in house.sources.values()}
    for module, room in house.rooms.modules.items():
        if module not in stems:
            yield Complaint("room", "ARCHITECTURE.md", 0, f"room {room}: there is no {module}.c or {module}.h")
    for folder, room in house.rooms.folders.items():
        if not any(stem.startswith(folder) for stem in stems):
            yield Complaint("room", "ARCHITECTURE.md", 0, f"room {room}: there is nothing in {folder}")
    for path in house.rooms.long:
        if path not in house.sources:
            yield Complaint("room", "ARCHITECTURE.md", 0, f"there is no {path}, which may be long")
    for path, name in house.unknown_includes:
        yield Complaint("room", path, 0, f'#include "{name}": there is no such file')


def check_document(house):
    for problem in document.problems_of(house.text, house.sources, house.root):
        yield Complaint("document", "ARCHITECTURE.md", 0, problem)


def check(house, kinds=KINDS):
    """All complaints of these kinds."""
    checks = {"up": check_up, "circle": check_circle, "include": check_include, "long": check_long,
              "room": check_room, "document": check_document}
    return [complaint for kind in KINDS if kind in kinds for complaint in checks[kind](house)]


def read_house(root):
    text = pathlib.Path(root, "ARCHITECTURE.md").read_text()
    return House(root, read_tree(root, FOLDERS), text)


def print_circles(house):
    graph = graph_of(house)
    for circle in circles_of(graph):
        print(f"{len(circle)} files: {', '.join(sorted(circle))}")
        for module in sorted(circle):
            for other in sorted(set(graph[module]) & circle):
                print(f"    {module} needs {other}: {', '.join(dict.fromkeys(graph[module][other]))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--leave-out", default="", help="kinds that are not complained of")
    parser.add_argument("--circles", action="store_true")
    arguments = parser.parse_args()
    house = read_house(arguments.root)
    if arguments.circles:
        print_circles(house)
        return 0
    left_out = set(filter(None, arguments.leave_out.split(",")))
    complaints = check(house, set(KINDS) - left_out)
    for complaint in complaints:
        print(complaint)
    counts = [f"{kind} {sum(c.kind == kind for c in complaints)}" for kind in KINDS if kind not in left_out]
    print(f"{len(house.sources)} files in {len(house.rooms.names)} rooms; complaints: {', '.join(counts)}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
