"""On which processors the kernel runs the processes of a measurement.

Where there are more busy processes than processors, throughput depends on who shares one with whom: with two
processors, a proxy that shares one with redis-server leaves the other to the load generator, and one that has
a processor for itself has redis-server wait for the load generator. The kernel moves the processes seldom, so that
a whole round is one way or the other.
"""

import itertools
import os
import time

# Seconds between two looks. Each takes some 150 µs of CPU time, of which waking up is the most: 0.7 % of a core.
PERIOD = 0.02


class Placement:
    """`pids`: the processes by name. `with Placement(pids) as placement`."""

    def __init__(self, pids):
        self.files = {name: os.open(f"/proc/{pid}/stat", os.O_RDONLY) for name, pid in pids.items()}
        self.looks = []  # each with the text of every process, which is read when there is time

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for file in self.files.values():
            os.close(file)

    def watch(self, warm_up):
        """Looks again and again until a process has ended. The first `warm_up` seconds do not count."""
        time.sleep(warm_up)
        while self.files and (look := self.look()):
            self.looks.append(look)
            time.sleep(PERIOD)

    def look(self):
        """What /proc/PID/stat says of each process; nothing when one has ended."""
        try:
            look = [os.pread(file, 1024, 0) for file in self.files.values()]
        except ProcessLookupError:
            return []
        return [] if any(b") Z" in text for text in look) else look

    def together(self):
        """{(name, other): the share of the looks in which these two had last run on the same processor}"""
        processors = [[processor(text) for text in look] for look in self.looks]
        pairs = itertools.permutations(enumerate(self.files), 2)
        return {
            (name, other): sum(look[i] == look[j] for look in processors) / len(processors)
            for (i, name), (j, other) in pairs
            if processors
        }


def processor(text):
    """Of /proc/PID/stat: the 39th field. The second, the program's name in brackets, may hold anything."""
    return int(text.rpartition(b")")[2].split()[36])
