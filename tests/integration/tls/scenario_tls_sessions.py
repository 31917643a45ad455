#!/usr/bin/env python3
"""Every session of the other folders, with TLS on both sides: to the daemon, and from it to Redis."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import tempfile
import unittest

import harness
import session
import tls

FOLDER = pathlib.Path(__file__).resolve().parents[1]
# What is about Unix sockets, or about a URL's database.
APART = re.compile(r"uid = |gid = |\{redis:\w+\}\?|listen = (?!\{listen\}$)|unix:", re.MULTILINE)


class TlsRedis(harness.Redis):
    """Its URL is what a backend's section needs to reach it over TLS."""

    def __init__(self, folder, name, port=0, options=()):
        self.tls_port = harness.free_port()
        super().__init__(folder, name, port, [*tls.redis_options(folder, self.tls_port), *options])

    @property
    def url(self):
        return f"rediss://localhost:{self.tls_port}\ntls_ca = ca.crt"


class TlsWorld(harness.World):
    """A world whose daemons listen with TLS alone, and whose Redis servers are reached by it."""

    def __init__(self, certificates):
        super().__init__()
        for file in pathlib.Path(certificates).iterdir():
            shutil.copy(file, self.folder)
        self.context = tls.context(self.folder)

    def redis(self, name="main", **options):
        if name not in self.servers:
            self.servers[name] = TlsRedis(self.folder, name, **options)
        return self.servers[name]

    def daemon(self, ini=harness.INI, env=None, arguments=(), **options):
        ini = ini.replace("{listen}", "tls:127.0.0.1:{port}\ntls_cert = server.crt\ntls_key = server.key")
        daemon = super().daemon(ini, env, arguments, **options)
        address = ("127.0.0.1", self.port)
        daemon.client = lambda timeout=10: tls.Client(address, self.context, timeout=timeout)
        return daemon


def play(certificates, path):
    """What went wrong; None: nothing."""
    played = session.Session(path)
    form = played.forms[-1]
    try:
        with TlsWorld(certificates) as world:
            player = session.Player(played, form, world)
            player.play()
            for client in player.connections.values():
                client.close()
    except Exception as error:
        return f"{path.name}: {type(error).__name__}: {error}"
    return None


class Sessions(unittest.TestCase):
    def test_every_session_is_the_same_over_tls(self):
        paths = [path for path in sorted(FOLDER.glob("*/*.session")) if not APART.search(path.read_text())]
        self.assertGreater(len(paths), 100)
        with tempfile.TemporaryDirectory() as certificates:
            tls.Authority(certificates).issue("server", "DNS:localhost", "IP:127.0.0.1")
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                found = list(pool.map(lambda path: play(certificates, path), paths))
        self.assertEqual([problem for problem in found if problem], [])


if __name__ == "__main__":
    harness.main()
