#!/usr/bin/env python3
"""The handshakes of client libraries, as each of them sends it: with and without a user, a name, a database."""

import itertools
import os
import pty
import re
import subprocess

import harness
import resp
from redis_handshakes import HANDSHAKES
from redis_listener import RedisListener, bound
from resp3 import Client3, Map, Set, Verbatim

USERS = "".join(
    f"[user {name}]\ntoken = {harness.token_hash('secret')}\naccess = write\nnamespaces = *\n"
    for name in ("web", "default")
)
OTHER = "[namespace u]\nprefix = u:\n"
VARIANTS = ("auth", "name", "db")


# --- what a reply must be ----------------------------------------------------------------------


def ok(reply, _):
    return type(reply) is resp.Status and reply == b"OK"


def pong(reply, _):
    return type(reply) is resp.Status and reply == b"PONG"


def echo(reply, _):
    return reply == b"0123456789abcdef"


def number(reply, _):
    return isinstance(reply, int)


def nil(reply, _):
    return reply is None


def tolerated(reply, _):
    """Anything, but for errors by which libraries look for another server, or wait and come again."""
    return not isinstance(reply, resp.Error) or reply.code in ("ERR", "NOPERM")


def is_greeting(fields, protocol):
    version = fields[b"version"].split(b".")
    return (
        int(version[0]) >= 7
        and fields[b"server"] == b"redis"
        and fields[b"proto"] == protocol
        and isinstance(fields[b"id"], int)
        and fields[b"mode"] == b"standalone"
        and fields[b"role"] == b"master"
        and fields[b"modules"] == []
    )


def greeting_2(reply, _):
    return type(reply) is list and is_greeting(dict(zip(reply[::2], reply[1::2])), 2)


def greeting_3(reply, _):
    return type(reply) is Map and is_greeting(reply, 3)


def is_text(reply, protocol, part):
    return type(reply) is (Verbatim if protocol == 3 else bytes) and part in reply


def ready(reply, protocol):
    """As ioredis wants it: it waits as long as there is `loading:1`."""
    return is_text(reply, protocol, b"\r\nloading:0\r\n")


def master(reply, protocol):
    return is_text(reply, protocol, b"\r\nrole:master\r\n")


def version(reply, protocol):
    return is_text(reply, protocol, b"\r\nredis_version:7.0.15\r\n")


def no_cluster(reply, _):
    return isinstance(reply, resp.Error) and reply == b"ERR This instance has cluster support disabled"


def pairs(reply, protocol):
    if protocol == 3:
        return reply if type(reply) is Map else None
    return dict(zip(reply[::2], reply[1::2])) if type(reply) is list else None


def docs(reply, protocol):
    commands = pairs(reply, protocol)
    return commands and set(pairs(commands[b"get"], protocol)) >= {b"summary", b"since", b"group"}


def setting(name, value):
    return lambda reply, protocol: pairs(reply, protocol) == {name: value}


REPLIES = {
    **{check.__name__: check for check in (ok, pong, echo, number, nil, tolerated, greeting_2, greeting_3)},
    **{check.__name__: check for check in (ready, master, version, no_cluster, docs)},
    "save": setting(b"save", b""),
    "appendonly": setting(b"appendonly", b"no"),
    "timeout": setting(b"timeout", b"0"),
    "replica_read_only": setting(b"replica-read-only", b"yes"),
    "databases": setting(b"databases", b"2"),
}


# --- what is sent ------------------------------------------------------------------------------


def steps_of(text, variant):
    """The commands of a handshake in this variant, as lists of words, with the names of their replies."""
    for line in text.split("\n"):
        said = re.fullmatch(r"\s*(?:\[(\w+)\] )?(.*) -> (\w+)", line)
        if not said:
            assert line.strip() in ("", "read"), line
            continue
        only, command, reply = said.groups()
        if only is None or only in variant:
            auth = " AUTH web secret" if "auth" in variant else ""
            name = " SETNAME app" if "name" in variant else ""
            yield command.replace("{auth}", auth).replace("{name}", name).split(), reply


def variants():
    for count in range(len(VARIANTS) + 1):
        yield from itertools.combinations(VARIANTS, count)


# --- tests -------------------------------------------------------------------------------------


class Handshakes(harness.TestCase):
    def start(self, users=""):
        self.listener = RedisListener(self.world, bound(options="select = 1: u\n") + OTHER + users)

    def read(self, client, name, line, reply_name, protocol):
        reply = client.read()
        self.assertTrue(REPLIES[reply_name](reply, protocol), f"{name}: {' '.join(line)}: {reply!r}")

    def greet(self, client, name, variant, is_pipeline):
        """Returns the protocol that is spoken from then on."""
        steps = list(steps_of(HANDSHAKES[name], variant))
        protocol = 2
        if is_pipeline:
            client.send(b"".join(resp.array(*line) for line, _ in steps))
        for line, reply_name in steps:
            if not is_pipeline:
                client.send(resp.array(*line))
            protocol = 3 if reply_name == "greeting_3" else protocol
            self.read(client, name, line, reply_name, protocol)
        if steps and steps[-1][0][0].upper() == "QUIT":
            self.assertTrue(client.is_closed())
            return None
        return protocol

    def check_name(self, client, name, variant):
        said = " ".join(word for line, _ in steps_of(HANDSHAKES[name], variant) for word in line)
        given = re.search(r"SETNAME (\w+)", said, re.IGNORECASE)
        self.assertEqual(client.call("CLIENT", "GETNAME"), given[1].encode() if given else None)

    def use(self, client, variant, protocol):
        """What is stored is in the right namespace, and comes back in the right form."""
        self.listener.redis.call("FLUSHALL")
        self.assertEqual(client.call("HSET", "h", "f", "v"), 1)
        self.assertEqual(client.call("HGETALL", "h"), Map({b"f": b"v"}) if protocol == 3 else [b"f", b"v"])
        where = "u:h" if "db" in variant else "t:h"
        self.assertEqual(self.listener.redis.call("EXISTS", where), 1)

    def play(self, has_users, is_pipeline):
        for name in HANDSHAKES:
            for variant in variants():
                if ("auth" in variant) != has_users:
                    continue
                with self.subTest(client=name, variant=variant), Client3(self.listener.path) as client:
                    protocol = self.greet(client, name, variant, is_pipeline)
                    if protocol:
                        self.use(client, variant, protocol)
                        self.check_name(client, name, variant)

    def test_every_client_gets_what_it_needs(self):
        self.start()
        self.play(has_users=False, is_pipeline=False)

    def test_every_client_gets_it_when_it_sends_all_at_once(self):
        self.start()
        self.play(has_users=False, is_pipeline=True)

    def test_every_client_that_has_a_user_gets_what_it_needs(self):
        self.start(USERS)
        self.play(has_users=True, is_pipeline=False)

    def test_every_client_that_has_a_user_gets_it_when_it_sends_all_at_once(self):
        self.start(USERS)
        self.play(has_users=True, is_pipeline=True)


class Protocols(harness.TestCase):
    """The change of the protocol, and what is written in it."""

    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world)
        self.client = self.world.keep(Client3(self.listener.path))

    def test_requests_before_hello_are_answered_as_they_were_asked(self):
        self.client.call("HSET", "h", "f", "v")
        asked = [("HGETALL", "h"), ("HELLO", "3"), ("HGETALL", "h"), ("HELLO", "2"), ("HGETALL", "h")]
        self.client.send(b"".join(resp.array(*words) for words in asked))
        replies = [self.client.read() for _ in asked]
        self.assertEqual([type(reply) for reply in replies], [list, Map, Map, list, list])

    def test_reset_ends_protocol_3(self):
        self.client.call("HELLO", "3", "SETNAME", "app")
        self.assertIs(type(self.client.call("CONFIG", "GET", "save")), Map)
        self.assertEqual(self.client.call("RESET"), b"RESET")
        self.assertIs(type(self.client.call("CONFIG", "GET", "save")), list)
        self.client.send(resp.array("CLIENT", "GETNAME"))
        self.assertEqual(self.raw(5), b"$-1\r\n")

    def test_a_refused_hello_leaves_the_protocol_as_it_was(self):
        self.client.call("HELLO", "3")
        self.assertEqual(self.client.call("HELLO", "4").code, "NOPROTO")
        self.assertEqual(self.client.call("HELLO", "2", "AUTH", "web", "wrong").code, "ERR")
        self.assertIs(type(self.client.call("CONFIG", "GET", "save")), Map)
        self.assertIs(type(self.client.call("HELLO")), Map)

    def test_own_replies_of_protocol_3(self):
        self.client.call("HELLO", "3")
        self.assertIs(type(self.client.call("INFO")), Verbatim)
        self.assertIs(type(self.client.call("CLIENT", "LIST")), Verbatim)
        self.assertIs(type(self.client.call("LOLWUT")), Verbatim)
        self.assertEqual(type(self.client.call("CLIENT", "TRACKINGINFO")[b"flags"]), Set)
        self.assertIs(type(self.client.call("COMMAND", "DOCS", "get")[b"get"]), Map)
        info = self.client.call("COMMAND", "INFO", "get", "nosuch")
        self.assertEqual(type(info[0][2]), Set)
        self.assertEqual(type(info[0][8][0]), Map)
        self.client.send(resp.array("CLIENT", "GETNAME"))
        self.assertEqual(self.raw(3), b"_\r\n")
        self.client.send(resp.array("COMMAND", "INFO", "nosuch"))
        self.assertEqual(self.raw(7), b"*1\r\n_\r\n")

    def raw(self, size):
        harness.wait_until(lambda: self.receive() >= size, f"{size} bytes of a reply")
        data = bytes(self.client.input)
        self.client.input.clear()
        return data

    def receive(self):
        if not self.client.input:
            self.client.input += self.client.socket.recv(1 << 16)
        return len(self.client.input)


class Programs(harness.TestCase):
    """Redis's own programs."""

    def setUp(self):
        super().setUp()
        self.listener = RedisListener(self.world)

    def run_program(self, *words, given=""):
        command = [words[0], "-p", str(self.listener.port), *words[1:]]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=True).stdout

    def test_redis_cli_of_protocol_3(self):
        self.assertIn("proto 3", self.run_program("redis-cli", "-3", "HELLO"))

    def test_redis_cli_on_a_terminal_knows_the_commands(self):
        terminal, other = pty.openpty()
        command = ["redis-cli", "-p", str(self.listener.port)]
        program = subprocess.Popen(command, stdin=other, stdout=other, env={**os.environ, "TERM": "dumb"})
        with harness.killed_on_failure(program):
            os.write(terminal, b"help get\nquit\n")
            program.wait(30)
        said = os.read(terminal, 1 << 16)
        os.close(terminal)
        os.close(other)
        self.assertIn(b"the value, or nil", said)

    def test_redis_cli_pipe(self):
        words = resp.array("SET", "k", "v") * 100
        said = self.run_program("redis-cli", "--pipe", given=words.decode())
        self.assertIn("errors: 0, replies: 100", said)

    def test_redis_cli_latency(self):
        self.assertTrue(self.run_program("redis-cli", "--latency", "--raw"))

    def test_redis_benchmark(self):
        said = self.run_program("redis-benchmark", "-n", "100", "-c", "2", "-q", "-t", "ping,set,get")
        self.assertEqual(said.count("requests per second"), 4)
        self.assertNotIn("WARNING", said)


if __name__ == "__main__":
    harness.main()
