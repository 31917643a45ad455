"""A relay between the daemon and its Redis that delays each piece at random, in a process of its own.

The connection that tells of changes says that it is `cachesd-near`: it can be held still, and cut.

    relay.hold(4)   # nothing comes over it for 4 s
    relay.cut()     # it ends now
"""

import asyncio
import multiprocessing
import os
import random

import harness

DATA_DELAY = 0.010  # seconds at most, each piece
TRACKING_DELAY = 0.050


class SlowRelay:
    def __init__(self, path, target, seed):
        self.url = f"unix:{path}"
        self.path = path
        self.pipe, other = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=run, args=(path, target, other, seed))
        self.process.start()
        other.close()
        harness.wait_until(lambda: os.path.exists(path), "the relay listens")

    def hold(self, seconds):
        self.pipe.send(seconds)

    def cut(self):
        self.pipe.send("cut")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.join()


def run(path, target, pipe, seed):
    harness.end_with_parent()
    asyncio.run(Loop(target, pipe, seed).serve(path))


class Loop:
    def __init__(self, target, pipe, seed):
        self.target, self.pipe = target, pipe
        self.rng = random.Random(seed)
        self.held_until = 0.0
        self.tracking = set()

    async def serve(self, path):
        asyncio.get_running_loop().add_reader(self.pipe.fileno(), self.obey)
        server = await asyncio.start_unix_server(self.accept, path)
        await server.serve_forever()

    def obey(self):
        order = self.pipe.recv()
        if order == "cut":
            for writer in list(self.tracking):
                writer.transport.abort()
        else:
            self.held_until = asyncio.get_running_loop().time() + order

    async def accept(self, reader, writer):
        there, back = await asyncio.open_unix_connection(self.target)
        await asyncio.gather(self.ask(reader, back, writer), self.answer(there, writer))

    async def ask(self, reader, back, client):
        try:
            while data := await reader.read(65536):
                if b"cachesd-near" in data:
                    self.tracking.add(client)
                back.write(data)
                await back.drain()
        except ConnectionError:
            pass
        self.tracking.discard(client)
        back.close()

    async def answer(self, there, client):
        loop = asyncio.get_running_loop()
        try:
            while data := await there.read(65536):
                is_tracking = client in self.tracking
                await asyncio.sleep(self.rng.random() * (TRACKING_DELAY if is_tracking else DATA_DELAY))
                if is_tracking and loop.time() < self.held_until:
                    await asyncio.sleep(self.held_until - loop.time())
                client.write(data)
                await client.drain()
        except ConnectionError:
            pass
        client.close()
