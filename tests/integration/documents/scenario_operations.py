#!/usr/bin/env python3
"""docs/operations.md: what it says that Redis needs is enough."""

import re

import harness
import verbs

PAGE = harness.ROOT / "docs" / "operations.md"
INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}?user=cachesd&password=PASSWORD
[namespace sessions]
[namespace carts]
near = yes
stale = 10m
max_ttl = 4h
"""


class Operations(harness.TestCase):
    def test_the_account_is_enough_for_each_verb_and_the_near_cache(self):
        words = re.search(r"^```acl\nACL (.*)\n```$", PAGE.read_text(), re.M)[1].split()
        self.assertEqual(self.world.redis().call("ACL", *words), b"OK")
        daemon = self.world.daemon(INI)
        daemon.wait_near()
        with daemon.client() as client:
            known = [verb for verb in verbs.of(client) if verb.has_namespace]
            self.assertGreater(len(known), 50)
            for namespace in ("sessions", "carts"):
                for verb in known:
                    code = verbs.code_of(client.call(*verb.request(namespace)))
                    self.assertEqual(code, "served", f"{verb.name} {namespace}")
            self.assertEqual(client.call("ready"), b"READY")
        self.assertEqual(daemon.backend()["reason"], "none")


if __name__ == "__main__":
    harness.main()
