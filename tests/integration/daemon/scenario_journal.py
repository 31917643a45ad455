#!/usr/bin/env python3
"""What systemd's journal is sent. Here it is a socket of the test's own, below the daemon's own /run."""

import os
import pathlib
import re
import socket

import harness
import own_hosts



@harness.NEEDS_ROOT
class Journal(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.run = pathlib.Path(self.world.folder, "run")
        self.path = self.run / "systemd" / "journal" / "socket"
        self.path.parent.mkdir(parents=True)
        self.stderr, theirs = socket.socketpair()
        self.addCleanup(self.stderr.close)
        self.addCleanup(theirs.close)
        self.stderr.setblocking(False)
        self.theirs = theirs

    def listen(self):
        journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(journal.close)
        journal.bind(str(self.path))
        journal.settimeout(10)
        return journal

    def start(self, ini=harness.INI):
        """A daemon whose standard error is a socket that $JOURNAL_STREAM names, as systemd has it."""
        found = os.fstat(self.theirs.fileno())
        self.daemon = self.world.start_daemon(
            ini,
            env={"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"},
            stderr=self.theirs,
            preexec_fn=lambda: own_hosts.use(self.run, "/run"),
        )
        harness.wait_until(lambda: harness.accepts(self.daemon.path), "it accepts clients")

    def entry(self, journal, event):
        """The fields of the next entry of that event."""
        while True:
            text = journal.recv(65536).decode()
            self.assertTrue(text.endswith("\n"))
            fields = dict(line.split("=", 1) for line in text.splitlines())
            self.assertEqual(len(fields), len(text.splitlines()), text)
            if fields["CACHESD_EVENT"] == event:
                return fields

    def said(self):
        try:
            return self.stderr.recv(65536).decode()
        except BlockingIOError:
            return ""

    def test_an_event_is_an_entry_with_fields(self):
        journal = self.listen()
        self.start()
        up = self.entry(journal, "backend_up")
        self.assertEqual((up["CACHESD_BACKEND"], up["PRIORITY"], up["SYSLOG_IDENTIFIER"]), ("main", "6", "cachesd"))
        self.assertTrue(up["MESSAGE"].startswith("backend main: up ("), up)
        self.assertRegex(up["MESSAGE_ID"], "^[0-9a-f]{32}$")
        self.assertEqual(self.entry(journal, "ready")["MESSAGE"], "ready")
        self.world.redis().kill()
        down = self.entry(journal, "backend_down")
        self.assertEqual((down["CACHESD_BACKEND"], down["PRIORITY"]), ("main", "3"))
        self.assertIn(down["CACHESD_REASON"], down["MESSAGE"])
        self.assertEqual(self.said(), "")  # nothing twice

    def test_message_is_as_log_format_says(self):
        journal = self.listen()
        self.start(harness.INI.replace("{listen}", "{listen}\nlog_format = logfmt"))
        ready = self.entry(journal, "ready")
        self.assertEqual(ready["MESSAGE"], "level=info event=ready message=ready")

    def test_without_a_journal_lines_go_to_standard_error(self):
        self.start()
        text = ""
        while "<6>ready\n" not in text:
            text += self.said()
        for line in text.splitlines():
            self.assertRegex(line, r"^<\d>(?!cachesd)")

    def test_a_journal_that_takes_nothing_is_not_waited_for(self):
        self.listen()  # and reads nothing
        self.start(harness.INI.replace("{listen}", "{listen}\nlog_level = debug"))
        said = ""
        for _ in range(1000):  # more than the socket holds
            with self.daemon.client() as client:
                self.assertEqual(client.call("ping"), b"PONG")
            said += self.said()
        self.assertTrue(re.search(r"^<7>client unix:.*: connected$", said, re.MULTILINE))


if __name__ == "__main__":
    harness.main()
