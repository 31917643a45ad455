#!/usr/bin/env python3
"""-t on each value of each option: those at the limits are good, one over is bad, with its line."""

import itertools
import pathlib
import re

import harness

SECTIONS = {
    "cachesd": "[cachesd]\n{option}[backend main]\nurl = redis://h\n[namespace carts]\n",
    "http": "[http]\n{option}[backend main]\nurl = redis://h\n[namespace carts]\n",
    "listener": "[backend main]\nurl = redis://h\n[namespace carts]\n[namespace misc]\n"
    "[listener apps]\n{option}{listener}",
    "backend": "[backend main]\n{option}{url}[namespace carts]\n",
    "namespace": "[backend main]\nurl = redis://h\n[namespace carts]\n{option}",
    "user": "[backend main]\nurl = redis://h\n[namespace carts]\n[user web]\n{option}{user}",
}
HASH = harness.token_hash("token")
YES_NO = (["yes", "no", "YES"], ["maybe", "1", ""])

# option: good values, bad values.
VALUES = {
    "cachesd": {
        "listen": (
            ["unix:/run/c.sock", "tcp:127.0.0.1:1", "tcp:[::1]:65535", "systemd",
             f"tcp:{harness.local_name()}:7379, unix:/a"],
            ["", "unix:", "tcp:127.0.0.1", "tcp:127.0.0.1:65536", "tcp:127.0.0.1:0",
             "tcp:::1:5", "tcp:0.0.0.0:1", "tls:127.0.0.1:1",
             "udp:127.0.0.1:5", "tcp:no.such.invalid:5", "unix:/" + "x" * 108],
        ),
        "include": (["", "{folder}/c.d/*.ini", "none.d/*.ini"], ["none.ini", "c.d", "c.ini"]),
        "socket_mode": (["0", "0600", "660", "0777"], ["", "0888", "1000", "rw", "07777"]),
        "socket_group": (["root", "0", ""], []),
        "max_clients": (["1", "1000000"], ["0", "1000001", "-1", "many", "1.5", ""]),
        "max_request": (["64kb", "65536", "536870911"], ["65535", "512mb", "536870912", "0"]),
        "client_output": (["64kb", "1024gb"], ["65535", "1025gb", "-1"]),
        "client_stall": (["100ms", "1d"], ["99ms", "0", "forever", "86401", "1w"]),
        "client_idle": (["0", "forever", "1ms", "36500d"], ["36501d", "-1s", "soon"]),
        "drain": (["0", "1d"], ["86401", "forever", "-1"]),
        "slow": (["0", "forever", "1ms", "1d"], ["25h", "-1s", "soon"]),
        "large": (["1", "1024gb"], ["0", "1025gb", "much"]),
        "slow_keys": (["large", "all"], ["none", "yes"]),
        "metrics_by_verb": (["yes", "no"], ["maybe"]),
        "near_memory": (["0", "1024gb"], ["1025gb", "lots"]),
        "io_uring": (["yes", "no"], ["auto"]),
        "workers": (["1", "64"], ["0", "65", "two"]),
        "log_level": (["error", "warning", "info", "debug"], ["verbose", "", "Info"]),
        "log_format": (["text", "logfmt", "json"], ["xml", "", "JSON"]),
        "log_timestamps": (["auto", "yes", "no"], ["on", "", "Yes"]),
        "tls_cert": (["", "nosuch"], []),  # without a tls: address these are not looked at
        "tls_key": (["", "nosuch"], []),
        "tls_client": (["no", "optional", "required"], ["", "yes", "Required"]),
        "tls_client_ca": (["", "nosuch"], []),
    },
    "http": {
        "listen": (
            ["", "tcp:127.0.0.1:9379", "tcp:[::1]:9379, unix:/run/http.sock"],
            ["tcp:127.0.0.1", "tcp:0.0.0.0:9379", "systemd", "tls:127.0.0.1:9379",
             "unix:/run/cachesd/cachesd.sock", "http://127.0.0.1:9379", "tcp:127.0.0.1:1, tcp:127.0.0.1:1"],
        ),
        "hosts": (["", "cache.internal, 10.0.0.7, [fd00::1]"], ["cache:9379", "a b", "http://h"]),
    },
    "listener": {
        "listen": (
            ["unix:/run/apps.sock", "tcp:127.0.0.1:6379", "tcp:[::1]:6379, unix:/a", "systemd"],
            ["", "tcp:127.0.0.1", "tcp:0.0.0.0:6379", "tls:127.0.0.1:6379", "redis:6379",
             "unix:/run/cachesd/cachesd.sock", "tcp:127.0.0.1:1, tcp:127.0.0.1:1"],
        ),
        "speak": (["redis", "cachesd"], ["", "resp3", "Redis"]),
        "namespaces": (["carts", "carts, misc", "*", "misc, misc"], ["", "nosuch", "carts, nosuch", "c!"]),
        "rest": (["", "misc"], ["nosuch", "c!", "carts, misc"]),
        "namespace": (["", "misc"], ["nosuch", "c!", "*"]),
        "select": (
            ["", "1: carts", "1:carts, 2: misc", "9999: carts"],
            ["carts", "1", "1:", "0: carts", "10000: carts", "-1: carts", "1: nosuch", "1: carts, 1: misc",
             "x: carts", "1: a b"],
        ),
        "flush": (["no", "yes", "write"], ["", "admin", "Yes"]),
    },
    "backend": {
        "url": (
            ["redis://h", "redis://u:p@h:1/0", "unix:/r.sock?db=1", "embedded:",
             "embedded:?maxmemory=1gb&policy=noeviction", "redis://[::1]:6379", "rediss://h",
             "redis+sentinel://s1,s2:5/m?db=1", "rediss+sentinel://s1/m",
             "redis+cluster://c1:7000,c2,[::1]", "rediss+cluster://u:p@h/0"],
            ["", "http://h", "redis+cluster://h/1", "redis+cluster://h?db=1", "redis+cluster://h,h:6379",
             "redis+sentinel://h",
             "redis+sentinel://h/m/1", "redis+sentinel://h,h/m",
             "redis://h:0x1", "redis://h:0", "redis://u@h", "redis://h/1?db=2", "redis://a,b", "redis://h:65536", "redis://h/x", "redis://h#name", "h:6379"],
        ),
        "password_file": (["", "{folder}/secret", "secret"], ["nosuch", "/no/such", "empty"]),
        "seeds": (["", "h", "h:1, [::1]:65535"], ["h:0", "a b", "::1", "h,i:x", ":1", "u:p@h"]),
        "sentinel_user": (["", "bob"], []),
        "sentinel_password_file": (["", "{folder}/secret", "secret"], ["nosuch", "empty"]),
        "sentinel_tls": (["auto", "yes", "no"], ["", "on", "Yes"]),
        "connect_timeout": (["1ms", "1h"], ["0", "3601", "forever"]),
        "timeout": (["1ms", "3600"], ["0", "3601s", "forever"]),
        "max_pending": (["1", "10000000"], ["0", "10000001"]),
        "tls_ca": (["", "nosuch"], []),  # without rediss:// these are not looked at
        "tls_cert": (["", "nosuch"], []),
        "tls_key": (["", "nosuch"], []),
        "tls_verify": (["full", "ca", "no"], ["", "yes", "none"]),
        "tls_server_name": (["", "redis.internal"], []),
        "tls_min": (["1.2", "1.3"], ["", "1.1", "1"]),
        "tls_ciphers": (["", "nosuch"], []),
    },
    "namespace": {
        "backend": (["main"], ["other", "a b"]),
        "prefix": (["x:", "", "x" * 190], ["x" * 191]),
        "ttl": (["1ms", "36500d", "0", "forever"], ["36501d", "-1", "2 h"]),
        "max_ttl": (["2h", "36500d", "forever", "0"], ["7199", "36501d"]),
        "over_ttl": (["clamp", "reject"], ["refuse"]),
        "ttl_mode": (["sliding", "fixed"], ["floating"]),
        "jitter": (["0%", "100%", "15"], ["101%", "-1%", "1.5%", "%"]),
        "collections": (
            ["key", "key, dict, set, sorted, list, counter, memo"], ["keys", "key dict", "lists"],
        ),
        "deny": (["", "touch", "dict.pop, KEY.SET, purge"], ["dict.popp", "dict.*"]),
        "readonly": YES_NO,
        "value": (["bytes", "int", "json"], ["float"]),
        "max_key": (["7", "64kb"], ["6", "65537", "0"]),
        "max_value": (["1", "536870911"], ["0", "512mb"]),
        "near": YES_NO,
        "near_ttl": (["1ms", "1d"], ["0", "86401"]),
        "stale": (["0", "36500d"], ["36501d"]),
        "lease": (["1ms", "2h"], ["0", "86401", "7201"]),
        "early": (["0", "100", "1000"], ["1001", "-1", "1.5"]),
        "null_ttl": (["1ms", "2h"], ["0", "36501d", "7201"]),
        "on_error": (["error", "miss", "stale"], ["ignore"]),
        "scripts": YES_NO,
    },
    "user": {
        "uid": (["0", "root", "4294967294"], ["no-such-user", "-1", "4294967296"]),
        "gid": (["0", "root", "4294967294"], ["no-such-group", "-1", "4294967296"]),
        "token": (
            [HASH, HASH.upper().replace("SHA256", "sha256")],
            ["", "token", HASH[:-1], HASH + "0", HASH[7:], "md5:" + HASH[7:], HASH[:-1] + "g"],
        ),
        "tls_name": (["web", "web.internal, spiffe://a/web"], [""]),
        "namespaces": (["carts", "*", "carts, carts"], ["", "nosuch", "carts, nosuch", "c!"]),
        "access": (["read", "write", "admin"], ["none", "root", "Write"]),
        "redis": (["", "carts"], ["nosuch", "c!", "*"]),
    },
}  # fmt: skip


class Values(harness.TestCase):
    def setUp(self):
        super().setUp()
        pathlib.Path(self.world.folder, "secret").write_text("secret\n")
        pathlib.Path(self.world.folder, "empty").touch()
        pathlib.Path(self.world.folder, "c.d").mkdir()

    def check(self, section, options):
        """What is wrong with a configuration that has these options, as pairs; nothing: an empty string."""
        names = {name for name, _ in options}
        rest = "" if "namespaces" in names else "namespaces = *\n"
        rest += "" if names & {"uid", "token", "tls_name"} else "uid = 1\n"
        lines = "".join(f"{name} = {value}\n" for name, value in options)
        text = SECTIONS[section].replace("{option}", lines)
        text = text.replace("{url}", "" if "url" in names else "url = redis://h\n")
        text = text.replace("{user}", rest)
        listener = "" if "listen" in names else "listen = unix:/run/apps.sock\n"
        listener += "" if "speak" in names else "speak = redis\n"
        text = text.replace("{listener}", listener)
        self.path = pathlib.Path(self.world.folder, "c.ini")
        self.path.write_text(self.world.fill_in(text))
        done = harness.run(*harness.DAEMON, "-t", "-c", self.path, env=self.world.environment)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        return done.stderr if done.returncode else ""

    def rounds(self, which):
        """Of each section its options with their first values, with their second ones, and so on: a start tries many."""
        for section, options in VALUES.items():
            for values in itertools.zip_longest(*(row[which] for row in options.values())):
                yield section, [(name, value) for name, value in zip(options, values) if value is not None]

    def expect_good(self, section, options):
        told = self.check(section, options)
        if told and len(options) > 1:  # some do not go together
            half = len(options) // 2
            self.expect_good(section, options[:half])
            self.expect_good(section, options[half:])
        elif told:
            with self.subTest(section=section, options=options):
                self.fail(told)

    def test_good_values_are_good(self):
        for section, options in self.rounds(0):
            self.expect_good(section, options)

    def is_told(self, told, option):
        line = self.path.read_text().splitlines().index(self.world.fill_in("%s = %s" % option)) + 1
        return re.search(rf"^{self.path}:{line}: .", told, re.MULTILINE)

    def test_bad_values_are_refused_with_a_line(self):
        for section, options in self.rounds(1):
            told = self.check(section, options)
            for option in [option for option in options if not self.is_told(told, option)]:
                with self.subTest(section=section, option=option):  # what is wrong with others may hide it
                    self.assertTrue(self.is_told(self.check(section, [option]), option))

    def test_an_option_twice_is_refused_but_listen_and_include(self):
        for section, options in VALUES.items():
            names = [name for name in options if name not in ("listen", "include")]
            told = self.check(section, [(name, options[name][0][0]) for name in names for _ in range(2)])
            for name in names:
                with self.subTest(section=section, option=name):
                    self.assertIn(f"{name} is given twice", told)

    def test_a_misspelt_option_is_told_the_nearest(self):
        for section, options in VALUES.items():
            right = [name for name in options if len(name) > 4]
            wrong = [name[:-2] + name[-1] + name[-2] + "x" for name in right]
            told = self.check(section, [(name, "1") for name in wrong])
            for name, misspelt in zip(right, wrong):
                with self.subTest(section=section, option=name):
                    # namespace is near namespaces, too
                    self.assertRegex(told, rf"{misspelt}.*did you mean {name}s?\?")


if __name__ == "__main__":
    harness.main()
