#!/usr/bin/env python3
"""Programs in Ruby that use Redis run unchanged on a listener that speaks its dialect.

Each is a file of tests/drivers/redis_ruby; how they are run, and what fails one, says redis_programs.py.
"""

import harness
import redis_programs


class Programs(redis_programs.TestCase):
    pass


Programs.add_all("redis_ruby", "*.rb", ["ruby"])

if __name__ == "__main__":
    harness.main()
