#!/usr/bin/env python3
"""What the library `caches` documents of its classes, line by line, in the order of its manual; then what its users may know
without it. Versions are of its manual: 0.2 to 3.0."""

import datetime
import functools
import json
import pickle
import threading
import unittest

import world

import cachesd as caches


class Interface(world.TestCase):
    def test_the_constructor_joins_its_arguments_to_a_key(self):
        self.assertEqual(caches.KeyCache("foo", "bar", "che").key, "foo.bar.che")  # 0.2
        self.assertEqual(caches.Cache(["foo", "bar", "che"]).key, "foo.bar.che")  # 2.0
        self.assertEqual(caches.Cache("foo", 7, ("a", ["b"])).key, "foo.7.a.b")
        with self.assertRaisesRegex(ValueError, r"Cache\(\) has no key"):
            caches.Cache()

    def test_data_is_stored_when_it_is_given(self):
        c = caches.KeyCache("foo", data="boom!")
        self.assertEqual((c.key, str(c)), ("foo", "boom!"))
        self.assertEqual(json.loads(self.redis.call("GET", "demo:Cache.foo")), "boom!")
        self.assertEqual(caches.Cache("foo").data, "boom!")

    def test_serialize_false_stores_values_as_they_are(self):
        class MyIntCache(caches.KeyCache):
            serialize = False
            prefix = "MyIntCache"
            ttl = 7200

        c = MyIntCache("foo", data=5)
        self.assertEqual(self.redis.call("GET", "demo:MyIntCache.foo"), b"5")
        self.assert_ttl("demo:MyIntCache.foo", 7200)
        c += 10
        self.assertEqual((c.data, int(MyIntCache("foo")), str(MyIntCache("foo"))), (15, 15, "15"))
        self.assertEqual(MyIntCache("foo").data, b"15")
        with self.assertRaisesRegex(TypeError, "is a dict: str, bytes, int or float was expected"):
            c.data = {}

    def test_prefix_stands_before_the_key_and_another_one_forgets_all(self):
        self.assertEqual(caches.Cache("foo", prefix="prefix").key, "prefix.foo")
        caches.Cache(1, prefix="a", data=5)
        self.assertEqual(self.keys(), ["demo:a.1"])
        self.assertIsNone(caches.Cache(1, prefix="b").data)

    def test_ttl_is_in_seconds_and_0_asks_for_no_end(self):
        for ttl, seconds in ((60, 60), (61.5, 61.5), ("10m", 600), (datetime.timedelta(hours=2), 7200), (None, 3600), (0, 86400)):
            caches.Cache("foo", data=1, ttl=ttl)
            self.assert_ttl("demo:Cache.foo", seconds, ttl)
        caches.Cache("foo", data=1, ttl=0, namespace="forever")
        self.assertEqual(self.redis.call("PTTL", "forever:Cache.foo"), -1)
        for kind, data in ((caches.DictCache, {"a": 1}), (caches.SetCache, [1]), (caches.SortedSetCache, [(1, "a")]),
                           (caches.CounterCache, {"a": 1}), (caches.SentinelCache, 1)):  # fmt: skip
            c = kind("foo", data=data, ttl=60)
            self.assert_ttl(f"demo:{c.stored_key}", 60, kind)

    def test_connection_name_is_a_namespace(self):
        caches.Cache("foo", data=1, connection_name="other")
        self.assertEqual(self.keys(), ["o:Cache.foo"])
        with self.assertRaisesRegex(caches.UnknownNamespace, "no namespace 'nowhere'"):
            caches.Cache("foo", data=1, connection_name="nowhere")

    def test_arguments_set_what_a_class_has_and_nothing_else(self):
        self.assertEqual(caches.Cache("foo", default=5).data, 5)
        for name in ("tll", "clear", "data_", "stored_key", "_send"):
            with self.assertRaisesRegex(TypeError, "has no option"):
                caches.Cache("foo", **{name: 1})

    def test_two_classes_never_share_a_key(self):
        class Mine(caches.Cache):
            pass

        caches.Cache("foo", data=1)
        caches.DictCache("foo", data={"a": 1})
        self.assertIsNone(Mine("foo").data)
        self.assertEqual(Mine("foo").stored_key, "Mine.foo")


class Value(world.TestCase):
    def test_a_value_is_stored_added_to_and_cleared(self):
        c = caches.KeyCache("foo")
        c.data = 5
        self.assertEqual(self.redis.call("GET", "demo:Cache.foo"), b"5")
        c += 10
        self.assertEqual((c.data, self.redis.call("GET", "demo:Cache.foo")), (15, b"15"))
        c -= 1
        self.assertEqual(c.increment(10), 24)
        c.clear()
        self.assertEqual((str(c), c.data, self.keys()), ("None", None, []))

    def test_it_knows_whether_it_is_there(self):
        c = caches.Cache("foo")
        self.assertEqual((c.exists(), c.has(), bool(c)), (False, False, False))
        c.data = 500
        self.assertEqual((c.exists(), c.has(), bool(c)), (True, True, True))
        c.data = 0
        self.assertEqual((c.has(), bool(c)), (True, False))
        del c.data
        self.assertEqual((c.has(), c.data), (False, None))

    def test_it_compares_and_converts_as_its_value_and_nothing_is_less_than_all(self):
        c = caches.Cache("foo")
        self.assertEqual((c == "b", c < "c", c > "a", c <= "a", c >= "a", int(c), float(c)), (False, True, False, True, False, 0, 0))
        c.data = "b"
        c = caches.Cache("foo")
        self.assertEqual((c == "b", c != "b", c < "c", c > "a", c <= "b", c >= "c"), (True, False, True, True, True, False))
        self.assertEqual((c == caches.Cache("foo"), c < caches.Cache("none")), (True, False))
        c.data = 5
        self.assertEqual((int(c), float(c)), (5, 5.0))

    def test_it_is_read_once_and_get_asks_again(self):
        one, two = caches.Cache("foo"), caches.Cache("foo")
        self.assertIsNone(one.data)
        two.set("new")
        self.assertIsNone(one.data)
        self.assertEqual((one.get(), one.data), ("new", "new"))
        self.assertEqual(caches.Cache("none").get(7), 7)

    def test_normalize_data_changes_what_comes_out(self):
        class Numbers(caches.Cache):
            def normalize_data(self, data):
                return int(data or 0)

        self.assertEqual(Numbers("foo").data, 0)
        Numbers("foo").data = "7"
        self.assertEqual((Numbers("foo").data, self.redis.call("GET", "demo:Numbers.foo")), (7, b"7"))

    def test_values_are_json_and_pickles_on_request(self):
        caches.Cache("foo").data = {"ä": [1, (2,), None, True, 1.5]}
        self.assertEqual(caches.Cache("foo").data, {"ä": [1, [2], None, True, 1.5]})
        self.assertEqual(json.loads(self.redis.call("GET", "demo:Cache.foo")), {"ä": [1, [2], None, True, 1.5]})
        for value in ({1}, datetime.date(2024, 1, 1), float("nan")):
            with self.assertRaises((TypeError, ValueError)):
                caches.Cache("foo").data = value
        value = {"a": (1, {2}), 3: datetime.date(2024, 1, 1)}
        caches.Cache("foo", serialize=pickle, data=value)
        self.assertEqual(caches.Cache("foo", serialize=pickle).data, value)
        with self.assertRaisesRegex(ValueError, "added to"):
            caches.Cache("foo", serialize=pickle).increment()
        with self.assertRaisesRegex(TypeError, "True .JSON., False, or what has dumps and loads was expected"):
            caches.Cache("foo", serialize="json", data=1)

    def test_only_whole_numbers_are_added_to_numbers(self):
        c = caches.Cache("foo", data="text")
        self.assertRaises(caches.WrongType, c.increment)
        for delta in (1.5, "1", True):
            self.assertRaisesRegex(TypeError, "is no int", c.increment, delta)

    def test_many_threads_that_add_lose_nothing(self):
        def add():
            c = caches.Cache("foo")
            for _ in range(50):
                c += 1

        threads = [threading.Thread(target=add) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(caches.Cache("foo").data, 400)


class Dict(world.TestCase):
    def test_the_example_of_the_manual(self):
        c = caches.DictCache("foo")
        c["bar"] = "b"
        c["che"] = "c"
        self.assertEqual(list(c.iteritems()), [("bar", "b"), ("che", "c")])  # 0.2
        self.assertEqual(list(c.items()), [("bar", "b"), ("che", "c")])  # 2.0
        self.assertEqual(self.redis.call("HGETALL", "demo:DictCache.foo"), [b"bar", b'"b"', b"che", b'"c"'])

    def test_all_that_a_dict_does(self):
        c, d = caches.DictCache("foo", data={"a": 1, "b": [2]}), {"a": 1, "b": [2]}
        for thing in (c, d):
            thing["c"] = {"x": None}
            thing.update({"d": 4}, e=5)
            thing.update([("f", 6)])
            thing |= {"g": 7}
            self.assertEqual((thing.setdefault("a", 9), thing.setdefault("h", 8)), (1, 8))
            del thing["d"]
            self.assertEqual((thing.pop("e"), thing.pop("e", None), thing.pop("e", 1)), (5, None, 1))
            for wrong in (lambda: thing["none"], lambda: thing.pop("none"), lambda: thing.__delitem__("none")):
                self.assertRaises(KeyError, wrong)
            self.assertEqual((thing.get("none"), thing.get("none", 1), thing.get("a")), (None, 1, 1))
        self.assertEqual((c, dict(c), c.copy(), {**c}), (d, d, d, d))
        self.assertEqual((list(c), sorted(c.keys()), list(c.iterkeys())), (list(d), sorted(d), list(d)))
        self.assertEqual((list(c.values()), list(c.itervalues()), list(c.items())), ([*d.values()], [*d.values()], [*d.items()]))
        self.assertEqual((len(c), "a" in c, "none" in c, bool(c), repr(c)), (len(d), True, False, True, repr(d)))
        self.assertEqual((c | {"a": 2}, c.items() & {"a": 1}.items(), "b" in c.keys()), ({**d, "a": 2}, {("a", 1)}, True))
        field, value = c.popitem()
        self.assertEqual((d.pop(field), c), (value, d))
        c.clear()
        self.assertEqual((c.exists(), bool(c), dict(c), self.keys()), (False, False, {}, []))
        self.assertRaises(KeyError, c.popitem)

    def test_fields_are_text(self):
        c = caches.DictCache("foo", data={1: "one", "ä": 2})
        self.assertEqual((c[1], c["1"], dict(c)), ("one", "one", {"1": "one", "ä": 2}))

    def test_thousands_of_fields_are_stored_in_steps(self):
        c = caches.DictCache("foo", data={str(n): n for n in range(2500)})
        self.assertEqual((len(c), c["2499"]), (2500, 2499))
        self.assert_ttl("demo:DictCache.foo", 3600)

    def test_another_collection_there_is_an_error(self):
        caches.Cache("foo", prefix="x", data=1)
        with self.assertRaises(caches.WrongType) as caught:
            caches.DictCache("foo", prefix="x")["a"] = 1
        self.assertEqual((caught.exception.code, caught.exception.perhaps_applied), ("WRONGTYPE", False))


class Set(world.TestCase):
    def test_the_example_of_the_manual(self):
        c = caches.SetCache("foo")
        c.add("bar")
        c.add("che")
        self.assertTrue("che" in c)
        self.assertEqual(set(self.redis.call("SMEMBERS", "demo:SetCache.foo")), {b'"bar"', b'"che"'})

    def test_all_that_a_set_does(self):
        c, s = caches.SetCache("foo", data="ABCD"), set("ABCD")
        for thing in (c, s):
            thing.update("EF", ["G"])
            thing |= {"H"}
            thing -= {"H"}
            thing.discard("none")
            thing.remove("A")
            self.assertRaises(KeyError, thing.remove, "A")
            thing.difference_update("B", "C")
            thing.intersection_update("DEFGX", "DEGX")
            thing.symmetric_difference_update("EZ")
        self.assertEqual((c, set(c), c.copy()), (s, s, s))
        self.assertEqual((len(c), "D" in c, "A" in c, bool(c), repr(c)), (3, True, False, True, repr(c.copy())))
        other = {"D", "q"}
        self.assertEqual((c & other, c | other, c - other, c ^ other), (s & other, s | other, s - other, s ^ other))
        self.assertEqual((other & c, other | c, other - c, other ^ c), (s & other, s | other, other - s, s ^ other))
        self.assertEqual((c.union("q"), c.intersection("D"), c.difference("D")), (s | {"q"}, {"D"}, s - {"D"}))
        self.assertEqual((c.symmetric_difference("D"), c.issubset(s), c.issuperset("D"), c <= s, c < s, c.isdisjoint("q")),
                         (s ^ {"D"}, True, True, True, False, True))  # fmt: skip
        elem = c.pop()
        self.assertEqual((elem in s, elem in c), (True, False))
        c.clear()
        self.assertEqual((set(c), c.exists(), bool(c)), (set(), False, False))
        self.assertRaises(KeyError, c.pop)

    def test_members_are_told_apart_and_known_again(self):
        members = [1, "1", True, None, (1, ("a", 2)), 1.5, "ä"]
        c = caches.SetCache("foo", data=members)
        self.assertEqual(len(c), len(members))
        for member in members:
            self.assertIn(member, c)
        self.assertIn((1, ("a", 2)), c.copy())
        self.assertEqual((c.add(1), c.add(2)), (False, True))
        self.assertIs(caches.SetCache("b", data=[{"b": 1, "a": 2}]).__contains__({"a": 2, "b": 1}), True)


class SortedSet(world.TestCase):
    def test_the_example_of_the_manual(self):
        c = caches.SortedSetCache("foo")
        c.add("bar", 1)  # 0.2
        c.add((10, "che"))  # 2.0
        self.assertTrue("che" in c)
        self.assertEqual(self.redis.call("ZRANGE", "demo:SortedSetCache.foo", "0", "-1", "WITHSCORES"), [b'"bar"', b"1", b'"che"', b"10"])
        self.assertEqual(c.pop(), (1, "bar"))

    def test_pop_takes_the_lowest_and_rpop_the_highest(self):
        c = caches.SortedSetCache("foo", data=[(2, "b"), (1, "a"), (4, "d"), (3, "c")])
        self.assertEqual((c.pop(), c.rpop(), c.pop(desc=True), len(c)), ((1, "a"), (4, "d"), (3, "c"), 1))
        c.pop()
        for empty in (c.pop, c.rpop):
            self.assertRaises(KeyError, empty)

    def test_iterating_gives_scores_too(self):
        data = [(1, "a"), (2.5, "b"), (3, ["c", 1])]
        c, expected = caches.SortedSetCache("foo", data=data), [(1, "a"), (2.5, "b"), (3, ("c", 1))]
        self.assertEqual((list(c), list(reversed(c)), c.copy(), repr(c)), (expected, expected[::-1], expected, repr(expected)))
        self.assertIsInstance(list(c)[0][0], int)

    def test_chunk_and_rchunk_work_through_a_part(self):
        c = caches.SortedSetCache("foo", data=((n, n) for n in range(2500)))
        everything = [(n, n) for n in range(2500)]
        self.assertEqual(list(c.chunk(chunk=7)), everything)
        self.assertEqual(list(c.chunk(chunk=500, desc=True)), everything[::-1])
        for limit, offset in ((3, 5), (10, 0), (7, 2498), (0, 2490), (1, 2500)):
            end = offset + limit if limit else None
            self.assertEqual(list(c.chunk(limit, offset, chunk=4)), everything[offset:end])
            self.assertEqual(list(c.rchunk(limit, offset)), everything[::-1][offset:end])

    def test_elements_are_added_removed_and_found(self):
        c = caches.SortedSetCache("foo")
        self.assertEqual((c.add((1, "a")), c.add((2, "a")), c.score("a"), c.score("none")), (True, False, 2, None))
        c.update([(3, "b")], [(4, "c")])
        c.remove("b")
        c.discard("b")
        self.assertRaises(KeyError, c.remove, "b")
        self.assertEqual((len(c), "a" in c, "b" in c, bool(c), c.exists()), (2, True, False, True, True))
        c.clear()
        self.assertEqual((len(c), bool(c), c.exists()), (0, False, False))

    def test_add_may_depend_on_what_is_there(self):
        c = caches.SortedSetCache("foo", data=[(5, "a")])
        for when, item, score in ((("nx"), (9, "a"), 5), ("gt", (4, "a"), 5), ("gt", (6, "a"), 6), ("lt", (7, "a"), 6), ("lt", (2, "a"), 2)):
            c.add(item, **{when: True})
            self.assertEqual(c.score("a"), score, when)
        c.add((1, "b"), xx=True)
        self.assertNotIn("b", c)
        self.assertRaisesRegex(ValueError, "only one of", c.add, (1, "a"), nx=True, gt=True)

    def test_what_is_no_pair_is_refused(self):
        c = caches.SortedSetCache("foo")
        self.assertRaisesRegex(TypeError, r"a tuple \(score, elem\) was expected", c.add, "foo")
        self.assertRaisesRegex(ValueError, "has 4 values", c.add, (1, 2, 3, "foo"))
        with self.assertRaises(TypeError):
            caches.SortedSetCache("foo", data=["fo"])

    def test_the_order_of_pairs_and_the_scores_may_be_as_once(self):
        class Old(caches.SortedSetCache):
            score_first = False

            def normalize_score(self, score):
                return int(float(score))

        c = Old("foo", data=[("bar", 1.7)])
        c.add("che", 10)
        self.assertEqual((list(c), c.pop(), c.rpop()), ([("bar", 1), ("che", 10)], ("bar", 1), ("che", 10)))


class Counter(world.TestCase):
    def test_the_example_of_the_manual(self):
        c = caches.CounterCache("foo")
        c["bar"] = 5
        c["bar"] += 5
        self.assertEqual((c["bar"], self.redis.call("HGET", "demo:CounterCache.foo", "bar")), (10, b"10"))

    def test_all_that_a_counter_does(self):
        import collections

        c, d = caches.CounterCache("foo", data="abca"), collections.Counter("abca")
        for thing in (c, d):
            thing.update({"a": 3}, q=2)
            thing.update(["z", "z"])
            thing.subtract(z=1)
            thing.subtract({"b": 5})
            thing["n"] = 7
            thing["n"] -= 2
            del thing["c"]
            self.assertEqual((thing["none"], "none" in thing, thing.get("none"), thing.get("none", 3)), (0, False, None, 3))
            self.assertEqual(thing.pop("n"), 5)
        self.assertEqual((c, dict(c), c.copy(), sum(c.values()), c.total()), (d, dict(d), d, sum(d.values()), sum(d.values())))
        self.assertEqual((sorted(c), len(c), sorted(c.items()), sorted(c.keys())), (sorted(d), len(d), sorted(d.items()), sorted(d)))
        self.assertEqual((c.most_common(), c.most_common(2)), ([("a", 5), ("q", 2), ("z", 1), ("b", -4)], [("a", 5), ("q", 2)]))
        self.assertEqual((sorted(c.elements()), c + d, c - d, c & d, c | d), (sorted(d.elements()), d + d, d - d, d & d, d | d))
        self.assertEqual((c == d, c != d, repr(c), bool(c)), (True, False, repr(c.copy()), True))
        c["zero"] = 0
        self.assertIn("zero", c)
        c.clear()
        self.assertEqual((len(c), c.exists(), c.total()), (0, False, 0))

    def test_only_whole_numbers_count(self):
        c = caches.CounterCache("foo")
        for number in (1.5, "1", None):
            with self.assertRaises(TypeError):
                c["a"] = number
        self.assertEqual(c.increment("a", 3), 3)

    def test_plus_equals_loses_no_count_whoever_else_counts(self):
        c, other = caches.CounterCache("foo"), caches.CounterCache("foo")
        c["a"] = 5
        seen = c["a"]
        other["a"] += 100
        seen += 1
        seen -= 3
        c["a"] = seen
        self.assertEqual(c["a"], 103)
        c["b"] = seen
        self.assertEqual((c["b"], seen), (3, 3), "another field is set to the number")
        c["a"] = int(seen)
        self.assertEqual(c["a"], 3)
        c += {"a": 1}
        c -= {"b": 1}
        self.assertEqual(dict(c), {"a": 4, "b": 2})


class Sentinel(world.TestCase):
    def test_the_first_who_asks_finds_it_unset(self):
        c = caches.SentinelCache("foo", ttl=60)
        self.assertEqual([not c, not c, not c], [True, False, False])
        self.assertFalse(not caches.SentinelCache("foo"))
        self.assert_ttl("demo:SentinelCache.foo", 60)
        c.clear()
        self.assertTrue(not c)

    def test_of_many_threads_one_is_the_first(self):
        first = []

        def ask():
            if not caches.SentinelCache("foo"):
                first.append(1)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(first, [1])


class Decorator(world.TestCase):
    def setUp(self):
        super().setUp()
        self.calls = []

    def add(self, *numbers):
        self.calls.append(numbers)
        return functools.reduce(lambda x, y: x + y, numbers)

    def test_a_static_key_is_one_for_all(self):
        foo = caches.Cache.cached(key="some_cache_key")(self.add)
        self.assertEqual((foo(1, 2), foo(1, 2), foo(1, 2, 3), self.calls), (3, 3, 3, [(1, 2)]))
        self.assertEqual(self.redis.call("GET", "demo:Cache.some_cache_key"), b"3")

    def test_a_key_may_be_a_function_of_the_arguments(self):
        foo = caches.KeyCache.cached(key=lambda *args: args)(self.add)
        self.assertEqual((foo(1, 2), foo(1, 2), foo(1, 2, 3), self.calls), (3, 3, 6, [(1, 2), (1, 2, 3)]))
        self.assertEqual(caches.Cache([1, 2]).data, 3)

    def test_a_class_of_ones_own(self):
        class Custom(caches.KeyCache):
            prefix, ttl = "mine", 60

        for decorator in (Custom.cached(key=lambda *args: args), caches.cached(Custom, key=lambda *args: args),
                          caches.cached(key=lambda *args: args, cache_cls=Custom), Custom.cached(lambda *args: args)):  # fmt: skip
            foo = decorator(self.add)
            self.assertEqual((foo(1, 2), foo(1, 2)), (3, 3))
        self.assertEqual(self.calls, [(1, 2)])
        self.assert_ttl("demo:mine.1.2", 60)
        Custom(1, 2).clear()
        self.assertEqual((foo(1, 2), len(self.calls)), (3, 2))

    def test_the_module_of_decorators(self):
        from cachesd.decorators import cached

        foo = cached(caches.Cache, key=lambda n: str(n), ttl=60, prefix="p")(self.add)
        self.assertEqual((foo("five"), foo("five"), self.calls), ("five", "five", [("five",)]))
        self.assertEqual(self.keys(), ["demo:p.five"])

    def test_nothing_is_kept_too_and_without_a_key_functions_do_not_meet(self):
        def none():
            self.calls.append(1)

        caches.cached(caches.Cache, key="k")(none)()
        caches.cached(caches.Cache, key="k")(none)()
        self.assertEqual(self.calls, [1])
        self.assertEqual((at_module_level(3), at_module_level(3), other_at_module_level(3), CALLED), (3, 3, 4, [3]))
        self.assertEqual([key for key in self.keys() if "level" in key],
                         ["demo:Cache.test_seed.at_module_level:[3]", "demo:Cache.test_seed.other_at_module_level:[3]"])  # fmt: skip

    def test_a_serializer_of_the_class_is_the_results(self):
        foo = caches.Cache.cached(key="k", serialize=pickle)(lambda: (1, {2}))
        self.assertEqual((foo(), foo()), ((1, {2}),) * 2)


CALLED = []


@caches.Cache.cached()
def at_module_level(n):
    CALLED.append(n)
    return n


@caches.Cache.cached()
def other_at_module_level(n):
    return n + 1


class Module(world.TestCase):
    def test_unsafe_clear_removes_what_fits_a_pattern(self):
        for n in range(2500):
            caches.Cache("a", n, data=n) if n % 5 == 0 else None
        caches.Cache("b", data=1)
        caches.Cache("a", data=1, namespace="other")
        self.assertEqual(caches.unsafe_clear("Cache.a.*"), 500)
        self.assertEqual(self.keys(), ["demo:Cache.b", "o:Cache.a"])
        self.assertEqual(caches.unsafe_clear("*", "other"), 1)

    def test_the_names_are_there(self):
        for name in ("Cache KeyCache DictCache SetCache SortedSetCache CounterCache SentinelCache cached configure "
                     "configure_environ get_interface get_interfaces set_interface unsafe_clear CacheError").split():  # fmt: skip
            self.assertIn(name, caches.__all__)
            self.assertTrue(hasattr(caches, name))

    def test_touch_restarts_the_ttl(self):
        c = caches.Cache("foo", data=1, ttl=10)
        self.redis.call("PEXPIRE", "demo:Cache.foo", "3000")
        self.assertTrue(c.touch())
        self.assert_ttl("demo:Cache.foo", 10, late=6)
        self.assertFalse(caches.Cache("none").touch())

    def test_the_client_of_a_collection_is_at_hand(self):
        c = caches.DictCache("foo", data={"a": 1})
        self.assertEqual(c.client.dict.len(c.interface.namespace, c.stored_key), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
