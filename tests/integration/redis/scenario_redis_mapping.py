#!/usr/bin/env python3
"""Which namespace a key of Redis's dialect is of, by the section of its listener, and after reloads."""

import os
import pathlib

import harness
import resp
from resp import Client

HEAD = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[backend other]
url = {redis:other}
[namespace sess]
backend = main
[namespace carts]
backend = other
prefix = cart-
[namespace misc]
backend = main
[listener apps]
listen = unix:{folder}/apps.sock
speak = redis
"""
NO_KEY = "no namespace holds the key"


class Mapping(harness.TestCase):
    def start(self, options="", more=""):
        self.daemon = self.world.daemon(HEAD + options + more)
        return self.connect_app()

    def connect_app(self):
        return self.connect_to("apps")

    def connect_to(self, name):
        client = Client(f"{self.world.folder}/{name}.sock")
        self.addCleanup(client.close)
        return client

    def check(self, client, key, server, real):
        """A value goes to that key of that Redis, and comes back; `server` None: the key is refused."""
        reply = client.call("SET", key, key)
        if server is None:
            self.assertEqual(reply.code, "NOPERM", reply)
            self.assertEqual(client.call("GET", key).code, "NOPERM")
            return
        self.assertEqual(reply, b"OK")
        self.assertEqual(client.call("GET", key), key.encode())
        redis = self.world.redis(server)
        self.assertEqual(redis.call("GET", real), key.encode())
        self.assertGreater(redis.call("PTTL", real), 0)

    def test_a_key_of_no_namespace_is_told_a_few_prefixes(self):
        many = "".join(f"[namespace n{number}]\nbackend = main\n" for number in range(10))
        only = f"[user one]\ntoken = {harness.token_hash('one')}\nnamespaces = n1, n2\n"
        only += f"[user all]\ntoken = {harness.token_hash('all')}\nnamespaces = *\n"
        client = self.start(more=many + only)
        for user, shown in ("all", 8), ("one", 2):
            self.assertEqual(client.call("AUTH", user, user), b"OK")
            reply = client.call("GET", "nobodys:1")
            self.assertIn(f"NOPERM {NO_KEY} 'nobodys:1': keys begin with ".encode(), reply)
            self.assertEqual(reply.count(b", "), shown - 1, reply)
        self.assertTrue(reply.endswith(b"keys begin with n1:, n2:"), reply)

    def test_keys_begin_with_the_prefix_of_their_namespace(self):
        client = self.start()
        self.check(client, "sess:1", "main", "sess:1")
        self.check(client, "cart-1", "other", "cart-1")
        self.check(client, "misc:1", "main", "misc:1")
        self.check(client, "cart", None, None)
        self.check(client, "", None, None)

    def test_a_key_of_none_is_told_the_prefixes(self):
        client = self.start("namespaces = sess, carts\n")
        reply = client.call("GET", "misc:1")
        self.assertIn(f"NOPERM {NO_KEY} 'misc:1': keys begin with cart-, sess:".encode(), reply)

    def test_rest_has_all_other_keys_and_no_second_name(self):
        client = self.start("rest = misc\n")
        self.check(client, "sess:1", "main", "sess:1")
        self.check(client, "x", "main", "misc:x")
        self.check(client, "misc:x", "main", "misc:misc:x")
        self.check(client, "", "main", "misc:")

    def test_one_namespace_may_have_all_keys(self):
        client = self.start("namespace = carts\n")
        self.check(client, "x", "other", "cart-x")
        self.check(client, "sess:1", "other", "cart-sess:1")
        self.check(client, "cart-x", "other", "cart-cart-x")

    def test_a_user_may_have_a_namespace_of_its_own(self):
        user = f"[user me]\nuid = {os.getuid()}\nnamespaces = carts, sess\naccess = write\nredis = carts\n"
        client = self.start("namespaces = sess\n", user)
        self.check(client, "sess:1", "other", "cart-sess:1")

    def test_auth_binds_to_the_namespace_of_the_user(self):
        users = "".join(
            f"[user {name}]\ntoken = {harness.token_hash(name)}\nnamespaces = {spaces}\n"
            f"access = write\nredis = {bound}\n"
            for name, spaces, bound in (("one", "carts", "carts"), ("two", "*", "misc"), ("three", "*", ""))
        )
        client = self.start("namespaces = sess\nselect = 1: carts\n", users)
        self.assertEqual(client.call("GET", "sess:1").code, "NOAUTH")
        self.assertEqual(client.call("AUTH", "one", "one"), b"OK")
        self.check(client, "x", "other", "cart-x")
        self.assertEqual(client.call("AUTH", "two", "two"), b"OK")
        self.check(client, "x", "main", "misc:x")
        self.assertEqual(client.call("SELECT", 1), b"OK")  # the user's own goes before
        self.check(client, "x", "main", "misc:x")
        self.assertEqual(client.call("AUTH", "three", "three"), b"OK")
        self.check(client, "x", "other", "cart-x")
        self.assertEqual(client.call("SELECT", 0), b"OK")
        self.check(client, "sess:1", "main", "sess:1")
        self.check(client, "x", None, None)

    def test_select_binds_by_number_and_0_gives_back(self):
        for mode, own in (("", "sess:1"), ("namespace = sess\n", "sess:sess:1")):
            with self.subTest(mode=mode), harness.World() as self.world:
                client = self.start(mode + "select = 1: misc, 12:carts\n")
                self.assertEqual(client.call("SELECT", 1), b"OK")
                self.check(client, "sess:1", "main", "misc:sess:1")
                self.assertEqual(client.call("SELECT", 12), b"OK")
                self.check(client, "sess:1", "other", "cart-sess:1")
                self.assertEqual(client.call("SELECT", 0), b"OK")
                self.check(client, "sess:1", "main", own)

    def test_after_a_select_that_failed_no_key_is_anywhere(self):
        """Some clients go on in what they take for another database."""
        client = self.start("rest = misc\nselect = 1: carts\n")
        for wrong in ("2", "-1", "x", "9223372036854775807"):
            self.assertEqual(client.call("SELECT", 0), b"OK")
            self.check(client, "x", "main", "misc:x")
            self.assertEqual(client.call("SELECT", wrong).code, "ERR")
            self.check(client, "x", None, None)
            self.check(client, "sess:1", None, None)

    def test_namespaces_that_it_does_not_map_are_out_of_reach_for_verbs_too(self):
        client = self.start("namespaces = carts\nselect = 7: misc\n")
        self.assertEqual(client.call("key.set", "carts", "k", "v"), b"OK")
        self.assertEqual(client.call("key.set", "misc", "k", "v"), b"OK")
        self.assertEqual(client.call("key.set", "sess", "k", "v").code, "NOPERM")

    # --- reload -------------------------------------------------------------------------------

    def reload(self, ini):
        self.assertEqual(self.daemon.reload(ini), b"OK")

    def test_a_reload_maps_anew_also_for_clients_that_are_there(self):
        client = self.start("namespaces = sess\n")
        self.check(client, "sess:1", "main", "sess:1")
        self.check(client, "cart-1", None, None)
        self.reload(HEAD + "namespaces = carts\n")
        self.check(client, "cart-1", "other", "cart-1")
        self.check(client, "sess:1", None, None)
        self.reload(HEAD + "namespace = misc\n")
        self.check(client, "sess:1", "main", "misc:sess:1")
        self.reload(HEAD.replace("prefix = cart-", "prefix = C:"))
        self.check(client, "C:1", "other", "C:1")
        self.check(client, "cart-1", None, None)

    def test_a_reload_that_takes_a_database_away_leaves_its_clients_nowhere(self):
        client = self.start("rest = misc\nselect = 1: carts\n")
        self.assertEqual(client.call("SELECT", 1), b"OK")
        self.check(client, "x", "other", "cart-x")
        self.reload(HEAD + "rest = misc\nselect = 1: sess\n")
        self.check(client, "x", "main", "sess:x")
        self.reload(HEAD + "rest = misc\n")
        self.check(client, "x", None, None)
        self.assertEqual(client.call("SELECT", 0), b"OK")
        self.check(client, "x", "main", "misc:x")

    def test_clients_end_when_their_listener_speaks_another_dialect(self):
        client = self.start()
        self.check(client, "sess:1", "main", "sess:1")
        self.reload(HEAD.replace("speak = redis", "speak = cachesd"))
        with self.assertRaises(resp.Closed):
            client.read()
        native = self.connect_app()
        self.assertEqual(native.call("key.get", "sess", "1"), b"sess:1")
        self.assertEqual(native.call("GET", "sess:1").code, "VERB")
        self.reload(HEAD)
        with self.assertRaises(resp.Closed):
            native.read()
        self.assertEqual(self.connect_app().call("GET", "sess:1"), b"sess:1")

    def test_a_map_that_is_wrong_changes_nothing(self):
        client = self.start("namespaces = sess\n")
        wrong = {
            "namespaces = nosuch\n": b": [listener apps]: no namespace 'nosuch'",
            "namespaces = sess\nrest = sess\n": b": [listener apps]: rest = sess is among the namespaces",
            "namespace = misc\nrest = sess\n": b": [listener apps]: rest has no place beside namespace",
        }
        for options, told in wrong.items():
            with self.subTest(options=options):
                reply = self.daemon.reload(HEAD + options)
                self.assertEqual(reply.code, "POLICY")
                self.assertIn(told, reply)
                self.check(client, "sess:1", "main", "sess:1")
                self.check(client, "cart-1", None, None)

    def test_an_included_file_may_map_namespaces_of_others(self):
        path = pathlib.Path(self.world.folder, "team.ini")
        ini = HEAD.replace("{listen}", "{listen}\ninclude = team.ini")
        path.write_text(f"[listener team]\nlisten = unix:{self.world.folder}/team.sock\n"
                        "speak = redis\nnamespace = misc\n")
        self.daemon = self.world.daemon(ini)
        team = self.connect_to("team")
        self.check(team, "x", "main", "misc:x")
        path.write_text(path.read_text().replace("namespace = misc", "namespace = nosuch"))
        self.assertIn(b"team.ini:4: [listener team]: no namespace 'nosuch'", self.daemon.reload(ini))
        self.check(team, "x", "main", "misc:x")


if __name__ == "__main__":
    harness.main()
