#!/usr/bin/env python3
"""CACHES_DSN, connections by name, and the namespace that the environment names."""

import traceback
import unittest

import world

import cachesd
from cachesd import Interface, Login


class Dsn(world.TestCase):
    def test_urls_of_every_form(self):
        for dsn, name, login, namespace, timeout in (
            ("cachesd://h:1/carts#c", "c", Login("h:1"), "carts", 5),
            ("cachesd://h/carts?timeout=0.5", "", Login("h:7379"), "carts", 0.5),
            ("cachesd://u%40x:t%2F@[::1]:5/a", "", Login("[::1]:5", "u@x", "t/"), "a", 5),
            ("cachesd:///carts", "", Login(None), "carts", 5),
            ("cachesd://h:1", "", Login("h:1"), "", 5),
            ("cachesd+tls://h:1/a#b", "b", Login("tls:h:1"), "a", 5),
            ("cachesd+unix:///run/x.sock?namespace=a&timeout=2#b", "b", Login("/run/x.sock"), "a", 2),
        ):
            self.assertEqual(cachesd.registry.parse_dsn(dsn), (name, Interface(login, namespace, timeout)), dsn)

    def test_what_is_no_such_url_is_refused_and_the_forms_are_told(self):
        for dsn in ("redis://localhost/0", "localhost", "cachesd://h/a?tiemout=1", "http://h/a"):
            with self.assertRaisesRegex(ValueError, "cachesd://.*was expected"):
                cachesd.configure(dsn)

    def test_the_environment_names_daemons_and_namespaces(self):
        path, port = self.daemon.path, self.world.port
        self.set_environment(
            CACHESD_ADDRESS="/nowhere",
            CACHES_DSN=f"cachesd://127.0.0.1:{port}",
            CACHES_DSN_1=f"cachesd+unix://{path}?namespace=other#first",
            CACHES_DSN_2=f"cachesd://127.0.0.1:{port}/forever#second",
        )
        for name, key in (("", "demo:Cache.foo"), ("first", "o:Cache.foo"), ("second", "forever:Cache.foo"), ("other", "o:Cache.foo")):
            self.redis.call("FLUSHALL")
            cachesd.Cache("foo", data=1, connection_name=name)
            self.assertEqual(self.keys(), [key], name)
        self.assertEqual(set(cachesd.get_interfaces()), {"", "first", "second"})
        with self.assertRaisesRegex(ValueError, "'first' is there already"):
            cachesd.configure(f"cachesd+unix://{path}#first")

    def test_an_error_never_shows_a_token(self):
        for dsn in ("//web:secret@host/demo", "cachesd://web:secret/x@host/demo", "cachesd://web:secret?x@host/demo"):
            with self.assertRaises(ValueError) as raised:
                cachesd.registry.parse_dsn(dsn)
            shown = traceback.format_exception(ValueError, raised.exception, raised.exception.__traceback__)
            self.assertNotIn("secret", "".join(shown), dsn)

    def test_a_redis_url_is_left_to_the_daemon_and_its_name_is_a_namespace(self):
        self.set_environment(CACHES_DSN="redis://localhost/0", CACHES_DSN_1="caches.interface.Redis://u:secret@h/0#other")
        with self.assertLogs("cachesd", "INFO") as logged:
            cachesd.Cache("foo", data=1, connection_name="other")
        self.assertEqual(self.keys(), ["o:Cache.foo"])
        self.assertEqual(len([line for line in logged.output if "left to the daemon" in line]), 2)
        self.assertNotIn("secret", "".join(logged.output))
        cachesd.Cache("foo", data=1)
        self.assertEqual(self.keys(), ["demo:Cache.foo", "o:Cache.foo"])

    def test_a_wrong_url_of_a_daemon_is_said_when_it_is_needed(self):
        self.set_environment(CACHES_DSN_1="cachesd://h/a?tiemout=1#x")
        with self.assertRaisesRegex(ValueError, "unknown option tiemout"):
            cachesd.Cache("foo").exists()
        with self.assertRaisesRegex(ValueError, "unknown option tiemout"):
            cachesd.Cache("foo").exists()

    def test_an_interface_may_be_set(self):
        cachesd.set_interface(Interface(Login(self.daemon.path), "other"), "mine")
        cachesd.SetCache("foo", data=[1], connection_name="mine")
        self.assertEqual(self.keys(), ["o:SetCache.foo"])
        interface = cachesd.get_interface("mine")
        self.assertEqual(interface.client.set.len(interface.namespace, "SetCache.foo"), 1)
        cachesd.SetCache("foo", data=[1], connection_name="mine", namespace="demo")
        self.assertEqual(self.keys(), ["demo:SetCache.foo", "o:SetCache.foo"])

    def test_the_environment_names_the_usual_namespace(self):
        self.set_environment(CACHESD_NAMESPACE="other")
        cachesd.Cache("foo", data=1)
        cachesd.cached(key="bar")(lambda: 1)()
        self.assertEqual(self.keys(), ["o:Cache.foo", "o:bar"])

    def test_the_decorator_of_a_class_goes_where_the_class_does(self):
        cachesd.configure(f"cachesd+unix://{self.daemon.path}?namespace=other#mine")
        self.set_environment(CACHESD_ADDRESS="/nowhere")
        self.assertEqual(cachesd.Cache.cached(key="k", connection_name="mine")(lambda: 1)(), 1)
        self.assertEqual(self.keys(), ["o:Cache.k"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
