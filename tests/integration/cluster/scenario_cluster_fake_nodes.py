#!/usr/bin/env python3
"""Nodes that talk nonsense about the cluster: a request always ends, and the nodes are not flooded."""

import contextlib
import signal
import time

import harness
import resp
from cluster import SLOTS
from cluster_case import IS_LONG, ClusterCase
from fake_cluster import FakeCluster, ask_at, moved_to, refuse, slots_range
from fake_redis import array, bulk, send_right, value_of

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = CLUSTER
timeout = 1s
[namespace carts]
prefix = cart:
"""
TIMEOUT = 1  # second
MOST_SENDS = 17  # of one request: the first one and 16 hops
MOST_REFRESHES = 10  # a second, of each daemon
MB = 1 << 20
UNREADABLE = (
    *("MOVED", "MOVED x", "MOVED 1", "MOVED 99999 127.0.0.1:1", "MOVED -1 :1", "MOVED 1 127.0.0.1:0"),
    *("MOVED 1 127.0.0.1:x", "MOVED 1 " + "h" * 5000 + ":1", "ASK", "ASK 1 :"),
)


class FakeNodes(ClusterCase):
    def setUp(self):
        super().setUp()
        self.fakes = self.world.keep(FakeCluster(self.world, 2))
        self.first, self.second = self.fakes.nodes

    def start(self):
        self.daemon = self.world.daemon(INI.replace("CLUSTER", self.fakes.url))
        self.client = self.connect(self.daemon)

    def start_up(self):
        self.start()
        self.wait_up()
        self.assertEqual(self.get("a"), value_of(b"cart:a"))

    def get(self, key):
        return self.client.call("key.get", "carts", key)

    def behave(self, first, second):
        self.first.keyed, self.second.keyed = first, second

    def check_ends(self, most_sends=MOST_SENDS):
        """A request is refused in time, without many attempts."""
        before, began = self.fakes.sends(), time.monotonic()
        reply = self.get("a")
        seconds = time.monotonic() - began
        self.assertIsInstance(reply, resp.Error)
        self.assertEqual(reply.code, "UNAVAILABLE", reply)
        self.assertLessEqual(seconds, 2 * TIMEOUT + harness.SOON)
        self.assertLessEqual(self.fakes.sends() - before, most_sends)
        return reply

    def check_recovers(self):
        self.behave(send_right, send_right)
        harness.wait_until(lambda: self.get("a") == value_of(b"cart:a"), "it is answered again", 5)

    def metric(self, name):
        return self.daemon.metric(name, backend="main")

    def refreshes(self):
        return sum(len(node.slots_asked) for node in self.fakes.nodes)

    def test_two_nodes_that_send_a_request_to_each_other(self):
        self.start_up()
        self.behave(moved_to(self.second), moved_to(self.first))
        self.check_ends()
        self.assertGreater(self.metric("cachesd_backend_disagreements_total"), 0)
        self.check_recovers()

    def test_two_nodes_that_ask_for_asking_at_each_other(self):
        self.start_up()
        self.behave(ask_at(self.second), ask_at(self.first))
        self.check_ends()
        self.check_recovers()

    def test_a_cluster_that_is_down_for_long(self):
        self.start_up()
        self.behave(*[refuse("CLUSTERDOWN The cluster is down")] * 2)
        self.check_ends()
        self.check_recovers()

    def key_of(self, node):
        return next(key for key in "abcdefgh" if self.fakes.owner_of(b"cart:" + key.encode()) is node)

    def ask_for_tables(self):
        """A request that the first node does not answer now: the daemon wants to know how the cluster is."""
        before = self.refreshes()
        self.first.keyed = refuse("CLUSTERDOWN The cluster is down")
        asking = self.connect(self.daemon)
        asking.send(resp.array("key.get", "carts", self.key_of(self.first)))
        harness.wait_until(lambda: self.refreshes() > before, "the table was asked for")
        return before

    def test_slots_without_a_node_for_a_moment_stay_where_they_were(self):
        """As in the table of a node that has heard of a master's demotion, and not yet of the new master."""
        self.start_up()
        key, whole = self.key_of(self.second), self.fakes.slots
        gaps = [array([slots_range(*self.fakes.table[0])])]
        self.fakes.slots = lambda: gaps.pop() if gaps else whole()
        before = self.ask_for_tables()
        while self.refreshes() < before + 3:
            self.assertEqual(self.get(key), value_of(b"cart:" + key.encode()))
        self.assertEqual(gaps, [])

    def test_slots_without_a_node_for_long_have_none(self):
        self.start_up()
        key, whole = self.key_of(self.second), self.fakes.table
        self.fakes.table = whole[:1]
        self.ask_for_tables()
        harness.wait_until(lambda: isinstance(self.get(key), resp.Error), "they have no node")
        self.assertEqual(self.get(key).code, "UNAVAILABLE")
        self.fakes.table = whole
        self.check_recovers()
        harness.wait_until(lambda: self.get(key) == value_of(b"cart:" + key.encode()), "they have one again")

    def test_a_slot_that_is_never_whole(self):
        self.start_up()
        self.behave(*[refuse("TRYAGAIN Multiple keys request during rehashing of slot")] * 2)
        self.check_ends()
        self.assertGreater(self.metric("cachesd_backend_repeats_total"), 0)
        self.check_recovers()

    def test_a_redirect_to_where_nobody_listens(self):
        self.start_up()
        nobody = type("Nobody", (), {"port": harness.free_port()})
        self.behave(moved_to(nobody), moved_to(nobody))
        self.check_ends()
        self.check_recovers()

    def test_redirects_that_can_not_be_read(self):
        self.start_up()
        for text in UNREADABLE:
            with self.subTest(text[:40]):
                self.behave(refuse(text), refuse(text))
                reply = self.get("a")
                self.assertIsInstance(reply, resp.Error)
                self.assertIn(reply.code, ("UNAVAILABLE", "INTERNAL"))
        self.check_recovers()

    def test_a_node_that_sends_a_request_to_itself_is_connected_anew_and_answers(self):
        """As services do that put another machine behind a name."""
        self.start_up()
        owner = self.fakes.owner_of(b"cart:a")
        accepted = owner.accepted
        old = set(owner.connections)

        def behave(connection, words, right):
            (moved_to(owner) if connection in old else send_right)(connection, words, right)

        owner.keyed = behave
        self.assertEqual(self.get("a"), value_of(b"cart:a"))
        self.assertEqual(owner.accepted, accepted + 1)
        self.assertEqual(self.get("a"), value_of(b"cart:a"))

    def test_a_request_that_a_later_one_has_overtaken_is_not_carried_out_any_more(self):
        """The first of two is refused, and the second is not, for the cluster has come back in between."""
        self.start_up()
        owner, sent = self.fakes.owner_of(b"cart:a"), []

        def behave(connection, words, right):
            sent.append(words[2])
            down = refuse("CLUSTERDOWN The cluster is down")
            (down if len(sent) == 1 else send_right)(connection, words, right)

        owner.keyed = behave
        self.client.send(b"".join(resp.array("key.set", "carts", "a", n) for n in (1, 2)))
        first, second = self.client.read(), self.client.read()
        self.assertEqual((first.code, second), ("UNAVAILABLE", b"OK"))
        self.assertEqual(sent, [b"1", b"2"])

    def park(self):
        """A hundred requests are under way, and no node takes any."""
        self.start_up()
        self.behave(*[refuse("CLUSTERDOWN The cluster is down")] * 2)
        before = self.fakes.sends()
        self.client.send(b"".join(resp.array("key.get", "carts", n) for n in range(100)))
        harness.wait_until(lambda: self.fakes.sends() > before + 100, "some are sent again")

    def test_the_daemon_ends_well_while_requests_have_no_node(self):
        self.park()
        self.daemon.send_signal(signal.SIGTERM)
        codes = {self.client.read().code for _ in range(100)}
        self.assertEqual(codes, {"UNAVAILABLE"})
        self.assertEqual(self.daemon.wait(), 0)

    def test_a_reload_takes_the_cluster_away_while_requests_have_no_node(self):
        self.park()
        self.assertEqual(self.daemon.reload(INI.replace("CLUSTER", "{redis:main}")), b"OK")
        replies = [self.client.read() for _ in range(100)]  # nil: it had not begun before
        codes = {reply.code for reply in replies if reply is not None}
        self.assertEqual(codes, {"UNAVAILABLE"})
        self.assertEqual(self.client.call("key.set", "carts", "a", "v"), b"OK")
        self.assertEqual(self.world.redis().call("GET", "cart:a"), b"v")

    def test_a_thousand_clients_do_not_make_it_ask_for_the_table_more_often(self):
        self.start_up()
        self.behave(moved_to(self.second), moved_to(self.first))
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(self.daemon.client()) for _ in range(1000)]
            before, memory, began = self.refreshes(), 0, time.monotonic()
            for turn in range(4):
                for number, client in enumerate(clients):
                    client.send(resp.array("key.get", "carts", f"{number}"))
                replies = [client.read() for client in clients]
                self.assertEqual({reply.code for reply in replies}, {"UNAVAILABLE"})
                memory = memory or self.daemon.memory("VmRSS")
            seconds = time.monotonic() - began
            self.assertLessEqual(self.refreshes() - before, MOST_REFRESHES * (seconds + 1))
            if not harness.is_sanitized():
                self.assertLess(self.daemon.memory("VmRSS") - memory, 1 * MB)
        self.check_recovers()

    def everywhere(self, answer):
        for node in self.fakes.nodes:
            node.slots_answer = answer

    def in_ranges(self, count):
        """The table with a range for each slot; those that are too many name slots again."""
        return array([slots_range(n % SLOTS, n % SLOTS, self.first) for n in range(count)])

    def bad_tables(self):
        node = array([bulk(b"127.0.0.1"), b":1\r\n", bulk(b"x" * 40)])
        yield "none", array([])
        yield "nil", b"*-1\r\n"
        yield "nil string", b"$-1\r\n"
        yield "error", b"-ERR unknown command\r\n"
        yield "number", b":1\r\n"
        yield "text", bulk(b"0-16383")
        yield "flat", array([b":0\r\n", b":16383\r\n"])
        yield "without node", array([array([b":0\r\n", b":16383\r\n"])])
        yield "empty node", array([array([b":0\r\n", b":16383\r\n", array([])])])
        yield "beyond", array([array([b":0\r\n", b":20000\r\n", node])])
        yield "negative", array([array([b":-1\r\n", b":16383\r\n", node])])
        yield "reversed", array([array([b":16383\r\n", b":0\r\n", node])])
        yield "words", array([array([bulk(b"a"), bulk(b"b"), node])])
        yield "port", array([array([b":0\r\n", b":16383\r\n", array([bulk(b"h"), b":70000\r\n"])])])
        yield "long host", array([array([b":0\r\n", b":16383\r\n", array([bulk(b"h" * MB), b":1\r\n"])])])
        yield "deep", b"*1\r\n" * 100 + b":1\r\n"
        yield "20,000 ranges", self.in_ranges(20_000)
        yield "1 MB", bulk(b"x" * MB)

    def test_tables_that_can_not_be_read_are_passed_over(self):
        """The one that it has stays in force."""
        self.start_up()
        for number, (name, answer) in enumerate(self.bad_tables()):
            with self.subTest(name):
                self.everywhere(answer)
                self.have_it_ask()
                self.assertEqual(self.get("a"), value_of(b"cart:a"))
                self.everywhere(None)  # a new table, after which it asks again sooner
                border = SLOTS // 2 + number
                self.fakes.table = [(0, border, self.first), (border + 1, SLOTS - 1, self.second)]
                self.have_it_ask()

    def have_it_ask(self):
        before, owner = self.refreshes(), self.fakes.owner_of(b"cart:a")
        other = self.second if owner is self.first else self.first
        owner.keyed = moved_to(other)
        harness.wait_until(lambda: self.get("a") and self.refreshes() > before, "it asks", 5)
        owner.keyed = send_right

    def test_a_start_without_a_table_waits_for_one(self):
        for name, answer in self.bad_tables():
            if name == "none" or IS_LONG:
                with self.subTest(name):
                    self.everywhere(answer)
                    self.start()
                    before = self.refreshes()
                    harness.wait_until(lambda: self.refreshes() > before, "it asks again")
                    self.assertEqual(self.get("a").code, "UNAVAILABLE")
                    if name not in ("error", "deep"):  # told in other words
                        told = "--cluster create" if name == "none" else "CLUSTER SLOTS can't be read"
                        harness.wait_until(lambda: told in str(self.daemon.call("ready")), f"it says: {told}")
                        self.daemon.wait_logged(told)
                    self.everywhere(None)
                    self.wait_up()
                    self.assertEqual(self.get("a"), value_of(b"cart:a"))
                    self.world.daemons.pop().stop()

    def test_a_table_in_which_each_slot_is_a_range_is_read(self):
        self.everywhere(self.in_ranges(SLOTS))
        self.start_up()
        self.assertEqual(self.fakes.nodes[0].asked[b"GET"], 1)

    def test_a_server_that_is_no_cluster_is_told_of(self):
        self.everywhere(b"-ERR This instance has cluster support disabled\r\n")
        self.start()
        harness.wait_until(lambda: "use redis://" in str(self.daemon.call("ready")), "it says what to do")

    def test_a_plain_url_of_a_node_of_a_cluster_is_told_of(self):
        """It names the kind of URL that would do."""
        self.behave(moved_to(self.second), moved_to(self.first))
        url = f"redis://127.0.0.1:{self.first.port}"
        self.daemon = self.world.daemon(INI.replace("CLUSTER", url))
        self.assertIn(b"redis+cluster://", self.daemon.call("key.get", "carts", "a"))


class Sequence(ClusterCase):
    """Of two requests for a key that go to two other nodes, the second waits for the first."""

    def test_a_request_waits_for_an_earlier_one_that_was_sent_elsewhere(self):
        fakes = self.world.keep(FakeCluster(self.world, 3))
        self.daemon = self.world.daemon(INI.replace("CLUSTER", fakes.url))
        self.wait_up()
        owner = fakes.owner_of(b"cart:a")
        second, third = (node for node in fakes.nodes if node is not owner)
        happened, redirects = [], [moved_to(second), moved_to(third)]
        fakes.table = [(f, l, third if node is owner else node) for f, l, node in fakes.table]

        def answer_late(connection, words, right):
            time.sleep(0.1)
            happened.append((words[2], "answered"))
            connection.send(right)

        def answer(connection, words, right):
            happened.append((words[2], "asked"))
            connection.send(right)

        owner.keyed = lambda *asked: redirects.pop(0)(*asked)
        second.keyed, third.keyed = answer_late, answer
        with self.daemon.client() as client:
            client.send(b"".join(resp.array("key.set", "carts", "a", n) for n in (1, 2)))
            self.assertEqual([client.read(), client.read()], [b"OK", b"OK"])
        self.assertEqual(happened, [(b"1", "answered"), (b"2", "asked")])


class Foreign(ClusterCase):
    """A node of another cluster has taken over the address of one of ours."""

    def test_it_gets_none_of_our_requests(self):
        fakes = self.world.keep(FakeCluster(self.world, 2))
        first, second = fakes.nodes
        daemon = self.daemon = self.world.daemon(INI.replace("CLUSTER", fakes.url))
        self.wait_up()
        with daemon.client() as client:
            get = lambda key: client.call("key.get", "carts", key)
            names = [f"{number}" for number in range(40)]
            for name in names:
                self.assertEqual(get(name), value_of(b"cart:" + name.encode()))
            ours = second.id
            second.id = "f" * 40
            second.slots_answer = array([slots_range(0, SLOTS - 1, second)])
            fakes.table = [(f, l, n if n is first else Former(second, ours)) for f, l, n in fakes.table]
            asked = second.asked[b"GET"]
            for connection in list(second.connections):
                connection.close()
            failed = 0
            for _ in range(20):
                replies = [get(name) for name in names]
                failed += sum(isinstance(reply, resp.Error) for reply in replies)
            self.assertEqual(second.asked[b"GET"], asked)
            self.assertGreater(failed, 0)


class Former:
    """What the cluster still says of a node: its old id, at the address."""

    def __init__(self, node, id):
        self.port, self.id = node.port, id


if __name__ == "__main__":
    harness.main()
