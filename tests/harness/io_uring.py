"""The kernel's io_uring: whether it is to be had here, denying it, and the rings that a process has opened."""

import contextlib
import ctypes
import errno
import os
import pathlib
import struct

import harness

SETUP = 425  # the number of the system's call, the same on all processors


def is_allowed():
    """Whether the kernel has io_uring for us, which containers and administrators may deny."""
    fd = harness.libc.syscall(SETUP, 1, ctypes.create_string_buffer(120))
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def deny():
    """As Docker's default profile: the system's call fails with EPERM for this process from here on. For Popen's
    preexec_fn; the process ends with its parent."""
    load, skip_unless, give_back = 0x20, 0x15, 0x06
    filters = [(load, 0, 0, 0), (skip_unless, 0, 1, SETUP), (give_back, 0, 0, 0x00050000 | errno.EPERM),
               (give_back, 0, 0, 0x7FFF0000)]  # fmt: skip
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in filters))
    pointer = struct.pack("@HP", len(filters), ctypes.addressof(program))
    assert harness.libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert harness.libc.prctl(22, 2, pointer, 0, 0) == 0  # PR_SET_SECCOMP, with a filter
    harness.end_with_parent()


def rings(pid):
    """How many rings of 64 entries the process has, which are ours; libuv has larger ones of its own, from 1.45 on."""
    folder = pathlib.Path(f"/proc/{pid}/fd")
    return sum(_is_ring(folder / name) for name in os.listdir(folder))


def _is_ring(path):
    with contextlib.suppress(FileNotFoundError):  # others are opened and closed meanwhile
        information = path.parent.parent / "fdinfo" / path.name
        return os.readlink(path) == "anon_inode:[io_uring]" and "SqMask:\t0x3f\n" in information.read_text()
    return False
