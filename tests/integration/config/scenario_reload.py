#!/usr/bin/env python3
"""Reload: what changes, what stays, and what a bad file does. All or nothing."""

import os
import pathlib
import signal
import unittest

import harness
import resp
from resp import Client

HEAD = """\
[cachesd]
listen = {listen}
drain = 1s
[backend main]
url = {redis:main}
timeout = 10s
"""
CARTS = "[namespace carts]\nttl = 2h\nmax_ttl = 1d\n"
INI = HEAD + CARTS
TCP = INI.replace("{listen}", "{listen}\nlisten = tcp:127.0.0.1:{port}")
OTHER = "[backend other]\nurl = {redis:other}\n"


def token(name, access="write", namespaces="*"):
    """A user whose token is its name."""
    return (
        f"[user {name}]\ntoken = {harness.token_hash(name)}\n"
        f"namespaces = {namespaces}\naccess = {access}\n"
    )


class Reload(unittest.TestCase):
    def reload(self, daemon, ini):
        self.assertEqual(daemon.reload(ini), b"OK")

    # --- good ones ----------------------------------------------------------------------------

    def test_sighup_reloads_too(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            daemon.configure(INI + "[namespace users]\n")
            daemon.send_signal(signal.SIGHUP)
            daemon.wait_logged("reload: done")
            self.assertIsNone(daemon.call("key.get", "users", "k"))

    def test_a_request_that_has_begun_keeps_its_max_request(self):
        value = bytes(200000)
        with harness.World() as world:
            daemon = world.daemon(INI)
            for encode in (resp.array, resp.blocks):
                self.reload(daemon, INI)
                with daemon.client() as client, daemon.client() as other:
                    request = encode("key.set", "carts", "k", value)
                    client.send(request[:100000])
                    other.call("ping")
                    self.reload(daemon, INI.replace("drain", "max_request = 64kb\ndrain"))
                    client.send(request[100000:-1])
                    other.call("ping")
                    client.send(request[-1:])
                    self.assertEqual(client.read(), b"OK")
                    client.send(request)
                    self.assertEqual(client.read().code, "PROTOCOL")

    def test_a_namespace_comes_and_goes(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.get", "users", "k").code, "NAMESPACE")
                self.reload(daemon, INI + "[namespace users]\n")
                self.assertEqual(client.call("key.set", "users", "k", "v"), b"OK")
                self.reload(daemon, INI)
                self.assertEqual(client.call("key.get", "users", "k").code, "NAMESPACE")
            self.assertEqual(world.redis().call("GET", "users:k"), b"v")

    def test_a_ttl_and_a_prefix_change(self):
        with harness.World() as world:
            daemon, redis = world.daemon(INI), world.redis()
            with daemon.client() as client:
                client.call("key.set", "carts", "k", "v")
                self.reload(daemon, INI.replace("2h", "100s") + "prefix = new:\n")
                self.assertIsNone(client.call("key.get", "carts", "k"))
                client.call("key.set", "carts", "k", "v")
            self.assertIn(redis.call("TTL", "new:k"), range(90, 101))
            self.assertIn(redis.call("TTL", "carts:k"), range(7100, 7201))

    def test_each_option_of_a_namespace_changes(self):
        changes = {
            "readonly = yes": ("key.set", "carts", "k", "v"),
            "deny = key.set": ("key.set", "carts", "k", "v"),
            "collections = dict": ("key.set", "carts", "k", "v"),
            "value = int": ("key.set", "carts", "k", "v"),
            "max_value = 1": ("key.set", "carts", "k", "vv"),
            "max_key = 7": ("key.set", "carts", "kk", "v"),
            "over_ttl = reject": ("key.set", "ttl=9d", "carts", "k", "v"),
        }
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client() as client:
                for option, request in changes.items():
                    with self.subTest(option=option):
                        self.assertEqual(client.call(*request), b"OK")
                        self.reload(daemon, INI + option + "\n")
                        self.assertEqual(client.call(*request).code, "POLICY")
                        self.reload(daemon, INI)

    def test_a_backend_comes_changes_and_goes(self):
        moved = (HEAD + OTHER + CARTS).replace("[namespace carts]", "[namespace carts]\nbackend = ")
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client() as client:
                client.call("key.set", "carts", "k", "in main")
                self.reload(daemon, moved.replace("backend = \n", "backend = other\n"))
                client.call("key.set", "carts", "k", "in other")
                self.assertEqual(client.call("backends").count(b"name="), 2)
                self.reload(daemon, INI.replace("{redis:main}", "{redis:other}?db=2"))
                self.assertIsNone(client.call("key.get", "carts", "k"))
                client.call("key.set", "carts", "k", "in db 2")
                self.assertEqual(client.call("backends").count(b"name="), 1)
            self.assertEqual(world.redis("main").call("GET", "carts:k"), b"in main")
            with world.redis("other").client() as direct:
                self.assertEqual(direct.call("GET", "carts:k"), b"in other")
                direct.call("SELECT", "2")
                self.assertEqual(direct.call("GET", "carts:k"), b"in db 2")

    def test_a_backend_that_went_is_let_go(self):
        two = INI.replace("[namespace carts]", OTHER + "[namespace carts]\nbackend = main")
        with harness.World() as world:
            daemon, other = world.daemon(two), world.redis("other")
            harness.wait_until(lambda: self.is_connected(other), "it came")
            self.reload(daemon, INI)
            harness.wait_until(lambda: not self.is_connected(other), "it went")

    def is_connected(self, redis):
        return b"name=cachesd" in redis.call("CLIENT", "LIST")

    def test_an_embedded_backend_that_went_holds_up_nobody_even_if_it_hangs(self):
        own = "[backend own]\nurl = embedded:\n[namespace carts]\nbackend = main"
        two = INI.replace("[namespace carts]", own)
        with harness.World() as world:
            daemon = world.daemon(two)
            children = harness.children(daemon.pid).items()
            redis = next(pid for pid, name in children if "redis" in name)
            with daemon.client() as client, daemon.client() as other:
                self.assertEqual(other.call("ping"), b"PONG")
                os.kill(redis, signal.SIGSTOP)
                daemon.configure(INI)
                client.send(resp.array("reload"))
                while b"name=own" in other.call("backends"):
                    pass
                self.assertEqual(other.call("ping"), b"PONG")
                self.assertTrue(harness.is_running(redis), "nobody has waited for its end")
                self.assertEqual(client.read(), b"OK")
            harness.wait_until(lambda: not harness.is_running(redis), "it has ended")

    def test_a_backend_that_stays_keeps_its_connection(self):
        with harness.World() as world:
            daemon, redis = world.daemon(INI), world.redis()
            before = redis.call("INFO", "stats").split(b"total_connections_received:")[1].split()[0]
            for i in range(5):
                self.reload(daemon, INI.replace("2h", f"{i + 1}h"))
            after = redis.call("INFO", "stats").split(b"total_connections_received:")[1].split()[0]
            self.assertEqual(int(after) - int(before), 1)  # this test's own question

    def test_a_password_file_is_read_again(self):
        ini = INI.replace("timeout = 10s", "password_file = secret")
        with harness.World() as world:
            redis, path = world.redis(), pathlib.Path(world.folder, "secret")
            redis.call("CONFIG", "SET", "requirepass", "first")
            path.write_text("first")
            daemon = world.daemon(ini)
            self.assertEqual(daemon.call("key.set", "carts", "k", "v"), b"OK")
            with redis.client() as direct:
                direct.call("AUTH", "first")
                direct.call("CONFIG", "SET", "requirepass", "second")
                direct.call("CLIENT", "KILL", "TYPE", "normal")
            path.write_text("second")
            self.reload(daemon, ini)
            self.assertEqual(daemon.call("key.get", "carts", "k"), b"v")

    def test_a_listener_comes_and_goes_and_its_clients_stay(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.reload(daemon, TCP)
            with Client(("127.0.0.1", world.port)) as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                self.reload(daemon, INI)
                self.assertFalse(harness.accepts(("127.0.0.1", world.port)))
                self.assertEqual(client.call("key.get", "carts", "k"), b"v")

    def test_a_unix_socket_moves_and_its_old_file_goes(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            old, new = daemon.path, f"{world.folder}/new.sock"
            with daemon.client() as client:
                self.reload(daemon, INI.replace("{listen}", f"unix:{new}"))
                self.assertEqual(client.call("ping"), b"PONG")
            self.assertFalse(os.path.exists(old))
            daemon.path = new
            self.assertEqual(daemon.call("ping"), b"PONG")

    def test_socket_mode_changes(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            self.reload(daemon, INI.replace("drain", "socket_mode = 0600\ndrain"))
            self.assertEqual(os.stat(daemon.path).st_mode & 0o777, 0o600)

    def test_the_limits_of_clients_change(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client() as client:
                self.assertEqual(client.call("ping"), b"PONG")
                daemon.configure(INI.replace("drain", "max_clients = 1\nmax_request = 64kb\ndrain"))
                self.assertEqual(client.call("reload"), b"OK")
                with daemon.client() as another:
                    self.assertEqual(another.read().code, "OVERLOADED")
                client.send(resp.array("key.set", "carts", "k", bytes(70000)))
                self.assertEqual(client.read().code, "PROTOCOL")

    def test_the_log_level_changes_and_v_stays_on_top(self):
        with harness.World() as world:
            daemon = world.daemon(INI, arguments=["-v"])
            self.assertEqual(daemon.call("ping"), b"PONG")
            self.assertIn("debug", daemon.log())
            self.reload(daemon, INI)
            before = daemon.log().count("connected")
            self.assertEqual(daemon.call("ping"), b"PONG")
            harness.wait_until(lambda: daemon.call("ping") == b"PONG", "it is there")
            self.assertGreater(daemon.log().count("connected"), before)

    # --- users --------------------------------------------------------------------------------

    def test_a_user_who_was_removed_loses_its_rights(self):
        with harness.World() as world:
            daemon = world.daemon(INI + token("web") + token("boss", "admin"))
            with daemon.client() as web, daemon.client() as boss:
                self.assertEqual(web.call("auth", "web", "web"), b"OK")
                self.assertEqual(boss.call("auth", "boss", "boss"), b"OK")
                self.assertEqual(web.call("key.set", "carts", "k", "v"), b"OK")
                daemon.configure(INI + token("boss", "admin"))
                self.assertEqual(boss.call("reload"), b"OK")
                self.assertEqual(web.call("key.get", "carts", "k").code, "NOAUTH")
                self.assertEqual(web.call("auth", "web", "web").code, "NOAUTH")
                self.assertEqual(boss.call("key.get", "carts", "k"), b"v")

    def test_a_users_access_and_namespaces_change_at_once(self):
        boss = token("boss", "admin")
        with harness.World() as world:
            daemon = world.daemon(INI + "[namespace users]\n" + token("web") + boss)
            with daemon.client() as web, daemon.client() as admin:
                web.call("auth", "web", "web")
                admin.call("auth", "boss", "boss")
                self.assertEqual(web.call("key.set", "users", "k", "v"), b"OK")
                web_less = token("web", "read", "carts")
                daemon.configure(INI + "[namespace users]\n" + web_less + boss)
                self.assertEqual(admin.call("reload"), b"OK")
                self.assertEqual(web.call("key.get", "users", "k").code, "NOPERM")
                self.assertEqual(web.call("key.set", "carts", "k", "v").code, "NOPERM")
                self.assertIsNone(web.call("key.get", "carts", "k"))

    def test_a_token_that_was_changed_must_be_given_anew(self):
        boss = token("boss", "admin")
        with harness.World() as world:
            daemon = world.daemon(INI + token("web") + boss)
            changed = token("web").replace(harness.token_hash("web"), harness.token_hash("new"))
            with daemon.client() as web, daemon.client() as admin:
                web.call("auth", "web", "web")
                admin.call("auth", "boss", "boss")
                daemon.configure(INI + changed + boss)
                self.assertEqual(admin.call("reload"), b"OK")
                self.assertEqual(web.call("key.get", "carts", "k").code, "NOAUTH")
                self.assertEqual(web.call("auth", "web", "new"), b"OK")

    def test_the_first_user_shuts_out_who_was_trusted(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
                self.reload(daemon, INI + token("web"))
                self.assertEqual(client.call("key.get", "carts", "k").code, "NOAUTH")
                self.assertEqual(client.call("auth", "web", "web"), b"OK")

    def test_only_an_admin_may_reload(self):
        with harness.World() as world:
            daemon = world.daemon(INI + token("web"))
            with daemon.client() as client:
                self.assertEqual(client.call("reload").code, "NOAUTH")
                client.call("auth", "web", "web")
                self.assertEqual(client.call("reload").code, "NOPERM")

    # --- in flight ----------------------------------------------------------------------------

    def test_requests_in_flight_end_under_the_settings_they_began_with(self):
        new = INI.replace("{redis:main}", "{redis:other}").replace("2h", "100s")
        with harness.World() as world:
            daemon, redis = world.daemon(INI), world.redis()
            world.redis("other")
            with daemon.client() as client, redis.client() as sleeper:
                client.call("key.set", "carts", "old", "v")
                sleeper.send(resp.array("DEBUG", "SLEEP", "0.5"))
                client.send(resp.array("key.set", "carts", "k", "v"))
                client.send(resp.array("key.get", "carts", "old"))
                self.wait_until_pending(daemon, 2)
                self.reload(daemon, new)
                client.send(resp.array("key.get", "carts", "old"))
                self.assertEqual([client.read() for _ in range(3)], [b"OK", b"v", None])
            self.assertIn(redis.call("TTL", "carts:k"), range(7100, 7201))
            self.assertEqual(world.redis("other").call("DBSIZE"), 0)

    def wait_until_pending(self, daemon, count):
        with daemon.client() as other:
            harness.wait_until(
                lambda: b"pending=%d " % count in other.call("backends"), "they are pending"
            )

    def test_those_that_wait_for_room_go_on_with_the_new_settings(self):
        small = INI.replace("timeout", "max_pending = 1\ntimeout")
        with harness.World() as world:
            daemon, redis = world.daemon(small), world.redis()
            world.redis("other")  # its start may take longer than the sleep
            with daemon.client() as first, daemon.client() as second, redis.client() as sleeper:
                first.call("key.set", "carts", "k", "v")
                sleeper.send(resp.array("DEBUG", "SLEEP", "0.5"))
                first.send(resp.array("key.get", "carts", "k"))
                self.wait_until_pending(daemon, 1)
                second.send(resp.array("key.get", "carts", "k"))
                self.reload(daemon, INI.replace("{redis:main}", "{redis:other}"))
                self.assertEqual(first.read(), b"v")
                self.assertIsNone(second.read())

    def test_the_counters_of_a_namespace_survive(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            daemon.call("key.set", "carts", "k", "v")
            self.reload(daemon, INI.replace("2h", "1h") + "[namespace users]\n")
            daemon.call("key.set", "carts", "k", "v")
            self.assertEqual(daemon.stats("carts")["writes"], 2)
            self.reload(daemon, INI.replace("carts", "users"))
            self.reload(daemon, INI)
            self.assertEqual(daemon.stats("carts")["writes"], 0)


if __name__ == "__main__":
    harness.main()
