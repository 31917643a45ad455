#!/usr/bin/env python3
"""Who may say what: peers of the Unix socket, access, namespaces. Every verb is that of `help`."""

import contextlib
import os
import pwd
import unittest

import harness
import resp
import verbs

HEAD = """\
[cachesd]
listen = {listen}
socket_mode = 0666
[backend main]
url = {redis:main}
[namespace carts]
[namespace users]
"""
UID, GID = os.getuid(), os.getgid()
OTHER = harness.OTHER


def user(name, options, namespaces="*", access="read"):
    return f"[user {name}]\n{options}\nnamespaces = {namespaces}\naccess = {access}\n"


def with_token(name, namespaces="*", access="read"):
    """A user whose token is its name."""
    return user(name, f"token = {harness.token_hash(name)}", namespaces, access)


class Peers(unittest.TestCase):
    """The peer's uid and gid, as the system tells them."""

    def user_of(self, daemon):
        """The [user] that the daemon takes this process for; None: nobody."""
        reply = daemon.call("explain", "ping")
        if isinstance(reply, resp.Error):
            self.assertEqual(reply.code, "NOAUTH")
            return None
        return next(line.split()[1] for line in reply.decode().splitlines() if "caller:" in line)

    def expect(self, users, right):
        with harness.World() as world:
            self.assertEqual(self.user_of(world.daemon(HEAD + users)), right)

    def expect_as(self, who, users, right):
        """`who`: uid, gid and supplementary groups."""
        with harness.World() as world:
            daemon = world.daemon(HEAD + users)
            os.chmod(world.folder, 0o755)
            with harness.identity(*who):
                client = daemon.client()
            with client:
                daemon.call = client.call
                self.assertEqual(self.user_of(daemon), right)

    def test_a_uid_matches_by_number_and_by_name(self):
        self.expect(user("me", f"uid = {UID}"), "me")
        self.expect(user("me", f"uid = {pwd.getpwuid(UID).pw_name}"), "me")

    def test_another_uid_matches_nobody(self):
        self.expect(user("other", f"uid = {UID + 1}"), None)

    def test_a_gid_matches_by_number(self):
        self.expect(user("us", f"gid = {GID}"), "us")
        self.expect(user("them", "gid = 54321"), None)

    def test_with_uid_and_gid_both_must_match(self):
        self.expect(user("me", f"uid = {UID}\ngid = {GID}"), "me")
        self.expect(user("me", f"uid = {UID}\ngid = 54321"), None)
        self.expect(user("me", f"uid = {UID + 1}\ngid = {GID}"), None)

    def test_the_first_that_matches_counts(self):
        users = user("not", f"uid = {UID + 1}") + user("group", f"gid = {GID}")
        self.expect(users + user("me", f"uid = {UID}"), "group")

    def test_a_peer_that_is_matched_by_none_is_none_of_those_with_a_token(self):
        self.expect(with_token("web"), None)

    @harness.NEEDS_ROOT
    def test_a_stranger_is_told_apart_from_root(self):
        users = user("root", "uid = 0", access="admin")
        self.expect_as((OTHER, OTHER, []), users, None)
        self.expect_as((OTHER, OTHER, []), users + user("other", f"uid = {OTHER}"), "other")
        self.expect_as((0, 0, []), users + user("other", f"uid = {OTHER}"), "root")

    @harness.NEEDS_ROOT
    def test_a_supplementary_group_matches(self):
        users = user("us", "gid = 54321")
        self.expect_as((OTHER, OTHER, [100, 54321]), users, "us")
        self.expect_as((OTHER, 54321, []), users, "us")
        self.expect_as((OTHER, OTHER, [100]), users, None)
        self.expect_as((OTHER, OTHER, []), users, None)

    @harness.NEEDS_ROOT
    def test_one_of_very_many_groups_matches(self):
        groups = [54321 - i for i in range(2000)]
        for group in (groups[0], groups[-1]):
            users = user("us", f"gid = {group}")
            self.expect_as((OTHER, OTHER, groups), users, "us")

    @harness.NEEDS_ROOT
    def test_socket_mode_keeps_others_out(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD.replace("0666", "0660"))
            os.chmod(world.folder, 0o755)
            with harness.identity(OTHER, OTHER), self.assertRaises(PermissionError):
                daemon.client()


class Access(unittest.TestCase):
    """Each verb of `help`, for each kind of caller."""

    def authenticated(self, daemon, name, namespace="carts"):
        """Each verb and the code of its reply, once `name` has authenticated."""
        with daemon.client() as client:
            self.assertEqual(client.call("auth", name, name), b"OK")
            for verb in verbs.of(client):
                if verb.name not in ("quit", "auth"):
                    with self.subTest(verb=verb.name, user=name, namespace=namespace):
                        yield verb, verbs.code_of(client.call(*verb.request(namespace)))

    def test_before_auth_everything_is_noauth_but_ping_help_auth_and_quit(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + with_token("web", access="admin"))
            with daemon.client() as client:
                for verb in verbs.of(client):
                    for namespace in ("carts", "nosuch"):
                        self.check_stranger(client, verb, namespace)
                self.assertEqual(client.call("no.such.verb").code, "NOAUTH")
                self.assertEqual(client.call("key.set", "too few").code, "NOAUTH")
                self.assertEqual(client.call("auth", "web", "web"), b"OK")
                self.assertEqual(client.call("quit"), b"OK")
            self.assertEqual(world.redis().call("DBSIZE"), 0)

    def check_stranger(self, client, verb, namespace):
        if verb.name in ("quit", "auth"):
            return
        right = "served" if verb.name in verbs.OPEN else "NOAUTH"
        with self.subTest(verb=verb.name, namespace=namespace):
            self.assertEqual(verbs.code_of(client.call(*verb.request(namespace))), right)

    def test_read_may_read_write_may_write_and_admin_may_all(self):
        users = "".join(with_token(name, access=name) for name in ("read", "write", "admin"))
        refused = {
            "read": lambda verb: verb.is_write or verb.name in verbs.ADMIN,
            "write": lambda verb: verb.name in verbs.ADMIN,
            "admin": lambda verb: False,
        }
        with harness.World() as world:
            daemon = world.daemon(HEAD + users)
            for access, is_refused in refused.items():
                for verb, code in self.authenticated(daemon, access):
                    self.assertEqual(code, "NOPERM" if is_refused(verb) else "served")

    def test_access_is_read_when_it_is_not_given(self):
        me = user("me", f"uid = {UID}").replace("access = read\n", "")
        with harness.World() as world:
            daemon = world.daemon(HEAD + me)
            self.assertIsNone(daemon.call("key.get", "carts", "k"))
            self.assertEqual(daemon.call("key.set", "carts", "k", "v").code, "NOPERM")

    def test_a_namespace_of_others_and_one_that_is_not_there_look_alike(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + with_token("web", "carts", "admin"))
            with daemon.client() as client:
                self.assertEqual(client.call("auth", "web", "web"), b"OK")
                for verb in filter(lambda verb: verb.has_namespace, verbs.of(client)):
                    with self.subTest(verb=verb.name):
                        self.check_alike(client, verb.request("users"), verb.request("nosuch"))
                        self.check_alike(client, ["explain", *verb.request("users")],
                                         ["explain", *verb.request("nosuch")])
                self.check_alike(client, ["stats", "users"], ["stats", "nosuch"])
            self.assertEqual(world.redis().call("DBSIZE"), 0)

    def check_alike(self, client, of_others, not_there):
        theirs, none = client.call(*of_others), client.call(*not_there)
        self.assertIn(b"NOPERM", theirs)
        self.assertEqual(theirs.replace(b"users", b"nosuch"), none)

    def test_a_namespace_that_is_not_there_is_no_secret_to_who_may_use_all(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + with_token("web"))
            with daemon.client() as client:
                client.call("auth", "web", "web")
                self.assertEqual(client.call("key.get", "nosuch", "k").code, "NAMESPACE")
                self.assertIsNone(client.call("key.get", "users", "k"))

    def test_reports_show_only_the_namespaces_that_are_theirs(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + with_token("web", "carts") + with_token("all"))
            with daemon.client() as web, daemon.client() as everyone:
                web.call("auth", "web", "web")
                everyone.call("auth", "all", "all")
                self.assertEqual(web.call("namespaces").count(b"name="), 1)
                self.assertIn(b"name=carts", web.call("namespaces"))
                self.assertEqual(everyone.call("namespaces").count(b"name="), 2)
                self.assertIn("namespace carts", harness.sections(web.call("stats")))
                self.assertNotIn(b"users", web.call("stats"))
                self.assertIn("namespace users", harness.sections(everyone.call("stats")))

    def test_who_is_no_admin_sees_its_own_clients_and_backends_alone(self):
        backends = "[backend other]\nurl = {redis:other}\n[namespace logs]\nbackend = other\n"
        head = HEAD.replace("[namespace users]", "backend = main\n[namespace users]\nbackend = main")
        users = with_token("web", "carts", "write") + with_token("all") + with_token("ops", access="admin")
        with harness.World() as world, contextlib.ExitStack() as stack:
            daemon = world.daemon(head + backends + users)
            web, all_, ops, stranger = [stack.enter_context(daemon.client()) for _ in range(4)]
            for client, name in ((web, "web"), (all_, "all"), (ops, "ops")):
                self.assertEqual(client.call("auth", name, name), b"OK")
            self.assertEqual(stranger.call("ping"), b"PONG")
            self.assertEqual(web.call("clients").count(b"\n"), 1)
            self.assertIn(b" user=web ", web.call("clients"))
            self.assertEqual(web.call("backends").count(b"name="), 1)
            self.assertIn(b"name=main ", web.call("backends"))
            self.assertEqual(all_.call("clients").count(b"\n"), 1)
            self.assertEqual(all_.call("backends").count(b"name="), 2)
            self.assertEqual(ops.call("clients").count(b"\n"), 4)
            self.assertEqual(ops.call("backends").count(b"name="), 2)

    def test_a_namespace_is_guessed_only_for_who_may_use_it(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + with_token("web", "carts") + with_token("all"))
            with daemon.client() as client:
                client.call("auth", "web", "web")
                self.assertEqual(client.call("key.get", "user", "k"), b"NOPERM namespace 'user' is not yours: say namespaces for yours")
                self.assertIn(b"did you mean carts", client.call("key.get", "cart", "k"))
                client.call("auth", "all", "all")
                self.assertIn(b"did you mean users", client.call("key.get", "user", "k"))

    def test_a_list_of_namespaces_over_two_lines_is_a_list(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + with_token("web", "carts,\n  users"))
            with daemon.client() as client:
                client.call("auth", "web", "web")
                for namespace in ("carts", "users"):
                    self.assertIsNone(client.call("key.get", namespace, "k"))

    def test_explain_tells_a_caller_what_it_may_not_do(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD + user("me", f"uid = {UID}"))
            shown = daemon.call("explain", "key.set", "carts", "k", "v")
            self.assertIn(b"caller: me (read)\n", shown)
            self.assertIn(b"refused: NOPERM", shown)
            self.assertNotIn(b"command:", shown)
            self.assertEqual(world.redis().call("DBSIZE"), 0)

    def test_without_users_everybody_who_can_connect_may_all(self):
        with harness.World() as world:
            daemon = world.daemon(HEAD.replace("{listen}", "{listen}, tcp:127.0.0.1:{port}"))
            for address in (daemon.path, ("127.0.0.1", world.port)):
                with resp.Client(address) as client:
                    for verb in verbs.of(client):
                        if verb.name not in ("quit", "auth"):
                            with self.subTest(verb=verb.name):
                                self.assertEqual(verbs.code_of(client.call(*verb.request())), "served")
                    self.assertEqual(client.call("auth", "web", "web").code, "NOAUTH")
                    self.assertIsNone(client.call("key.get", "carts", "none"))


if __name__ == "__main__":
    harness.main()
