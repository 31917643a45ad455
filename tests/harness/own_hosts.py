"""A daemon with an /etc/hosts of its own, or another file or folder. Only root can give it one.

    daemon = world.daemon(ini, preexec_fn=lambda: own_hosts.use(path))
"""

import ctypes
import os
import unittest

import harness


def needed(test):
    """Decorates what needs this."""
    exists = os.path.exists("/etc/hosts")
    return harness.NEEDS_ROOT(unittest.skipIf(not exists, "names come from /etc/hosts here")(test))


def use(path, place="/etc/hosts"):
    """Run in a child: this file is its /etc/hosts, or what is at another place."""
    CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x1000, 0x4000, 0x40000
    libc = ctypes.CDLL(None, use_errno=True)
    harness.end_with_parent()
    failed = libc.unshare(CLONE_NEWNS)
    if libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):  # in a chroot / is no mount
        with open("/proc/self/mountinfo") as mounts:
            failed = failed or " shared:" in mounts.read()
    if failed or libc.mount(os.fsencode(path), os.fsencode(place), None, MS_BIND, None):
        raise OSError(ctypes.get_errno(), f"no own {place}")
