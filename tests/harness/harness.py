"""A private world for one test: a folder, Redis servers, and the daemon under test.

    with World() as world:
        redis = world.redis("main")
        daemon = world.daemon(INI)
        with daemon.client() as client:
            assert client.call("key.set", "carts", "7", "v") == b"OK"

In a configuration {redis:NAME} stands for the URL of a Redis (started when it is not yet),
{listen} for the daemon's listen address, {port} for a free TCP port, {folder} for the folder.
Leaving the world stops everything and fails when the daemon ended badly.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import pathlib
import re
import resource
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import weakref

import exposition
import resp
from resp import Client

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHESD = os.environ.get("CACHESD") or str(ROOT / "build" / "cachesd")
# The server that tests run the daemon against: `valkey-server` will do too.
REDIS_SERVER = os.environ.get("REDIS_SERVER") or "redis-server"
# A program to run it under: `./dev valgrind` says valgrind.
UNDER = os.environ.get("CACHESD_UNDER", "").split()
DAEMON = [*UNDER, CACHESD]
# The same, but for a daemon that looks all the time whether its files have changed (hasty.c).
HASTY = [*UNDER, str(pathlib.Path(CACHESD).with_name("cachesd_hasty"))]
# How many workers each daemon has whose configuration does not say so.
WORKERS = os.environ.get("WORKERS")
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:")
BAD_CONFIGURATION = 78  # the daemon's exit code then
FREE_PORTS = range(10_000, 32_768)  # below Linux's net.ipv4.ip_local_port_range
LONG = 30  # seconds: how long anything may take before it counts as hanging
SOON = 3  # seconds: how long what should come at once may take on a busy machine

INI = """\
[cachesd]
listen = {listen}
[backend main]
url = {redis:main}
timeout = 20s
[namespace carts]
prefix = cart:
ttl = 2h
max_ttl = 1d
"""

NEEDS_ROOT = unittest.skipIf(os.getuid() != 0, "only root can become somebody else")
NOT_UNDER = unittest.skipIf(UNDER, "under valgrind a start takes long, and needs its standard files")
OTHER = 65534  # a uid and a gid that are not root's
AS_OTHER = {"user": OTHER, "group": OTHER, "extra_groups": []}  # for a daemon that is somebody else's

libc = ctypes.CDLL(None)


# Before a command: a test that is killed leaves no servers behind. For a preexec_fn Python would have to
# fork, which costs more than a server's start.
ENDS_WITH_PARENT = [shutil.which("setpriv"), "--pdeathsig", "KILL", "--"]


def end_with_parent():
    """The same, in a child that was forked."""
    PR_SET_PDEATHSIG = 1
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.contextmanager
def killed_on_failure(process):
    """A program whose end is awaited behind the block, and that is killed when the block fails: so does the test, at once."""
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def allow_many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_until(condition, what, seconds=LONG):
    """Asks again and again until `condition()` is true, and returns what it said."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(0.002)


def send_signal(process, number):
    """SIGSTOP takes hold of a thread some time after it was sent: this waits for that."""
    process.send_signal(number)
    if number == signal.SIGSTOP:
        wait_until(lambda: is_held(process.pid), "the process stands still")


def is_held(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        state = (task / "stat").read_text().rpartition(")")[2].split()[0]
        if state not in "TtZX":
            return False
    return True


def accepts(address):
    """Whether something listens there."""
    try:
        Client(address).close()
        return True
    except OSError:
        return False


def is_sanitized():
    """Whether the daemon under test is watched, by sanitizers or valgrind: they need much memory."""
    program = pathlib.Path(CACHESD).read_bytes()
    return bool(UNDER) or b"__asan_init" in program or b"__tsan_init" in program


def token_hash(token):
    """As the option `token` wants it."""
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


@contextlib.contextmanager
def own_network():
    """A network that has no more than a loopback, so that no port is taken. Only root gets one: for
    others this does nothing."""
    CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x40000000, 0x8914, 1
    with open("/proc/self/ns/net") as before:
        is_own = libc.unshare(CLONE_NEWNET) == 0
        try:
            if is_own:
                with socket.socket() as any_socket:
                    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
            yield
        finally:
            if is_own:
                libc.setns(before.fileno(), CLONE_NEWNET)


def hide(folder):
    """Run in a child: it sees that folder of the machine as empty. Only root can do so."""
    CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
    if os.path.isdir(folder) and libc.unshare(CLONE_NEWNS) == 0:
        libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, None)


@contextlib.contextmanager
def identity(uid, gid, groups=()):
    """Who this process is to the Unix sockets that it connects to meanwhile. Needs root."""
    before = os.geteuid(), os.getegid(), os.getgroups()
    os.setgroups(groups)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])
        os.setgroups(before[2])


def sections(text):
    """What `stats` replies: {heading: {name: value}}."""
    found = {}
    for line in text.decode().splitlines():
        if line.startswith("# "):
            current = found.setdefault(line[2:], {})
        else:
            name, _, value = line.partition(":")
            current[name] = value
    return found


def text_of(reply):
    """A reply of bytes, a status or an error as text."""
    return reply.decode()


def local_name():
    """A name of 127.0.0.1 alone, to be looked up. Not every machine knows one, as without /etc/hosts, and
    most have localhost stand for ::1, too."""
    try:
        found = {address[4][0] for address in socket.getaddrinfo("localhost", 1)}
    except socket.gaierror:
        found = set()
    return "localhost" if found == {"127.0.0.1"} else "127.1"  # inet_aton(3)


def free_port():
    """Of the ports that the system gives to no connection, the next one that no test has been given: none is
    taken before the caller listens at it."""
    with open(f"/tmp/cachesd-ports.{os.getuid()}", "a+", encoding="ascii") as given:
        fcntl.flock(given, fcntl.LOCK_EX)
        given.seek(0)
        place = int(given.read() or secrets.randbelow(len(FREE_PORTS)))
        while True:
            place = (place + 1) % len(FREE_PORTS)
            with contextlib.suppress(OSError), socket.socket() as probe:
                probe.bind(("127.0.0.1", FREE_PORTS[place]))
                given.truncate(0)
                given.write(str(place))
                return FREE_PORTS[place]


def signals_waiting(pid):
    """What has been sent to a process that is stopped."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    bits = int(re.search(r"^ShdPnd:\s*(\w+)", status, re.MULTILINE)[1], 16)
    return {number for number in range(1, 65) if bits >> (number - 1) & 1}


def is_running(pid):
    """False also for one that has ended and that nobody has waited for."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    """The running children of a process: {pid: name}."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        state, parent = rest.split()[:2]
        if int(parent) == pid and state not in "ZX":
            found[int(path.parent.name)] = name
    return found


class Redis:
    """A private redis-server on a Unix socket, without persistence."""

    def __init__(self, folder, name, port=0, options=()):
        self.path = f"{folder}/{name}.redis"
        self.port = port
        self.command = [REDIS_SERVER, "--unixsocket", self.path, "--port", str(port)]
        self.command += ["--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self.command += ["--enable-debug-command", "yes", "--logfile", f"{folder}/{name}.log"]
        self.command += options
        self.process = None
        self.start()

    @property
    def url(self):
        return f"unix:{self.path}"

    def start(self):
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.process = subprocess.Popen([*ENDS_WITH_PARENT, *self.command])
        wait_until(lambda: accepts(self.path), "redis-server accepts")

    def client(self, timeout=10):
        return Client(self.path, timeout)

    def call(self, *words):
        with self.client() as client:
            return client.call(*words)

    def send_signal(self, number):
        send_signal(self.process, number)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Daemon:
    """cachesd itself. Its log is a file in the world's folder."""

    def __init__(self, world, ini, number, env, arguments, options):
        self.world = world
        self.path = f"{world.folder}/cachesd.sock"
        self.ini = f"{world.folder}/cachesd-{number}.ini"
        self.log_path = pathlib.Path(f"{world.folder}/cachesd-{number}.log")
        pathlib.Path(self.ini).write_text(ini)
        self.is_expected_to_fail = False
        program = options.pop("program", DAEMON)  # which a test may have replaced
        # Neither the build's folder nor a file under this umask need be open to another user.
        self.is_others = "user" in options
        if self.is_others:
            program = [*UNDER, world.program_for_others()]
            os.chmod(self.ini, 0o644)
        with open(self.log_path, "wb") as log:
            usual = {"stdout": subprocess.DEVNULL, "stderr": log}
            self.process = subprocess.Popen(
                [*ENDS_WITH_PARENT, *program, "-c", self.ini, *arguments],
                env={**world.environment, **env},
                **{**usual, **options},
            )

    @property
    def pid(self):
        return self.process.pid

    def memory(self, name):
        """Bytes of VmHWM (the most that it ever held), VmRSS and the like."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s*(\d+)", status, re.MULTILINE)[1]) * 1024

    def log(self):
        return self.log_path.read_text(errors="replace")

    def lines(self, text):
        """The lines of its log that hold the text."""
        return [line for line in self.log().splitlines() if text in line]

    def wait_logged(self, text):
        wait_until(lambda: text in self.log(), f"the log has: {text}")

    def wait_ready(self):
        wait_until(self._is_ready_or_dead, "the daemon logs `ready`")
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon ended with {self.process.returncode}")
        return self

    def _is_ready_or_dead(self):
        return re.search(r"\bready\b", self.log()) or self.process.poll() is not None

    def client(self, timeout=10):
        return self.world.close_first(Client(self.path, timeout))

    def call(self, *words):
        with self.client() as client:
            return client.call(*words)

    def configure(self, ini):
        """Replaces its file at once, so that no reload reads half of it."""
        text = self.world.fill_in(ini)
        pathlib.Path(self.ini + ".new").write_text(text)
        if self.is_others:
            os.chmod(self.ini + ".new", 0o644)
        os.replace(self.ini + ".new", self.ini)

    def reload(self, ini):
        """Replaces its file and reloads; gives the reply."""
        self.configure(ini)
        return self.call("reload")

    def stats(self, namespace):
        """The counters of a namespace, as numbers."""
        found = sections(self.call("stats", namespace))[f"namespace {namespace}"]
        return {name: int(value) for name, value in found.items()}

    def metric(self, name, **labels):
        """What `metrics` says of one sample; 0: nothing."""
        return exposition.value(exposition.parse_text(text_of(self.call("metrics"))), name, labels)

    def backend(self, name="main"):
        """What `backends` says of one: {name: value}."""
        for line in text_of(self.call("backends")).splitlines():
            found = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line))
            if found["name"] == name:
                return found
        raise AssertionError(f"no backend {name}")

    def wait_near(self, backends=1):
        """Until the near cache is on for so many backends."""
        live = lambda: self.call("backends").count(b"tracking=live") >= backends
        wait_until(live, "the near cache is on")

    def send_signal(self, number):
        send_signal(self.process, number)

    def kill(self):
        """As a crash: no clean-up, no check."""
        self.process.kill()
        self.process.wait()

    def wait(self):
        """The exit code."""
        return self.process.wait(timeout=LONG)

    def stop(self):
        """Ends it as an operator would, and checks that it ended well."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        found = SANITIZER.search(self.log())
        assert not found, f"a sanitizer says: {found[0]}"
        if code != -signal.SIGKILL and not self.is_expected_to_fail:
            assert code == 0, f"the daemon ended with {code}"


class World:
    """Owns a folder and every process that a test starts."""

    def __init__(self):
        allow_many_files()
        self.folder = tempfile.mkdtemp(prefix="cachesd-", dir="/tmp")  # socket paths are short
        self.environment = {k: v for k, v in os.environ.items() if "CACHES" not in k}
        self.environment["XDG_RUNTIME_DIR"] = self.folder
        self.servers = {}
        self.daemons = []
        self.kept = contextlib.ExitStack()
        self.clients = weakref.WeakSet()
        self.port = None

    def open_to_others(self):
        """The folder and the Redis `main`, for a daemon that is not this user's."""
        os.chmod(self.folder, 0o777)
        os.chmod(self.redis().path, 0o777)

    def program_for_others(self):
        """A copy of the daemon's program that every user may run."""
        path = f"{self.folder}/cachesd"
        if not os.path.exists(path):
            shutil.copyfile(CACHESD, path)
            os.chmod(path, 0o755)
        return path

    def redis(self, name="main", **options):
        if name not in self.servers:
            self.servers[name] = Redis(self.folder, name, **options)
        return self.servers[name]

    def keep(self, context):
        """Enters it, and leaves it when the daemons and Redis servers have ended."""
        return self.kept.enter_context(context)

    def close_first(self, client):
        """Closes the connection before the daemons are told to end, for they wait a second for a client that stays."""
        self.clients.add(client)
        return client

    def fill_in(self, text):
        """Puts addresses in the place of {redis:NAME}, {listen}, {port} and {folder}."""
        if WORKERS and "workers = " not in text:
            text = text.replace("[cachesd]\n", f"[cachesd]\nworkers = {WORKERS}\n")
        if "{port}" in text and not self.port:
            self.port = free_port()
        text = re.sub(r"\{redis:(\w+)\}", lambda match: self.redis(match[1]).url, text)
        text = text.replace("{listen}", f"unix:{self.folder}/cachesd.sock")
        return text.replace("{port}", str(self.port)).replace("{folder}", self.folder)

    def start_daemon(self, ini=INI, env=None, arguments=(), **options):
        """Starts it without waiting for anything. `options`: of subprocess.Popen, and program=HASTY."""
        number = len(self.daemons)
        daemon = Daemon(self, self.fill_in(ini), number, env or {}, arguments, options)
        self.daemons.append(daemon)
        return daemon

    def daemon(self, ini=INI, env=None, arguments=(), **options):
        return self.start_daemon(ini, env, arguments, **options).wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for client in list(self.clients):
            client.close()
        try:
            for daemon in self.daemons:
                self._stop(daemon, kind is not None)
        except BaseException:
            self._show_logs()
            raise
        else:
            if kind is not None:
                self._show_logs()
        finally:
            for daemon in self.daemons:
                daemon.kill()
            for redis in self.servers.values():
                redis.kill()
            self.kept.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _stop(self, daemon, has_failed):
        if has_failed:
            daemon.process.terminate()
            wait_or_kill(daemon.process)
        else:
            daemon.stop()

    def _show_logs(self):
        for number, daemon in enumerate(self.daemons):
            print(f"--- log of daemon {number}:", file=sys.stderr)
            print(daemon.log()[-8000:], file=sys.stderr)


class TestCase(unittest.TestCase):
    """A test with a world of its own, which ends with it; and the test fails when a daemon ended badly.

    A class whose tests begin alike extends setUp: `self.redis = self.world.redis()`, and so on. A test
    that needs several worlds, or other ones, says `with World() as world` in a plain unittest.TestCase.
    """

    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.__exit__, None)

    def connect(self, server, timeout=10):
        """A client of a daemon or a Redis, which is closed before the world ends."""
        client = server.client(timeout)
        self.addCleanup(client.close)
        return client


def wait_or_kill(process):
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(*command, env=None, **options):
    """Runs a program to its end; gives returncode, stdout and stderr as text."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=LONG, env=env, **options
    )


def keys_without_ttl(redis, prefix):
    """Keys under `prefix` that never expire, and how many keys there are."""
    with redis.client() as client:
        keys = client.call("KEYS", prefix + "*")
        client.send(b"".join(resp.array("PTTL", key) for key in keys))
        return [key for key in keys if client.read() == -1], len(keys)


def main():
    """Runs the tests of a scenario: each is a sentence, `test_…`."""
    unittest.main(verbosity=2)
