# Drives ../../../clients/python/cachesd: see talk.md. With the word asyncio it is the client for that.
import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "clients" / "python"))
from cachesd import CacheError, Client, Login, aio


def shown(reply):
    if isinstance(reply, list):
        return f"[{' '.join(map(shown, reply))}]"
    if isinstance(reply, (bytes, str)):
        return "$" + (reply.encode() if isinstance(reply, str) else reply).hex()
    return "nil" if reply is None else f":{reply}"


class Driver:
    make, client = Client, None

    async def answer(self, verb, words):
        if verb == "call":
            return shown(await self.call(*(word.decode() for word in words[:1]), *words[1:]))
        address, timeout, user, token = (word.decode() or None for word in words)
        self.client = self.make(Login(address, user, token), int(timeout) / 1000)
        return "opened"

    async def call(self, *words):
        return self.client.call(*words)

    async def run(self):
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            verb, *words = line.split()
            try:
                print(await self.answer(verb, [bytes.fromhex(word.strip(".")) for word in words]), flush=True)
            except CacheError as error:
                print(f"-{error} ({'perhaps' if error.perhaps_applied else 'no'})", flush=True)
            except (ValueError, TypeError) as error:
                print(f"-WRONG {error}", flush=True)


class AsyncDriver(Driver):
    make = aio.AsyncClient

    async def call(self, *words):
        return await self.client.call(*words)


asyncio.run((AsyncDriver if "asyncio" in sys.argv else Driver)().run())
