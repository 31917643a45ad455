#!/usr/bin/env python3
"""Redis dies, hangs and comes back: every request is answered, and service returns."""

import signal
import threading
import time
import unittest

import fake_redis
import harness
import resp
from fake_redis import FakeRedis

WORKERS = 8
BATCH = 20  # pairs of a set and a get in flight at once
MAY_FAIL_WITH = {"LOST", "TIMEOUT", "UNAVAILABLE"}


class Worker(threading.Thread):
    """Sets and gets unique values without end; notes every reply that is not right."""

    def __init__(self, daemon, number, stopping):
        super().__init__()
        self.client = daemon.client()
        self.number = number
        self.stopping = stopping
        self.right = 0
        self.failed = 0
        self.wrong = []

    def run(self):
        step = 0
        while not self.stopping.is_set():
            values = [f"{self.number}.{step}.{i}".encode() for i in range(BATCH)]
            step += 1
            try:
                self.run_batch(values)
            except Exception as error:  # a thread's exception would be lost
                self.wrong.append(repr(error))
                break
        self.client.close()

    def run_batch(self, values):
        for value in values:
            self.client.send(
                resp.array("key.set", "carts", value, value)
                + resp.array("key.get", "carts", value)
            )
        for value in values:
            self.check(self.client.read(), [b"OK"])
            # Redis loses what it held when it dies, so that nil is right too.
            self.check(self.client.read(), [value, None])

    def check(self, reply, right):
        if isinstance(reply, resp.Error) and reply.code in MAY_FAIL_WITH:
            self.failed += 1
        elif reply in right:
            self.right += 1
        else:
            self.wrong.append(reply)


class KillBackend(unittest.TestCase):
    def test_every_request_is_answered_while_redis_is_killed_and_restarted(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            stopping = threading.Event()
            workers = [Worker(daemon, number, stopping) for number in range(WORKERS)]
            for worker in workers:
                worker.start()
            try:
                for _ in range(3):
                    self.kill_and_restart(redis, daemon, workers)
            finally:
                stopping.set()
                for worker in workers:
                    worker.join()
            self.assertEqual([worker.wrong for worker in workers], [[]] * WORKERS)

    def kill_and_restart(self, redis, daemon, workers):
        self.wait_for_more(workers, "right")
        redis.kill()
        self.wait_for_more(workers, "failed")
        redis.start()
        back = time.monotonic()
        with daemon.client() as client:
            harness.wait_until(
                lambda: client.call("key.set", "carts", "probe", "v") == b"OK", "service is back"
            )
        took = time.monotonic() - back
        print(f"service back {took * 1000:.0f} ms after redis")
        self.assertLessEqual(took, harness.SOON)

    def wait_for_more(self, workers, name):
        before = [getattr(worker, name) for worker in workers]
        harness.wait_until(
            lambda: all(
                getattr(worker, name) > count or worker.wrong
                for worker, count in zip(workers, before)
            ),
            f"every worker has more {name} replies",
        )

    def test_what_was_sent_before_redis_died_is_lost_and_what_comes_after_unavailable(self):
        with harness.World() as world:
            redis = world.redis()
            daemon = world.daemon(harness.INI)
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                redis.send_signal(signal.SIGSTOP)
                for request in (("key.get", "carts", "a"), ("dict.set", "carts", "d", "f", "v")):
                    client.send(resp.array(*request))
                self.wait_until_pending(daemon, 2)
                redis.kill()
                self.assertEqual([client.read().code for _ in range(2)], ["LOST", "LOST"])
                self.assertEqual(client.call("key.get", "carts", "a").code, "UNAVAILABLE")
                self.assertEqual(client.call("ping"), b"PONG")

    def wait_until_pending(self, daemon, count):
        with daemon.client() as other:
            harness.wait_until(
                lambda: b"pending=%d " % count in other.call("backends"),
                f"{count} requests are pending",
            )

    def test_the_daemon_starts_without_its_redis_and_serves_when_that_comes(self):
        with harness.World() as world:
            redis = world.redis()
            redis.kill()
            daemon = world.daemon()
            with daemon.client() as client:
                self.assertEqual(client.call("key.get", "carts", "a").code, "UNAVAILABLE")
                redis.start()
                back = time.monotonic()
                harness.wait_until(lambda: client.call("key.get", "carts", "a") is None, "served")
                self.assertLessEqual(time.monotonic() - back, harness.SOON)

    def test_one_that_greets_and_goes_is_tried_again_ever_later(self):
        greeted = []

        def greet_and_go(connection, words, right):
            connection.send(right)
            if words[0] == b"PING":  # the last of the greeting
                greeted.append(time.monotonic())
                raise fake_redis.Gone

        with harness.World() as world, FakeRedis(world) as fake:
            fake.greet = greet_and_go
            daemon = world.daemon(harness.INI.replace("{redis:main}", fake.url))
            harness.wait_until(lambda: len(greeted) >= 7, "it is tried again")
            # 10 ms at least, then twice that, up to 250.
            self.assertGreater(greeted[6] - greeted[0], 0.5)
            fake.greet = fake_redis.send_right
            harness.wait_until(
                lambda: daemon.call("key.get", "carts", "a") == fake_redis.value_of(b"cart:a"),
                "it is served again",
            )

    def test_an_unknown_answer_is_internal_and_service_goes_on(self):
        with harness.World() as world:
            world.redis(options=["--rename-command", "GETDEL", ""])
            daemon = world.daemon()
            with daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                self.assertEqual(client.call("key.take", "carts", "a").code, "INTERNAL")
                harness.wait_until(
                    lambda: client.call("key.get", "carts", "a") == b"1", "service goes on"
                )
                daemon.wait_logged("unknown command")

    def test_a_script_that_holds_redis_up_is_overload(self):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            redis.call("CONFIG", "SET", "busy-reply-threshold", "1")
            with redis.client() as holder, daemon.client() as client:
                self.assertEqual(client.call("key.set", "carts", "a", "1"), b"OK")
                holder.send(resp.array("EVAL", "while true do end", "0"))
                harness.wait_until(
                    lambda: isinstance(redis.call("PING"), resp.Error), "redis is busy"
                )
                self.assertEqual(client.call("key.get", "carts", "a").code, "OVERLOADED")
                self.assertEqual(redis.call("SCRIPT", "KILL"), b"OK")
                harness.wait_until(
                    lambda: client.call("key.get", "carts", "a") == b"1", "service goes on"
                )


if __name__ == "__main__":
    harness.main()
