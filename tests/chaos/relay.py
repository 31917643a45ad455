"""A relay between the daemon and its Redis, in a process of its own, that can be cut.

    relay = Relay(f"{world.folder}/relay.sock", redis.path)
    relay.cut()             # ends every connection now
    relay.cut_in_a_reply()  # lets a few bytes of the next reply through, then ends
"""

import multiprocessing
import os
import selectors
import signal
import socket

import harness


class Relay:
    def __init__(self, path, target):
        self.path = path
        self.url = f"unix:{path}"
        self.pipe, other = multiprocessing.Pipe()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        self.process = multiprocessing.Process(target=run, args=(listener, target, other))
        self.process.start()
        listener.close()
        other.close()

    def cut(self):
        self.pipe.send("cut")

    def cut_in_a_reply(self):
        self.pipe.send("half")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()
        os.unlink(self.path)


def run(listener, target, pipe):
    harness.end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Loop(listener, target, pipe).run()


class Loop:
    def __init__(self, listener, target, pipe):
        self.listener, self.target, self.pipe = listener, target, pipe
        self.selector = selectors.DefaultSelector()
        self.selector.register(listener, selectors.EVENT_READ, self.accept)
        self.selector.register(pipe, selectors.EVENT_READ, self.obey)
        self.others = {}  # socket → the one at the other end
        self.upstream = set()
        self.must_halve = False

    def run(self):
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)

    def accept(self, _):
        client, _ = self.listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.target)
        except OSError:
            client.close()
            server.close()
            return
        self.others[client], self.others[server] = server, client
        self.upstream.add(server)
        self.selector.register(client, selectors.EVENT_READ, self.forward)
        self.selector.register(server, selectors.EVENT_READ, self.forward)

    def obey(self, pipe):
        order = pipe.recv()
        if order == "half":
            self.must_halve = True
        else:
            for one in list(self.upstream):
                self.end(one)

    def forward(self, one):
        other = self.others.get(one)
        if other is None:
            return
        try:
            data = one.recv(65536)
            if self.must_halve and one in self.upstream and len(data) > 1:
                self.must_halve = False
                other.sendall(data[: len(data) // 2 + 1])
                data = b""
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        self.end(one)

    def end(self, one):
        other = self.others.pop(one, None)
        if other is None:
            return
        self.others.pop(other)
        for each in (one, other):
            self.upstream.discard(each)
            self.selector.unregister(each)
            each.close()
