"""How large each part is: `--long`, or the quick form; the environment changes any of them."""

import os
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "harness"), str(HERE.parent / "integration" / "daemon")]

import harness  # noqa: E402

IS_LONG = "--long" in sys.argv


def size(name, quick, long):
    return int(os.environ.get(name, long if IS_LONG else quick))


REQUESTS = size("REQUESTS", 20_000, 1_000_000)
CLIENTS = size("CLIENTS", 200, 200)
FAULTS = size("FAULTS", 6, 60)
KILLS = size("KILLS", 50, 1_000)
CONNECTIONS = size("CONNECTIONS", 3_000, 100_000)
IDLE_CLIENTS = size("IDLE_CLIENTS", 10_000, 10_000)
SOAK_SECONDS = size("SOAK_SECONDS", 0, 1_800)
READS = size("READS", 60_000, 1_000_000)
SLACK_MS = size("SLACK_MS", 150, 50)  # the quick form may share its machine with other tests
SEED = size("SEED", random.randrange(1 << 32), random.randrange(1 << 32))

MB = 1 << 20
IS_SANITIZED = harness.is_sanitized()


def status(pid, field):
    """VmRSS, VmHWM in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {field}")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
