#!/usr/bin/env python3
"""A thousand clients at once, each with a hundred requests in one piece, over two backends."""

import asyncio
import unittest

import harness
import resp

CLIENTS = 1000
PAIRS = 50  # a set and a get each

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 20s
max_pending = 200000
[backend other]
url = {redis:other}
timeout = 20s
max_pending = 200000
[namespace carts]
backend = main
[namespace users]
backend = other
"""


def requests_and_replies(number):
    requests, replies = [], []
    for i in range(PAIRS):
        namespace = ("carts", "users")[(number + i) % 2]
        value = f"client {number}, value {i}"
        requests.append(resp.array("key.set", namespace, f"{number}.{i}", value))
        requests.append(resp.array("key.get", namespace, f"{number}.{i}"))
        replies.append(b"+OK\r\n$%d\r\n%s\r\n" % (len(value), value.encode()))
    return b"".join(requests), b"".join(replies)


async def talk(client, number):
    """Sends everything at once; True when the replies are its own, in order, and no more."""
    requests, expected = requests_and_replies(number)
    client.socket.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=client.socket)
    writer.write(requests)
    await writer.drain()
    got = await reader.readexactly(len(expected))
    writer.write_eof()
    rest = await reader.read()
    writer.close()
    return got == expected and rest == b""


class ManyClients(unittest.TestCase):
    def test_every_client_gets_its_own_replies(self):
        with harness.World() as world:
            daemon = world.daemon(INI)
            clients = [daemon.client() for _ in range(CLIENTS)]

            async def all_talk():
                return await asyncio.gather(*map(talk, clients, range(CLIENTS)))

            results = asyncio.run(all_talk())
            self.assertEqual(results.count(True), CLIENTS)

    def test_max_clients_turns_the_next_one_away_and_lets_it_in_later(self):
        ini = harness.INI.replace("[backend", "max_clients = 2\n[backend", 1)
        with harness.World() as world:
            daemon = world.daemon(ini)
            # The wait for `ready` opens no connection, so that these two are the only ones.
            first, second = daemon.client(), daemon.client()
            self.assertEqual(first.call("ping"), b"PONG")
            self.assertEqual(second.call("ping"), b"PONG")
            with daemon.client() as third:
                self.assertIn(self.ping_or_refusal(third), ("OVERLOADED", "closed"))
            first.close()
            harness.wait_until(lambda: self.ping_works(daemon), "there is room again")
            self.assertEqual(second.call("ping"), b"PONG")

    def ping_or_refusal(self, client):
        try:
            reply = client.call("ping")
        except (resp.Closed, OSError):
            return "closed"
        return reply.code if isinstance(reply, resp.Error) else "served"

    def ping_works(self, daemon):
        with daemon.client() as client:
            return self.ping_or_refusal(client) == "served"


if __name__ == "__main__":
    harness.main()
