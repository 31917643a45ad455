#!/usr/bin/env python3
"""However the daemon dies, no key is left without its ttl.

ROUNDS says how often it is killed (20 by default), SEED repeats a run.
"""

import os
import random
import unittest

import harness
import resp

ROUNDS = int(os.environ.get("ROUNDS", 20))
SEED = int(os.environ.get("SEED", random.randrange(1 << 32)))
CLIENTS = 4
BATCH = 60

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
[namespace sliding]
ttl = 2h
[namespace fixed]
ttl = 2h
ttl_mode = fixed
"""

# Every verb that can create a key (memo.put and memo.null need one that is there); {} is a number.
CREATORS = [
    ("key.set", "k{}", "v"),
    ("key.add", "k{}", "v"),
    ("key.replace", "k{}", "v"),
    ("key.swap", "k{}", "v"),
    ("key.incr", "n{}"),
    ("dict.set", "d{}", "f{}", "v", "g{}", "w"),
    ("dict.add", "d{}", "h{}", "v"),
    ("dict.incr", "e{}", "f"),
    ("set.add", "s{}", "m{}", "m"),
    ("sorted.add", "z{}", "1", "m{}"),
    ("sorted.incr", "y{}", "m"),
    ("counter.set", "c{}", "f", "5"),
    ("counter.incr", "c{}", "g"),
    ("counter.update", "c{}", "f", "5", "g", "6"),
    ("memo.get", "m{}"),
    ("memo.set", "m{}", "v"),
]


def batch(rng):
    requests = []
    for _ in range(BATCH):
        verb, *words = rng.choice(CREATORS)
        namespace = rng.choice(("sliding", "fixed"))
        number = rng.randrange(10000)
        requests.append(resp.array(verb, namespace, *(word.format(number) for word in words)))
    return b"".join(requests)


class KillDaemon(unittest.TestCase):
    def test_no_key_is_ever_left_without_its_ttl(self):
        rng = random.Random(SEED)
        keys = 0
        print(f"SEED={SEED} ROUNDS={ROUNDS}")
        with harness.World() as world:
            redis = world.redis()
            for round_number in range(ROUNDS):
                self.write_until_killed(world, rng)
                self.wait_until_redis_is_alone(redis)
                for prefix in ("sliding:", "fixed:"):
                    forever, count = harness.keys_without_ttl(redis, prefix)
                    self.assertEqual(forever, [], f"after round {round_number}")
                    keys += count
                redis.call("FLUSHALL")
        self.assertGreater(keys, 0)
        print(f"{keys} keys looked at")

    def write_until_killed(self, world, rng):
        """Kills it after a random number of replies, with more requests on their way."""
        daemon = world.daemon(INI)
        clients = [daemon.client() for _ in range(CLIENTS)]
        for client in clients:
            client.send(batch(rng))
        for _ in range(rng.randrange(BATCH)):
            for client in clients:
                self.assertNotIsInstance(client.read(), resp.Error)
        for client in clients:
            client.send(batch(rng))
        daemon.kill()
        for client in clients:
            client.close()

    def wait_until_redis_is_alone(self, redis):
        """Redis has run what it got once it has seen the daemon's connection end."""
        with redis.client() as direct:
            harness.wait_until(
                lambda: direct.call("CLIENT", "LIST").count(b"\n") == 1, "the daemon is gone"
            )


if __name__ == "__main__":
    harness.main()
