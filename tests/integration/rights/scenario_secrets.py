#!/usr/bin/env python3
"""Secrets: in no log, reply or message, however much is logged; and files that hold them."""

import pathlib
import unittest

import harness
import resp
import verbs

PASSWORD, URL_PASSWORD, TOKEN, WRONG = "pass-of-file", "pass-of-url", "its-token", "its-wrong-token"
HASH = harness.token_hash(TOKEN)
SECRETS = (PASSWORD, URL_PASSWORD, TOKEN, WRONG, HASH, HASH[7:27])

INI = f"""\
[cachesd]
listen = {{listen}}
log_level = debug
[backend main]
url = {{redis:main}}
password_file = secret
[backend tcp]
url = redis://bob:{URL_PASSWORD}@127.0.0.1:{{port}}/3
timeout = 200ms
[namespace carts]
backend = main
[namespace users]
backend = tcp
[user web]
token = {HASH}
namespaces = *
access = admin
"""


class Secrets(unittest.TestCase):
    def check(self, text, where):
        text = text if isinstance(text, str) else repr(text)
        for secret in SECRETS:
            self.assertNotIn(secret, text, where)

    def start(self, world, requirepass=PASSWORD):
        world.redis().call("CONFIG", "SET", "requirepass", requirepass)
        pathlib.Path(world.folder, "secret").write_text(PASSWORD + "\n")
        return world.daemon(INI, arguments=["-v", "-v", "-v"])

    def say_everything(self, client):
        for verb in verbs.of(client):
            for words in (verb.request("carts"), verb.request("users")):
                self.check(client.call("explain", *words), words)
                # A purge waits for its backend, and a wrong token for its penalty.
                if verb.name not in ("quit", "auth", "purge"):
                    self.check(client.call(*words), words)
        self.check(client.call("explain", "auth", "web", TOKEN), "explain auth")
        self.check(client.call("auth", "web", TOKEN, "more"), "a refused auth")

    def test_none_is_shown_while_all_goes_well(self):
        with harness.World() as world:
            daemon = self.start(world)
            with daemon.client() as client:
                self.check(client.call("auth", "web", WRONG), "auth")
                self.assertEqual(client.call("auth", "web", TOKEN), b"OK")
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                self.say_everything(client)
            self.check(daemon.log(), "log")
            self.assertIn("debug", daemon.log())

    def test_none_is_shown_when_the_backend_refuses_it(self):
        with harness.World() as world:
            daemon = self.start(world, requirepass="another")
            daemon.wait_logged("AUTH refused")
            with daemon.client() as client:
                client.call("auth", "web", TOKEN)
                reply = client.call("key.get", "carts", "k")
                self.assertEqual(reply.code, "UNAVAILABLE")
                self.check(reply, "reply")
                self.check(client.call("backends"), "backends")
            self.check(daemon.log(), "log")

    def test_none_is_shown_by_a_reload_good_or_bad(self):
        with harness.World() as world:
            daemon = self.start(world)
            with daemon.client() as client:
                client.call("auth", "web", TOKEN)
                for line in (f"token = {TOKEN}", f"tokn = {HASH}", f"token = {HASH}0",
                             f"password = {PASSWORD}", PASSWORD):
                    daemon.configure(INI + line + "\n")
                    reply = client.call("reload")
                    self.assertEqual(reply.code, "POLICY")
                    self.check(reply, line)
                for url in (f"http://bob:{URL_PASSWORD}@h", f"rediss://bob:{URL_PASSWORD}@h",
                            f"redis://bob:{URL_PASSWORD}@h:x/y", f"redis://bob:{URL_PASSWORD}"):
                    daemon.configure(INI.replace("url = redis://bob", f"url = {url}\nurl = a"))
                    self.check(client.call("reload"), url)
                daemon.configure(INI)
                self.assertEqual(client.call("reload"), b"OK")
            self.check(daemon.log(), "log")

    def test_a_bad_file_is_reported_without_them(self):
        with harness.World() as world:
            path = pathlib.Path(world.folder, "bad.ini")
            bad = INI.replace("token = ", "token = oops").replace("/3", "/x")
            path.write_text(world.fill_in(bad))
            done = harness.run(*harness.DAEMON, "-t", "-c", path, env=world.environment)
            self.assertEqual(done.returncode, 1)
            self.check(done.stdout + done.stderr, "-t")

    def test_commands_to_the_backend_are_not_logged_with_values(self):
        with harness.World() as world:
            daemon = self.start(world)
            with daemon.client() as client:
                client.call("auth", "web", TOKEN)
                client.call("key.set", "carts", "k", "value-of-somebody")
            self.assertNotIn("value-of-somebody", daemon.log())

    def test_the_command_line_of_the_embedded_redis_shows_none(self):
        ini = INI.replace("{redis:main}", "embedded:").replace("password_file = secret\n", "")
        with harness.World() as world:
            daemon = world.daemon(ini, arguments=["-v", "-v"])
            with daemon.client() as client:
                client.call("auth", "web", TOKEN)
                harness.wait_until(
                    lambda: not isinstance(client.call("key.get", "carts", "k"), resp.Error),
                    "it serves",
                )
            for pid in harness.children(daemon.pid):
                self.check(pathlib.Path(f"/proc/{pid}/cmdline").read_text(), "cmdline")
            self.check(daemon.log(), "log")


if __name__ == "__main__":
    harness.main()
