"""A daemon and a Redis for tests. Each test begins with an empty Redis, and with what CACHES_DSN says."""

import functools
import os
import pathlib
import sys
import unittest
import unittest.mock

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parents[1]
sys.path[:0] = [str(PACKAGE), str(ROOT / "tests" / "harness")]

import harness
from cachesd import aio, memo, memo_async, registry

INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
[backend main]
url = {redis:main}
timeout = 20s
[namespace demo]
ttl = 1h
max_ttl = 1d
[namespace other]
prefix = o:
[namespace forever]
ttl = forever
max_ttl = forever
"""
VARIABLES = "CACHESD_ADDRESS", "CACHESD_USER", "CACHESD_TOKEN", "CACHESD_NAMESPACE"


def forget_all():
    """What a program learns from its environment once, and then keeps."""
    registry.interfaces = None
    for kept in (registry.clients, memo.clients, memo.resting, memo_async.clients, aio.clients):
        kept.clear()


@functools.lru_cache(None)
def world_of(ini):
    """Classes of one configuration share a world, which ends with their module."""
    world = harness.World()
    unittest.addModuleCleanup(world.__exit__, None)
    daemon, redis = world.daemon(ini), world.redis().client()
    unittest.addModuleCleanup(redis.close)
    return world, daemon, redis


class TestCase(unittest.TestCase):
    ini = INI

    @classmethod
    def setUpClass(cls):
        for name in [name for name in os.environ if name in VARIABLES or name.startswith("CACHES_DSN")]:
            del os.environ[name]
        cls.world, cls.daemon, cls.redis = world_of(cls.ini)

    def setUp(self):
        forget_all()
        self.redis.call("FLUSHALL")
        self.set_environment(CACHESD_ADDRESS=self.daemon.path)

    def set_environment(self, **variables):
        """Until the test ends."""
        patch = unittest.mock.patch.dict(os.environ, variables)
        patch.start()
        self.addCleanup(patch.stop)

    def keys(self):
        return sorted(key.decode() for key in self.redis.call("KEYS", "*"))

    def assert_ttl(self, key, seconds, about=None, late=harness.SOON):
        """The key has this ttl since a moment ago: on a busy machine that can be seconds."""
        left = self.redis.call("PTTL", key) / 1000
        self.assertTrue(seconds - late <= left <= seconds, f"{left} s are left of {seconds} ({about})")
