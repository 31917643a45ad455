#!/usr/bin/env python3
"""The near cache beside everything else: access, accounts, databases, workers, slow readers, odd names."""

import threading
import time

import harness
import resp

HEAD = """\
[cachesd]
listen = {listen}
near_memory = 4mb
"""
MAIN = """\
[backend main]
url = {redis:main}
timeout = 20s
"""
NEAR = """\
[namespace near]
prefix = n:
ttl = 2h
near = yes
"""
INI = HEAD + MAIN + NEAR


def hits(daemon, namespace="near"):
    return daemon.stats(namespace)["near_hits"]


class Edges(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.direct = self.connect(self.redis)

    def start(self, ini=INI, backends=1):
        self.daemon = self.world.daemon(ini)
        if backends:
            self.daemon.wait_near(backends)
        return self.connect(self.daemon, harness.LONG)

    def expect_kept(self, client, *words, namespace="near"):
        """That it is kept soon, and the same each time; returns it."""
        first, before = client.call(*words), hits(self.daemon, namespace)
        again = lambda: (client.call(*words), hits(self.daemon, namespace))[1] > before
        harness.wait_until(again, f"{words} is kept")
        self.assertEqual(repr(client.call(*words)), repr(first))
        return first

    # --- who may read ---------------------------------------------------------------------------

    def test_what_is_kept_is_given_only_to_whom_may_read_it(self):
        users = (
            "[user one]\ntoken = " + harness.token_hash("1") + "\nnamespaces = near\naccess = read\n"
            "[user two]\ntoken = " + harness.token_hash("2") + "\nnamespaces = far\naccess = write\n"
            "[user boss]\ntoken = " + harness.token_hash("3") + "\nnamespaces = *\naccess = admin\n"
        )
        self.direct.call("SET", "n:k", "v")
        daemon = self.world.daemon(INI + "[namespace far]\n" + users)
        with daemon.client() as boss, daemon.client() as one, daemon.client() as two:
            self.assertEqual(boss.call("auth", "boss", "3"), b"OK")
            self.assertEqual(one.call("auth", "one", "1"), b"OK")
            live = lambda: b"tracking=live" in boss.call("backends")
            harness.wait_until(live, "the near cache is on")
            count = lambda: harness.sections(boss.call("stats"))["near"]["near_hits"]
            harness.wait_until(lambda: one.call("key.get", "near", "k") and count() != "0", "kept")
            before = count()
            self.assertEqual(two.call("key.get", "near", "k").code, "NOAUTH")
            self.assertEqual(two.call("auth", "two", "2"), b"OK")
            self.assertEqual(two.call("key.get", "near", "k").code, "NOPERM")
            self.assertEqual(count(), before)
            self.assertEqual(one.call("key.get", "near", "k"), b"v")

    def test_a_policy_that_changes_holds_for_what_is_kept(self):
        client = self.start()
        client.call("key.set", "near", "k", "v")
        self.expect_kept(client, "key.get", "near", "k")
        self.assertEqual(self.daemon.reload(INI + "deny = key.get\n"), b"OK")
        self.assertEqual(client.call("key.get", "near", "k").code, "POLICY")
        self.assertEqual(self.daemon.reload(INI), b"OK")
        self.assertEqual(client.call("key.get", "near", "k"), b"v")

    # --- the daemon's own account ---------------------------------------------------------------

    def expect_uncached(self, rules, expected_log):
        """Reads go on, unkept; the log says soon why, and says it once."""
        port = harness.free_port()
        self.direct = self.connect(self.world.redis("account", port=port))
        self.direct.call("ACL", "SETUSER", "daemon", "reset", "on", ">p", "~*", "+@all", *rules)
        ini = INI.replace("{redis:main}", f"redis://daemon:p@127.0.0.1:{port}")
        daemon = self.world.daemon(ini)
        said = lambda: expected_log in daemon.log()
        harness.wait_until(said, "the log says why", harness.SOON)
        self.assertIn(b"tracking=down", daemon.call("backends"))
        with daemon.client() as client:
            self.assertEqual(client.call("key.set", "near", "k", "v"), b"OK")
            for _ in range(5):
                self.assertEqual(client.call("key.get", "near", "k"), b"v")
            self.direct.call("SET", "n:k", "new")
            self.assertEqual(client.call("key.get", "near", "k"), b"new")
        self.assertEqual(hits(daemon), 0)
        self.assertEqual(daemon.log().count("near cache stays off"), 1, "told again and again")
        return daemon

    def test_an_account_without_the_channel_reads_uncached_until_it_has_it(self):
        self.daemon = self.expect_uncached(["resetchannels"], "the channel &__redis__:invalidate")
        self.direct.call("ACL", "SETUSER", "daemon", "&__redis__:invalidate")
        self.daemon.wait_near()
        with self.daemon.client() as client:
            self.assertEqual(self.expect_kept(client, "key.get", "near", "k"), b"new")

    def test_an_account_that_may_not_track_reads_uncached(self):
        self.expect_uncached(["&*", "-client|tracking"], "CLIENT TRACKING refused: NOPERM")

    def test_an_account_that_may_not_subscribe_reads_uncached(self):
        self.expect_uncached(["&*", "-subscribe"], "SUBSCRIBE refused: NOPERM")

    def test_an_account_that_may_not_ask_for_a_ttl_reads_uncached(self):
        """How long an answer may be kept is not known then."""
        self.direct.call("ACL", "SETUSER", "default", "-pttl")
        client = self.start()
        client.call("key.set", "near", "k", "v")
        for _ in range(5):
            self.assertEqual(client.call("key.get", "near", "k"), b"v")
        self.assertEqual(hits(self.daemon), 0)

    # --- databases and backends -----------------------------------------------------------------

    def test_two_databases_of_one_server_are_kept_apart(self):
        second = "[backend second]\nurl = {redis:main}?db=3\n"
        spaces = "".join(
            f"[namespace {name}]\nbackend = {backend}\nprefix = n:\nnear = yes\n"
            for name, backend in (("near", "main"), ("three", "second"))
        )
        client = self.start(HEAD + MAIN + second + spaces, backends=2)
        self.direct.call("SET", "n:k", "zero")
        with self.redis.client() as three:
            three.call("SELECT", "3")
            three.call("SET", "n:k", "three")
            for name, value in (("near", b"zero"), ("three", b"three")):
                self.assertEqual(
                    self.expect_kept(client, "key.get", name, "k", namespace=name), value
                )
            three.call("SET", "n:k", "new")
            seen = lambda: client.call("key.get", "three", "k") == b"new"
            harness.wait_until(seen, "the change is seen")
            self.assertEqual(client.call("key.get", "near", "k"), b"zero")
            three.call("FLUSHDB")
            gone = lambda: client.call("key.get", "three", "k") is None
            harness.wait_until(gone, "the flush is seen")
            self.assertEqual(client.call("key.get", "near", "k"), b"zero")

    def test_several_namespaces_of_one_backend_are_all_told_of(self):
        names = [f"s{number}" for number in range(12)]
        more = "".join(f"[namespace {name}]\nnear = yes\n" for name in names)
        client = self.start(HEAD + MAIN + more)
        for name in names:
            self.direct.call("SET", f"{name}:k", "old")
        for name in names:
            self.expect_kept(client, "key.get", name, "k", namespace=name)
        for name in names:
            self.direct.call("SET", f"{name}:k", name)
        for name in names:
            seen = lambda: client.call("key.get", name, "k") == name.encode()
            harness.wait_until(seen, "the change is seen")

    def test_databases_that_are_swapped_are_seen_after_near_ttl(self):
        """The one change of which Redis tells nobody."""
        client = self.start(INI + "near_ttl = 1s\n")
        with self.redis.client() as one:
            one.call("SELECT", "1")
            one.call("SET", "n:k", "one")
        self.direct.call("SET", "n:k", "zero")
        told = lambda: b" invalidations=2 " in client.call("backends")
        harness.wait_until(told, "both changes are told of")
        self.assertEqual(self.expect_kept(client, "key.get", "near", "k"), b"zero")
        self.direct.call("SWAPDB", "0", "1")
        harness.wait_until(lambda: client.call("key.get", "near", "k") == b"one", "near_ttl", 1 + harness.SOON)

    # --- names ----------------------------------------------------------------------------------

    def test_any_prefix_and_any_key_is_told_of(self):
        keys = [b"k", b"", b"a b", b"\r\n", b"\x00\xff", b"*3\r\n$7\r\nmessage", b"k" * 900]
        for prefix in ("n*[a-c]?:", "\\n:", "ünïcode:", "{n}:"):
            ini = INI.replace("prefix = n:", f"prefix = {prefix}")
            daemon = self.world.daemon(ini)
            self.daemon = daemon
            daemon.wait_near()
            with daemon.client() as client:
                for key in keys:
                    real = prefix.encode() + key
                    self.direct.call("SET", real, "old")
                    seen = lambda: client.call("key.get", "near", key) == b"old"
                    harness.wait_until(seen, f"{real} is seen")
                    self.expect_kept(client, "key.get", "near", key)
                    self.direct.call("DEL", real)
                    gone = lambda: client.call("key.get", "near", key) is None
                    harness.wait_until(gone, f"the end of {real} is seen")
            daemon.stop()

    # --- clients --------------------------------------------------------------------------------

    def test_each_form_of_a_request_gets_the_same_from_memory(self):
        client = self.start()
        client.call("dict.set", "near", "d", "f", "a value", "g", "\r\n")
        items = self.expect_kept(client, "dict.items", "near", "d")
        before = hits(self.daemon)
        for form in (resp.array, resp.line, resp.blocks):
            client.send(form("dict.items", "near", "d") + form("DICT.ITEMS", "near", "d"))
            self.assertEqual([client.read(), client.read()], [items, items])
        self.assertEqual(hits(self.daemon), before + 6)

    def test_a_client_that_reads_slowly_gets_no_others_reply_and_takes_no_memory(self):
        limited = INI.replace("near_memory = 4mb", "near_memory = 4mb\nclient_output = 1mb")
        client = self.start(limited)
        count, values = 2000, [b"%d" % number * 20_000 for number in range(5)]
        refused = 0
        for number, value in enumerate(values):
            client.call("key.set", "near", str(number), value)
            self.expect_kept(client, "key.get", "near", str(number))
        requests = b"".join(resp.array("key.get", "near", str(n % 5)) for n in range(count))
        sender = threading.Thread(target=lambda: client.socket.sendall(requests))
        sender.start()
        with self.daemon.client() as other:  # others are served meanwhile
            for _ in range(200):
                self.assertEqual(other.call("key.get", "near", "1"), values[1])
        status = open(f"/proc/{self.daemon.pid}/status", encoding="ascii").read()
        peak = int(status.split("VmHWM:")[1].split()[0])
        for number in range(count):
            reply = client.read()
            if isinstance(reply, resp.Error):
                self.assertEqual(reply.code, "OVERLOADED")
                refused += 1
            else:
                self.assertEqual(reply, values[number % 5])
        sender.join()
        self.assertLess(refused, count - 40, "less than its output has room for")
        if not harness.is_sanitized():
            self.assertLess(peak, 40_000, "kB")

    def test_a_miss_in_place_of_an_error_is_not_kept(self):
        client = self.start(INI + "on_error = miss\n")
        self.redis.kill()
        gone = lambda: b"tracking=down" in client.call("backends")
        harness.wait_until(gone, "it is noticed")
        for _ in range(5):
            self.assertIsNone(client.call("key.get", "near", "k"))
        killed = time.monotonic()
        harness.wait_until(lambda: time.monotonic() > killed + 1.5, "it has been tried again")
        self.redis.start()
        self.direct.close()
        self.direct = self.redis.client()
        self.direct.call("SET", "n:k", "v")
        self.daemon.wait_near()
        harness.wait_until(lambda: client.call("key.get", "near", "k") == b"v", "it is back", harness.SOON)
        self.assertEqual(self.daemon.log().count("near cache stays off"), 1, "once an outage")

    # --- workers --------------------------------------------------------------------------------

    def test_a_write_at_one_worker_is_seen_at_the_others(self):
        workers = 3
        ini = INI.replace("near_memory", f"workers = {workers}\nnear_memory")
        self.start(ini)
        clients = [self.daemon.client() for _ in range(4 * workers)]
        for number in range(60):
            value = b"%d" % number
            writer = clients[number % len(clients)]
            self.assertEqual(writer.call("key.set", "near", "k", value), b"OK")
            self.assertEqual([writer.call("key.get", "near", "k") for _ in range(2)], [value] * 2)
            for client in clients:
                seen = lambda: client.call("key.get", "near", "k") == value
                harness.wait_until(seen, "every worker has it", 3.5)
        self.assertGreater(hits(self.daemon), 0)
        near = harness.sections(self.daemon.call("stats"))["near"]
        self.assertLessEqual(int(near["near_bytes"]), 4 << 20)
        for client in clients:
            client.close()


if __name__ == "__main__":
    harness.main()
