#!/usr/bin/env python3
"""A password_file whose password changes while connections live."""

import pathlib
import threading

import harness

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
password_file = secret
[namespace carts]
prefix = cart:
near = yes
"""


class Passwords(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(self.world.folder, "secret")
        self.redis = self.world.redis()
        self.admin = self.connect(self.redis)
        self.admin.call("acl", "setuser", "root", "on", ">root", "~*", "&*", "+@all")
        self.admin.call("auth", "root", "root")
        self.change("first")
        self.daemon = self.world.daemon(INI)
        self.daemon.wait_near()

    def change(self, password):
        """The server's, beside the former, and the file's."""
        self.admin.call("acl", "setuser", "default", ">" + password)
        self.file.write_text(password + "\n")

    def connections(self):
        """The numbers of the daemon's connections, at Redis."""
        lines = self.admin.call("client", "list").decode().splitlines()
        return sorted(line.split()[0] for line in lines if "name=cachesd" in line)

    def auths(self):
        """How often somebody authenticated, and how often in vain."""
        line = self.admin.call("info", "commandstats").decode().partition("cmdstat_auth:")[2].splitlines()[0]
        values = dict(part.split("=") for part in line.split(","))
        return int(values["calls"]), int(values["failed_calls"]) + int(values["rejected_calls"])

    def check_serves(self):
        self.assertEqual(self.daemon.call("key.set", "carts", "k", "v"), b"OK")
        self.assertEqual(self.daemon.call("key.get", "carts", "k"), b"v")

    def test_all_connections_authenticate_again_under_load_and_none_is_lost(self):
        before, (auths, _) = self.connections(), self.auths()
        stop, wrong = threading.Event(), []

        def ask():
            with self.daemon.client() as client:
                number = 0
                while not stop.is_set():
                    number += 1
                    replies = [client.call("key.set", "carts", "n", number), client.call("dict.set", "carts", "d", "f", number),
                               client.call("key.get", "carts", "n")]  # fmt: skip
                    if replies[0] != b"OK" or replies[2] != str(number).encode() or replies[1] not in (0, 1):
                        wrong.append(replies)

        thread = threading.Thread(target=ask)
        thread.start()
        for number in range(5):
            self.change(f"password-{number}")
            self.assertEqual(self.daemon.call("reload"), b"OK")
            wanted = auths + 2 * (number + 1) * int(harness.WORKERS or 1)
            harness.wait_until(lambda: self.auths()[0] >= wanted, "both connections authenticate")
        stop.set()
        thread.join()
        self.assertEqual(wrong, [])
        self.assertEqual(self.auths()[1], 0)
        self.assertEqual(self.connections(), before)
        self.assertIn("another password: all connections authenticate again", self.daemon.log())
        self.assertNotIn("password-", self.daemon.log())

    def test_the_near_cache_hears_of_changes_behind_that(self):
        self.check_serves()
        losses = self.daemon.backend()
        self.change("second")
        self.assertEqual(self.daemon.call("reload"), b"OK")
        harness.wait_until(lambda: self.auths()[0] >= 4, "both connections authenticate")
        for value in (b"1", b"2", b"3"):
            self.admin.call("set", "cart:k", value)
            harness.wait_until(lambda: self.daemon.call("key.get", "carts", "k") == value, "the change is told")
        self.assertEqual(self.daemon.backend()["tracking_losses"], losses["tracking_losses"])

    def test_a_connection_that_is_made_again_has_the_new_password_without_a_reload(self):
        self.change("second")
        self.admin.call("acl", "setuser", "default", "<first")
        self.admin.call("client", "kill", "type", "normal", "skipme", "yes")
        self.admin.call("client", "kill", "type", "pubsub")
        harness.wait_until(lambda: self.daemon.call("key.set", "carts", "k", "v") == b"OK", "it serves again", 5)
        self.check_serves()
        self.daemon.wait_near()

    def test_a_file_that_is_gone_or_empty_leaves_the_former_password(self):
        for spoil in (lambda: self.file.write_text(""), self.file.unlink):
            spoil()
            before = self.connections()
            self.admin.call("client", "kill", "type", "normal", "skipme", "yes")
            harness.wait_until(lambda: len(self.connections()) == len(before) and self.connections() != before,
                               "the connections are made again")  # fmt: skip
            self.daemon.wait_logged("password_file can't be read, the former password stays")
            harness.wait_until(lambda: self.daemon.call("key.set", "carts", "k", "v") == b"OK", "it serves again")

    def test_a_new_password_that_is_refused_is_told_and_the_connection_goes_on(self):
        before = self.connections()
        self.file.write_text("wrong\n")
        self.assertEqual(self.daemon.call("reload"), b"OK")
        self.daemon.wait_logged("the new password is refused: WRONGPASS")
        self.check_serves()
        self.assertIn(self.connections()[0], before)
        self.assertNotIn("wrong\n", self.daemon.log())


if __name__ == "__main__":
    harness.main()
