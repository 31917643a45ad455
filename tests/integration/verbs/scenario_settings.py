#!/usr/bin/env python3
"""settings: every option of the configuration in force, for whom it is."""

import re

import harness

WORKERS = 3
INI = """\
[cachesd]
listen = {listen}
workers = 3
[backend main]
url = {redis:main}
[backend other]
url = redis://bob:its-password@127.0.0.1:1/3
[namespace carts]
backend = main
[namespace logs]
backend = other
[listener apps]
listen = unix:{folder}/apps.sock
speak = redis
"""
USERS = f"""\
[user web]
token = {harness.token_hash("web")}
namespaces = carts
access = write
[user ops]
token = {harness.token_hash("ops")}
namespaces = *
access = admin
"""
LINE = re.compile(r'section=(\w+) name=(\S*) option=(\w+) value=("(?:[^"\\]|\\.)*"|\S+) '
                  r"default=(yes|no) restart=(yes|no)\n")


def read(text):
    """{(section, name, option): (value, default, restart)}; each byte of the reply is accounted for."""
    text = text.decode()
    assert LINE.sub("", text) == "", text
    return {found[:3]: found[3:] for found in LINE.findall(text)}


def sample():
    """The options of the sample, as (section, option)."""
    section, found = None, set()
    for line in (harness.ROOT / "conf" / "cachesd.ini").read_text().splitlines():
        head = re.match(r";?\s*\[(\w+)", line)
        option = re.match(r";?\s*(\w+) =", line)
        section = head[1] if head else section
        if option:
            found.add((section, option[1]))
    return found


class Settings(harness.TestCase):
    def test_each_option_of_the_sample_is_told(self):
        daemon = self.world.daemon(INI + USERS)
        client = self.connect(daemon)
        client.call("auth", "ops", "ops")
        told = {(section, option) for section, _, option in read(client.call("settings"))}
        self.assertEqual(sample() - told, set())

    def test_a_change_that_needs_a_restart_is_the_one_that_a_reload_refuses(self):
        daemon = self.world.daemon(INI)
        told = read(daemon.call("settings"))
        self.assertEqual({key[2] for key, line in told.items() if line[2] == "yes"}, {"workers"})
        self.assertEqual(told["cachesd", "", "workers"], ("3", "no", "yes"))
        reply = daemon.reload(INI.replace("workers = 3", "workers = 2"))
        self.assertIn(b"workers: it is 3, and can't change by a reload: restart the daemon", reply)

    def test_all_workers_tell_what_a_reload_has_put_in_force(self):
        daemon = self.world.daemon(INI)
        clients = [self.connect(daemon) for _ in range(2 * WORKERS)]
        option = "namespace", "carts", "ttl"
        for client in clients:
            self.assertEqual(read(client.call("settings", "ttl"))[option], ("2h", "yes", "no"))
        self.assertEqual(daemon.reload(INI + "[namespace more]\nbackend = main\nttl = 5m\n"), b"OK")
        for client in clients:
            told = read(client.call("settings", "ttl"))
            self.assertEqual(told[option], ("2h", "yes", "no"))
            self.assertEqual(told["namespace", "more", "ttl"], ("5m", "no", "no"))

    def test_a_user_sees_its_own_namespaces_with_their_backends_and_itself(self):
        daemon = self.world.daemon(INI + USERS)
        web, ops = self.connect(daemon), self.connect(daemon)
        for client, name in ((web, "web"), (ops, "ops")):
            self.assertEqual(client.call("auth", name, name), b"OK")
        seen = {key[:2] for key in read(web.call("settings"))}
        self.assertEqual(seen, {("cachesd", ""), ("http", ""), ("backend", "main"), ("namespace", "carts"), ("user", "web")})
        seen = {key[:2] for key in read(ops.call("settings"))}
        self.assertTrue({("backend", "other"), ("listener", "apps"), ("namespace", "logs"), ("user", "web"), ("user", "ops")} <= seen)
        theirs, none = web.call("settings", "logs"), web.call("settings", "nope")
        self.assertEqual(theirs.replace(b"logs", b"nope"), none)

    def test_no_secret_is_told(self):
        daemon = self.world.daemon(INI + USERS)
        client = self.connect(daemon)
        client.call("auth", "ops", "ops")
        text = client.call("settings")
        self.assertEqual(read(text)["user", "web", "token"], ("hidden", "no", "no"))
        self.assertEqual(read(text)["user", "web", "namespaces"], ("carts", "no", "no"))
        self.assertEqual(read(text)["backend", "other", "url"][0], "redis://127.0.0.1:1/3")
        for secret in ("its-password", harness.token_hash("web")[7:]):
            self.assertNotIn(secret.encode(), text)


if __name__ == "__main__":
    harness.main()
