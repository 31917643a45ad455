"""A Redis master with its replicas, and the sentinels that watch them, in memory.

    with Sentinels(replicas=1, sentinels=3) as watched:
        daemon = world.daemon(INI.replace("{redis:main}", watched.url))
        watched.master.kill()
        watched.wait_switched()

The sentinels know each other and the replicas from the start. `switches` has each +switch-master that
a sentinel has told: when, which sentinel, and the port of the new master. `options` are further ones
for each server, `sentinel_lines` further lines of each sentinel's configuration. `server_tls` and
`sentinel_tls` are authorities (tls.py) that have signed a certificate `server`: then they speak TLS.
"""

import contextlib
import pathlib
import shutil
import socket
import threading
import time

import fake_redis
import resp
import tls
from cluster import HOST, Node, memory_folder
from fake_redis import array, bulk
from harness import REDIS_SERVER, free_port, wait_until

NAME = "mymaster"
CHANNEL = b"+switch-master"
FOREVER = 3600  # seconds


class Server(Node):
    """A master or a replica."""

    def launch(self):
        self.port = free_port()
        self.command = [REDIS_SERVER, "--bind", HOST]
        for option, value in self.cluster.options_of_port(self.port, self.cluster.server_tls):
            self.command += [f"--{option}", value]
        self.command += ["--dir", self.folder, "--save", ""]
        self.command += ["--repl-diskless-sync", "yes", "--repl-diskless-sync-delay", "0"]
        self.command += ["--enable-debug-command", "yes", "--logfile", f"{self.folder}/log"]
        self.command += self.options
        self.spawn()

    def wait_started(self):
        wait_until(self._has_started, f"{self} answers")

    def client(self, timeout=10):
        authority = self.authority()
        if authority:
            client = tls.Client(self.address, authority.context(), HOST, timeout)
        else:
            client = resp.Client(self.address, timeout)
        words = self.words_of_auth()
        if words:
            client.call("AUTH", *words)
        return client

    def authority(self):
        return self.cluster.server_tls

    def words_of_auth(self):
        return [self.cluster.password] if self.cluster.password else []

    def call_all(self, commands):
        """Once more after a loss: a server closes its connections when it becomes a master or a replica."""
        try:
            return super().call_all(commands)
        except (OSError, resp.Closed):
            return super().call_all(commands)

    def names_of_clients(self):
        """Of those that are connected; None when it does not answer."""
        try:
            lines = self.must("CLIENT", "LIST").decode().splitlines()
        except (OSError, resp.Closed):
            return None
        return [dict(word.partition("=")[::2] for word in line.split())["name"] for line in lines]


class Sentinel(Server):
    """A sentinel. It can't have a number that a server has."""

    def launch(self):
        self.port = free_port()
        self.id = f"{self.number:040x}"

    def configure(self):
        watched = self.cluster
        lines = [f"bind {HOST}", f"dir {self.folder}"]
        for option, value in watched.options_of_port(self.port, watched.sentinel_tls):
            lines.append(f"{option} {value}")
        lines += [f"logfile {self.folder}/log", f"sentinel myid {self.id}", *watched.sentinel_lines]
        lines += [f"sentinel monitor {NAME} {watched.host} {watched.master.port} {watched.quorum}"]
        lines += [f"sentinel down-after-milliseconds {NAME} {watched.down_after}"]
        lines += [f"sentinel failover-timeout {NAME} 3000"]
        if watched.password:
            lines.append(f"sentinel auth-pass {NAME} {watched.password}")
        for server in watched.servers[1:]:
            lines.append(f"sentinel known-replica {NAME} {HOST} {server.port}")
        for other in watched.sentinels:
            if other is not self:
                lines.append(f"sentinel known-sentinel {NAME} {HOST} {other.port} {other.id}")
        pathlib.Path(f"{self.folder}/sentinel.conf").write_text("\n".join(lines) + "\n")
        self.command = [REDIS_SERVER, f"{self.folder}/sentinel.conf", "--sentinel"]

    def authority(self):
        return self.cluster.sentinel_tls

    def words_of_auth(self):
        return self.cluster.sentinel_auth

    def says(self):
        """The port of the master that it names."""
        reply = self.must("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
        return int(reply[1]) if reply else None

    def sees_all(self):
        fields = self.must("SENTINEL", "MASTER", NAME)
        found = dict(zip(fields[::2], fields[1::2]))
        watched = self.cluster
        return (
            int(found[b"num-slaves"]) == len(watched.servers) - 1
            and int(found[b"num-other-sentinels"]) == len(watched.sentinels) - 1
            and found[b"flags"] == b"master"
        )


class Sentinels:
    def __init__(
        self,
        replicas=1,
        sentinels=3,
        options=(),
        password=None,
        sentinel_lines=(),
        sentinel_auth=(),
        down_after=1000,
        host=HOST,
        server_tls=None,
        sentinel_tls=None,
    ):
        self.folder = memory_folder()
        self.server_tls, self.sentinel_tls = server_tls, sentinel_tls
        self.options = list(options)
        self.password = password  # of the servers
        if password:
            self.options += ["--requirepass", password, "--masterauth", password]
        self.sentinel_auth = sentinel_auth  # by which the tests are let in: words of AUTH
        self.sentinel_lines = sentinel_lines
        self.down_after = down_after
        self.host = host  # by which the sentinels know the first master
        self.quorum = sentinels // 2 + 1
        self.servers, self.sentinels, self.switches = [], [], []
        self.watchers = []
        try:
            self._start(replicas, sentinels)
        except BaseException:
            self.end()
            raise

    def _start(self, replicas, sentinels):
        for number in range(1 + replicas):
            self.servers.append(Server(self, number, self.options))
        for server in self.servers:
            server.wait_started()
        self.master = self.servers[0]
        for replica in self.servers[1:]:
            replica.must("REPLICAOF", HOST, self.master.port)
        self.wait_followed(self.master, replicas)
        for number in range(sentinels):
            self.sentinels.append(Sentinel(self, 1 + replicas + number, ()))
        for sentinel in self.sentinels:
            sentinel.configure()
            sentinel.spawn()
        for sentinel in self.sentinels:
            sentinel.wait_started()
        for sentinel in self.sentinels:
            wait_until(sentinel.sees_all, f"{sentinel} sees all")
            self._watch(sentinel)

    def _watch(self, sentinel):
        client = sentinel.client(timeout=FOREVER)
        assert client.call("SUBSCRIBE", CHANNEL)[0] == b"subscribe"
        self.watchers.append(client)
        threading.Thread(target=self._hear, args=(sentinel, client), daemon=True).start()

    def _hear(self, sentinel, client):
        try:
            while True:
                words = client.read()[2].split()
                self.switches.append((time.monotonic(), sentinel, int(words[4])))
        except (OSError, ValueError, resp.Closed):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for node in self.sentinels + self.servers:
            if node.process:
                node.kill()
        for client in self.watchers:
            client.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def options_of_port(self, port, authority):
        """Pairs of option and value. A server's replication, and what a sentinel asks, is over TLS
        where the servers are."""
        port_option, other = ("tls-port", "port") if authority else ("port", "tls-port")
        yield from ((port_option, str(port)), (other, "0"))
        authority = authority or self.server_tls
        if not authority:
            return
        yield from (("tls-cert-file", str(authority.path("server"))), ("tls-auth-clients", "no"))
        yield from (("tls-key-file", str(authority.path("server", "key"))),)
        yield from (("tls-ca-cert-file", str(authority.path(authority.name))),)
        yield from (("tls-replication", "yes" if self.server_tls else "no"),)

    @property
    def hosts(self):
        return ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)

    @property
    def url(self):
        password = f":{self.password}@" if self.password else ""
        scheme = "rediss" if self.server_tls else "redis"
        return f"{scheme}+sentinel://{password}{self.hosts}/{NAME}"

    def by_port(self, port):
        return next(server for server in self.servers if server.port == port)

    def wait_followed(self, master, count):
        """Until so many replicas hear of each of its writes: one that has just got all data is sent none
        before it has said so, a second later."""
        write = lambda: not isinstance(master.call("SET", "followed", "1"), resp.Error)
        heard = lambda: write() and master.must("WAIT", count, 100) >= count
        wait_until(heard, f"{count} replicas follow {master}")
        master.must("DEL", "followed")

    def switch(self):
        """Has a sentinel switch to a replica; wait_switched() waits for it."""
        reply = self.sentinels[0].must("SENTINEL", "FAILOVER", NAME)
        assert reply == b"OK", reply

    def wait_switched(self, count=1, seconds=30):
        """Until the first sentinel has told of so many switches; gives when, and the new master."""
        news = lambda: [self.switches[i] for i in self._firsts()]
        wait_until(lambda: len(news()) >= count, f"{count} switches", seconds)
        when, _, port = news()[count - 1]
        self.master = self.by_port(port)
        return when, self.master

    def _firsts(self):
        """Numbers of those of `switches` that are the first to name another master."""
        last = None
        for number, (_, _, port) in enumerate(list(self.switches)):
            if port != last:
                yield number
            last = port

    def wait_agreed(self, seconds=30):
        """Until all sentinels that run name the present master."""
        running = [sentinel for sentinel in self.sentinels if sentinel.is_running]
        agree = lambda: all(sentinel.says() == self.master.port for sentinel in running)
        wait_until(agree, "the sentinels agree", seconds)


class FakeSentinel(fake_redis.FakeRedis):
    """A sentinel that says that the master is at the port `master`; None: it knows none. `answer`, when
    set, are the bytes that it says instead. `asked` counts how often it has been asked."""

    def __init__(self, world, name="sentinel", master=None):
        self.master = master
        self.answer = None
        self.asked = 0
        self.port = 0
        self.world, self.name = world, name
        super().__init__(world, name)

    def bind(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, self.port))
        self.port = listener.getsockname()[1]
        return listener

    def plain_answer(self, name, words):
        if name in (b"SUBSCRIBE", b"UNSUBSCRIBE"):
            return array([bulk(name.lower()), bulk(words[1]), b":1\r\n"])
        if name != b"SENTINEL":
            return b"+OK\r\n"
        self.asked += 1
        if self.answer is not None:
            return self.answer
        if self.master is None:
            return b"*-1\r\n"
        return array([bulk(HOST.encode()), bulk(b"%d" % self.master)])

    def tell(self, news):
        """Tells all who are connected of a switch."""
        for connection in self.connections:
            with contextlib.suppress(OSError):  # it may be gone
                connection.send(array([bulk(b"message"), bulk(CHANNEL), bulk(news.encode())]))

    def move(self, port):
        """Changes its mind, and tells so."""
        before, self.master = self.master, port
        self.tell(f"{NAME} {HOST} {before or 1} {HOST} {port}")

    def drop(self):
        """Closes all connections; new ones are taken."""
        dropped, self.connections = self.connections, []
        for connection in dropped:
            connection.close()

    def close(self):
        """As if it had died; reopen() starts it again."""
        self.__exit__()

    def reopen(self):
        """At the same port."""
        super().__init__(self.world, self.name)
