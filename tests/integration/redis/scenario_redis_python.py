#!/usr/bin/env python3
"""Programs in Python that use Redis run unchanged on a listener that speaks its dialect.

Each is a file of tests/drivers/redis_python; how they are run, and what fails one, says redis_programs.py.
"""

import harness
import redis_programs


class Programs(redis_programs.TestCase):
    pass


Programs.add_all("redis_python", "*.py", ["/usr/bin/python3", "-IB", "-Wignore"])

if __name__ == "__main__":
    harness.main()
