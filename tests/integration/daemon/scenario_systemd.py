#!/usr/bin/env python3
"""What systemd is told, and what it passes."""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import unittest

import harness
import resp

PASSED = harness.INI.replace("listen = {listen}", "listen = systemd")
WORKERS = harness.INI.replace("{listen}", "{listen}\nworkers = 3")


class Notifications:
    """The receiving end of $NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = f"{folder}/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(harness.LONG)

    def next(self, ignore=b"WATCHDOG=1"):
        while True:
            message = self.socket.recv(4096)
            if message != ignore:
                return message

    def rest(self):
        """What has come and is unread."""
        found = []
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self.socket.recv(4096))
        self.socket.settimeout(harness.LONG)
        return found

    def close(self):
        self.socket.close()


def thread_of(daemon, name):
    for task in pathlib.Path(f"/proc/{daemon.pid}/task").iterdir():
        if (task / "comm").read_text() == name + "\n":
            return int(task.name)
    return None


@contextlib.contextmanager
def halted(daemon, worker):
    """That worker's thread stands still meanwhile, and no other."""
    if harness.UNDER:
        raise unittest.SkipTest("valgrind runs one thread at a time")
    is_up = lambda: f"worker {worker}: backend main: up" in daemon.log()
    harness.wait_until(is_up, "the worker has started, and holds no lock")
    name = f"cachesd/{worker}"
    thread = harness.wait_until(lambda: thread_of(daemon, name), "the thread has its name")
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000
    if ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        raise unittest.SkipTest(f"ptrace: {os.strerror(ctypes.get_errno())}")
    ptrace(PTRACE_INTERRUPT, thread, None, None)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH, thread, None, None)


PASS_ON = """
import os, sys
numbers = [int(word) for word in sys.argv[1].split(",")]
high = [os.dup(os.dup(os.dup(number))) for number in numbers]  # out of the way of 3, 4 ...
for place, number in enumerate(high):
    os.dup2(number, 3 + place)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def start_with_sockets(world, ini, listening, names=()):
    """As systemd does: the sockets from descriptor 3 on, and LISTEN_PID of the process itself. `names`: of
    the sockets (FileDescriptorName=)."""
    path = pathlib.Path(f"{world.folder}/passed.ini")
    path.write_text(world.fill_in(ini))
    numbers = [one.fileno() for one in listening]
    words = [sys.executable, "-c", PASS_ON, ",".join(map(str, numbers))]
    return subprocess.Popen(
        [*words, *harness.DAEMON, "-c", str(path)],
        env={
            **world.environment,
            "LISTEN_FDS": str(len(listening)),
            **({"LISTEN_FDNAMES": ":".join(names)} if names else {}),
        },
        preexec_fn=harness.end_with_parent,
        pass_fds=numbers,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def unix_listener(world):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(f"{world.folder}/passed.sock")
    listening.listen(16)
    return listening


class Systemd(unittest.TestCase):
    def test_it_tells_when_it_is_ready_reloads_and_stops(self):
        with harness.World() as world, contextlib.closing(Notifications(world.folder)) as told:
            daemon = world.daemon(env={"NOTIFY_SOCKET": told.path})
            self.assertEqual(told.next(), b"READY=1")
            daemon.send_signal(signal.SIGHUP)
            self.assertRegex(told.next(), rb"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertEqual(told.next(), b"READY=1")
            daemon.stop()
            self.assertEqual(told.next(), b"STOPPING=1")

    def test_it_feeds_the_watchdog(self):
        with harness.World() as world, contextlib.closing(Notifications(world.folder)) as told:
            env = {"NOTIFY_SOCKET": told.path, "WATCHDOG_USEC": "100000"}
            world.daemon(env=env)
            messages = [told.next(ignore=b"READY=1") for _ in range(3)]
            self.assertEqual(messages, [b"WATCHDOG=1"] * 3)

    def test_the_watchdog_goes_hungry_while_a_worker_hangs(self):
        with harness.World() as world, contextlib.closing(Notifications(world.folder)) as told:
            env = {"NOTIFY_SOCKET": told.path, "WATCHDOG_USEC": "100000"}
            daemon = world.daemon(WORKERS, env=env)
            with halted(daemon, 1):
                told.rest()
                told.socket.settimeout(1)
                with self.assertRaises(TimeoutError):
                    for _ in range(5):  # one may have been on its way
                        told.socket.recv(4096)
            told.socket.settimeout(harness.LONG)
            self.assertEqual(told.next(ignore=None), b"WATCHDOG=1")

    def test_stopping_is_the_last_that_it_tells(self):
        """Though a reload is under way, which a worker is slow to follow, and one more is wanted."""
        more = WORKERS.replace("{listen}", "{listen}\nlisten = unix:{folder}/more.sock", 1)
        with harness.World() as world, contextlib.closing(Notifications(world.folder)) as told:
            daemon = world.daemon(WORKERS, env={"NOTIFY_SOCKET": told.path})
            with halted(daemon, 1):
                daemon.configure(more)
                daemon.send_signal(signal.SIGHUP)
                is_open = lambda: os.path.exists(f"{world.folder}/more.sock")
                harness.wait_until(is_open, "the settings are in force at the first worker")
                daemon.send_signal(signal.SIGHUP)
                daemon.send_signal(signal.SIGTERM)
                daemon.wait_logged("SIGTERM")
            self.assertEqual(daemon.wait(), 0)
            states = [message.split(b"\n")[0] for message in told.rest()]
            self.assertEqual(states[:3], [b"READY=1", b"RELOADING=1", b"STOPPING=1"])
            self.assertEqual(set(states[3:]) - {b"STOPPING=1"}, set())

    def test_it_serves_the_sockets_that_are_passed(self):
        with harness.World() as world:
            tcp = socket.create_server(("127.0.0.1", 0))
            with unix_listener(world) as unix, tcp:
                process = start_with_sockets(world, PASSED, [unix, tcp])
                with resp.Client(f"{world.folder}/passed.sock") as client:
                    self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                with socket.create_connection(tcp.getsockname()) as client:
                    client.sendall(b"key.get carts a\n")
                    self.assertEqual(client.recv(100), b"$1\r\n1\r\n")
                process.terminate()
                self.assertEqual(process.wait(harness.LONG), 0, process.stderr.read())
                process.stderr.close()

    def test_a_listener_has_the_sockets_of_its_name(self):
        ini = PASSED + "[listener apps]\nlisten = systemd\nspeak = cachesd\n[listener none]\nlisten = {listen}\n"
        with harness.World() as world:
            sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
            with contextlib.ExitStack() as stack:
                for one in sockets:
                    stack.enter_context(one)
                process = start_with_sockets(world, ini, sockets, ["a.socket", "apps", "none"])
                sections = {}
                for name, one in zip(("first", "apps", "none"), sockets):
                    with resp.Client(one.getsockname()) as client:
                        self.assertEqual(client.call("client", "setname", name), b"OK")
                        lines = client.call("clients").decode().splitlines()
                        mine = next(line for line in lines if f" name={name}" in line)
                        sections[name] = re.search(r" listener=(\S*)", mine)[1]
                self.assertEqual(sections, {"first": "", "apps": "apps", "none": ""})
                process.terminate()
                self.assertEqual(process.wait(harness.LONG), 0, process.stderr.read())
                process.stderr.close()

    def test_a_listener_without_a_socket_of_its_name_says_so(self):
        with harness.World() as world, socket.create_server(("127.0.0.1", 0)) as tcp:
            ini = PASSED + "[listener apps]\nlisten = systemd\n"
            process = start_with_sockets(world, ini, [tcp], ["web"])
            self.assertEqual(process.wait(harness.LONG), 1)
            self.assertIn("whose unit has FileDescriptorName=apps", process.stderr.read())
            process.stderr.close()

    def test_a_restart_refuses_no_connection(self):
        with harness.World() as world:
            with unix_listener(world) as unix:
                path = f"{world.folder}/passed.sock"
                first = start_with_sockets(world, PASSED, [unix])
                with resp.Client(path) as client:
                    self.assertEqual(client.call("ping"), b"PONG")
                first.terminate()
                self.assertEqual(first.wait(harness.LONG), 0)
                first.stderr.close()
                with resp.Client(path) as early:  # nobody serves: it waits in the backlog
                    early.send(resp.array("ping"))
                    second = start_with_sockets(world, PASSED, [unix])
                    self.assertEqual(early.read(), b"PONG")
                second.terminate()
                self.assertEqual(second.wait(harness.LONG), 0)
                second.stderr.close()

    def test_a_passed_socket_that_a_reload_drops_comes_back_with_another(self):
        both = PASSED.replace("listen = systemd", "listen = systemd\nlisten = {listen}")
        with harness.World() as world, unix_listener(world) as unix:
            process = start_with_sockets(world, both, [unix])
            own, ini = f"{world.folder}/cachesd.sock", pathlib.Path(world.folder, "passed.ini")
            harness.wait_until(lambda: harness.accepts(own), "it is ready")
            with resp.Client(own) as client:
                for text in (both.replace("listen = systemd\n", ""), both):
                    ini.write_text(world.fill_in(text))
                    self.assertEqual(client.call("reload"), b"OK")
            with resp.Client(f"{world.folder}/passed.sock") as client:
                self.assertEqual(client.call("ping"), b"PONG")
            process.terminate()
            self.assertEqual(process.wait(harness.LONG), 0)
            process.stderr.close()

    def test_to_listen_at_the_path_of_a_passed_socket_is_refused_and_says_why(self):
        own = PASSED.replace("listen = systemd", "listen = unix:{folder}/passed.sock")
        with harness.World() as world, unix_listener(world) as unix:
            process = start_with_sockets(world, PASSED, [unix])
            with resp.Client(f"{world.folder}/passed.sock") as client:
                self.assertEqual(client.call("ping"), b"PONG")
                pathlib.Path(world.folder, "passed.ini").write_text(world.fill_in(own))
                self.assertIn("systemd has this socket", str(client.call("reload")))
                self.assertEqual(client.call("ping"), b"PONG")
            process.terminate()
            self.assertEqual(process.wait(harness.LONG), 0)
            process.stderr.close()

    def test_without_a_passed_socket_it_says_so(self):
        with harness.World() as world:
            daemon = world.start_daemon(PASSED)
            daemon.is_expected_to_fail = True
            self.assertEqual(daemon.wait(), 1)
            self.assertIn("no socket was passed", daemon.log())

    def test_an_open_tcp_socket_without_tokens_is_refused(self):
        with harness.World() as world:
            with socket.create_server(("0.0.0.0", 0)) as tcp:
                process = start_with_sockets(world, PASSED, [tcp])
                self.assertEqual(process.wait(harness.LONG), 1)
                self.assertIn("needs a [user] with a token", process.stderr.read())
                process.stderr.close()


if __name__ == "__main__":
    harness.main()
