"""What the scenarios of a cluster have in common: the cluster, a daemon in front of it, and the load.

`CLUSTER_LONG=1` asks for their long forms.
"""

import os

import harness
import load
from cluster import Cluster

IS_LONG = bool(os.environ.get("CLUSTER_LONG"))
NOT_COVERED = ("--cluster-require-full-coverage", "no")  # a lost slot is no other slot's trouble
MOST_PAUSE = 0.3  # seconds that a planned failover may take
TIMEOUT = 1.0  # of the daemon's requests, in seconds

INI = (
    """\
[cachesd]
listen = {listen}
[backend main]
url = CLUSTER
timeout = 1s
[namespace carts]
prefix = cart:
ttl = 1d
lease = 1h
"""
    + load.INI
)


class ClusterCase(harness.TestCase):
    def start_cluster(self, masters=3, replicas=0, **options):
        """It ends when the daemons have ended."""
        self.cluster = self.world.keep(Cluster(masters, replicas, **options))
        return self.cluster

    def start_daemon(self, ini=INI):
        """A daemon whose backend is the cluster, once all its slots are served."""
        self.daemon = self.world.daemon(ini.replace("CLUSTER", self.cluster.url))
        self.wait_up()
        return self.daemon

    def wait_up(self):
        harness.wait_until(lambda: self.daemon.call("ready") == b"READY", "the backend is up")

    def groups(self):
        """Of each slot the number of its present owner."""
        return [node.number for node in self.cluster.owners]

    def load(self, **options):
        """Begins one, which tells of each master for itself."""
        running = load.Load([self.daemon.path], self.groups(), **options)
        self.addCleanup(running.__exit__)
        return running

    def backend(self):
        return self.daemon.backend()

    def assert_clean(self, report):
        """No failure, nothing wrong, nothing lost."""
        print(report)
        self.assertEqual(report.problems(), [])
        self.assertEqual(report.failures[:5], [])
