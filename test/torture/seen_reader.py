# SPDX-License-Identifier: PostgreSQL
"""A consumer that reads the row of each event on receipt: can what is told be read?

A process of its own, so that it is not slower than what it is to catch:

    seen_reader.py NATS_PORT[,NATS_PORT...] SOCKET_DIRECTORY OID=DATABASE...

Reads until its input is closed, and prints "READ MISSED CUT_OFF".
"""

import asyncio
import re
import sys

from comparison import id_of
from nats_client import NatsClient, NatsError
from postgres import ConnectionLost, Session, SqlError

CLAIM = "whoever is told of a row can read it"
SUBJECT = "fraiseql.mutation.Seen.INSERT"


class Reader:
    def __init__(self, ports, directory, databases):
        self._ports = ports
        self._directory = directory
        self._databases = databases
        self._sessions = {}
        self.read = self.missed = self.cut_off = 0

    async def run(self):
        while True:
            for port in self._ports:
                try:
                    client = await NatsClient.connect(port)
                except NatsError:
                    continue
                try:
                    async for message in client.subscribe(SUBJECT):
                        await self._look(message)
                except (NatsError, OSError, asyncio.IncompleteReadError):
                    pass
                finally:
                    client.close()
            await asyncio.sleep(0.05)

    async def _look(self, message):
        database = self._databases[id_of(message.headers).split(".")[1]]
        row = re.search(rb'"data":\{"id":(\d+)', message.payload)[1].decode()
        # A server that has died must have the row when it is back.
        was_cut_off = False
        while True:
            try:
                session = self._sessions.get(database)
                if not session:
                    session = await Session.connect(self._directory, database)
                    self._sessions[database] = session
                rows = await session.execute(f"SELECT 1 FROM tb_seen WHERE id = {row}")
                break
            except (ConnectionLost, SqlError):
                self._sessions.pop(database, None)
                was_cut_off = True
                await asyncio.sleep(0.05)
        self.read += 1
        self.missed += not rows
        self.cut_off += was_cut_off


async def main():
    ports = [int(port) for port in sys.argv[1].split(",")]
    reader = Reader(ports, sys.argv[2], dict(word.split("=") for word in sys.argv[3:]))
    running = asyncio.create_task(reader.run())
    closed = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait([running, asyncio.ensure_future(closed)], return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    print(reader.read, reader.missed, reader.cut_off, flush=True)
    running.cancel()


if __name__ == "__main__":
    asyncio.run(main())
