#!/usr/bin/env python3
"""The client and the collections for asyncio."""

import asyncio
import gc
import signal
import time
import unittest
import warnings

import world

import harness

import cachesd
from cachesd import aio


class Client(world.TestCase):
    def connections(self):
        return len(self.daemon.call("clients").splitlines()) - 1

    def test_calls_and_batches(self):
        async def main():
            async with await aio.connect(text=True, timeout=30) as client:
                self.assertEqual(await client.key.set("demo", "k", "ä", ttl="90s"), "OK")
                self.assertEqual((await client.key.get("demo", "k"), await client.ttl("demo", "k")), ("ä", 90))
                with self.assertRaises(cachesd.WrongType):
                    await client.dict.get("demo", "k", "f")
                async with client.batch() as batch:
                    batch.counter.incr("demo", "c", "a", 2)
                    items = batch.counter.items("demo", "c")
                self.assertEqual((batch.replies, items.get()), ([2, ["a", 2]], ["a", 2]))
                batch = client.batch()
                batch.dict.get("demo", "k", "f")
                batch.key.set("demo", "later", 1)
                with self.assertRaises(cachesd.WrongType):
                    await batch.send()
                self.assertEqual(await client.exists("demo", "later"), 1)

        asyncio.run(main())

    def test_a_thousand_tasks_share_a_connection(self):
        async def main():
            async with await aio.connect(timeout=30) as client:
                replies = await asyncio.gather(*(client.counter.incr("demo", "c", "a") for _ in range(1000)))
                self.assertEqual(sorted(replies), list(range(1, 1001)))
                self.assertEqual(self.connections(), 1)
                self.assertEqual(len(await client.memo.get("demo", "m")), 3)
                waiting = asyncio.create_task(client.memo.get("demo", "m", wait="20s"))
                while self.daemon.stats("demo")["memo_waiting"] < 1:
                    await asyncio.sleep(0.005)
                self.assertEqual((await client.ping(), self.connections()), ("PONG", 2))
                waiting.cancel()
                await asyncio.wait([waiting])
            self.assertEqual(await aio.Cache("foo").get(), None)

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            asyncio.run(main())
            gc.collect()
        self.assertEqual([str(warning.message) for warning in caught], [])
        harness.wait_until(lambda: self.connections() == 0, "all are closed")

    def test_a_task_that_is_cancelled_or_late_disturbs_no_other(self):
        async def main():
            async with await aio.connect(timeout=30) as client:
                others = []
                for delay in range(20):
                    task = asyncio.create_task(client.ping(f"cancelled {delay}"))
                    for _ in range(delay % 7):
                        await asyncio.sleep(0)
                    task.cancel()
                    others.append(asyncio.create_task(client.ping(str(delay))))
                self.assertEqual(await asyncio.gather(*others), [b"%d" % n for n in range(20)])
                self.daemon.send_signal(signal.SIGSTOP)
                started = time.monotonic()
                with self.assertRaises(TimeoutError) as caught:
                    await client.call("ping", "late", timeout=0.2)
                self.assertTrue(caught.exception.perhaps_applied)
                self.assertLess(time.monotonic() - started, 10)
                self.daemon.send_signal(signal.SIGCONT)
                self.assertEqual(await client.ping("next"), b"next")

        self.addCleanup(self.daemon.send_signal, signal.SIGCONT)
        asyncio.run(main())

    def test_one_answer_that_is_late_is_dropped_when_it_comes_and_those_behind_it_are_not(self):
        async def serve(reader, writer):
            await reader.readuntil(b"first\r\n")
            await reader.readuntil(b"late\r\n")
            writer.write(b"$5\r\nfirst\r\n")
            await reader.readuntil(b"behind\r\n")
            await given_up.wait()
            writer.write(b"$4\r\nlate\r\n$6\r\nbehind\r\n")
            writer.close()

        async def main():
            nonlocal given_up
            given_up, path = asyncio.Event(), f"{self.world.folder}/late.sock"
            server = await asyncio.start_unix_server(serve, path)
            client = aio.AsyncClient(cachesd.Login(path), timeout=30)
            first = asyncio.create_task(client.ping("first"))
            late = asyncio.create_task(client.ping("late", timeout=0.3))
            self.assertEqual(await first, b"first")
            behind = asyncio.create_task(client.ping("behind"))
            with self.assertRaises(cachesd.TimedOut):
                await late
            given_up.set()
            self.assertEqual(await behind, b"behind")
            server.close()

        given_up = None
        asyncio.run(main())

    def test_a_daemon_that_was_replaced_while_the_loop_was_busy_is_found(self):
        with harness.World() as other:
            daemon = other.daemon(world.INI)

            async def main():
                async with await aio.connect(daemon.path, timeout=30) as client:
                    await client.key.set("demo", "k", "v")
                    daemon.stop()
                    other.daemon(world.INI)
                    time.sleep(0.01)
                    self.assertEqual(await client.key.incr("demo", "n"), 1)

            asyncio.run(main())

    def test_where_nobody_is(self):
        async def main():
            with self.assertRaisesRegex(cachesd.Unavailable, "no daemon answers at /nowhere"):
                await aio.connect("/nowhere")
            with self.assertRaisesRegex(ValueError, "was expected"):
                await aio.connect("nonsense")

        asyncio.run(main())

    def test_a_client_serves_one_loop_after_the_other(self):
        client = aio.AsyncClient(cachesd.Login(self.daemon.path))
        for n in range(5):
            self.assertEqual(asyncio.run(self.ping(client, n)), b"%d" % n)

    @staticmethod
    async def ping(client, n):
        return await client.ping(str(n))


class Collections(world.TestCase):
    """They do what those that block do, whose tests are in test_seed.py: here is that each method is there."""

    def check(self, work):
        asyncio.run(work())

    def test_values(self):
        async def work():
            c = await aio.KeyCache.create("foo", "bar", data=5)
            with self.assertRaisesRegex(TypeError, "await Cache.create"):
                aio.Cache("foo", data=5)
            self.assertEqual((c.key, await c.get(), await c.increment(10), await c.exists(), await c.add(1)), ("foo.bar", 5, 15, True, False))
            await c.set({"a": 1})
            self.assertEqual(cachesd.Cache("foo", "bar").data, {"a": 1}, "both kinds share it")
            self.assertEqual((await c.touch(), await c.clear(), await c.get(7), await c.has()), (True, None, 7, False))
            s = aio.SentinelCache("s", ttl=60)
            self.assertEqual([await s.is_set() for _ in range(3)], [False, True, True])

        self.check(work)

    def test_dicts(self):
        async def work():
            c = await aio.DictCache.create("foo", data={"a": 1, "b": 2})
            await c.set("c", 3)
            await c.update({"d": 4}, e=5)
            self.assertEqual((await c.get("a"), await c.get("none"), await c.fetch("b"), await c.setdefault("a", 9)), (1, None, 2, 1))
            for wrong in (c.fetch("none"), c.delete("none"), c.pop("none")):
                with self.assertRaises(KeyError):
                    await wrong
            await c.delete("d")
            self.assertEqual((await c.pop("e"), await c.pop("e", 0), await c.len(), await c.contains("a")), (5, 0, 3, True))
            self.assertEqual((await c.copy(), await c.items(), await c.keys(), await c.values(), [field async for field in c]),
                             ({"a": 1, "b": 2, "c": 3}, [("a", 1), ("b", 2), ("c", 3)], ["a", "b", "c"], [1, 2, 3], ["a", "b", "c"]))  # fmt: skip
            self.assertIn(await c.popitem(), [("a", 1), ("b", 2), ("c", 3)])

        self.check(work)

    def test_sets(self):
        async def work():
            c = await aio.SetCache.create("foo", data=[1, (2, "b")])
            self.assertEqual((await c.add(3), await c.contains(3), await c.len(), await c.copy()), (True, True, 3, {1, (2, "b"), 3}))
            await c.update([4], [5])
            await c.difference_update([4])
            await c.discard(5)
            with self.assertRaises(KeyError):
                await c.remove(5)
            self.assertEqual({elem async for elem in c}, {1, (2, "b"), 3})
            self.assertIn(await c.pop(), {1, (2, "b"), 3})

        self.check(work)

    def test_sorted_sets(self):
        async def work():
            c = await aio.SortedSetCache.create("foo", data=[(n, n) for n in range(10)])
            await c.add("x", 2.5)
            await c.add((2, "x"), gt=True)
            self.assertEqual((await c.score("x"), await c.contains("x"), await c.len()), (2.5, True, 11))
            await c.remove("x")
            await c.discard("x")
            self.assertEqual((await c.pop(), await c.rpop(), [item async for item in c]), ((0, 0), (9, 9), [(n, n) for n in range(1, 9)]))
            self.assertEqual([item async for item in c.chunk(2, 3)], [(4, 4), (5, 5)])
            self.assertEqual([item async for item in c.rchunk(2)], [(8, 8), (7, 7)])
            self.assertEqual(await c.copy(), [(n, n) for n in range(1, 9)])

        self.check(work)

    def test_counters(self):
        async def work():
            c = await aio.CounterCache.create("foo", data="aab")
            self.assertEqual((await c.increment("a", 3), await c.get("a"), await c.get("none"), await c.total()), (5, 5, 0, 6))
            await c.set("z", 7)
            await c.update({"b": 1}, q=1)
            await c.subtract(q=1)
            self.assertEqual((await c.most_common(1), await c.len(), await c.contains("q")), ([("z", 7)], 4, True))
            self.assertEqual(await c.delete("q"), True)
            self.assertEqual((await c.copy(), dict(await c.items()), {field async for field in c}),
                             ({"a": 5, "b": 2, "z": 7}, {"a": 5, "b": 2, "z": 7}, {"a", "b", "z"}))  # fmt: skip

        self.check(work)

    def test_what_they_lack_of_their_kin_is_what_python_cannot_await(self):
        lacking = {"data", "iteritems", "iterkeys", "itervalues", "elements", "cached", "intersection_update"}
        lacking |= {"union", "intersection", "difference", "symmetric_difference", "symmetric_difference_update"}
        lacking |= {"issubset", "issuperset", "isdisjoint"}  # of a copy()
        of_counters = {"values", "keys", "pop", "popitem", "setdefault"}
        for name in ("Cache", "DictCache", "SetCache", "SortedSetCache", "CounterCache", "SentinelCache"):
            kinds = getattr(cachesd, name), getattr(aio, name)
            blocking, other = ({name for name in dir(kind) if not name.startswith("_")} for kind in kinds)
            self.assertEqual(blocking - other - lacking - (of_counters if name == "CounterCache" else set()), set(), name)

    def test_unsafe_clear(self):
        async def work():
            await aio.Cache.create("a", data=1)
            await aio.Cache.create("b", data=1)
            self.assertEqual((await aio.unsafe_clear("*.a"), await aio.unsafe_clear("*"), self.keys()), (1, 1, []))

        self.check(work)

    def test_the_decorator_of_a_class_takes_async_functions(self):
        calls = []

        @cachesd.Cache.cached(key=lambda n: n)
        async def double(n):
            calls.append(n)
            return 2 * n

        async def work():
            self.assertEqual((await double(2), await double(2), calls), (4, 4, [2]))
            self.assertEqual(await aio.Cache(2).get(), 4)

        self.check(work)


if __name__ == "__main__":
    unittest.main(verbosity=2)
