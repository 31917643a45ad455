#!/usr/bin/env python3
"""The part of ../../../clients/python/cachesd that other languages lack."""

import concurrent.futures
import copy
import dataclasses
import functools
import json
import multiprocessing
import os
import pathlib
import pickle
import signal
import sys
import threading

import harness
from cached_world import ROOT, World

sys.path.insert(0, str(ROOT / "clients" / "python"))
import cachesd.memo as decorator


CALLS = []


class Configured:
    @classmethod
    def configure(cls, address):
        """Decorated when this module was read, before there was a daemon."""
        CALLS.clear()
        for thing in (*vars(Report).values(), *vars(Account).values()):
            thing = getattr(thing, "fget", None) or getattr(thing, "__func__", thing)
            if isinstance(thing, decorator.Cached):
                thing.login = thing.login._replace(address=address)


class Report(Configured):
    def __init__(self, number=0):
        if number:
            self.number = number

    @decorator.cached(namespace="memo")
    def of_all(self, n):
        CALLS.append("of_all")
        return [0, n]

    @decorator.cached(namespace="memo", key=lambda self, n: f"{self.number}:{n}")
    def of_each(self, n):
        return [self.number, n]

    @decorator.cached(namespace="memo")
    @classmethod
    def of_class(cls, n):
        CALLS.append("of_class")
        return [cls.__name__, n]

    @classmethod
    @decorator.cached(namespace="memo", key=lambda cls, n: f"{cls.__name__} {n}")
    def of_class_too(cls, n):
        return [cls.__name__, n]

    @staticmethod
    @decorator.cached(namespace="memo")
    def of_none(n):
        return n

    @property
    @decorator.cached(namespace="memo", key=lambda self: f"size {self.number}")
    def size(self):
        CALLS.append("size")
        return self.number


class Sub(Report):
    pass


@dataclasses.dataclass
class Account:
    number: int

    @decorator.cached(namespace="memo")
    def owner(self):
        return self.number


@decorator.cached(namespace="memo")
def double(n):
    return 2 * n


@decorator.cached(namespace="memo")
async def double_later(n):
    return 2 * n


def generator():
    yield 1


def at(address, function, *arguments):
    """Run in another process."""
    function.login = function.login._replace(address=address)
    return function(*arguments)


class PythonItself(World):
    """What only the Python decorator has."""

    def setUp(self):
        super().setUp()
        self.calls = []

    def cached(self, fn=None, **options):
        options = {"namespace": "memo", "address": self.daemon.path, **options}
        return decorator.cached(fn, **options)

    def keys(self):
        return sorted(key.decode() for key in self.direct.call("KEYS", "m:*"))

    def test_a_key_is_the_name_and_the_arguments_however_they_are_given(self):
        @self.cached(name="f")
        def f(a, b=2, *more, **named):
            self.calls.append(a)
            return [a, b]

        for result in (f(1), f(1, 2), f(b=2, a=1)):
            self.assertEqual(result, [1, 2])
        self.assertEqual(self.calls, [1])
        for words in ((1, 3), ("1",), (1, 2, 3)):
            f(*words)
        f(1, other=1)
        f("x" * 1000)
        self.assertEqual(len(self.calls), 6)
        self.assertIn("m:f:[1, 2, (), {}]", self.keys())
        self.assertLess(max(map(len, self.keys())), 300)
        self.assertEqual((f.__name__, f.forget(1), f.forget(b=2, a=1)), ("f", True, True))
        f(1)
        self.assertEqual(len(self.calls), 7)

    def test_a_key_can_be_fixed_or_a_function(self):
        fixed = self.cached(key="it", ttl=3)(lambda n: n)
        self.assertEqual((fixed(1), fixed(2)), (1, 1))
        self.assertIn(self.direct.call("PTTL", "m:it"), range(6000, 8001))
        computed = self.cached(key=lambda n, **_: n % 2)(lambda n, loud=False: n)
        self.assertEqual((computed(1), computed(3), computed(4, loud=True)), (1, 1, 4))
        self.assertEqual(self.keys(), ["m:0", "m:1", "m:it"])

    def test_methods_of_every_kind(self):
        name = f"m:{pathlib.Path(__file__).stem}.Report"
        Report.configure(self.daemon.path)
        Sub.configure(self.daemon.path)
        one = Report()
        self.assertEqual((one.of_all(5), Report().of_all(n=5)), ([0, 5], [0, 5]))
        self.assertEqual((Report.of_class(1), one.of_class(1), Report.of_class_too(1)), (["Report", 1],) * 3)
        self.assertEqual((Sub.of_class(1), Sub().of_class_too(1)), (["Sub", 1],) * 2)
        self.assertEqual((Report.of_none(7), one.of_none(7)), (7, 7))
        self.assertEqual(CALLS, ["of_all", "of_class", "of_class"])
        self.assertIn(f"{name}.of_all:[<{name[2:]}>, 5]", self.keys())
        one.of_all.forget(5)
        self.assertEqual(Report().of_all(5), [0, 5])
        Report.of_class.refresh(1)
        self.assertEqual(CALLS[3:], ["of_all", "of_class"])
        self.assertEqual(one.of_all.__name__, "of_all")

    def test_an_object_with_state_is_no_other(self):
        Report.configure(self.daemon.path)
        one, two = Report(1), Report(2)
        with self.assertRaisesRegex(TypeError, "Report.of_all: self cannot be told apart .* option key"):
            one.of_all(5)
        self.assertEqual((one.of_each(5), two.of_each(5)), ([1, 5], [2, 5]))
        self.assertEqual((one.size, two.size, one.size), (1, 2, 1))
        self.assertTrue(Report.size.fget.forget(one))
        self.assertEqual((one.size, CALLS.count("size")), (1, 3))
        self.assertEqual((Account(1).owner(), Account(2).owner(), Account(1).owner()), (1, 2, 1))

    def test_a_function_whose_name_others_have_needs_a_name_or_key(self):
        def local():
            return 1

        for function in (local, lambda: 1, functools.partial(pow, 2)):
            with self.assertRaisesRegex(TypeError, "others may have this name too: give the option name or key"):
                self.cached(function)
        with self.assertRaisesRegex(TypeError, "generator"):
            self.cached(name="g")(generator)

    def test_decorated_functions_and_methods_are_pickled_by_name(self):
        Report.configure(self.daemon.path)
        self.assertIs(pickle.loads(pickle.dumps(Report.of_all)), Report.of_all)
        self.assertIs(copy.deepcopy(double), double)
        self.assertIs(pickle.loads(pickle.dumps(double_later)), double_later)
        bound = pickle.loads(pickle.dumps(Report(3).of_each))
        self.assertEqual(bound(5), [3, 5])
        self.assertEqual(pickle.loads(pickle.dumps(Sub.of_class))(1), ["Sub", 1])

    def test_processes_that_are_spawned_find_it_and_its_key(self):
        double.login = double.login._replace(address=self.daemon.path)
        for method in ("spawn", "forkserver", "fork"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                self.assertEqual(pool.starmap(at, [(self.daemon.path, double, n) for n in range(20)]), [2 * n for n in range(20)])
        self.assertEqual(len(self.keys()), 20)

    def test_an_error_of_the_function_reaches_the_caller(self):
        for error in (StopIteration(3), ConnectionError("its own"), ValueError("its own"), KeyboardInterrupt()):
            def fail():
                raise error

            with self.assertRaises(type(error)) as caught:
                self.cached(key="k")(fail)()
            self.assertIs(caught.exception, error)
            self.assertEqual(self.keys(), [])

    def test_what_finds_it_expired_need_not_wait_for_the_next(self):
        gate = threading.Event()

        @self.cached(key="k", background=True)
        def f():
            self.calls.append(1)
            assert len(self.calls) == 1 or gate.wait(harness.LONG)
            return len(self.calls)

        self.assertEqual(f(), 1)
        self.let_expire("k")
        self.assertEqual((f(), f()), (1, 1))
        gate.set()
        harness.wait_until(lambda: f() == 2, "the next is kept")
        self.assertEqual(len(self.calls), 2)

    def test_threads_compute_once(self):
        @self.cached(name="f")
        def f(n):
            self.calls.append(n)
            return n

        def work(_):
            return [f(n) for n in range(50)]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for result in pool.map(work, range(8)):
                self.assertEqual(result, list(range(50)))
        self.assertEqual(sorted(self.calls), list(range(50)))

    def test_a_forked_child_has_its_own_connection(self):
        f = self.cached(lambda n: n, key=lambda n: n)
        f(0)
        child = os.fork()
        if child == 0:
            os._exit(0 if all(f(n) == n for n in range(300)) else 1)
        for n in range(300, 600):
            self.assertEqual(f(n), n)
        self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_an_interrupt_leaves_no_reply_for_the_next_call(self):
        class Alarm(BaseException):
            pass

        def ring(*_):
            raise Alarm

        f = self.cached(lambda n: n, key=lambda n: n)
        f("a")
        lease = self.take_lease("held")
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        self.assertRaises(Alarm, f, "held")
        self.assertEqual(self.daemon.call("memo.put", "memo", "held", lease, '"late"'), b"OK")
        self.assertEqual((f("a"), f("b")), ("a", "b"))

    def test_dump_and_load(self):
        f = self.cached(key="k", dump=pickle.dumps, load=pickle.loads)(lambda: (1, {2}))
        self.assertEqual((f(), f()), ((1, {2}),) * 2)

    def test_a_result_that_cannot_be_written_is_returned_and_its_lease_given_back(self):
        for key, dump in (("a", json.dumps), ("b", lambda _: 7)):
            with self.assertLogs("cachesd", "WARNING") as logged:
                self.assertEqual(self.cached(key=key, dump=dump)(lambda: {1, 2})(), {1, 2})
            self.assertIn("dump can't write the result", logged.output[0])
        self.assertEqual(self.keys(), [])


if __name__ == "__main__":
    harness.main()
