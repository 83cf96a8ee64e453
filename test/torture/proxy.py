# SPDX-License-Identifier: PostgreSQL
"""A TCP proxy that cuts, slows down and holds up what goes through it."""

import asyncio

CHUNK = 1 << 16


class Proxy:
    """Forwards connections to a port of 127.0.0.1, as long as nothing else is asked for."""

    def __init__(self, target):
        self._target = target
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0  # seconds, before each chunk
        self._chunk = CHUNK
        self._refuses = False
        self._pairs = set()  # of writers: the client's, the server's
        self._tasks = set()

    async def start(self):
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def stop(self):
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader, writer):
        self._tasks.add(task := asyncio.current_task())
        try:
            await self._serve(reader, writer)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _serve(self, reader, writer):
        await self._flowing.wait()
        if self._refuses:
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._pairs.add(pair := (writer, there_writer))
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._pump(reader, there_writer)),
                    asyncio.ensure_future(self._pump(there_reader, writer)),
                ],
                return_when=asyncio.ALL_COMPLETED,
            )
        finally:
            self._pairs.discard(pair)
            there_writer.transport.abort()

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(self._chunk):
                if self._delay:
                    await asyncio.sleep(self._delay)
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            # What one end closes is closed at the other, but not while nothing flows.
            await self._flowing.wait()
            writer.transport.abort()

    def cut(self, refuse=False):
        """Ends all connections with a reset; with `refuse`, new ones too until heal()."""
        self._refuses = refuse
        for pair in self._pairs:
            for writer in pair:
                writer.transport.abort()

    def slow_down(self, delay, chunk):
        self._delay, self._chunk = delay, chunk

    def hold(self, close_server_side=False):
        """Lets nothing through, and tells nobody; new connections are accepted and stay silent."""
        self._flowing.clear()
        if close_server_side:
            for _, there in self._pairs:
                there.transport.abort()

    def heal(self):
        self._delay, self._chunk, self._refuses = 0.0, CHUNK, False
        self._flowing.set()

    async def until_delivered(self):
        """While nothing flows: waits until the server has taken what was let through before."""
        while any(there.transport.get_write_buffer_size() for _, there in self._pairs):
            await asyncio.sleep(0.01)
