#!/usr/bin/env python3
"""../../../clients/python/cachesd."""

import asyncio
import gc
import inspect
import sys
import threading
import time
import warnings

import harness
from cached_every import EveryLanguage
from cached_world import ROOT, World

sys.path.insert(0, str(ROOT / "clients" / "python"))
import cachesd.memo as decorator


class Async(EveryLanguage, World):
    pass


class AsyncItself(World):
    def cached(self, fn=None, **options):
        return decorator.cached(fn, **{"namespace": "memo", "address": self.daemon.path, **options})

    def connections(self):
        return len(self.daemon.call("clients").splitlines()) - 1

    async def until(self, condition, what):
        deadline = time.monotonic() + harness.LONG
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            await asyncio.sleep(0.005)

    def waiting(self):
        return self.daemon.stats("memo")["memo_waiting"]

    def test_a_thousand_tasks_compute_once_over_few_connections(self):
        calls, gate = [], None

        @self.cached(name="f")
        async def f(n):
            calls.append(n)
            await gate.wait()
            return [n]

        async def main():
            nonlocal gate
            gate = asyncio.Event()
            tasks = [asyncio.create_task(f(n % 3)) for n in range(1000)]
            await self.until(lambda: self.waiting() == 3, "three keys are waited for")
            self.assertEqual(self.connections(), 1 + 3)
            gate.set()
            return await asyncio.gather(*tasks)

        results = asyncio.run(main())
        self.assertEqual(results, [[n % 3] for n in range(1000)])
        self.assertEqual(len({id(result) for result in results}), 1000, "nobody sees another's changes")
        self.assertEqual(sorted(calls), [0, 1, 2])

    def test_a_cancelled_task_gives_its_lease_back_and_disturbs_no_other(self):
        calls = []

        @self.cached(name="f", wait=20)
        async def f(n):
            calls.append(n)
            if len(calls) == 1:
                await asyncio.sleep(harness.LONG)
            return n

        async def main():
            computing = asyncio.create_task(f(1))
            await self.until(lambda: calls, "it computes")
            waiting = [asyncio.create_task(f(1)) for _ in range(5)]
            await self.until(lambda: self.waiting() == 1, "one waits for all")
            waiting[0].cancel()
            await self.until(waiting[0].done, "it is cancelled")
            await self.until(lambda: self.waiting() == 1, "the next waits for all")
            computing.cancel()
            self.assertEqual(await asyncio.gather(*waiting[1:]), [1] * 4)
            self.assertTrue(computing.cancelled())
            for delay in range(20):  # cancelled in the midst of a request
                task = asyncio.create_task(f(100 + delay))
                for _ in range(delay % 7):
                    await asyncio.sleep(0)
                task.cancel()
            self.assertEqual(await asyncio.gather(*(f(n) for n in range(2, 60))), list(range(2, 60)))

        asyncio.run(main())
        self.assertEqual(calls.count(1), 2)

    def test_each_loop_has_a_connection_of_its_own_and_takes_it_along(self):
        f = self.cached(key=lambda n: str(n))(self.identity)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for n in range(20):
                self.assertEqual(asyncio.run(f(n)), n)
            gc.collect()
        self.assertEqual([str(warning.message) for warning in caught], [])
        threads = [threading.Thread(target=lambda: asyncio.run(f(1))) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        asyncio.run(f(1))
        gc.collect()
        harness.wait_until(lambda: self.connections() <= 1, "but one connection is left")

    def test_what_expired_is_given_while_a_task_computes_the_next(self):
        calls, gate = [], None

        @self.cached(key="k", background=True)
        async def f():
            calls.append(1)
            if len(calls) > 1:
                await gate.wait()
            return len(calls)

        async def main():
            nonlocal gate
            gate = asyncio.Event()
            self.assertEqual(await f(), 1)
            self.let_expire("k")
            self.assertEqual((await f(), await f()), (1, 1))
            gate.set()
            while await f() != 2:
                await asyncio.sleep(0.005)

        asyncio.run(main())
        self.assertEqual(len(calls), 2)

    def test_frameworks_know_it_for_a_coroutine_function(self):
        class Report:
            @self.cached(key="k")
            async def pages(self):
                return 42

            @self.cached(key=lambda cls: cls.__name__)
            @classmethod
            async def name(cls):
                return cls.__name__

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for function in (Report.pages, Report().pages, Report.name):
                self.assertTrue(asyncio.iscoroutinefunction(function))
        self.assertTrue(inspect.iscoroutinefunction(type(Report.pages).__call__))
        self.assertEqual((asyncio.run(Report().pages()), asyncio.run(Report.name())), (42, "Report"))

    def test_errors_and_timeouts_of_the_function_reach_the_caller(self):
        for error in (asyncio.TimeoutError("its own"), ConnectionError("its own"), ValueError("its own")):
            async def fail():
                raise error

            with self.assertRaises(type(error)) as caught:
                asyncio.run(self.cached(key="k")(fail)())
            self.assertIs(caught.exception, error)
            self.assertEqual(self.direct.call("EXISTS", "m:k"), 0)

    @staticmethod
    async def identity(n):
        return n


if __name__ == "__main__":
    harness.main()
