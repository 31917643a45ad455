#!/usr/bin/env python3
"""Sentinels with accounts of their own, and servers that they know by their names."""

import pathlib
import unittest

import harness
from sentinel import Sentinels

# The least that the daemon needs, as docs/sentinel.md tells it.
LEAST = (
    "user default off",
    "user cachesd on >secret resetchannels &+switch-master -@all +auth +client|setname "
    "+sentinel|get-master-addr-by-name +subscribe +unsubscribe",
    "user tests on >tests ~* &* +@all",
)


class Account(unittest.TestCase):
    def start(self, options="", password="secret", program=harness.DAEMON, **watched):
        self.watched = Sentinels(replicas=0, sentinels=1, **watched)
        self.addCleanup(self.watched.end)
        self.world = world = harness.World()
        self.addCleanup(world.__exit__, None)
        pathlib.Path(world.folder, "password").write_text(password + "\n")
        ini = harness.INI.replace("{redis:main}", self.watched.url)
        self.daemon = world.daemon(ini.replace("[namespace", f"{options}[namespace"), program=program)
        return self.daemon

    def wait_up(self):
        harness.wait_until(lambda: self.daemon.backend()["state"] == "up", "it is up")
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")

    FILE = "sentinel_password_file = {folder}/password\n"

    def test_a_password_alone(self):
        self.start(self.FILE, sentinel_lines=["requirepass secret"], sentinel_auth=["secret"])
        self.wait_up()

    def test_a_user_with_the_least_rights(self):
        self.start(
            "sentinel_user = cachesd\n" + self.FILE,
            sentinel_lines=LEAST,
            sentinel_auth=["tests", "tests"],
        )
        self.wait_up()
        found = self.daemon.backend()
        self.assertEqual(found["sentinels"], "1/1")
        self.assertEqual(self.daemon.lines("refuse"), [])

    def test_a_wrong_password_is_told_once(self):
        self.start(self.FILE, "wrong", sentinel_lines=["requirepass secret"], sentinel_auth=["secret"])
        self.assertEqual(self.daemon.backend()["state"], "down")
        told = self.daemon.lines("its sentinels refuse this daemon")
        self.assertEqual(len(told), 1)
        self.assertIn("AUTH refused: WRONGPASS", told[0])
        self.assertNotIn("wrong\n", self.daemon.log())
        pathlib.Path(self.world.folder, "password").write_text("secret\n")
        self.assertEqual(self.daemon.call("reload"), b"OK")  # which reads the file again
        self.wait_up()

    def test_a_password_that_changes_is_read_again_although_nobody_says_so(self):
        account = {"sentinel_lines": ["requirepass secret"], "sentinel_auth": ["secret"]}
        self.start(self.FILE, "wrong", program=harness.HASTY, **account)
        self.assertEqual(self.daemon.backend()["state"], "down")
        path = pathlib.Path(self.world.folder, "password")
        path.write_text("secret\n")
        self.wait_up()
        self.assertTrue(self.daemon.lines(f"{path} has changed: the settings are read again"))
        self.assertNotIn("secret", self.daemon.log())

    def test_no_password_is_told_too(self):
        self.start(sentinel_lines=["requirepass secret"], sentinel_auth=["secret"])
        told = self.daemon.lines("its sentinels refuse this daemon")[0]
        self.assertIn("NOAUTH", told)
        self.assertIn("(sentinel_password_file)", told)
        self.assertIn("(sentinel_password_file)", self.daemon.backend()["reason"])

    def test_the_password_of_the_servers_is_not_told_to_sentinels(self):
        self.start(password="other")
        self.wait_up()

    def test_servers_that_are_known_by_name(self):
        lines = ["sentinel resolve-hostnames yes", "sentinel announce-hostnames yes"]
        self.start(sentinel_lines=lines, host=harness.local_name())
        self.wait_up()
        self.assertTrue(self.daemon.backend()["master"].startswith(harness.local_name() + ":"))


if __name__ == "__main__":
    harness.main()
