"""Scripts of the Redis dialect where the backend is a cluster."""

import unittest

import harness
from cluster import Cluster, slot_of
from harness import wait_until
from redis_listener import bound
from resp import Client, Error

SCRIPT = "return redis.call('incr', KEYS[1])"


class Scripts(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enter(Cluster())
        self.world = self.enter(harness.World())
        self.daemon = self.world.daemon(bound().replace("{redis:main}", self.cluster.url))
        self.client = self.enter(Client(f"{self.world.folder}/redis.sock"))

    def enter(self, context):
        result = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return result

    def eval(self, script, *keys):
        return self.client.call("EVAL", script, len(keys), *keys)

    def test_each_server_learns_a_script_when_it_is_first_asked(self):
        for key in "abcdefgh":
            self.assertEqual([self.eval(SCRIPT, key) for _ in range(3)], [1, 2, 3])

    def test_keys_of_several_slots_are_refused(self):
        self.assertEqual(self.eval("return 1", "{a}b", "{a}c"), 1)
        self.assertEqual(self.eval("return 1", "a", "b").code, "CROSSSLOT")
        self.assertEqual(self.eval("return 1"), 1)

    def test_a_slot_that_has_moved_is_found_by_scripts_alone(self):
        self.assertEqual(self.eval(SCRIPT, "k"), 1)
        slot = slot_of(b"t:k")
        source = self.cluster.owners[slot]
        target = next(node for node in self.cluster.masters if node is not source)
        self.cluster.open_slot(slot, target)
        self.cluster.move_keys(slot, target)
        self.cluster.close_slot(slot, target)

        def answers():
            reply = self.eval(SCRIPT, "k")
            if isinstance(reply, Error):
                self.assertEqual(reply, b"LOADING cachesd: the key's server has changed")
                return None
            return reply

        self.assertEqual(wait_until(answers, "the script finds its key"), 2)


if __name__ == "__main__":
    harness.main()
