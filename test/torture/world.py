# SPDX-License-Identifier: PostgreSQL
"""What is tortured: a Postgres server, a broker, the proxy between them, and who else is there."""

import asyncio
from contextlib import asynccontextmanager

from neighbour import Neighbour
from streams import STREAM
from watch import Watch

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


class World:
    def __init__(self, server, broker, proxy, databases, order_may_break):
        self.server = server
        self.broker = broker
        self.proxy = proxy
        self.databases = databases
        self.watches = {name: Watch(server, name) for name in databases}
        self.neighbour = Neighbour(broker)
        self.streams = None
        self.backfills = []  # what was finished: snapshots.Run
        self.wrong_ends = []  # sentences
        self.retention_kept_last = False  # only messages that a later one followed were let go
        self.recorder = None
        self.settings = {}  # of the worker, besides WORKER_SETTINGS
        self._order_may_break = order_may_break
        self._crash = asyncio.Lock()
        self.network = asyncio.Lock()  # held by who needs it whole

    def configure(self, **settings):
        settings = {"url": self.proxy.url, **WORKER_SETTINGS, **self.settings, **settings}
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
