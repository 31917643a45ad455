"""The languages of ../../clients, and the programs that drive their clients: ../drivers/clients."""

import os
import shutil
import subprocess
import tempfile
import unittest

import harness

CLIENTS = harness.ROOT / "clients"
DRIVERS = harness.ROOT / "tests" / "drivers" / "clients"
ENVIRONMENT = {name: value for name, value in os.environ.items() if "CACHES" not in name and name != "XDG_RUNTIME_DIR"}
# A namespace, and a user of it whose token is "secret".
USER_INI = f"""\
[cachesd]
listen = {{listen}}
[backend main]
url = {{redis:main}}
timeout = 20s
[namespace demo]
[user web]
token = {harness.token_hash("secret")}
namespaces = demo
access = write
"""


class Language:
    """How a driver is built and run, and what its language lacks.

    In commands, `{driver}` is its name; `{built}`, `{clients}` and `{drivers}` are folders.
    """

    def __init__(self, name, run, build=None, probe=None, first=None, has_zero=True, has_unix=True, is_typed=True, is_flat=False,
                 sees_connection=True):
        self.name, self.run, self.build_command = name, run, build
        self.folder = name.lower()  # of the client
        self.probe = probe or f"command -v {(build or run).split()[0]}"  # fails where it is not installed
        self.first = first  # the program of its README: fence, file, and how it is run
        self.has_zero = has_zero  # zero bytes in strings
        self.has_unix = has_unix  # Unix sockets
        self.is_typed = is_typed  # numbers and strings are told apart
        self.is_flat = is_flat  # arrays have no arrays in them, none has one item, and nil in them is empty
        self.sees_connection = sees_connection  # and so knows that nothing was sent, while connecting takes too long

    def lacks(self):
        """Why it cannot be tested here, or None."""
        is_there = subprocess.run(self.probe, shell=True, capture_output=True, check=False).returncode == 0
        return None if is_there else f"{self.name} is not installed: '{self.probe}' fails"

    def build(self, driver, built):
        if self.build_command:
            done = harness.run("sh", "-c", self.fill_in(self.build_command, driver, built), env=ENVIRONMENT)
            assert done.returncode == 0, done.stdout + done.stderr

    def command(self, driver, built):
        return self.fill_in(self.run, driver, built).split()

    def fill_in(self, text, driver, built):
        return text.format(driver=driver, built=built, clients=CLIENTS, drivers=DRIVERS)

    def seen(self, reply):
        """How the language sees this reply."""
        if isinstance(reply, list) and self.is_flat:
            items = [self.seen(item) or b"" for item in flattened(reply)]
            return items[0] if len(items) == 1 else items
        if isinstance(reply, list):
            return [self.seen(item) for item in reply]
        return str(reply).encode() if isinstance(reply, int) and not self.is_typed else reply


LUA = "env LUA_PATH={clients}/lua/?.lua;; lua5.4"
LANGUAGES = (
    Language("Python", "python3 -B {drivers}/{driver}.py", first=("python", "first.py", "python3 first.py")),
    Language("PHP", "php {drivers}/{driver}.php", first=("php", "first.php", "php first.php")),
    Language("JavaScript", "node {drivers}/{driver}.js", first=("javascript", "first.js", "node first.js")),
    Language("Ruby", "ruby -W2 {drivers}/{driver}.rb", first=("ruby", "first.rb", "ruby -W2 first.rb")),
    Language("Perl", "perl {drivers}/{driver}.pl", is_typed=False, first=("perl", "first.pl", "perl -w first.pl")),
    Language(
        "Lua", LUA + " {drivers}/{driver}.lua", probe="lua5.4 -e 'require \"socket.unix\"'",
        first=("lua", "first.lua", "lua5.4 first.lua"),
    ),
    Language(
        "Go", "{built}/{driver}", probe="command -v go",
        build="mkdir -p {built}/src && ln -sfn {clients}/go/cachesd {built}/src/cachesd && cd {built} && "
        "GO111MODULE=off GOPATH={built} GOFLAGS=-p=2 go build -o {driver} {drivers}/{driver}.go",
        first=("go", "first.go", "go mod init example && go run ."),
    ),
    Language(
        "Java", "java -XX:TieredStopAtLevel=1 -Xshare:auto -cp {built} {driver}", probe="command -v javac",
        build="javac -Xlint:all -Werror -d {built} {clients}/java/cachesd/Cachesd.java {drivers}/{driver}.java",
        first=("java", "First.java", "javac -d . cachesd/Cachesd.java First.java && java First"),
    ),
    Language(
        "Rust", "{built}/{driver}", probe="rustc --version",
        build="cd {built} && rustc -Dwarnings --edition 2021 --crate-type rlib --crate-name cachesd {clients}/rust/src/lib.rs && "
        "rustc -Dwarnings --edition 2021 --extern cachesd=libcachesd.rlib {drivers}/{driver}.rs",
        first=("rust", "first.rs", "rustc --edition 2021 --crate-type rlib --crate-name cachesd src/lib.rs && "
               "rustc --edition 2021 --extern cachesd=libcachesd.rlib first.rs && ./first"),
    ),
    Language(
        "C", "{built}/{driver}", probe="command -v cc",
        build="cc -std=gnu11 -Wall -Wextra -Werror -O1 -fsanitize=address,undefined -I{clients}/c -o {built}/{driver} "
        "{drivers}/{driver}.c {clients}/c/cachesd.c",
        first=("c", "first.c", "cc -o first first.c cachesd.c && ./first"),
    ),
    Language(
        "Shell", "bash {drivers}/{driver}.sh", probe="command -v nc", has_zero=False, is_typed=False, is_flat=True, sees_connection=False,
        first=("bash", "first.sh", "bash first.sh"),
    ),
    Language("Tcl", "tclsh {drivers}/{driver}.tcl", has_unix=False, first=("tcl", "first.tcl", "tclsh first.tcl")),
)

# Whose client is one of several in its folder.
MORE = (Language("Asyncio", "python3 -B {drivers}/{driver}.py asyncio"),)


def flattened(items):
    for item in items:
        yield from flattened(item) if isinstance(item, list) else [item]


class Built:
    """Mixed into a test of the driver `driver` of one `language`: it is built once."""

    @classmethod
    def setUpClass(cls):
        reason = cls.language.lacks()
        if reason:
            raise unittest.SkipTest(reason)
        cls.built = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.built)
        cls.language.build(cls.driver, cls.built)


class Talk:
    """A driver that runs."""

    def __init__(self, language, built, env):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(
            [*harness.ENDS_WITH_PARENT, *language.command("talk", built)], env={**ENVIRONMENT, **env}, **pipes
        )

    def ask(self, verb, *words):
        coded = [word.encode() if isinstance(word, str) else word for word in words]
        line = " ".join([verb, *(word.hex() or "." for word in coded)])
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode(errors="replace").strip()
        assert answer, f"the driver has ended: {line[:200]}"
        return answer

    def open(self, address="", timeout_ms=10000, user="", token=""):
        """Nothing, or what was wrong."""
        answer = self.ask("open", address, str(timeout_ms), user, token)
        assert answer == "opened" or answer.startswith("-"), answer
        return None if answer == "opened" else answer

    def call(self, *words):
        """The reply; an error is a str that begins with `-`."""
        answer = self.ask("call", *words)
        return answer if answer.startswith("-") else parse(answer.replace("[", "[ ").replace("]", " ]").split())

    def end(self):
        with harness.killed_on_failure(self.process):
            self.process.stdin.close()
            assert self.process.wait(timeout=harness.LONG) == 0


def parse(words):
    word = words.pop(0)
    if word == "[":
        items = []
        while words[0] != "]":
            items.append(parse(words))
        words.pop(0)
        return items
    if word == "nil":
        return None
    return int(word[1:]) if word[0] == ":" else bytes.fromhex(word.removeprefix("$"))
