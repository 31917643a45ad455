"""The servers side by side: one redis-server, and twemproxy and cachesd before it."""

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
ttl = 2h
[namespace near]
ttl = 2h
near = yes
near_ttl = 1h
[namespace stale]
ttl = 2h
stale = 10m
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


class Server:
    """Where a server listens, and its process."""

    def __init__(self, name, pid, path, port):
        self.name, self.pid = name, pid
        self.addresses = {"unix": f"unix:{path}", "tcp": f"tcp:127.0.0.1:{port}"}


class Twemproxy(Server):
    """One process, a pool for each transport, each with one connection to redis-server's socket."""

    def __init__(self, folder, redis_path):
        path, port = f"{folder}/twemproxy.sock", harness.free_port()
        listens = {"unix": f"{path} 0600", "tcp": f"127.0.0.1:{port}"}
        pools = [POOL.format(name=n, listen=a, redis=redis_path) for n, a in listens.items()]
        pathlib.Path(folder, "twemproxy.yml").write_text("".join(pools))
        command = ["nutcracker", "-c", f"{folder}/twemproxy.yml", "-o", f"{folder}/twemproxy.log"]
        command += ["-p", f"{folder}/twemproxy.pid", "-a", "127.0.0.1"]
        command += ["-s", str(harness.free_port())]
        self.process = subprocess.Popen(
            command, stderr=subprocess.DEVNULL, preexec_fn=harness.end_with_parent
        )
        harness.wait_until(lambda: harness.accepts(path), "twemproxy accepts")
        super().__init__("twemproxy", self.process.pid, path, port)


class Servers:
    """Owns all of them: `with Servers() as servers`. Names: redis, twemproxy, cachesd."""

    def __enter__(self):
        self.world = harness.World()
        self.world.__enter__()
        redis = self.world.redis("main", port=harness.free_port())
        self.daemon = self.world.daemon(INI)
        self.twemproxy = Twemproxy(self.world.folder, redis.path)
        self.all = {
            "redis": Server("redis", redis.process.pid, redis.path, redis.port),
            "twemproxy": self.twemproxy,
            "cachesd": Server("cachesd", self.daemon.pid, self.daemon.path, self.world.port),
        }
        return self

    def __exit__(self, *why):
        self.twemproxy.process.kill()
        self.twemproxy.process.wait()
        self.world.__exit__(*why)

    def __getitem__(self, name):
        return self.all[name]
