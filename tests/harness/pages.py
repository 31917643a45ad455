"""Documents, and how what they show is played: a section of a page is a conversation with a daemon of its own.

The word behind the back-ticks says what a block is. `ini` configures the daemon, and reloads it when it runs
already; sections that it leaves out are the usual ones. `nc` is what a person types and what comes back, as bytes;
`<word>` in a reply stands for any word, and later for the same. `redis-cli` is a conversation of that program's.
`python`, `php` and `bash` are programs, or a session of Python's; a block `text` behind one is what it prints. `sh` is
what a person does to the machine, `log` what the daemon prints, `acl` a line of Redis's, and `yaml` is another program's:
these are not played here.
"""

import hashlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import unittest

import harness
import tls

PLAYED = {"ini", "nc", "redis-cli", "python", "php", "bash", "text"}
LANGUAGES = PLAYED | {"sh", "log", "acl", "yaml"}
CHATS = PLAYED - {"ini", "text"}
CLIENTS = harness.ROOT / "clients"
PATH = f"{pathlib.Path(harness.CACHESD).parent}:{os.environ['PATH']}"  # where a page's programs find this build's
BLOCK = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.M | re.S)
USUAL = {
    "[cachesd]": "[cachesd]\nlisten = {listen}\n",
    "[backend": "[backend main]\nurl = {redis:main}\n",
    "[namespace": "[namespace carts]\n[namespace sessions]\n",
}
SLACK = 20  # seconds of a ttl that may have passed on a busy machine
TOKEN = "sha256:" + hashlib.sha256(b"correct horse").hexdigest()

# Holds a session of Python's, from standard input, beside what Python then prints. A ttl may have passed by a
# little.
SESSION_OF_PYTHON = """
import doctest, sys

class Checker(doctest.OutputChecker):
    def check_output(self, want, got, flags):
        return super().check_output(want, got, flags) or (
            want.strip().isdigit() and got.strip().isdigit() and 0 <= int(want) - int(got) <= 20)

test = doctest.DocTestParser().get_doctest(sys.stdin.read(), {}, "page", "page", 0)
sys.exit(doctest.DocTestRunner(Checker()).run(test).failed > 0 or not test.examples)
"""


def sections(path):
    """The page's sections that show something: (heading, [(language, text), ...])."""
    parts = re.split(r"^##? (.*)$", path.read_text(), flags=re.M)
    for heading, body in zip(parts[1::2], parts[2::2]):
        blocks = BLOCK.findall(body)
        if blocks:
            yield heading, blocks


def steps(lines):
    """What a person types, and what should come back: (request, reply) pairs of text."""
    while lines:
        if lines[0] == "":
            lines = lines[1:]
            continue
        request, lines = lines[0] + "\n", lines[1:]
        announced = re.search(r" \$(\d+)$", request.rstrip())
        size = len(request) + int(announced[1]) if announced else 0
        while len(request) < size:
            request, lines = request + lines[0] + "\n", lines[1:]
        reply, lines = take_reply(lines)
        yield request, reply


def take_reply(lines):
    """One reply as it is printed; a bulk's text may have several lines. What stands for a word has the word's
    length announced."""
    first, lines = lines[0], lines[1:]
    assert re.match(r"[+:$*-]", first), f"not a reply: {first}"
    reply = first + "\r\n"
    if first[0] == "$" and first != "$-1":
        text, lines = lines[0], lines[1:]
        while len(text) < int(first[1:]) and not re.fullmatch(r"<\w+>", text):
            text, lines = text + "\n" + lines[0], lines[1:]
        reply += text + "\r\n"
    elif first[0] == "*":
        for _ in range(int(first[1:])):
            item, lines = take_reply(lines)
            reply += item
    return reply, lines


def read_reply(stream):
    """The bytes of one reply."""
    first = stream.readline()
    assert first, "the daemon has closed the connection"
    kind, number = first[:1], first[1:].strip()
    if kind == b"$" and number != b"-1":
        return first + stream.read(int(number) + 2)
    if kind == b"*":
        return first + b"".join(read_reply(stream) for _ in range(int(number)))
    return first


def is_time_passed(wanted, got):
    """Whether both are whole numbers, of which the second is a ttl that has begun to pass."""
    numbers = [re.search(r"^(?::|\(integer\) )(\d{2,})$", text.strip()) for text in (wanted, got)]
    return all(numbers) and 0 <= int(numbers[0][1]) - int(numbers[1][1]) <= SLACK


class Player:
    """Plays the blocks of one section."""

    def __init__(self, test, world):
        self.test, self.world = test, world
        self.daemon = self.output = None
        self.words = {}  # what <word> stands for
        self.ports = {}
        self.played = 0

    def play(self, blocks):
        plays = {"nc": self.nc, "redis-cli": self.redis_cli, "python": self.python, "text": self.text,
                 "php": self.php, "bash": self.bash}
        is_chat = any(language in CHATS for language, _ in blocks)
        for language, text in blocks:
            if language == "ini":
                (self.configure if is_chat else self.check)(text)
            elif language in plays:
                plays[language](self.here(text))
            self.played += language in PLAYED

    def here(self, text):
        """With this test's places instead of the usual ones."""
        text = text.replace("/run/cachesd/", f"{self.world.folder}/")
        for port in ("6380", "9379"):
            if port in text:
                self.ports.setdefault(port, str(harness.free_port()))
                text = text.replace(port, self.ports[port])
        return text

    def whole(self, ini):
        """The block as a whole configuration."""
        for section, usual in USUAL.items():
            if not re.search("^" + re.escape(section), ini, re.M):
                ini = usual + ini
        ini = ini.replace("tcp:127.0.0.1:7379", "{listen}").replace("sha256:HEX", TOKEN)
        ini = ini.replace("uid = root", f"uid = {os.getuid()}")
        return self.here(ini)

    def configure(self, ini):
        if self.daemon:
            self.test.assertEqual(self.daemon.reload(self.whole(ini)), b"OK")
        else:
            self.daemon = self.world.daemon(self.whole(ini))
            self.test.assertEqual(self.daemon.lines("warning:"), [])
        if re.search(r"^near\s*=\s*yes", ini, re.M):
            self.daemon.wait_near()

    def check(self, ini):
        """That `cachesd -t` finds it good. The files that it names are there."""
        if "tls_cert" in ini:
            for ca in "ca", "clients":
                tls.Authority(self.world.folder, ca).issue("server")
        path = pathlib.Path(self.world.folder, "page.ini")
        path.write_text(self.world.fill_in(self.whole(ini)))
        done = harness.run(*harness.DAEMON, "-t", "-c", path)
        self.test.assertEqual((done.returncode, done.stderr), (0, f"{path}: good\n"), path.read_text())

    def nc(self, text):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(harness.LONG)
            client.connect(self.daemon.path)
            stream = client.makefile("rb")
            for request, wanted in steps(text.splitlines()):
                for word, value in self.words.items():
                    request = request.replace(f"<{word}>", value)
                client.sendall(request.encode())
                self.compare(request, wanted, read_reply(stream).decode())

    def compare(self, request, wanted, got):
        for word in re.findall(r"^<(\w+)>\r$", wanted, re.M):
            if word not in self.words:
                pattern = re.escape(wanted).replace(re.escape(f"<{word}>"), r"(\S+)")
                found = re.fullmatch(pattern, got)
                self.test.assertTrue(found, f"{request}{got}")
                self.words[word] = found[1]
            wanted = wanted.replace(f"<{word}>", self.words[word])
        if not is_time_passed(wanted, got):
            self.test.assertEqual(got, wanted, request)

    def redis_cli(self, text):
        pairs = re.findall(r"^(\S+):(\d+)> (.+)\n((?:(?!\1:).+\n)*)", text, re.M)
        self.test.assertTrue(pairs, text)
        for host, port, command, printed in pairs:
            done = self.run(["redis-cli", "--no-raw", "-h", host, "-p", port], command + "\n")
            if not is_time_passed(printed, done.stdout):
                self.test.assertEqual(done.stdout, printed, command)

    def run(self, command, program):
        environment = {**self.world.environment, "CACHESD_ADDRESS": self.daemon.path,
                       "PYTHONPATH": str(CLIENTS / "python"), "PYTHONDONTWRITEBYTECODE": "1",
                       "PATH": PATH}
        done = subprocess.run(command, input=program, env=environment, cwd=self.world.folder,
                              capture_output=True, text=True, timeout=harness.LONG)
        self.test.assertEqual(done.returncode, 0, program + done.stdout + done.stderr)
        return done

    def python(self, program):
        if "import redis" in program:
            self.need(["/usr/bin/python3", "-c", "import redis"], "the package python3-redis")
        if program.startswith(">>> "):
            self.run(["/usr/bin/python3", "-c", SESSION_OF_PYTHON], program)
        else:
            pathlib.Path(self.world.folder, "page.py").write_text(program)
            self.output = self.run(["/usr/bin/python3", "page.py"], "").stdout

    def php(self, program):
        self.need(["php", "-r", "new Redis();"], "the packages php-cli and php-redis")
        self.output = self.run(["php"], program).stdout

    def bash(self, program):
        self.output = self.run(["bash", "-eu"], program).stdout

    def text(self, wanted):
        self.test.assertEqual(self.output, wanted)

    def need(self, command, package):
        if not shutil.which(command[0]) or subprocess.run(command, capture_output=True).returncode:
            raise unittest.SkipTest(f"needs {package}")
