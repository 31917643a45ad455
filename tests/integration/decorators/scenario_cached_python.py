#!/usr/bin/env python3
"""../../../clients/python/cachesd."""

import harness
from cached_every import EveryLanguage
from cached_world import World


class Python(EveryLanguage, World):
    pass


if __name__ == "__main__":
    harness.main()
