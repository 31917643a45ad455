"""The rooms of the house, in order, as ARCHITECTURE.md lists them:

    ```rooms
    room protocol: protocol/
    room loop: daemon/loop/ daemon/log daemon/stream
        daemon/mailbox
    long protocol/verb.c: a table
    ```

A room uses only itself and the rooms above it in the list. It owns folders, which end with a slash,
and modules: a path without its .c or .h. A module that is named belongs to the room that names it,
whatever folder it is in. A file may be long when `long` gives its reason.
"""

import re

BLOCK = re.compile(r"^```rooms\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Rooms:
    def __init__(self, text):
        self.names = []
        self.folders = {}  # folder: room's name
        self.modules = {}  # module: room's name
        self.long = {}  # file: reason
        block = BLOCK.search(text)
        if not block:
            raise ValueError("there is no ```rooms block")
        for line in re.sub(r"\n[ \t]+", " ", block[1]).splitlines():
            self._read(line)

    def _read(self, line):
        match = re.fullmatch(r"(room|long) ([\w./-]+):(.*)", line.strip())
        if not match:
            raise ValueError(f"not a line of a rooms block: {line!r}")
        kind, name, rest = match.groups()
        if kind == "long":
            self.long[name] = rest.strip()
            return
        self.names.append(name)
        for place in rest.split():
            places = self.folders if place.endswith("/") else self.modules
            if places.setdefault(place, name) != name:
                raise ValueError(f"{place} is in two rooms: {places[place]} and {name}")

    def room_of(self, module):
        """A room's name, or None when no room owns that module."""
        if module in self.modules:
            return self.modules[module]
        owners = [folder for folder in self.folders if module.startswith(folder)]
        return self.folders[max(owners, key=len)] if owners else None

    def is_above(self, room, other):
        """Whether `other` may not use `room`, since it comes later in the list."""
        return self.names.index(room) > self.names.index(other)
