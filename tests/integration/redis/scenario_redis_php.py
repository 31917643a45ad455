#!/usr/bin/env python3
"""programs in PHP that use Redis run unchanged on a listener that speaks its dialect.

Each is a file of tests/drivers/redis_php; how they are run, and what fails one, says redis_programs.py.
"""

import harness
import redis_programs


class Programs(redis_programs.TestCase):
    pass


Programs.add_all("redis_php", "*.php", ["php", "-d", "error_reporting=E_ALL & ~E_DEPRECATED"])

if __name__ == "__main__":
    harness.main()
