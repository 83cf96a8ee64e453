# SPDX-License-Identifier: PostgreSQL
"""What is tortured: a Postgres server, a broker, the proxy between them, and who else is there."""

import asyncio
import time
from contextlib import asynccontextmanager

from comparison import to_record
from nats_client import NatsError
from postgres import ConnectionLost, SqlError, number

STREAM = "fraiseql_events"
HEAD = 2000  # messages
WORKER_SETTINGS = {
    "ack_timeout": "1s",
    "reconnect_delay_max": "500ms",
    "connect_timeout": "1s",
    "dedup_window": "1s",
}
SERVER_SETTINGS = {
    "shared_preload_libraries": "fraiseql_nats",
    "wal_level": "logical",
    "wal_keep_size": "64GB",  # pg_waldump reads it all in the end
    "max_wal_size": "4GB",
    "max_wal_senders": "4",
    "max_replication_slots": "8",
    "max_worker_processes": "16",
    "max_connections": "50",
    "max_prepared_transactions": "20",
    "shared_buffers": "64MB",
    "logical_decoding_work_mem": "1MB",  # large transactions are spilled
    "restart_after_crash": "on",
    "fsync": "off",  # processes die here, the machine does not
    "autovacuum_naptime": "5s",
    "log_line_prefix": "%m [%p] %b %d ",
    "timezone": "UTC",
}


class Watch:
    """Looks at status() of a database, again and again."""

    def __init__(self, server, database):
        self._server = server
        self._database = database
        self.order_breaks = 0  # counted by all workers there were
        self._last_breaks = 0
        self._waiting = []  # what has a target: [target, since, callback]
        self.status = {}
        self.running = True

    async def run(self):
        session = None
        while self.running:
            await asyncio.sleep(0.1)
            try:
                session = session or await self._server.connect(self._database)
                await self._look(session)
            except (ConnectionLost, SqlError):
                session = None
        if session:
            session.close()

    async def look_once(self):
        session = await self._server.connect(self._database)
        await self._look(session)
        session.close()

    async def _look(self, session):
        names = ("confirmed_lsn", "in_flight", "order_breaks", "state", "reason", "flushed_lsn")
        [row] = await session.execute(f"SELECT {', '.join(names)} FROM fraiseql_nats.status()")
        self.status = dict(zip(names, row))
        breaks = int(self.status["order_breaks"] or 0)
        self.order_breaks += breaks - self._last_breaks if breaks >= self._last_breaks else breaks
        self._last_breaks = breaks
        flushed = number(self.status["flushed_lsn"] or "0/0")
        confirmed = number(self.status["confirmed_lsn"] or "0/0")
        for waiting in self._waiting[:]:
            waiting[0] = waiting[0] or flushed
            if waiting[0] and confirmed >= waiting[0]:
                self._waiting.remove(waiting)
                waiting[2](time.monotonic() - waiting[1])

    def when_caught_up(self, callback):
        """Calls back, with the seconds it took, when all that was committed by now is confirmed."""
        self._waiting.append([0, time.monotonic(), callback])


class Neighbour:
    """Services that write into the same stream, and another server that publishes into it."""

    def __init__(self, broker):
        self._broker = broker
        self._free = asyncio.Lock()
        self.stored = set()  # acknowledged, in the present stream
        self.running = True

    async def run(self, dice):
        client, number = None, 0
        while self.running:
            # At times there is nobody.
            await asyncio.sleep(dice.uniform(1, 5) if dice.random() < 0.01 else 0.02)
            async with self._free:
                number += 1
                try:
                    client = client or await self._broker.connect()
                    await client.store(*self._message(number))
                    self.stored.add(number)
                except (NatsError, OSError, asyncio.IncompleteReadError):
                    if client:
                        client.close()
                    client = None
        if client:
            client.close()

    @staticmethod
    def _message(number):
        headers = {"Nats-Msg-Id": f"neighbour.{number}", "Neighbour": number}
        if number % 10 == 0:  # far ahead of us, but of another system
            headers["Nats-Msg-Id"] = f"1.5.FFFFFFFF{number:08X}.1"
            headers["Fraiseql-Position"] = f"FFFFFFFF/{number:X}:1"
            headers["Fraiseql-Xid"] = "1"
            return "fraiseql.mutation.Item.INSERT", b"{}", headers
        return "fraiseql.order.confirmed", b'{"order_id":1}', headers

    @asynccontextmanager
    async def silent(self):
        async with self._free:
            yield


class Streams:
    """The streams there were, one after the other: what they held when they were deleted."""

    def __init__(self, system, databases):
        self._system = system
        self._databases = {oid: name for name, oid in databases.items()}
        self._head = {}  # messages of the present stream, by sequence
        self.records = {name: [] for name in databases}
        self.lost_by_broker = []  # sentences

    async def remember_head(self, client):
        """The first messages, in case the server drops them to make room.

        It should not, of a stream that discards new messages; but where max_bytes is reached, older
        servers (2.9.10, for one) store a message that does not quite fit and drop the oldest.
        """
        self._head = {m.sequence: m async for m in client.read_stream(STREAM, HEAD)} | self._head

    async def take(self, client, neighbour):
        """Reads the present stream, which is about to be deleted, or the last."""
        stream = {name: [] for name in self.records}
        neighbours, last = set(), 0
        async for message in client.read_stream(STREAM):
            for missing in range(last + 1, message.sequence):
                if missing in self._head:
                    self._enter(self._head[missing], stream, neighbours)
                else:
                    self.lost_by_broker.append(f"message {missing} has gone")
            last = message.sequence
            self._enter(message, stream, neighbours)
        for name, records in stream.items():
            self.records[name].append(records)
        missing = neighbour.stored - neighbours
        self.lost_by_broker += [f"neighbour's message {number} is missing" for number in missing]
        neighbour.stored.clear()
        self._head.clear()

    def _enter(self, message, stream, neighbours):
        if "Neighbour" in message.headers:
            neighbours.add(int(message.headers["Neighbour"]))
            return
        origin = message.headers.get("Fraiseql-Origin") or message.headers["Nats-Msg-Id"]
        system, oid, *_ = origin.split(".")
        if system != self._system:
            raise RuntimeError(f"message {message.sequence} is of nobody here")
        stream[self._databases[oid]].append(to_record(message))


class World:
    def __init__(self, server, broker, proxy, databases, order_may_break):
        self.server = server
        self.broker = broker
        self.proxy = proxy
        self.databases = databases
        self.watches = {name: Watch(server, name) for name in databases}
        self.neighbour = Neighbour(broker)
        self.streams = None
        self.settings = {}  # of the worker, besides WORKER_SETTINGS
        self._order_may_break = order_may_break
        self._crash = asyncio.Lock()
        self.network = asyncio.Lock()  # held by who needs it whole

    def configure(self, **settings):
        url = f"nats://127.0.0.1:{self.proxy.port}"
        settings = {"url": url, **WORKER_SETTINGS, **self.settings, **settings}
        self.server.configure(
            "torture.conf", "w", {f"fraiseql_nats.{name}": value for name, value in settings.items()}
        )

    @asynccontextmanager
    async def no_crash(self):
        """Where the order may break, which the worker counts, no worker is killed meanwhile: what it
        has counted would be gone with it.  Elsewhere all come as they come."""
        if self._order_may_break:
            async with self._crash:
                yield
        else:
            yield

    @asynccontextmanager
    async def client(self):
        client = await self.broker.connect()
        try:
            yield client
        finally:
            client.close()

    @asynccontextmanager
    async def still_stream(self):
        """Nothing reaches the stream meanwhile; what is under way to it stays so."""
        async with self.network, self.neighbour.silent(), self.client() as client:
            self.proxy.hold()
            try:
                last = -1
                while last != (now := await self._stream_end(client)):
                    last = now
                    await asyncio.sleep(0.2)
                yield client
            finally:
                self.proxy.heal()

    async def _stream_end(self, client):
        await self.proxy.until_delivered()
        while self.broker.has_unread():
            await asyncio.sleep(0.01)
        return (await client.stream_info(STREAM))["state"]["last_seq"]

    async def until_caught_up(self, most):
        """Waits until all that was committed by now is confirmed; false if that takes too long."""
        events = [asyncio.Event() for _ in self.watches]
        for watch, event in zip(self.watches.values(), events):
            watch.when_caught_up(lambda _, event=event: event.set())
        try:
            async with asyncio.timeout(most):
                for event in events:
                    await event.wait()
        except TimeoutError:
            return False
        return True
