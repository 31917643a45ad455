"""The servers side by side: one redis-server, and twemproxy and cachesd before it; and relays, behind which
redis-server is as if it were far away, or which only pass bytes on."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import harness  # noqa: E402

# Defaults but for what keeps a crowded machine from spoiling a run.
INI = """\
[cachesd]
listen = {listen}
listen = tcp:127.0.0.1:{port}
near_memory = 256mb
[backend main]
url = {redis:main}
timeout = 10s
[namespace bench]
backend = main
ttl = 2h
[namespace near]
backend = main
ttl = 2h
near = yes
near_ttl = 1h
[namespace stale]
backend = main
ttl = 2h
stale = 10m
"""

# Where clients of Redis connect to; their keys begin with a namespace's prefix.
LISTENER = """\
[listener dialect]
listen = unix:{folder}/dialect.sock
speak = redis
namespaces = bench, near, stale
"""

# The same redis-server, as far away as a relay makes it.
FAR = """\
[backend away{away}us]
url = {url}
timeout = 10s
[namespace bench{away}us]
backend = away{away}us
prefix = bench:
ttl = 2h
[namespace near{away}us]
backend = away{away}us
prefix = near:
ttl = 2h
near = yes
near_ttl = 1h
"""

POOL = """\
{name}:
  listen: {listen}
  hash: fnv1a_64
  distribution: ketama
  redis: true
  preconnect: true
  backlog: 1024
  servers:
   - {redis}:1 main
"""


RELAY = os.environ.get("RELAY") or str(HERE.parent.parent / "build" / "relay")


class Server:
    """Where a server listens, and its process. `far` has the address for each distance in µs at which the
    server is not asked by its usual one, and `far_pids` the process where it is another."""

    def __init__(self, name, pid, path, port, far=(), far_pids=()):
        self.name, self.pid = name, pid
        self.addresses = {"unix": f"unix:{path}", "tcp": f"tcp:127.0.0.1:{port}"}
        self.far, self.far_pids = dict(far), dict(far_pids)

    def address(self, point):
        return self.far.get(point.away) or self.addresses[point.transport]

    def pid_at(self, point):
        return self.far_pids.get(point.away) or self.pid


class Relay:
    """A process that listens at a port or a path, and behind which the server at `target`, a port or a path too, is so
    many µs away, there and back."""

    def __init__(self, listen, target, away):
        command = [RELAY, listen, target, away / 1000]
        self.process = subprocess.Popen(
            [str(word) for word in command], preexec_fn=harness.end_with_parent
        )
        self.pid, self.port = self.process.pid, listen
        is_port = isinstance(listen, int)
        self.address = f"tcp:127.0.0.1:{listen}" if is_port else f"unix:{listen}"
        place = ("127.0.0.1", listen) if is_port else listen
        harness.wait_until(lambda: harness.accepts(place), "the relay accepts")


class Bare(Server):
    """What any process costs that stands between a client and redis-server: relays without a delay, one for each
    distance."""

    def __init__(self, folder, redis_path, relays):
        targets = {0: redis_path, **{away: relay.port for away, relay in relays.items()}}
        self.relays = {away: Relay(f"{folder}/bare-{away}us.sock", target, 0) for away, target in targets.items()}
        super().__init__("bare", self.relays[0].pid, f"{folder}/bare-0us.sock", None,
                         {away: relay.address for away, relay in self.relays.items()},
                         {away: relay.pid for away, relay in self.relays.items()})


class Twemproxy(Server):
    """One process, a pool for each transport, each with one connection to redis-server's socket; and a pool
    for each relay, with one connection to that."""

    def __init__(self, folder, redis_path, relays):
        path, port = f"{folder}/twemproxy.sock", harness.free_port()
        pools = [("unix", f"{path} 0600", redis_path), ("tcp", f"127.0.0.1:{port}", redis_path)]
        for away, relay in relays.items():
            listen = f"{folder}/twemproxy-{away}us.sock 0600"
            pools.append((f"away{away}us", listen, f"127.0.0.1:{relay.port}"))
        texts = [POOL.format(name=n, listen=a, redis=redis) for n, a, redis in pools]
        pathlib.Path(folder, "twemproxy.yml").write_text("".join(texts))
        command = ["nutcracker", "-c", f"{folder}/twemproxy.yml", "-o", f"{folder}/twemproxy.log"]
        command += ["-p", f"{folder}/twemproxy.pid", "-a", "127.0.0.1"]
        command += ["-s", str(harness.free_port())]
        self.process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL, preexec_fn=harness.end_with_parent
        )
        harness.wait_until(lambda: harness.accepts(path), "twemproxy accepts")
        far = {away: f"unix:{folder}/twemproxy-{away}us.sock" for away in relays}
        super().__init__("twemproxy", self.process.pid, path, port, far)


class Servers:
    """Owns all of them: `with Servers() as servers`. Names: redis, twemproxy, bare, cachesd,
    dialect, which is cachesd by a listener of Redis's dialect, and before, which is another build of cachesd, the
    program `before`, where there is one. `distances`: µs of the relays."""

    def __init__(self, distances=(), before=None):
        self.distances, self.before = distances, before

    def __enter__(self):
        self.world = harness.World()
        self.world.__enter__()
        redis = self.world.redis("main", port=harness.free_port())
        # They ask redis-server's Unix socket, which costs the processors less than TCP once more: a network would
        # take none of their time.
        self.relays = {away: Relay(harness.free_port(), redis.path, away) for away in self.distances}
        far = {away: relay.address for away, relay in self.relays.items()}
        port = harness.free_port()
        self.daemon = self.world.daemon(f"{INI}{self.far_ini()}{LISTENER}listen = tcp:127.0.0.1:{port}\n")
        dialect = f"{self.world.folder}/dialect.sock"
        self.twemproxy = Twemproxy(self.world.folder, redis.path, self.relays)
        self.bare = Bare(self.world.folder, redis.path, self.relays)
        self.all = {
            "redis": Server("redis", redis.process.pid, redis.path, redis.port, far),
            "twemproxy": self.twemproxy,
            "bare": self.bare,
            "cachesd": Server("cachesd", self.daemon.pid, self.daemon.path, self.world.port),
            "dialect": Server("dialect", self.daemon.pid, dialect, port),
        }
        if self.before:
            self.all["before"] = self.start_before()
        return self

    def start_before(self):
        path, port = f"{self.world.folder}/before.sock", harness.free_port()
        ini = f"{INI}{self.far_ini()}".replace("{listen}", f"unix:{path}").replace("{port}", str(port))
        return Server("before", self.world.daemon(ini, program=[self.before]).pid, path, port)

    def far_ini(self):
        urls = {away: f"redis://127.0.0.1:{relay.port}" for away, relay in self.relays.items()}
        return "".join(FAR.format(away=away, url=url) for away, url in urls.items())

    def __exit__(self, *why):
        self.end(self.twemproxy.process)
        self.world.__exit__(*why)
        for relay in [*self.relays.values(), *self.bare.relays.values()]:
            self.end(relay.process)

    @staticmethod
    def end(process):
        process.kill()
        process.wait()

    def __getitem__(self, name):
        return self.all[name]

    def __contains__(self, name):
        return name in self.all
