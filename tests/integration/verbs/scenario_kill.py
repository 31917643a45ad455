#!/usr/bin/env python3
"""kill: one client is closed, whichever worker has it, and no other."""

import contextlib

import harness
import resp

WORKERS = 3
INI = harness.INI.replace("{listen}", f"{{listen}}\nworkers = {WORKERS}")


class Kill(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon = self.world.daemon(INI)
        self.clients = [self.connect(self.daemon) for _ in range(3 * WORKERS)]
        self.ids = [client.call("client", "id") for client in self.clients]

    def test_the_client_of_that_id_is_closed_and_no_other(self):
        killer, victims = self.clients[0], self.clients[1:]
        for number, victim in enumerate(victims, 1):
            self.assertEqual(killer.call("kill", self.ids[number]), 1)
            with self.assertRaises(resp.Closed):
                victim.read()
            for other in self.clients[:1] + self.clients[number + 1:]:
                self.assertEqual(other.call("ping"), b"PONG")
            self.assertEqual(killer.call("kill", self.ids[number]), 0)
        self.assertEqual(killer.call("clients").count(b"\n"), 1)
        self.assertEqual(len(self.daemon.lines("closed by kill")), len(victims))

    def test_who_kills_itself_is_told_and_what_follows_is_not_carried_out(self):
        client, number = self.clients[4], self.ids[4]
        client.send(resp.array("kill", number) + resp.array("key.set", "carts", "k", "v"))
        self.assertEqual(client.read(), 1)
        with self.assertRaises(resp.Closed):
            client.read()
        self.assertIsNone(self.clients[0].call("key.get", "carts", "k"))

    def test_requests_under_way_disturb_nobody(self):
        redis = self.world.redis()
        with redis.client() as direct:
            direct.call("CLIENT", "PAUSE", 300)
            for number, victim in enumerate(self.clients[1:], 1):
                victim.send(resp.array("key.get", "carts", number) * 20)
            self.clients[0].send(resp.array("key.get", "carts", "mine"))
            with self.daemon.client() as killer:
                for number in self.ids[1:]:
                    self.assertEqual(killer.call("kill", number), 1)
        self.assertIsNone(self.clients[0].read())
        self.assertIsNone(self.clients[0].call("key.get", "carts", "again"))

    def test_two_may_kill_each_other_and_a_third(self):
        first, second, third = self.clients[:3]
        first.send(resp.array("kill", self.ids[1]) + resp.array("kill", self.ids[2]))
        with contextlib.suppress(BrokenPipeError):  # it may be closed already
            second.send(resp.array("kill", self.ids[0]) + resp.array("kill", self.ids[2]))
        with self.assertRaises(resp.Closed):
            third.read()
        self.assertEqual(self.clients[3].call("ping"), b"PONG")


class WaitsForRoom(harness.TestCase):
    def test_one_that_waits_for_room_is_closed_and_the_others_have_their_turn(self):
        ini = harness.INI.replace("{listen}", "{listen}\nworkers = 1")
        daemon = self.world.daemon(ini.replace("timeout = 20s", "max_pending = 1\ntimeout = 10s"))
        clients = [self.connect(daemon) for _ in range(6)]
        ids = [client.call("client", "id") for client in clients]
        with self.world.redis().client() as direct:
            direct.call("CLIENT", "PAUSE", 500)
            for client in clients[1:]:
                client.send(resp.array("key.get", "carts", "k") * 3)
            for number in ids[2:5]:
                self.assertEqual(clients[0].call("kill", number), 1)
        for client in (clients[1], clients[5]):
            self.assertEqual([client.read() for _ in range(3)], [None] * 3)
        for client in clients[2:5]:
            with self.assertRaises(resp.Closed):
                client.read()


if __name__ == "__main__":
    harness.main()
