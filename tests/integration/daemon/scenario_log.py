#!/usr/bin/env python3
"""The log when nobody reads it, and lines about clients."""

import fcntl
import json
import os
import re
import threading
import unittest

import fake_redis
import harness
import resp

INI = harness.INI.replace("{listen}", "{listen}\nlog_level = debug")


class Unread(unittest.TestCase):
    def start(self, world, write_end):
        daemon = world.start_daemon(INI, stderr=write_end)
        harness.wait_until(lambda: harness.accepts(daemon.path), "it accepts clients")
        return daemon

    def fill(self, daemon):
        """Has it write more than a pipe and its own buffer hold."""
        for _ in range(2000):
            with daemon.client() as client:
                self.assertEqual(client.call("ping"), b"PONG")

    def test_a_full_pipe_stops_nothing_and_is_told_of(self):
        with harness.World() as world:
            read_end, write_end = os.pipe()
            daemon = self.start(world, write_end)
            self.fill(daemon)
            self.assertEqual(daemon.call("key.set", "carts", "a", "1"), b"OK")
            text = bytearray()
            while b"lines of log were lost: nobody read them\n" not in text:
                text += os.read(read_end, 65536)
            self.assertTrue(text.endswith(b"\n"))
            for line in text.splitlines():
                self.assertIn(b"cachesd: ", line)
                self.assertEqual(line.count(b"cachesd: "), 1, line)  # none is torn
            # Once read, it goes on.
            threading.Thread(target=daemon.send_signal, args=[15]).start()
            while b"ended\n" not in text:
                text += os.read(read_end, 65536)
            self.assertEqual(daemon.wait(), 0)
            os.close(read_end)
            os.close(write_end)

    def test_a_full_pipe_does_not_keep_it_from_ending(self):
        with harness.World() as world:
            read_end, write_end = os.pipe()
            daemon = self.start(world, write_end)
            self.fill(daemon)
            daemon.send_signal(15)
            self.assertEqual(daemon.wait(), 0)
            # The pipe is others' too: for them it is as it was.
            self.assertFalse(fcntl.fcntl(write_end, fcntl.F_GETFL) & os.O_NONBLOCK)
            os.close(read_end)
            os.close(write_end)


class AboutClients(unittest.TestCase):
    def test_a_protocol_error_is_told_once_for_many(self):
        with harness.World() as world:
            daemon = world.daemon()
            for _ in range(50):
                with daemon.client() as client:
                    client.send(b"$x\n")
                    self.assertEqual(client.read().code, "PROTOCOL")
            self.assertEqual(len(daemon.lines("closed: protocol error: a word may begin")), 1)

    def test_what_is_not_permitted_is_told_once_for_many(self):
        users = f"[user me]\nuid = {os.getuid()}\nnamespaces = carts\n"
        with harness.World() as world:
            with world.daemon(harness.INI + users).client() as client:
                client.send(resp.array("key.set", "carts", "a", "1") * 500)
                self.assertEqual([client.read().code for _ in range(500)], ["NOPERM"] * 500)
                self.assertEqual(
                    len(world.daemons[0].lines("NOPERM: user me: key.set (client unix:")), 1
                )


HOSTILE = b"OOM a\x1b[0m\xff\xc2\x85\xe2\x80\xa8\" x=y \\n event=ready {\"level\":\"error\"}"


def read_logfmt(line):
    """The names and values of a line; quoted values are JSON's strings."""
    found = {}
    for name, quoted, plain in re.findall(r'(\w+)=(?:("(?:[^"\\]|\\.)*")|(\S+))(?: |$)', line):
        assert name not in found, line
        found[name] = json.loads(quoted) if quoted else plain
    return found


class Forms(unittest.TestCase):
    """log_format"""

    def ini(self, options):
        return harness.INI.replace("{listen}", "{listen}\n" + options)

    READERS = {"logfmt": read_logfmt, "json": json.loads}

    def events(self, form, options="", hostile=HOSTILE):
        """The log of a daemon whose Redis says what it likes, as dictionaries of names and values."""
        ini = self.ini(f"log_format = {form}{options}")
        ini += f"[user me]\nuid = {os.getuid()}\nnamespaces = carts\naccess = write\n"
        with harness.World() as world, fake_redis.FakeRedis(world) as fake:
            daemon = world.daemon(ini.replace("{redis:main}", fake.url))
            fake.behave = fake_redis.answer_with(b"-" + hostile + b"\r\n")
            self.assertEqual(daemon.call("key.set", "carts", "a", "1").code, "OVERLOADED")
            daemon.call("auth", b"x\x1b \xff\"", "no")
            daemon.stop()
            text = daemon.log_path.read_bytes()
        self.assertTrue(text.endswith(b"\n"))
        return [self.READERS[form](line) for line in text.decode().split("\n")[:-1]]

    def one(self, events, name):
        found = [event for event in events if event["event"] == name]
        self.assertEqual(len(found), 1, events)
        return found[0]

    def test_each_line_has_the_time_the_level_and_the_event_with_its_values(self):
        for form in self.READERS:
            with self.subTest(form=form):
                events = self.events(form)
                for event in events:
                    self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
                ready = self.one(events, "ready")
                self.assertEqual((ready["level"], ready["message"]), ("info", "ready"))
                up = self.one(events, "backend_up")
                self.assertEqual(up["backend"], "main")
                self.assertTrue(up["message"].startswith(f"backend main: up ({up['url']}"), up)

    def test_what_others_say_is_a_value_and_nothing_else(self):
        shown = HOSTILE.decode("utf-8", "backslashreplace")
        for form in self.READERS:
            with self.subTest(form=form):
                events = self.events(form)
                fault = self.one(events, "backend_fault")
                self.assertEqual((fault["level"], fault["backend"]), ("error", "main"))
                self.assertEqual(fault["cause"], "is out of memory")
                self.assertEqual(fault["reason"], shown)
                self.assertEqual(len([e for e in events if e["event"] == "ready"]), 1)
                self.assertIn("user", self.one(events, "wrong_token"))

    def test_timestamps_are_as_log_timestamps_says(self):
        for form in self.READERS:
            with self.subTest(form=form):
                for event in self.events(form, "\nlog_timestamps = no"):
                    self.assertNotIn("time", event)

    def test_a_reload_changes_it_and_a_warning_before_the_start_has_it_too(self):
        ini = self.ini("log_format = json")
        ini = ini.replace("[namespace carts]", "[namespace carts]\nnear_ttl = 5s")
        with harness.World() as world:
            daemon = world.daemon(ini)
            self.assertEqual(json.loads(daemon.lines("near_ttl")[0])["event"], "config_warning")
            daemon.reload(ini.replace("= json", "= text"))
            self.assertTrue(daemon.lines("cachesd: reload: done"))


if __name__ == "__main__":
    harness.main()
