#!/usr/bin/env python3
"""What sentinels may say, and what the daemon makes of it. The sentinels are fake, and the servers real."""

import time

import fake_redis
import harness
from sentinel import HOST, NAME, FakeSentinel, Sentinels

QUICK = harness.SOON  # for what should take a few milliseconds: well below the 10 s between two questions


class Words(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.one, self.two = (self.server(name) for name in ("one", "two"))
        self.fakes = [self.fake(f"fake{number}", self.one.port) for number in range(3)]

    def server(self, name):
        return self.world.redis(name, port=harness.free_port())

    def fake(self, name, master=None):
        return self.world.keep(FakeSentinel(self.world, name, master))

    def ini(self, options=""):
        hosts = ",".join(f"{HOST}:{fake.port}" for fake in self.fakes)
        ini = harness.INI.replace("{redis:main}", f"redis+sentinel://{hosts}/{NAME}")
        return ini.replace("timeout = 20s\n", f"timeout = 500ms\n{options}")

    def start(self, options=""):
        self.daemon = self.world.daemon(self.ini(options))
        return self.daemon

    def move(self, *fakes, to):
        for fake in fakes:
            fake.move(to.port)

    def is_master(self, server):
        """Whether the daemon takes it for the master, and serves from it."""
        found = self.daemon.backend()
        return found["master"] == f"{HOST}:{server.port}" and found["state"] == "up"

    def wait_master(self, server, seconds=QUICK):
        harness.wait_until(lambda: self.is_master(server), f"{server.port} is the master", seconds)

    def ask_again(self, *fakes):
        """Has them say what they say on a new connection: gives up their present ones."""
        for fake in fakes:
            before = fake.asked
            fake.drop()
            harness.wait_until(lambda: fake.asked > before, "the sentinel is asked")

    # --- whom to follow ---------------------------------------------------------------------

    def test_the_first_that_changes_its_mind_is_followed_and_repetitions_are_not(self):
        self.start()
        self.wait_master(self.one)
        harness.wait_until(lambda: all(fake.asked for fake in self.fakes), "all have been asked")
        self.move(self.fakes[1], to=self.two)
        self.wait_master(self.two)
        self.ask_again(self.fakes[0], self.fakes[2])  # they say the old address for ever
        self.assertEqual(self.daemon.backend()["master"], f"{HOST}:{self.two.port}")
        self.wait_master(self.two)  # a busy machine may have lost the connection for a moment
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")
        self.assertEqual(self.two.call("GET", "cart:a"), b"1")
        self.assertEqual(self.daemon.backend()["switches"], "1")
        self.move(self.fakes[0], to=self.two)
        self.ask_again(self.fakes[0])
        self.assertEqual(self.daemon.backend()["switches"], "1")

    def test_a_master_that_was_left_lately_is_taken_again_by_a_majority_alone(self):
        self.start()
        self.wait_master(self.one)
        self.move(*self.fakes, to=self.two)
        self.wait_master(self.two)
        self.move(self.fakes[0], to=self.one)
        self.ask_again(self.fakes[0])
        self.assertTrue(self.is_master(self.two))
        self.move(self.fakes[1], to=self.one)
        self.wait_master(self.one, 5 * QUICK)  # news that a slow sentinel's connection lost are asked for in 10 s

    def test_a_master_that_nobody_names_any_more_is_left_in_the_end(self):
        self.start()
        self.wait_master(self.one)
        self.move(self.fakes[1], to=self.two)
        self.wait_master(self.two)
        self.fakes[0].close()
        self.fakes[2].close()
        harness.wait_until(lambda: self.daemon.backend()["sentinels"] == "1/3", "one is heard")
        self.move(self.fakes[1], to=self.one)
        self.ask_again(self.fakes[1])
        self.assertTrue(self.is_master(self.two))
        self.fakes[0].reopen()
        self.fakes[2].reopen()
        self.wait_master(self.one, 5 * QUICK)

    def test_the_switch_of_another_master_is_none_of_ours(self):
        self.start()
        self.wait_master(self.one)
        for news in (f"other x 1 {HOST} {self.two.port}", f"{NAME}2 x 1 {HOST} {self.two.port}",
                     f"{NAME} x 1 {HOST} nonsense", NAME, ""):  # fmt: skip
            self.fakes[0].tell(news)
        before = self.fakes[0].asked
        self.one.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # so that all are asked
        harness.wait_until(lambda: self.fakes[0].asked > before, "the sentinels are asked")
        self.wait_master(self.one)
        self.assertEqual(self.daemon.backend()["switches"], "0")

    def test_news_of_a_switch_are_followed_at_once(self):
        self.start()
        self.wait_master(self.one)
        harness.wait_until(lambda: self.daemon.backend()["sentinels"] == "3/3", "all are heard")
        self.fakes[2].tell(f"{NAME} {HOST} {self.one.port} {HOST} {self.two.port}")
        self.wait_master(self.two)
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")
        self.assertEqual(self.two.call("GET", "cart:a"), b"1")

    # --- who is no master -------------------------------------------------------------------

    def test_a_server_that_says_it_is_a_replica_is_no_master_until_it_says_otherwise(self):
        self.two.call("REPLICAOF", HOST, self.one.port)
        self.start()
        self.wait_master(self.one)
        self.move(*self.fakes, to=self.two)
        harness.wait_until(lambda: self.daemon.backend()["state"] == "down", "it is down")
        self.assertEqual(self.daemon.backend()["reason"], '"it is a replica"')
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1").code, "UNAVAILABLE")
        self.two.call("REPLICAOF", "NO", "ONE")
        self.wait_master(self.two)
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")

    def test_a_master_that_becomes_a_replica_is_left_and_the_sentinels_are_asked(self):
        self.start("connect_timeout = 200ms\n")
        self.wait_master(self.one)
        self.one.call("REPLICAOF", HOST, self.two.port)
        before = self.fakes[0].asked
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1").code, "UNAVAILABLE")
        harness.wait_until(lambda: self.fakes[0].asked > before + 1, "the sentinels are asked")
        self.assertEqual(self.daemon.backend()["state"], "down")
        self.move(self.fakes[1], to=self.two)
        self.wait_master(self.two)
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")

    def test_a_server_that_does_not_tell_its_role_is_believed(self):
        self.one.call("ACL", "SETUSER", "default", "-role")
        self.start()
        self.wait_master(self.one)
        before = int(self.daemon.backend()["connects"])
        self.one.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        is_back = lambda: int(self.daemon.backend()["connects"]) > before
        harness.wait_until(is_back, "it is back")
        written = lambda: self.daemon.call("key.set", "carts", "a", "1") == b"OK"
        harness.wait_until(written, "a write succeeds")
        self.assertEqual(len(self.daemon.lines("ROLE refused")), int(harness.WORKERS or 1))

    # --- sentinels that are not well --------------------------------------------------------

    def test_a_sentinel_that_is_dead_or_silent_at_the_start_is_not_waited_for(self):
        self.fakes[0].greet = fake_redis.stall
        self.fakes[1].close()
        began = time.monotonic()
        self.start()
        self.wait_master(self.one)
        self.assertLess(time.monotonic() - began, harness.SOON)
        self.assertEqual(self.daemon.backend()["sentinels"], "1/3")
        self.daemon.wait_logged(f"sentinel {HOST}:{self.fakes[1].port}: can't be asked")

    def test_a_sentinel_that_falls_silent_is_given_up_and_taken_back(self):
        self.start("connect_timeout = 200ms\n")
        self.wait_master(self.one)
        heard = lambda count: self.daemon.backend()["sentinels"] == f"{count}/3"
        harness.wait_until(lambda: heard(3), "all are heard")
        self.fakes[0].greet = fake_redis.stall
        self.one.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # so that all are asked
        harness.wait_until(lambda: heard(2), "it is given up")
        self.fakes[0].greet = fake_redis.send_right
        harness.wait_until(lambda: heard(3), "it is heard again")
        self.wait_master(self.one)

    def test_sentinels_are_found_by_name(self):
        name = harness.local_name()
        ini = self.ini().replace(f"://{HOST}:", f"://{name}:").replace(f",{HOST}:", f",{name}:")
        self.daemon = self.world.daemon(ini)
        self.wait_master(self.one)
        harness.wait_until(lambda: self.daemon.backend()["sentinels"] == "3/3", "all are heard")

    def test_without_sentinels_the_daemon_starts_and_serves_when_the_first_is_there(self):
        for fake in self.fakes:
            fake.close()
        self.start("connect_timeout = 300ms\n")
        found = self.daemon.backend()
        self.assertEqual((found["state"], found["master"]), ("down", "none"))
        self.assertIn("none of the sentinels answers: can't connect: ", found["reason"])
        self.assertEqual(self.daemon.call("key.get", "carts", "a").code, "UNAVAILABLE")
        self.fakes[2].reopen()
        self.wait_master(self.one, 3 * QUICK)
        self.assertEqual(self.daemon.call("key.set", "carts", "a", "1"), b"OK")

    def test_sentinels_that_do_not_know_the_master_are_named_once(self):
        for fake in self.fakes:
            fake.master = None
        self.start("connect_timeout = 300ms\n")
        harness.wait_until(lambda: self.daemon.backend()["state"] == "down", "it is down")
        self.assertIn("know no master of that name", self.daemon.backend()["reason"])
        harness.wait_until(lambda: self.fakes[0].asked > 3, "it is asked again and again")
        told = self.daemon.lines("its sentinels know no master of that name")
        self.assertEqual(len(told), 1)
        self.assertIn(f"{NAME} (", told[0])
        self.move(self.fakes[0], to=self.one)
        self.wait_master(self.one, 3 * QUICK)

    def test_a_server_that_is_no_sentinel_and_a_sentinel_that_is_no_server_are_told_of(self):
        url = f"redis+sentinel://{HOST}:{self.one.port}/{NAME}"
        daemon = self.world.daemon(harness.INI.replace("{redis:main}", url))
        told = "SENTINEL refused: ERR unknown command"
        harness.wait_until(lambda: told in daemon.backend().get("reason", ""), "backends says so")
        self.assertIn("(is it a sentinel?)", daemon.backend()["reason"])
        daemon.wait_logged("(is it a sentinel?)")
        daemon.stop()
        sentinels = self.world.keep(Sentinels(replicas=0, sentinels=1))
        port = sentinels.sentinels[0].port
        for scheme in ("redis", "redis+cluster"):
            daemon = self.world.daemon(harness.INI.replace("{redis:main}", f"{scheme}://{HOST}:{port}"))
            harness.wait_until(
                lambda: "is it a sentinel? (redis+sentinel://" in daemon.backend().get("reason", ""), f"{scheme} is told"
            )
            daemon.stop()

    def test_a_sentinel_that_talks_nonsense_is_left_alone(self):
        nonsense = (b"+OK\r\n", b":1\r\n", b"*0\r\n", b"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n",
                    b"*2\r\n$1\r\nh\r\n$1\r\n0\r\n", b"*2\r\n$1\r\nh\r\n$5\r\n65536\r\n", b"*2\r\n$-1\r\n$1\r\n1\r\n",
                    b"*2\r\n:1\r\n:1\r\n", b"*2\r\n*1\r\n$1\r\nh\r\n$1\r\n1\r\n", b"$5\r\nhello\r\n",
                    b"*2\r\n$256\r\n" + b"h" * 256 + b"\r\n$1\r\n1\r\n",
                    b"*2\r\n$40000\r\n" + b"h" * 40000 + b"\r\n$1\r\n1\r\n",
                    b"HTTP/1.1 400 Bad Request\r\n", b"-ERR unknown command 'SENTINEL'\r\n")  # fmt: skip
        self.start()
        self.wait_master(self.one)
        for answer in nonsense:
            with self.subTest(answer=answer[:40]):
                self.fakes[0].answer = answer
                self.ask_again(self.fakes[0])
                found = lambda: self.daemon.backend()["sentinels"] == "2/3"
                harness.wait_until(found, "it is left alone")
                self.assertTrue(self.is_master(self.one))
                if answer.startswith(b"-ERR"):
                    self.daemon.wait_logged("SENTINEL refused: ERR unknown command")
        self.assertEqual(self.daemon.backend()["switches"], "0")

    # --- reloads ----------------------------------------------------------------------------

    def test_a_reload_asks_other_sentinels_and_keeps_those_that_stay(self):
        self.start()
        self.wait_master(self.one)
        before = self.fakes[0].accepted, self.daemon.backend()["connects"]
        self.assertEqual(self.daemon.reload(self.ini() + "max_value = 2mb\n"), b"OK")
        self.assertEqual((self.fakes[0].accepted, self.daemon.backend()["connects"]), before)
        self.fakes = [self.fake("other", self.two.port)]
        self.assertEqual(self.daemon.reload(self.ini()), b"OK")
        self.wait_master(self.two)
        self.assertEqual(self.daemon.backend()["sentinels"], "1/1")

    def test_seeds_are_sentinels_too(self):
        seeds = ", ".join(f"{HOST}:{fake.port}" for fake in self.fakes[1:])
        self.fakes = self.fakes[:1]
        self.start(f"seeds = {seeds}\n")
        self.wait_master(self.one)
        harness.wait_until(lambda: self.daemon.backend()["sentinels"] == "3/3", "all are asked")


if __name__ == "__main__":
    harness.main()
