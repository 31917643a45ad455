#!/usr/bin/env python3
"""What one worker has written or seen, no other answers with an older value: the near cache of several
workers, while what Redis tells of changes is held back or lost."""

import random
import threading

import harness
import resp
import verbs
from valve import Valve

WORKERS = 3
INI = """\
[cachesd]
listen = {listen}
workers = WORKERS
near_memory = 3mb
[backend main]
url = VALVE
timeout = 20s
[namespace near]
prefix = n:
ttl = 2h
stale = 1h
near = yes
on_error = stale
"""


class Workers(harness.TestCase):
    workers = WORKERS

    def setUp(self):
        super().setUp()
        self.redis = self.world.redis()
        self.direct = self.connect(self.redis)
        self.valve = self.world.keep(Valve(f"{self.world.folder}/valve.sock", self.redis.path))
        self.ini = INI.replace("VALVE", self.valve.url).replace("WORKERS", str(self.workers))
        self.daemon = self.world.daemon(self.ini)
        # New clients go to the workers in turn.
        self.clients = [self.connect(self.daemon, harness.LONG) for _ in range(self.workers)]
        self.daemon.wait_near()

    def tracking(self, name="tracking"):
        return self.daemon.backend()[name]

    def hits(self):
        return self.daemon.stats("near")["near_hits"]

    def keep(self, *words):
        """Has every worker answer from memory; returns the answer."""
        def all_hit():
            before = self.hits()
            replies.clear()
            replies.extend(repr(client.call(*words)) for client in self.clients)
            return self.hits() == before + len(self.clients)

        replies = []
        harness.wait_until(all_hit, f"every worker keeps {words}")
        self.assertEqual(len(set(replies)), 1)
        return self.clients[0].call(*words)

    def see(self, *words):
        return [client.call(*words) for client in self.clients]

    def hold_news(self):
        """From now on no tracker hears of anything; each has just begun, so that it serves for 3 s."""
        lost = int(self.tracking("tracking_losses")) + self.workers
        self.valve.open("tracking")
        self.valve.cut("tracking")
        is_lost = lambda: int(self.tracking("tracking_losses")) >= lost
        harness.wait_until(is_lost, "every worker has lost its tracking")
        self.daemon.wait_near()
        self.valve.shut("tracking")

    # --- writes ---------------------------------------------------------------------------------

    def test_each_write_is_seen_by_every_worker_without_redis_telling_of_it(self):
        writer, *others = self.clients
        writes = [verb for verb in verbs.of(writer) if verb.is_write]
        self.assertGreater(len(writes), 25)
        for number, verb in enumerate(writes):
            if number % 10 == 0:
                self.hold_news()
            words = verb.request("near")
            read = ("exists", "near", words[words.index("near") + 1])
            self.keep(*read)
            before = self.hits()
            writer.call(*words)
            for client in self.clients:
                client.call(*read)
                self.assertEqual(self.hits(), before, f"{read} after {words}")

    def test_a_del_of_many_keys_is_seen_by_every_worker(self):
        keys = [str(number) for number in range(40)]
        for key in keys:
            self.clients[0].call("key.set", "near", key, "v")
        self.hold_news()
        for key in keys:
            self.keep("key.get", "near", key)
        self.assertEqual(self.clients[-1].call("del", "near", *keys), 40)
        for key in keys:
            self.assertEqual(self.see("key.get", "near", key), [None] * self.workers)

    def test_a_purge_is_seen_by_every_worker_when_it_is_answered(self):
        self.clients[0].call("key.set", "near", "k", "v")
        self.hold_news()
        self.keep("key.get", "near", "k")
        self.assertEqual(self.clients[-1].call("purge", "near"), 1)
        self.assertEqual(self.see("key.get", "near", "k"), [None] * self.workers)

    def test_an_answer_from_before_a_write_that_comes_after_it_is_not_kept(self):
        writer, *readers = self.clients
        writer.call("key.set", "near", "k", "old")
        self.hold_news()
        self.valve.shut("data")
        for reader in readers:
            reader.send(resp.array("key.get", "near", "k"))
        self.valve.wait_for("data", b"$3\r\nold\r\n", count=len(readers))
        writer.send(resp.array("key.set", "near", "k", "new"))
        self.valve.wait_for("data", b"+OK\r\n")
        self.valve.let_through("data", b"+OK\r\n")  # the writer's alone
        self.assertEqual(writer.read(), b"OK")
        self.valve.open("data")
        for reader in readers:
            self.assertEqual(reader.read(), b"old")  # asked for before
        self.assertEqual(self.see("key.get", "near", "k"), [b"new"] * self.workers)

    def test_an_answer_from_between_a_writes_sending_and_its_doing_is_not_served_after_it(self):
        """The write waits behind the socket; a read of another worker goes round it, and is kept."""
        writer, reader, *_ = self.clients
        writer.call("key.set", "near", "k", "old")
        self.hold_news()
        self.valve.shut_questions(b"new")
        writer.send(resp.array("key.set", "near", "k", "new"))
        self.valve.wait_for_question(b"new")
        self.assertEqual([reader.call("key.get", "near", "k") for _ in range(3)], [b"old"] * 3)
        self.valve.open_questions()
        self.assertEqual(writer.read(), b"OK")
        self.assertEqual(self.see("key.get", "near", "k"), [b"new"] * self.workers)

    def test_random_writes_are_seen_at_once_by_whoever_reads_later(self):
        """Each key has one writer; whoever reads it later, at any worker, sees its last write."""
        rng, stale = random.Random(11), []

        def play(number):
            clients = [self.daemon.client(timeout=harness.LONG) for _ in range(self.workers)]
            for turn in range(150):
                key, value = f"{number}:{rng.randrange(3)}", b"%d" % turn
                words = [("key.set", "near", key, value), ("del", "near", key, "x")][turn % 5 == 4:][0]
                rng.choice(clients).call(*words)
                right = value if words[0] == "key.set" else None
                for client in clients:
                    found = [client.call("key.get", "near", key) for _ in range(2)]
                    stale.extend((key, turn, each, right) for each in found if each != right)
            for client in clients:
                client.close()

        threads = [threading.Thread(target=play, args=(number,)) for number in range(3)]
        self.hold_news()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.valve.open("tracking")
        self.assertEqual(stale, [])
        self.assertGreater(self.hits(), 100)

    def test_a_write_from_before_a_reload_is_seen_after_it(self):
        """It was sent under a policy without near, and is answered under one with it."""
        without = self.ini.replace("near = yes", "near = no").replace("= stale", "= error")
        self.assertEqual(self.daemon.reload(without), b"OK")
        writer, reader, *_ = self.clients
        writer.call("key.set", "near", "k", "old")
        self.valve.shut_questions(b"new")
        writer.send(resp.array("key.set", "near", "k", "new"))
        self.valve.wait_for_question(b"new")
        self.assertEqual(self.daemon.reload(self.ini), b"OK")
        self.daemon.wait_near()
        self.valve.shut("tracking")
        self.assertEqual([reader.call("key.get", "near", "k") for _ in range(2)], [b"old"] * 2)
        self.valve.open_questions()
        self.assertEqual(writer.read(), b"OK")
        self.assertEqual(reader.call("key.get", "near", "k"), b"new")

    # --- many keys ------------------------------------------------------------------------------

    def test_keys_that_are_only_read_do_not_void_each_other(self):
        """Whoever asks for a key, in whichever order, each worker keeps it: also of thousands."""
        reads = [("key.get", "near", b"%d" % number) for number in range(3000)]
        for _, _, key in reads:
            self.direct.send(resp.array("SET", b"n:" + key, b"value of " + key, "EX", 3600))
        for _ in reads:
            self.direct.read()

        def read_all():
            """How many were not answered from memory."""
            before = int(self.daemon.stats("near")["near_hits"])
            for client in self.clients:
                client.send(b"".join(resp.array(*words) for words in reads))
                for words in reads:
                    self.assertEqual(client.read(), b"value of " + words[-1])
            return len(self.clients) * len(reads) - (int(self.daemon.stats("near")["near_hits"]) - before)

        asked = [read_all() for _ in range(6)]
        self.assertGreaterEqual(asked[0], len(reads))
        self.assertLess(asked[-1], len(reads) / 100, asked)

    # --- what has been seen ---------------------------------------------------------------------

    def lose_tracking(self):
        """The trackers are gone, and stay so; the backend answers on."""
        self.valve.shut("tracking")
        self.valve.cut("tracking")
        harness.wait_until(lambda: self.tracking() == "down", "the loss is noticed")

    def kill_backend(self):
        self.direct.close()
        self.redis.kill()
        down = lambda: all(
            not isinstance(reply, list) or reply[0] == b"STALE"
            for reply in self.see("memo.get", "near", "sentinel")
        )
        harness.wait_until(down, "every worker has noticed")

    def test_a_del_that_was_answered_while_the_tracking_is_lost_stays_done(self):
        self.clients[0].call("memo.set", "near", "k", "old")
        self.keep("memo.get", "near", "k")
        self.lose_tracking()
        self.assertEqual(self.clients[0].call("del", "near", "k"), 1)
        self.kill_backend()
        for reply in self.see("memo.get", "near", "k"):
            self.assertEqual(getattr(reply, "code", reply), "UNAVAILABLE")

    def test_no_older_value_follows_a_newer_one_that_was_read_while_the_tracking_is_lost(self):
        for key in ("k", "same"):
            self.clients[0].call("memo.set", "near", key, "old")
            self.keep("memo.get", "near", key)
        self.lose_tracking()
        self.direct.call("SET", "n:k", "new", "PX", "7000000")
        self.assertEqual(self.clients[0].call("memo.get", "near", "k"), [b"HIT", b"new", None])
        self.assertEqual(self.clients[0].call("memo.get", "near", "same"), [b"HIT", b"old", None])
        self.kill_backend()
        for reply in self.see("memo.get", "near", "k"):
            self.assertEqual(getattr(reply, "code", reply), "UNAVAILABLE")
        stale = [b"STALE", b"old", None]  # nobody has seen another value
        self.assertEqual(self.see("memo.get", "near", "same"), [stale] * self.workers)

    def test_what_was_kept_is_served_as_stale_whether_the_tracking_or_the_backend_goes_first(self):
        self.clients[0].call("memo.set", "near", "k", "v")
        self.keep("memo.get", "near", "k")
        self.lose_tracking()
        self.kill_backend()
        stale = [b"STALE", b"v", None]
        self.assertEqual(self.see("memo.get", "near", "k"), [stale] * self.workers)

    def test_no_worker_goes_back_behind_what_another_has_read(self):
        """Round the daemon a value is changed; one worker has to ask, the others' news is held."""
        self.direct.call("SET", "n:k", "old")
        self.hold_news()
        self.keep("key.get", "near", "k")
        self.direct.call("SET", "n:k", "new")
        self.assertEqual(self.see("key.get", "near", "k"), [b"old"] * self.workers)
        self.valve.cut("tracking", 1)
        asks = lambda: any(client.call("key.get", "near", "k") == b"new" for client in self.clients)
        harness.wait_until(asks, "one asks")
        self.assertEqual(self.see("key.get", "near", "k"), [b"new"] * self.workers)


class OneWorker(Workers):
    workers = 1

    # With one connection to the backend, a write that is held up holds up everything behind it.
    test_an_answer_from_between_a_writes_sending_and_its_doing_is_not_served_after_it = None
    test_a_write_from_before_a_reload_is_seen_after_it = None
    test_an_answer_from_before_a_write_that_comes_after_it_is_not_kept = None
    test_no_worker_goes_back_behind_what_another_has_read = None


if __name__ == "__main__":
    harness.main()
