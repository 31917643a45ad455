#!/usr/bin/env python3
"""Values of every size and every byte, through every verb that stores one, in both forms."""

import unittest

import harness
import resp

MB = 1 << 20
SIZES = {
    "no byte": b"",
    "one byte": b"\0",
    "line ends": b"\r\n$5\r\n*1\r\n",
    "all 256 bytes": bytes(range(256)),
    "a megabyte": bytes(range(256)) * (MB // 256),
}
FORMS = {"array": resp.array, "quoted line": resp.line, "blocks": resp.blocks}
LINE_LIMIT = 64 * 1024

# How each verb stores v, how cachesd reads it back, and how Redis does. They run in this order:
# add needs the key absent, replace and swap need it present.
STORES = {
    "key.add": (("K", "V"), ("key.get", "K"), ("GET",)),
    "key.set": (("K", "V"), ("key.get", "K"), ("GET",)),
    "key.replace": (("K", "V"), ("key.take", "K"), ("GET",)),
    "key.swap": (("K", "V"), ("key.mget", "K"), ("MGET",)),
    "dict.set": (("K", "f", "V"), ("dict.get", "K", "f"), ("HGET", "f")),
    "dict.add": (("K", "f", "V"), ("dict.values", "K"), ("HVALS",)),
    "set.add": (("K", "V"), ("set.members", "K"), ("SMEMBERS",)),
    "sorted.add": (("K", "5", "V"), ("sorted.range", "K", "0", "-1"), ("ZRANGE", "0", "-1")),
}
FIELDS = {
    "dict.set": (("K", "V", "v"), ("dict.keys", "K"), ("HKEYS",)),
    "dict.add": (("K", "V", "v"), ("dict.items", "K"), ("HGETALL",)),
    "dict.incr": (("K", "V"), ("dict.keys", "K"), ("HKEYS",)),
    "counter.set": (("K", "V", "7"), ("counter.items", "K"), ("HGETALL",)),
    "counter.incr": (("K", "V", "7"), ("counter.top", "K", "1"), ("HGETALL",)),
    "counter.update": (("K", "V", "7"), ("counter.items", "K"), ("HGETALL",)),
    "sorted.incr": (("K", "V"), ("sorted.range", "K", "0", "-1"), ("ZRANGE", "0", "-1")),
}


def filled(template, value):
    return [value if word == "V" else word for word in template]


def first(reply):
    return reply[0] if isinstance(reply, list) else reply


class Values(unittest.TestCase):
    def run_all(self, templates, size, value):
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            with daemon.client() as client, redis.client() as direct:
                for form, encode in FORMS.items():
                    if form == "quoted line" and len(value) * 4 > LINE_LIMIT:
                        continue
                    for verb, template in templates.items():
                        with self.subTest(verb=verb, form=form, size=size):
                            direct.call("FLUSHALL")
                            self.store_and_read(client, direct, encode, verb, template, value)

    def store_and_read(self, client, direct, encode, verb, template, value):
        store, read, redis_read = template
        if verb in ("key.replace", "key.swap"):
            client.call("key.set", "carts", "K", "old")
        client.send(encode(verb, "carts", *filled(store, value)))
        reply = client.read()
        self.assertNotIsInstance(reply, resp.Error)
        self.assertEqual(first(direct.call(redis_read[0], "cart:K", *redis_read[1:])), value)
        client.send(encode(read[0], "carts", *read[1:]))
        self.assertEqual(first(client.read()), value)

    def test_values_come_back_as_they_were_stored(self):
        for size, value in SIZES.items():
            self.run_all(STORES, size, value)

    def test_fields_and_members_come_back_as_they_were_stored(self):
        for size, value in SIZES.items():
            self.run_all(FIELDS, size, value)

    def test_a_value_of_max_value_is_taken_and_one_byte_more_is_refused(self):
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as client:
                for templates in (STORES, FIELDS):
                    for verb, (store, _, _) in templates.items():
                        with self.subTest(verb=verb):
                            client.call("del", "carts", "K")
                            self.refuse_one_byte_more(client, verb, store)

    def refuse_one_byte_more(self, client, verb, store):
        exact, over = bytes(MB), bytes(MB + 1)
        for encode in (resp.array, resp.blocks):
            client.send(encode(verb, "carts", *filled(store, over)))
            self.assertEqual(client.read().code, "POLICY")
        client.send(resp.array(verb, "carts", *filled(store, exact)))
        self.assertNotIsInstance(client.read(), resp.Error)

    def test_keys_may_hold_any_byte(self):
        key = bytes(range(256))
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            with daemon.client() as client:
                for encode in FORMS.values():
                    client.send(encode("key.set", "carts", key, "v"))
                    self.assertEqual(client.read(), b"OK")
                    self.assertEqual(redis.call("KEYS", "*"), [b"cart:" + key])
                    client.send(encode("key.take", "carts", key))
                    self.assertEqual(client.read(), b"v")

    def test_a_request_may_have_thousands_of_words(self):
        fields = [b"f%d" % i for i in range(10000)]
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as client:
                pairs = [word for field in fields for word in (field, field)]
                self.assertEqual(client.call("dict.set", "carts", "K", *pairs), 10000)
                self.assertEqual(client.call("dict.mget", "carts", "K", *fields), fields)
                client.send(resp.array("dict.items", "carts", "K"))
                self.assertEqual(sorted(client.read()), sorted(pairs))

    def test_a_scan_visits_every_field(self):
        fields = {b"f%d" % i: b"%d" % i for i in range(2000)}
        with harness.World() as world:
            daemon = world.daemon()
            with daemon.client() as client:
                pairs = [word for item in fields.items() for word in item]
                client.call("dict.set", "carts", "K", *pairs)
                cursor, found, steps = b"0", {}, 0
                while steps == 0 or cursor != b"0":
                    cursor, part = client.call("dict.scan", "count=100", "carts", "K", cursor)
                    found.update(zip(part[::2], part[1::2]))
                    steps += 1
                self.assertEqual(found, fields)
                self.assertGreater(steps, 1)

    def test_counter_top_is_the_beginning_of_all_sorted(self):
        names = [b"f%d" % i for i in range(200)]  # some begin as others do
        names += [bytes([i]) * n for i in range(256) for n in (1, 2)]
        numbers = {name: i * 7919 % 13 - 6 for i, name in enumerate(names)}  # many are equal
        by_rank = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
        count = len(by_rank)
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            redis.call("HSET", "cart:c", *[word for item in numbers.items() for word in item])
            with daemon.client() as client:
                for n in (1, 2, 7, count - 1, count, count + 5):
                    with self.subTest(n=n):
                        right = [word for item in by_rank[:n] for word in item]
                        self.assertEqual(client.call("counter.top", "carts", "c", n), right)

    def test_counter_top_sorts_65536_fields_and_no_more(self):
        fill = "for i = 1, 65537 do redis.call('HSET', KEYS[1], 'field' .. i, i) end"
        with harness.World() as world:
            redis, daemon = world.redis(), world.daemon()
            redis.call("EVAL", fill, "1", "cart:c")
            with daemon.client(harness.LONG) as client:
                top = client.call("counter.top", "carts", "c", 65536)
                self.assertEqual(top[:2] + top[-1:], [b"field65537", 65537, 2])
                self.assertEqual(client.call("counter.top", "carts", "c", 65537).code, "OVERLOADED")


if __name__ == "__main__":
    harness.main()
