# SPDX-License-Identifier: PostgreSQL
"""What is tortured: a Postgres server, a broker, the proxy between them, and who else is there."""

import asyncio
from contextlib import asynccontextmanager

from buckets import stream_of
from neighbour import Neighbour
from streams import STREAM, own_stream
from time_limit import within
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
    "max_replication_slots": "16",
    "max_worker_processes": "24",
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
    def __init__(self, server, broker, proxy, databases, order_may_break, have_own):
        """`have_own`: each database has further streams, see streams.sql."""
        self.server = server
        self.broker = broker
        self.proxy = proxy
        self.databases = databases
        pairs = [(name, STREAM) for name in databases]
        if have_own:
            pairs += [(name, stream(name)) for name in databases for stream in (own_stream, stream_of)]
        self.watches = {pair: Watch(server, *pair) for pair in pairs}  # by database and stream
        self.neighbour = Neighbour(broker)
        self.histories = []  # of each stream; the default one is the first
        self.lives = []  # of streams that came and went: passing.Life
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
    async def still_stream(self, stream=STREAM):
        """Nothing reaches it meanwhile; what is under way to it stays so."""
        async with self.network, self.neighbour.silent(), self.client() as client:
            self.proxy.hold()
            try:
                last = -1
                while last != (now := await self._stream_end(client, stream)):
                    last = now
                    await asyncio.sleep(0.2)
                yield client
            finally:
                self.proxy.heal()

    async def _stream_end(self, client, stream):
        await self.proxy.until_delivered()
        while self.broker.has_unread():
            await asyncio.sleep(0.01)
        return (await client.stream_info(stream))["state"]["last_seq"]

    async def until_caught_up(self, most, but=None):
        """Waits until all that was committed by now is confirmed, of all streams but one; false if
        that takes too long."""
        watches = [watch for (_, stream), watch in self.watches.items() if stream != but]
        events = [asyncio.Event() for _ in watches]
        for watch, event in zip(watches, events):
            watch.when_caught_up(lambda _, event=event: event.set())
        try:
            async with within(most):
                for event in events:
                    await event.wait()
        except TimeoutError:
            return False
        return True
