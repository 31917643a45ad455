#!/usr/bin/env python3
"""How nodes are named to clients: by name, not at all, by another address; and when that changes."""

import pathlib
import re
import time

import harness
import own_hosts
import resp
from cluster import HOST, slot_of
from cluster_case import INI, ClusterCase
from valve import Valve

KEYS = 200
PREFER = "--cluster-preferred-endpoint-type"
MOST_SECONDS = harness.SOON  # from new addresses to the first answer


class Named(ClusterCase):
    """Each test: all keys are served, also those of a slot that has moved, and of one that is moving."""

    def check(self, options):
        self.start_cluster(3, options=options)
        self.start_daemon()
        self.client = self.connect(self.daemon)
        names = [b"%d" % number for number in range(KEYS)]
        for name in names:
            self.assertEqual(self.client.call("key.set", "carts", name, name), b"OK")
        moved, moving = (slot_of(b"cart:" + name) for name in names[:2])
        for slot in (moved, moving):
            source = self.cluster.masters.index(self.cluster.owners[slot])
            target = self.cluster.masters[(source + 1) % 3]
            if slot == moved:
                self.cluster.migrate_slot(slot, target)
            else:
                self.cluster.open_slot(slot, target)
                self.cluster.move_keys(slot, target)
        self.assertEqual(self.client.call("key.mget", "carts", *names), names)
        self.assertEqual([self.client.call("key.get", "carts", name) for name in names], names)
        self.assertEqual(self.backend()["nodes"], "3/3")
        self.assertGreater(int(self.backend()["moved"]), 0)
        self.assertGreater(int(self.backend()["asked"]), 0)
        self.check_metrics()
        self.daemon.stop()
        self.assertNotIn("has no slot any more", self.daemon.log())  # though its nodes are let go

    def check_metrics(self):
        """They say what `backends` says."""
        shown = self.backend()
        for kind in ("moved", "asked"):
            found = self.daemon.metric("cachesd_backend_redirects_total", backend="main", kind=kind)
            self.assertEqual(found, int(shown[kind]))
        self.assertGreater(self.daemon.metric("cachesd_backend_refreshes_total", backend="main"), 0)

    def test_by_host_name(self):
        self.check(["--cluster-announce-hostname", harness.local_name(), PREFER, "hostname"])

    def test_by_host_name_beside_the_address(self):
        self.check(["--cluster-announce-hostname", "no.such.host.invalid"])

    def test_by_a_host_name_that_is_not_known(self):
        """Then the nodes say `?`."""
        self.check([PREFER, "hostname"])

    def test_not_at_all(self):
        """It is the host that was asked."""
        self.check([PREFER, "unknown-endpoint"])

    def test_by_the_address_of_a_relay(self):
        valves = []

        def options(node):
            valves.append(self.world.keep(Valve((HOST, 0), node.address)))
            node.shown_port = valves[-1].port
            return ["--cluster-announce-port", str(node.shown_port)]

        self.check(options)
        for node in self.cluster.nodes:
            used = {pipe.kind for valve in valves if valve.port == node.shown_port for pipe in valve.pipes}
            self.assertIn("data", used)

    def test_one_seed_is_enough_and_a_dead_one_does_not_matter(self):
        self.start_cluster(3)
        seeds = f"redis+cluster://{HOST}:{harness.free_port()},{HOST}:{self.cluster.nodes[1].port}"
        self.daemon = self.world.daemon(INI.replace("CLUSTER", seeds))
        self.wait_up()
        with self.daemon.client() as client:
            for number in range(KEYS):
                self.assertEqual(client.call("key.set", "carts", number, "v"), b"OK")


class LeastRights(ClusterCase):
    def test_an_account_with_what_the_page_says_is_enough(self):
        said = re.search(r"^(\+ping .*\+asking)$", (harness.ROOT / "docs" / "cluster.md").read_text(), re.MULTILINE)[1].split()
        self.start_cluster(3)
        for node in self.cluster.nodes:
            node.must("ACL", "SETUSER", "cachesd", "on", ">pw", "~cart:*", "+get", "+set", *said)
        url = self.cluster.url.replace("://", "://cachesd:pw@")
        self.daemon = self.world.daemon(INI.replace("CLUSTER", url))
        self.wait_up()
        client = self.connect(self.daemon)
        names = [b"%d" % number for number in range(KEYS)]
        for name in names:
            self.assertEqual(client.call("key.set", "carts", name, name), b"OK")
        slot = slot_of(b"cart:" + names[0])
        source = self.cluster.masters.index(self.cluster.owners[slot])
        self.cluster.open_slot(slot, self.cluster.masters[(source + 1) % 3])
        self.cluster.move_keys(slot, self.cluster.masters[(source + 1) % 3])
        self.assertEqual([client.call("key.get", "carts", name) for name in names], names)
        self.assertGreater(int(self.backend()["asked"]), 0)
        self.assertEqual(self.daemon.lines("refuse"), [])


@own_hosts.needed
class Addresses(ClusterCase):
    """Nodes and seeds are known by names, whose addresses change."""

    def point_names_to(self, host):
        """In place, for the file is mounted."""
        names = [f"{host} node{node.number}.test\n" for node in self.cluster.nodes]
        pathlib.Path(self.hosts).write_text("".join(names))

    def move_node(self, node, host):
        """It listens there alone, and its clients are gone; its links to the other nodes stay."""
        node.must("CONFIG", "SET", "bind", host)
        node.must("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        node.host = host

    def test_all_addresses_change(self):
        named = lambda node: ["--cluster-announce-hostname", f"node{node.number}.test", PREFER, "hostname"]
        self.start_cluster(3, options=named)
        self.hosts = f"{self.world.folder}/hosts"
        self.point_names_to(HOST)
        seeds = ",".join(f"node{node.number}.test:{node.port}" for node in self.cluster.nodes)
        ini = INI.replace("CLUSTER", f"redis+cluster://{seeds}")
        self.daemon = self.world.daemon(ini, preexec_fn=lambda: own_hosts.use(self.hosts))
        self.wait_up()
        for host in ("127.0.0.2", "127.0.0.3"):
            for node in self.cluster.nodes:
                self.move_node(node, host)
            self.point_names_to(host)
            self.wait_served(time.monotonic())

    def wait_served(self, began):
        with self.daemon.client() as client:
            names = [b"%d" % number for number in range(KEYS)]

            def are_served():
                client.send(b"".join(resp.array("key.set", "carts", name, "v") for name in names))
                return {client.read() for _ in names} == {b"OK"}

            harness.wait_until(are_served, "all is served again", MOST_SECONDS)
        print(f"served again after {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    harness.main()
