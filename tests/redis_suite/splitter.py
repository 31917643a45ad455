"""Splitter: lets Redis's own test suite speak to the daemon.

The suite configures and examines the server that it tests. So each of its connections becomes two: what only a
Redis server can be asked goes to Redis itself, all else to the daemon's listener. Replies come in the order of
the requests: the next request goes to the other side only when this side has answered all. A test that
configures within MULTI does not work so, with the server neither.
"""

import asyncio

ADMIN = {b"config", b"debug", b"function", b"memory", b"latency", b"slowlog"}
ADMIN_OF_TWO = {(b"script", b"kill"), (b"client", b"pause"), (b"client", b"unpause")}
# The keys of these are looked for under the namespace's prefix: (command, subcommand).
KEYED = {(b"debug", b"object"), (b"debug", b"htstats-key"), (b"debug", b"listpack"), (b"memory", b"usage")}
LIMIT = 1 << 20  # bytes that wait to be read


class Side:
    """A connection of one client to Redis or to the daemon."""

    def __init__(self, reader, writer, client):
        self.reader, self.writer, self.client = reader, writer, client
        self.unanswered = 0
        self.is_idle = asyncio.Event()
        self.is_idle.set()

    def ask(self, request):
        self.unanswered += 1
        self.is_idle.clear()
        self.writer.write(request)

    async def forward_replies(self):
        while True:
            await self.forward_reply()
            self.unanswered -= 1
            if self.unanswered <= 0:
                self.is_idle.set()

    async def forward_reply(self):
        wanted = 1
        while wanted:
            line = await self.reader.readuntil(b"\r\n")
            self.client.write(line)
            kind, length = line[:1], line[1:-2]
            wanted -= 1
            if kind in b"$=!" and int(length) >= 0:
                self.client.write(await self.reader.readexactly(int(length) + 2))
            elif kind in b"*~>%|":
                # What stands behind an attribute is the reply.
                wanted += max(0, int(length)) * (2 if kind in b"%|" else 1) + (kind == b"|")
        await self.client.drain()


async def read_request(reader):
    """Its bytes and its words."""
    line = await reader.readuntil(b"\n")
    if not line.startswith(b"*"):
        return line, line.split()
    request, words = [line], []
    for _ in range(max(0, int(line[1:]))):
        head = await reader.readuntil(b"\n")
        block = await reader.readexactly(int(head[1:]) + 2)
        request += [head, block]
        words.append(block[:-2])
    return b"".join(request), words


def two_of(words):
    return tuple(word.lower() for word in words[:2])


class Splitter:
    """`redis` and `listener` are paths of Unix sockets."""

    def __init__(self, redis, listener, prefix):
        self.redis, self.listener, self.prefix = redis, listener, prefix.encode()

    async def start(self):
        """Listens, and gives the port."""
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, limit=LIMIT)
        return server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        paths = (self.redis, self.listener)
        sides = [Side(*await asyncio.open_unix_connection(path, limit=LIMIT), writer) for path in paths]
        tasks = [asyncio.ensure_future(side.forward_replies()) for side in sides]
        tasks.append(asyncio.ensure_future(self.split(reader, *sides)))
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for end in (writer, sides[0].writer, sides[1].writer):
            end.close()

    async def split(self, reader, redis, listener):
        while True:
            request, words = await read_request(reader)
            if not words:
                continue
            is_admin = words[0].lower() in ADMIN or two_of(words) in ADMIN_OF_TWO
            to, other = (redis, listener) if is_admin else (listener, redis)
            await other.is_idle.wait()
            to.ask(self.with_prefix(request, words) if to is redis else request)
            await to.writer.drain()

    def with_prefix(self, request, words):
        if two_of(words) not in KEYED or len(words) < 3:
            return request
        words[2] = self.prefix + words[2]
        blocks = [b"$%d\r\n%s\r\n" % (len(word), word) for word in words]
        return b"*%d\r\n%s" % (len(blocks), b"".join(blocks))
