#!/usr/bin/env python3
"""rediss+cluster://: a Redis Cluster whose nodes speak TLS to clients and to each other."""

import unittest

import cluster
import harness
import tls

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = rediss+cluster://HOSTS
tls_ca = ca.crt
connect_timeout = 1s
[namespace carts]
prefix = cart:
"""


class TlsCluster(unittest.TestCase):
    def setUp(self):
        self.world = harness.World()
        self.addCleanup(self.world.__exit__, None)
        tls.Authority(self.world.folder).issue("server", "IP:127.0.0.1")

    def start(self, tls_cluster, seeds=3):
        def options(node):
            node.tls_port = harness.free_port()
            return [*tls.redis_options(self.world.folder, node.tls_port), "--tls-cluster", tls_cluster]

        nodes = self.world.keep(cluster.Cluster(options=options))
        hosts = ",".join(f"127.0.0.1:{node.tls_port}" for node in nodes.nodes[:seeds])
        return nodes, self.world.start_daemon(INI.replace("HOSTS", hosts))

    def test_keys_of_all_nodes_over_tls(self):
        nodes, daemon = self.start("yes")
        daemon.wait_ready()
        harness.wait_until(lambda: daemon.call("key.set", "carts", "k", "v") == b"OK", "the cluster is known")
        keys = [str(number) for number in range(60)]
        for key in keys:
            self.assertEqual(daemon.call("key.set", "carts", key, key * 3), b"OK")
        self.assertEqual(daemon.call("key.mget", "carts", *keys), [key.encode() * 3 for key in keys])
        for node in nodes.nodes:
            self.assertGreater(node.counters().get("set", 0) + node.counters().get("get", 0), 10)
            self.assertGreater(node.connections(), 0)

    def test_a_server_that_is_no_cluster_is_told_of(self):
        port = tls.redis(self.world).tls_port
        daemon = self.world.start_daemon(INI.replace("HOSTS", f"127.0.0.1:{port}")).wait_ready()
        harness.wait_until(lambda: "use rediss://" in str(daemon.call("ready")), "it says what to do")

    def test_a_slot_that_moves_is_followed_to_the_other_nodes_tls_port(self):
        nodes, daemon = self.start("yes")
        daemon.wait_ready()
        slot = nodes.ranges_of(nodes.masters[0])[0][0]
        name = cluster.names_in_slot(slot, b"cart:")[0]
        harness.wait_until(lambda: daemon.call("key.get", "carts", name) is None, "the cluster is known")
        for node in (nodes.masters[1], nodes.masters[0], nodes.masters[2]):
            self.assertEqual(node.must("CLUSTER", "SETSLOT", slot, "NODE", nodes.masters[1].id), b"OK")
        self.assertEqual(daemon.call("key.set", "carts", name, "v"), b"OK")
        self.assertEqual(nodes.masters[1].must("GET", b"cart:" + name), b"v")

    def test_nodes_that_name_their_ports_without_tls_are_told(self):
        """Redis 7.0 names those of its own links; later servers those of the kind that they were asked over."""
        nodes, daemon = self.start("no", seeds=1)
        daemon.wait_ready()
        key = cluster.names_in_slot(nodes.ranges_of(nodes.masters[1])[0][0], b"cart:")[0]
        is_old = b"redis_version:7.0" in nodes.masters[1].must("INFO", "server")
        if is_old:
            daemon.wait_logged("is tls-cluster yes?")
            self.assertEqual(daemon.call("key.get", "carts", key).code, "UNAVAILABLE")
        else:
            harness.wait_until(lambda: daemon.call("key.set", "carts", key, "v") == b"OK", "the node is reached")


if __name__ == "__main__":
    harness.main()
