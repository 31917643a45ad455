"""A relay between the daemon and its Redis that lets answers through when the test says so.

    with Valve(f"{world.folder}/valve.sock", redis.path) as valve:
        daemon = world.daemon(INI.replace("{redis:main}", valve.url))
        valve.shut("data")       # Redis is still asked, and answers: the valve holds them
        valve.wait_for("data", b"$3\r\nold\r\n")
        valve.open("data")

Two kinds of connection are told apart by the name that the daemon gives them: "tracking" tells of
changes, "data" is the other. A connection goes to where `targets` says when it is made.
"""

import socket
import threading

import harness
import resp

NAME = b"cachesd-near"


class Pipe:
    """One connection of the daemon's, with its own to Redis."""

    def __init__(self, valve, plug):
        self.valve = valve
        self.daemon = plug
        self.redis = None
        self.kind = None
        self.is_closed = False
        self.held = bytearray()  # answers; guarded by the valve's lock
        self.asked = bytearray()  # questions that are held; likewise

    def run(self):
        try:
            first = self.daemon.recv(65536)
            self.kind = "tracking" if NAME in first else "data"
            self.redis = resp.connect(self.valve.targets[self.kind], harness.LONG)
            self.redis.settimeout(None)
            threading.Thread(target=self.answer, daemon=True).start()
            data = first
            while data:
                self.ask(data)
                data = self.daemon.recv(65536)
        except OSError:
            pass
        self.close()

    def ask(self, data):
        with self.valve.lock:
            self.asked += data
            text = self.valve.shut_question
            at = self.asked.find(text) if text else -1
            if at < 0:
                self.pass_questions_on(len(self.asked))
            elif self.valve.is_shut_exactly:
                self.pass_questions_on(at)

    def pass_questions_on(self, count):
        self.redis.sendall(self.asked[:count])
        del self.asked[:count]

    def answer(self):
        try:
            while data := self.redis.recv(65536):
                with self.valve.lock:
                    self.held += data
                    if self.kind not in self.valve.shut_kinds:
                        self.pass_on(len(self.held))
        except OSError:
            pass
        self.close()

    def pass_on(self, count):
        data = bytes(self.held[:count])
        del self.held[:count]
        if not self.valve.is_dripping:
            self.daemon.sendall(data)
            return
        for at in range(len(data)):
            self.daemon.sendall(data[at : at + 1])

    def close(self):
        self.is_closed = True
        for plug in (self.daemon, self.redis):
            try:
                plug and plug.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def end(self):
        self.close()
        self.daemon.close()
        self.redis and self.redis.close()


class Valve:
    """`path` and `target`: of Unix sockets, or pairs of host and port, where port 0 is any that is free."""

    def __init__(self, path, target):
        self.path = path
        self.url = f"unix:{path}"
        self.targets = {"data": target, "tracking": target}
        self.shut_kinds = set()
        self.shut_question = None  # a connection that asks for this text is held from there on
        self.is_shut_exactly = False  # what it sends before the text is passed on
        self.is_dripping = False  # each byte is sent for itself
        self.pipes = []
        self.lock = threading.Lock()
        self.listener = socket.socket(resp.family_of(path))
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                plug, _ = self.listener.accept()
            except OSError:
                return
            pipe = Pipe(self, plug)
            with self.lock:
                self.pipes.append(pipe)
            threading.Thread(target=pipe.run, daemon=True).start()

    def _of(self, kind):
        return [pipe for pipe in self.pipes if pipe.kind == kind]

    def shut(self, kind):
        """From now on no answer comes through."""
        with self.lock:
            self.shut_kinds.add(kind)

    def open(self, kind):
        """What is held comes at once, in order."""
        with self.lock:
            self.shut_kinds.discard(kind)
            for pipe in self._of(kind):
                try:
                    pipe.pass_on(len(pipe.held))
                except OSError:
                    pass  # the daemon has given it up

    def shut_questions(self, text, exactly=False):
        """From now on a connection that asks with this text reaches Redis no more; exactly: up to the
        text it does."""
        with self.lock:
            self.shut_question, self.is_shut_exactly = text, exactly

    def open_questions(self):
        with self.lock:
            self.shut_question = None
            for pipe in self.pipes:
                if pipe.asked:
                    pipe.pass_questions_on(len(pipe.asked))

    def wait_for_question(self, text):
        """Waits until a question with this text is held."""
        is_held = lambda: any(text in pipe.asked for pipe in self.pipes)
        harness.wait_until(is_held, f"{text} is held")

    def wait_for(self, kind, text, count=1):
        """Waits until so many connections hold an answer with this text."""
        is_held = lambda: sum(text in pipe.held for pipe in self._of(kind)) >= count
        harness.wait_until(is_held, f"{text} is held")

    def let_through(self, kind, text):
        """Only what is held up to this text, and the text."""
        with self.lock:
            for pipe in self._of(kind):
                at = pipe.held.find(text)
                if at >= 0:
                    pipe.pass_on(at + len(text))

    def cut(self, kind, most=None):
        """Ends the connections of this kind, or so many of them."""
        with self.lock:
            for pipe in [pipe for pipe in self._of(kind) if not pipe.is_closed][:most]:
                pipe.close()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def move(self, target):
        """Connections from now on go to another server."""
        self.targets = {"data": target, "tracking": target}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.lock:
            try:
                self.listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
            except OSError:
                pass
            self.listener.close()
            for pipe in self.pipes:
                pipe.end()
