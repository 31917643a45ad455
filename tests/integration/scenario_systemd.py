#!/usr/bin/env python3
"""What systemd is told, and what it passes; and the units themselves."""

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

UNITS = harness.HERE.parent.parent / "systemd"
PASSED = harness.INI.replace("listen = {listen}", "listen = systemd")


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


PASS_ON = """
import os, sys
numbers = [int(word) for word in sys.argv[1].split(",")]
high = [os.dup(os.dup(os.dup(number))) for number in numbers]  # out of the way of 3, 4 ...
for place, number in enumerate(high):
    os.dup2(number, 3 + place)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
"""


def start_with_sockets(world, ini, listening):
    """As systemd does: the sockets from descriptor 3 on, and LISTEN_PID of the process itself."""
    path = pathlib.Path(f"{world.folder}/passed.ini")
    path.write_text(world.fill_in(ini))
    numbers = [one.fileno() for one in listening]
    words = [sys.executable, "-c", PASS_ON, ",".join(map(str, numbers))]
    return subprocess.Popen(
        [*words, *harness.DAEMON, "-c", str(path)],
        env={**world.environment, "LISTEN_FDS": str(len(listening))},
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
        with harness.World() as world:
            told = Notifications(world.folder)
            daemon = world.daemon(env={"NOTIFY_SOCKET": told.path})
            self.assertEqual(told.next(), b"READY=1")
            daemon.send_signal(signal.SIGHUP)
            self.assertRegex(told.next(), rb"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertEqual(told.next(), b"READY=1")
            daemon.stop()
            self.assertEqual(told.next(), b"STOPPING=1")

    def test_it_feeds_the_watchdog(self):
        with harness.World() as world:
            told = Notifications(world.folder)
            env = {"NOTIFY_SOCKET": told.path, "WATCHDOG_USEC": "100000"}
            world.daemon(env=env)
            messages = [told.next(ignore=b"READY=1") for _ in range(3)]
            self.assertEqual(messages, [b"WATCHDOG=1"] * 3)

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

    def units(self, folder):
        """Copies whose service runs the daemon under test."""
        for name in ("cachesd.service", "cachesd.socket"):
            text = (UNITS / name).read_text().replace("/usr/bin/cachesd", harness.CACHESD)
            pathlib.Path(folder, name).write_text(text)
        return [f"{folder}/cachesd.service", f"{folder}/cachesd.socket"]

    def run_analyze(self, *arguments):
        return subprocess.run(
            ["systemd-analyze", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def test_the_units_are_clean(self):
        with harness.World() as world:
            done = self.run_analyze("verify", *self.units(world.folder))
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_service_is_hardened(self):
        with harness.World() as world:
            service, _ = self.units(world.folder)
            done = self.run_analyze("security", "--offline=true", "--no-pager", service)
            score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
            self.assertLessEqual(float(score[1]), 1.5)


if __name__ == "__main__":
    harness.main()
